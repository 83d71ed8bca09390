from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render import Sample
from xas_mmpose.render.part_colors import part_palette
from xas_mmpose.skeletons import HUMAN36M_18
from xas_mmpose.visualization import contact_sheet

SIZE, TILE = 8, 64


def make_sample(**changes) -> Sample:
    """Return a grey picture whose left half is the body, of part 5."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, :4] = 255
    keypoints = np.full((18, 2), -100.0)
    return Sample(**{**dict(
        image=np.full((SIZE, SIZE, 3), 90, np.uint8), mask=mask,
        parts=(mask > 0).astype(np.uint8) * 6, depth=np.zeros(mask.shape),
        keypoints=keypoints, keypoints_visible=np.zeros(18, np.uint8),
        keypoints_3d=np.zeros((18, 3)), camera_param={},
        betas=np.zeros(10), global_orient=np.zeros(3),
        body_pose=np.zeros(69)), **changes})


def tiles(sheet: np.ndarray, column: int = 0, row: int = 0
          ) -> tuple[np.ndarray, np.ndarray]:
    """Return both pictures of a sample."""
    side = TILE + 4
    top, left = 6 + row * (side + 6), 6 + column * (2 * side + 6)
    cell = sheet[top:top + side, left:left + 2 * side]
    return cell[2:-2, 2:side - 2], cell[2:-2, side + 2:-2]


def test_a_sample_is_drawn_twice() -> None:
    sheet = contact_sheet([make_sample()], HUMAN36M_18, tile=TILE)
    assert sheet.shape == (TILE + 4 + 12, 2 * (TILE + 4) + 12, 3)
    plain, parts = tiles(sheet)
    assert (plain == 90).all()  # no key point is in the picture
    assert (parts[:, 32:] == 30).all()  # dim, where the mask is not
    tint = 0.4 * 90 + 0.6 * 255 * part_palette(6)[5, ::-1]
    np.testing.assert_allclose(parts[:, :32] - tint, 0, atol=1)


@pytest.mark.parametrize('seen', [0, 1, 2])
def test_joints_are_dots_where_they_are_seen(seen: int) -> None:
    index = HUMAN36M_18.index('left_wrist')
    keypoints = np.full((18, 2), -100.0)
    keypoints[:] = (6.0, 3.0)  # a pose that is a point
    visible = np.zeros(18, np.uint8)
    visible[index] = seen
    sheet = contact_sheet([make_sample(
        keypoints=keypoints, keypoints_visible=visible)], HUMAN36M_18,
        tile=TILE)
    picture = tiles(sheet)[0]
    # A pixel is the area around its centre: (6 + 0.5) * 8 - 0.5, rounded.
    row, column = 28, 52
    color = HUMAN36M_18.metainfo()['keypoint_info'][index]['color'][::-1]
    around = picture[row, column + 3]
    assert bool(around.min() > 150) is bool(seen)  # the white rim
    middle = picture[row, column]
    if seen == 2:
        np.testing.assert_array_equal(middle, color)
    elif seen == 1:
        np.testing.assert_array_equal(middle, 255)


def test_left_and_right_differ() -> None:
    keypoints = np.full((18, 2), -100.0)
    sheets = []
    for side in ('left', 'right'):
        own = keypoints.copy()
        for name, place in (('elbow', (1.0, 3.0)), ('wrist', (6.0, 3.0))):
            own[HUMAN36M_18.index(f'{side}_{name}')] = place
        sheets.append(tiles(contact_sheet(
            [make_sample(keypoints=own)], HUMAN36M_18, tile=TILE))[0])
    # Half way along the forearm, where nothing else is drawn.
    for sheet, side in zip(sheets, ('left', 'right')):
        color = HUMAN36M_18.metainfo()['keypoint_info'][
            HUMAN36M_18.index(f'{side}_wrist')]['color'][::-1]
        np.testing.assert_allclose(sheet[28, 36], color, atol=20)


def test_samples_fill_rows() -> None:
    samples = [make_sample(image=np.full((SIZE, SIZE, 3), i * 40, np.uint8))
               for i in range(5)]
    sheet = contact_sheet(samples, HUMAN36M_18, columns=2, tile=TILE)
    for i in range(5):
        plain, _ = tiles(sheet, i % 2, i // 2)
        assert (plain == i * 40).all()
    assert (sheet[-TILE:, -2 * TILE:] == 255).all()  # no sixth
    with pytest.raises(ValueError, match='needs samples'):
        contact_sheet([], HUMAN36M_18)
