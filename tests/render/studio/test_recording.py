"""Moments of XaS-Mini: labels that fit, and nothing that depends on others."""
from __future__ import annotations

import hashlib
import json
import pickle

import cv2
import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image, camera_to_world
from xas_mmpose.geometry.triangulation import projection_matrix, triangulate
from xas_mmpose.render.fingerprint import fingerprint
from xas_mmpose.render.studio.generator import Picture, encode
from xas_mmpose.render.studio.recording import (
    XasMiniGenerator,
    XasMiniSettings,
)
from xas_mmpose.skeletons import HUMAN36M_18

NAMES = HUMAN36M_18.keypoint_names


def settings(**changes) -> XasMiniSettings:
    """Return the settings of a quick set."""
    return XasMiniSettings(**{
        **dict(body='human', image_size=96, supersampling=1, frames=2),
        **changes})


@pytest.fixture(scope='module')
def generator() -> XasMiniGenerator:
    return XasMiniGenerator(settings())


@pytest.fixture(scope='module')
def moments(generator) -> dict[str, dict[str, Picture]]:
    """Return a moment of some actions of S1."""
    return {action: generator.pictures('S1', action, 1)
            for action in ('Walking', 'Sitting', 'SittingDown', 'Posing')}


def world(picture: Picture, camera: dict) -> np.ndarray:
    return camera_to_world(picture.keypoints_3d, camera['R'], camera['T'])


def test_labels_are_projections_and_views_agree(generator, moments):
    rig = generator.rig('S1')
    matrices = np.stack([projection_matrix(*(camera[k] for k in 'fcRT'))
                         for camera in rig.values()])
    for pictures in moments.values():
        assert list(pictures) == list(rig)
        for name, picture in pictures.items():
            projected = camera_to_image(picture.keypoints_3d, rig[name]['f'],
                                        rig[name]['c'])
            np.testing.assert_allclose(projected[:, :2], picture.keypoints,
                                       atol=1e-9)
        points = triangulate(
            np.stack([p.keypoints for p in pictures.values()]), matrices)
        for name, picture in pictures.items():
            np.testing.assert_allclose(world(picture, rig[name]), points,
                                       atol=1e-5)


def test_key_points_are_in_the_mask(moments):
    inside = [
        picture.mask[round(v), round(u)] > 0
        for pictures in moments.values() for picture in pictures.values()
        for u, v in picture.keypoints]
    assert np.mean(inside) >= 0.97  # of a few coarse pictures


def test_people_stand_on_the_floor_upright(generator, moments):
    camera = generator.rig('S1')['54138969']
    joints = world(moments['Walking']['54138969'], camera)
    heights = dict(zip(NAMES, joints[:, 2]))
    assert 30 < min(heights['left_ankle'], heights['right_ankle']) < 200
    assert 1300 < heights['head'] < 2100
    floor = world(moments['SittingDown']['54138969'], camera)
    assert 0 < floor[NAMES.index('root'), 2] < 700


@pytest.mark.parametrize('action', ['Walking', 'Sitting', 'Posing'])
def test_left_is_left(generator, moments, action):
    camera = generator.rig('S1')['54138969']
    joints = dict(zip(NAMES, world(moments[action]['54138969'], camera)))
    left = joints['left_hip'] - joints['right_hip']
    # With z up, left x up = front, and noses are in front of heads.
    front = np.cross(left, (0, 0, 1.0))
    assert front @ (joints['nose'] - joints['head']) > 0
    for name in ('shoulder', 'knee', 'ankle'):
        assert left @ (joints[f'left_{name}'] - joints[f'right_{name}']) > 0


def test_masks_are_where_the_person_was_drawn(generator, moments):
    cast = generator._cast('S1')
    for name, picture in moments['Posing'].items():
        assert set(np.unique(picture.mask)) == {0, 255}
        empty = cast.sensors[name].develop(cast.empty[name][0].copy(),
                                           np.random.default_rng(0))
        change = np.abs(picture.image.astype(int) - empty).max(-1)
        inside = picture.mask > 0
        assert np.median(change[inside]) > 2 * np.median(change[~inside])
        assert 0.005 < inside.mean() < 0.2


def test_a_moment_depends_on_nothing_but_its_name(generator, moments):
    other = XasMiniGenerator(settings(
        frames=7, subjects=('S9', 'S1'), actions=('Posing', 'Eating')))
    other.pictures('S9', 'Eating', 4)
    for name, picture in other.pictures('S1', 'Posing', 1).items():
        first = moments['Posing'][name]
        np.testing.assert_array_equal(picture.image, first.image)
        np.testing.assert_array_equal(picture.mask, first.mask)
        np.testing.assert_array_equal(picture.keypoints, first.keypoints)


def test_seed_subject_action_and_frame_matter(generator, moments):
    first = moments['Posing']['54138969'].keypoints_3d
    for other in (
            XasMiniGenerator(settings(seed=1)).pictures('S1', 'Posing', 1),
            generator.pictures('S5', 'Posing', 1),
            generator.pictures('S1', 'Waiting', 1),
            generator.pictures('S1', 'Posing', 0)):
        assert np.abs(other['54138969'].keypoints_3d - first).max() > 30


def test_a_segmenters_masks_and_the_same_pictures(moments):
    rough = XasMiniGenerator(settings(mask_quality='segmenter')).pictures(
        'S1', 'Posing', 1)
    changed = 0
    for name, picture in rough.items():
        exact = moments['Posing'][name]
        np.testing.assert_array_equal(picture.image, exact.image)
        both = ((picture.mask & exact.mask) > 0).sum()
        either = ((picture.mask | exact.mask) > 0).sum()
        assert both / either > 0.6
        changed += both < either
    assert changed >= 3


def test_another_process_gets_the_same_generator(generator, moments):
    twin = pickle.loads(pickle.dumps(generator))
    picture = twin.pictures('S1', 'Sitting', 1)['60457274']
    np.testing.assert_array_equal(
        picture.image, moments['Sitting']['60457274'].image)


def test_moments_are_numbered_subject_by_subject():
    chosen = settings(subjects=('S1', 'S11'), actions=('Photo', 'Eating'),
                      frames=3)
    assert chosen.num == 12
    assert [chosen.moment_of(i) for i in (0, 2, 3, 6, 11)] == [
        ('S1', 'Photo', 0), ('S1', 'Photo', 2), ('S1', 'Eating', 0),
        ('S11', 'Photo', 0), ('S11', 'Eating', 2)]
    assert chosen.described()['version'] == '1.0'
    assert chosen.described()['subjects'] == ['S1', 'S11']
    assert XasMiniSettings().num == 7 * 15 * 10


def test_the_default_settings_keep_their_bytes():
    # They count in the checksum that the card publishes.
    data = json.dumps(XasMiniSettings().described(), indent=1).encode()
    assert hashlib.sha256(data).hexdigest() == (
        '529f6738a465e3a5bd43448355024a221f2fdaa7cda5a4e5575608de9ed28efd')


def test_a_bodys_file_counts_by_its_name_and_bytes(tmp_path):
    files = [tmp_path / place / 'me.npz' for place in ('a', 'b', 'c')]
    for file, content in zip(files, (b'one', b'one', b'two')):
        file.parent.mkdir()
        file.write_bytes(content)
    first, same, other = (settings(body=str(file)).described()
                          for file in files)
    assert first == same
    assert first['body'] == other['body'] == 'me.npz'
    assert first['body_checksum'] == fingerprint(files[0])
    assert first['body_checksum'] != other['body_checksum']
    assert str(tmp_path) not in json.dumps(first)
    assert settings(body='human').described()['body'] == 'human'
    assert 'body_checksum' not in settings(body='human').described()
    with pytest.raises(FileNotFoundError, match=r'none\.npz'):
        settings(body=str(tmp_path / 'none.npz')).described()


def test_animals_are_refused():
    with pytest.raises(ValueError, match='body horse has the key points'):
        XasMiniGenerator(settings(body='horse'))


@pytest.mark.parametrize('changes, said', [
    (dict(frames=0), 'start at 1 and seed at 0, got 0'),
    (dict(seed=-1), 'got 2, 96, 1 and -1'),
    (dict(mask_quality='fine'), "'exact' or 'segmenter', got 'fine'"),
    (dict(subjects=('S2', )), 'subjects are some of S1, S5.*got S2'),
    (dict(subjects=('S1', 'S1')), 'each once, got S1, S1'),
    (dict(actions=()), 'actions are some of Directions'),
])
def test_bad_settings_are_named(changes, said):
    with pytest.raises(ValueError, match=said):
        settings(**changes)


def test_encoding():
    picture = np.random.default_rng(0).integers(0, 255, (9, 8, 3), np.uint8)
    out = cv2.imdecode(np.frombuffer(encode(picture, '.png'), np.uint8), 1)
    np.testing.assert_array_equal(out, picture)
    out = cv2.imdecode(np.frombuffer(encode(picture, '.jpg'), np.uint8), 1)
    assert out.shape == picture.shape
