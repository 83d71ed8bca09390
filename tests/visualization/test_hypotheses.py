"""The picture of hypotheses: what is painted where."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18
from xas_mmpose.visualization import draw_hypotheses, hypotheses
from xas_mmpose.visualization.sheet import width_of

PANEL, LEFT, TOP = 384, 12, 52


@pytest.fixture
def scene():
    """Return arguments of a picture: a grey image, one person, 3 poses."""
    rng = np.random.default_rng(0)
    hypotheses = rng.uniform(-800, 800, (3, 18, 3))
    hypotheses[..., 2] += [[-60], [0], [60]]
    return dict(
        image=np.full((128, 96, 3), 200, np.uint8),
        mask=None,
        keypoints=rng.uniform(10, 86, (18, 2)),
        hypotheses_3d=hypotheses,
        scores=np.tile([[0.6], [0.3], [0.1]], (1, 18)),
        skeleton=HUMAN36M_18)


def _in_image(x, y, image):
    """Return the pixel of the picture that shows an image point."""
    scale = PANEL / image.shape[0]
    return (round(LEFT + (x + 0.5) * scale), round(TOP + (y + 0.5) * scale))


def _differ(a, b):
    """Return where two pictures differ."""
    return (a != b).any(-1)


def _view(number, image):
    """Return the columns of the front (0) or side (1) view."""
    left = LEFT + round(PANEL * image.shape[1] / image.shape[0]) + 64
    left += number * (PANEL + 64)
    return slice(left, left + PANEL)


def test_size_type_and_determinism(scene):
    before = {k: v.copy() for k, v in scene.items()
              if isinstance(v, np.ndarray)}
    picture = draw_hypotheses(**scene, title='a', errors={'MPJPE': 3.0})
    # 96 x 128 px at panel height, two square views, margins.
    assert picture.shape == (52 + 384 + 58, 32 + 288 + 2 * (64 + 384), 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(
        picture, draw_hypotheses(**scene, title='a', errors={'MPJPE': 3.0}))
    for key, value in before.items():
        np.testing.assert_array_equal(value, scene[key])


def test_joints_are_painted_where_they_are(scene):
    scene['keypoints'] = np.tile([48., 64.], (18, 1))
    # A left wrist far from everything else.
    scene['keypoints'][13] = [20, 30]
    picture = draw_hypotheses(**scene)
    x, y = _in_image(20, 30, scene['image'])
    blue, _, red = picture[y, x].astype(int)
    assert blue > 150
    assert red < 100
    x, y = _in_image(80, 110, scene['image'])
    np.testing.assert_array_equal(picture[y, x], 200)
    # A right one is orange.
    scene['keypoints'][[13, 16]] = [[48, 64], [20, 30]]
    picture = draw_hypotheses(**scene)
    x, y = _in_image(20, 30, scene['image'])
    blue, _, red = picture[y, x].astype(int)
    assert red > 150
    assert blue < 100


def test_the_image_keeps_its_place_and_its_colours(scene):
    scene['keypoints'][:] = 5
    scene['image'][70:73, 40:43] = [250, 20, 120]
    picture = draw_hypotheses(**scene)
    x, y = _in_image(41, 71, scene['image'])
    np.testing.assert_array_equal(picture[y, x], [250, 20, 120])
    rows, columns = np.nonzero(picture[TOP:TOP + PANEL, :LEFT + 288, 1] == 20)
    np.testing.assert_allclose(
        [columns.mean(), rows.mean() + TOP], [x, y], atol=1)


@pytest.mark.parametrize('likely', [1.0, 0.2])
def test_later_and_unlikely_hypotheses_are_fainter(scene, likely):
    hypotheses = np.zeros((2, 18, 3))
    hypotheses[0, 13], hypotheses[1, 13] = [-700, -500, 0], [-700, 500, 0]
    scores = np.stack([np.ones(18), np.full(18, likely)])
    scene.update(hypotheses_3d=hypotheses, scores=scores)
    picture = draw_hypotheses(**scene)
    column = _view(0, scene['image']).start + round(PANEL * 0.15)
    red = [picture[TOP + round(PANEL * share), column, 2].astype(int)
           for share in (0.25, 0.75)]
    # Equal scores leave the tint alone, 0.3 of the way to white.
    if likely == 1.0:
        assert red[1] - red[0] == pytest.approx(0.3 * (255 - red[0]), abs=3)
    else:
        assert red[1] - red[0] > 0.4 * (255 - red[0])


@pytest.fixture
def written(monkeypatch):
    """Return where and what is written onto sheets."""
    words = []
    write = hypotheses.Sheet.words

    def words_too(sheet, x, y, text, *args, **options):
        words.append((x, y, text))
        write(sheet, x, y, text, *args, **options)

    monkeypatch.setattr(hypotheses.Sheet, 'words', words_too)
    return words


def test_the_mean_of_all_has_no_probability(scene, written):
    scene['scores'] = np.tile([[1.0], [0.4], [0.2]], (1, 18))
    by_mode = draw_hypotheses(**scene)
    assert [text for *_, text in written if ':' in text] == [
        'hypothesis 1: 1.00', 'hypothesis 2: 0.40', 'hypothesis 3: 0.20']
    written.clear()
    mean = draw_hypotheses(**scene, ranking=dict(first='mean'))
    names = [text for *_, text in written][-3:]
    assert names == ['mean of all', 'hypothesis 2: 0.40',
                     'hypothesis 3: 0.20']
    np.testing.assert_array_equal(
        by_mode, draw_hypotheses(**scene, ranking=dict(first='likeliest')))

    def line(picture, entry):
        return picture[-12, 12 + 146 * entry + 9].astype(int)[0]
    # Tints 0, 0.3 and 0.6 of white; the likeliest real pose is opaque, one
    # half as likely 0.35 + 0.65 / 2.
    np.testing.assert_allclose(
        [line(mean, entry) for entry in range(3)],
        [0, 0.3 * 255, 255 * (1 - 0.4 * 0.675)], atol=2)
    assert line(by_mode, 1) > line(mean, 1) + 50


def test_many_hypotheses_take_more_lines(scene, written):
    truth = np.zeros((18, 3))
    scene.update(
        hypotheses_3d=np.repeat(scene['hypotheses_3d'], 4, 0),
        scores=np.full((12, 18), 1 / 12))
    picture = draw_hypotheses(**scene, target_3d=truth)
    # Thirteen entries, eight a line.
    assert picture.shape[:2] == (494 + 16, 1216)
    entries = written[-13:]
    assert [text for *_, text in entries][::6] == [
        'hypothesis 1: 0.08', 'hypothesis 7: 0.08', 'truth']
    assert {y for _, y, _ in entries} == {482, 498}
    for x, _, text in entries:
        assert x + width_of(text, 8) < 1216
    # The truth's line is dashed grey on the second line.
    dashes = picture[498, 12 + 4 * 146:12 + 4 * 146 + 18, 0]
    assert dashes.min() < 140
    assert dashes.max() == 255
    # Those that there are not keep their room: videos have one size.
    scene['scores'][1:] = 0
    assert draw_hypotheses(**scene, target_3d=truth).shape == picture.shape


def test_long_titles_lose_their_beginning(scene, written):
    name = 'a/very_long_folder/' * 12 + 'S1_000076'
    draw_hypotheses(**scene, title=name, errors={'MPJPE': 12.34})
    (_, _, title), = [entry for entry in written if 'MPJPE' in entry[2]]
    assert title.startswith('…')
    assert title.endswith('/S1_000076   MPJPE 12.3 mm')
    left, = [x for x, _, text in written if text == 'left']
    # "left" ends at x and is 30 px wide.
    assert left - 130 < 12 + width_of(title, 10) < left - 30
    written.clear()
    draw_hypotheses(**scene, title='S1_000076', errors={'MPJPE': 12.34})
    assert 'S1_000076   MPJPE 12.3 mm' in [text for *_, text in written]


@pytest.mark.parametrize('size', [1, 0.1, 0.001])
def test_views_show_x_and_depth_at_one_scale(scene, size):
    # Of people, of what is smaller, and of poses in metres.
    pose = np.zeros((1, 18, 3))
    pose[0, 10] = np.multiply([500, -250, -750], size)
    scene.update(hypotheses_3d=pose, scores=np.ones((1, 18)))
    picture = draw_hypotheses(**scene)
    row = TOP + round(PANEL * (1000 - 250) / 2000)
    for number, value in ((0, 500), (1, -750)):
        column = _view(number, scene['image']).start + round(
            PANEL * (1000 + value) / 2000)
        blue, green, red = picture[row, column].astype(int)
        assert green > 150
        assert max(blue, red) < 120


@pytest.mark.parametrize('reach, limit', [
    (0, 1000), (510, 1000), (990, 1000), (1010, 1200), (2200, 2400),
    (6100, 6400), (60, 100), (130, 150), (2.2, 2.5), (0.4, 0.4)])
def test_views_end_at_round_numbers(reach, limit):
    poses = np.zeros((1, 2, 3))
    poses[0, 1, 1] = -reach
    assert hypotheses._limit(poses, None) == pytest.approx(limit)


def test_animals_are_drawn_with_their_own_bones(scene):
    rng = np.random.default_rng(1)
    pose = rng.uniform(-1900, 1900, (1, 26, 3))
    scene.update(
        hypotheses_3d=pose, scores=np.ones((1, 26)), skeleton=ANIMAL3D_26,
        keypoints=rng.uniform(10, 86, (26, 2)))
    before = draw_hypotheses(**scene)
    front = _view(0, scene['image'])
    for name, channel in (('left_back_paw', 0), ('right_ear', 2),
                          ('tail_end', 1)):
        x, y, _ = pose[0, ANIMAL3D_26.index(name)]
        row, column = (start + round(PANEL * (2000 + value) / 4000)
                       for start, value in ((TOP, y), (front.start, x)))
        # Blue, orange and green.
        assert before[row, column].argmax() == channel
        scene['scores'][0, ANIMAL3D_26.index(name)] = 0
    assert _differ(before, draw_hypotheses(**scene))[:, front].any()


def test_depth_moves_the_side_view_only(scene):
    before = draw_hypotheses(**scene)
    scene['hypotheses_3d'][0, 10, 2] *= -0.9
    changed = _differ(before, draw_hypotheses(**scene))
    assert changed[:, _view(1, scene['image'])].any()
    changed[:, _view(1, scene['image'])] = False
    assert not changed.any()


def test_mask_outline_is_drawn_around_the_mask(scene):
    mask = np.zeros((128, 96), np.uint8)
    mask[40:80, 30:60] = 255
    scene['keypoints'][:] = 5
    before = draw_hypotheses(**scene)
    scene['mask'] = mask
    picture = draw_hypotheses(**scene)
    rows, columns = np.nonzero(_differ(before, picture))
    left, top = _in_image(30, 40, scene['image'])
    right, bottom = _in_image(59, 79, scene['image'])
    np.testing.assert_allclose(
        [columns.min(), columns.max(), rows.min(), rows.max()],
        [left, right, top, bottom], atol=3)
    # An outline, not a filling; bool masks do as well.
    x, y = _in_image(45, 60, scene['image'])
    np.testing.assert_array_equal(picture[y, x], 200)
    scene['mask'] = mask > 0
    np.testing.assert_array_equal(draw_hypotheses(**scene), picture)


def test_missing_modes_are_not_drawn(scene):
    scene['scores'][2] = 0
    scene['hypotheses_3d'][2] = np.nan
    picture = draw_hypotheses(**scene)
    # Whatever a missing mode holds makes no difference.
    scene['hypotheses_3d'][2] = 123.0
    np.testing.assert_array_equal(draw_hypotheses(**scene), picture)
    scene['scores'][2] = 0.1
    assert _differ(draw_hypotheses(**scene), picture).any()


def test_one_missing_joint_takes_its_bones_along(scene):
    pose = np.zeros((1, 18, 3))
    pose[0, 13] = [-700, 600, 0]
    scene.update(hypotheses_3d=pose, scores=np.ones((1, 18)))
    with_joint = draw_hypotheses(**scene)
    scene['scores'][0, 13] = 0
    changed = _differ(with_joint, draw_hypotheses(**scene))
    middle = TOP + PANEL * 13 // 20
    assert changed[middle, _view(0, scene['image'])].any()


def test_nothing_at_all_still_makes_a_picture(scene):
    scene['scores'][:] = 0
    scene['hypotheses_3d'][:] = np.nan
    scene['keypoints'][:] = np.nan
    empty = draw_hypotheses(**scene)
    x, y = _in_image(48, 64, scene['image'])
    np.testing.assert_array_equal(empty[y, x], 200)


def test_truth_is_drawn_grey(scene):
    before = draw_hypotheses(**scene)
    truth = np.zeros((18, 3))
    truth[3] = [0, 900, 0]
    truth[4] = np.nan
    picture = draw_hypotheses(**scene, target_3d=truth,
                              target_2d=scene['keypoints'] + 3)
    changed = _differ(before, picture)
    for number in (0, 1):
        view = _view(number, scene['image'])
        column = view.start + PANEL // 2
        rows = np.nonzero(changed[TOP + 250:TOP + 360, column])[0]
        # Dashed: some of the line, not all of it.
        assert 30 < len(rows) < 105
        color = picture[TOP + 250:TOP + 360, column][rows].astype(int)
        assert (color.max(-1) - color.min(-1)).min() < 10
    assert changed[:, :LEFT + 288].any()


def test_title_and_errors_are_written(scene):
    plain = draw_hypotheses(**scene)
    # A formula, were it read as one, and a broken one.
    name = r'S1_$\frac$_01.jpg'
    title = draw_hypotheses(**scene, title=name)
    both = draw_hypotheses(**scene, title=name, errors={'MPJPE': 12.34})
    for a, b in ((plain, title), (title, both)):
        rows = np.nonzero(_differ(a, b).any(1))[0]
        assert len(rows)
        assert rows.max() < TOP - 20


def test_skeletons_in_all_their_forms(scene):
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    picture = draw_hypotheses(**scene)
    for skeleton in (HUMAN36M_18.metainfo(),
                     parse_pose_metainfo(HUMAN36M_18.metainfo())):
        scene['skeleton'] = skeleton
        np.testing.assert_array_equal(draw_hypotheses(**scene), picture)


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('image', np.zeros((8, 8), np.uint8), r'image must be \(H, W, 3\)'),
    ('mask', np.zeros((8, 8), np.uint8), r'mask is \(8, 8\)'),
    ('keypoints', np.zeros((17, 2)), r'keypoints must be \(18, 2\)'),
    ('scores', np.zeros((2, 18)), r'scores.*\(3, 18, 3\) and \(2, 18\)'),
    ('hypotheses_3d', np.zeros((3, 17, 3)), r'\(M, 18, 3\)'),
    ('target_3d', np.zeros((18, 2)), r'target_3d must be \(18, 3\)'),
    ('target_2d', np.zeros((2, 18)), r'target_2d must be \(18, 2\)'),
    ('skeleton', dict(a=1), r"keypoint_info.*\['a'\]"),
    ('skeleton', dict(skeleton_links=[], keypoint_colors=[[0, 0, 0]]),
     'no links'),
])
def test_bad_input_is_refused(scene, key, value, message):
    with pytest.raises(ValueError, match=message):
        draw_hypotheses(**{**scene, key: value})
