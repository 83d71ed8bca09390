"""The four cameras."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.studio.rig import (
    CAMERA_IDS,
    DISTANCE,
    HEIGHT,
    camera_place,
    draw_rig,
)


@pytest.fixture(params=range(5))
def rig(request) -> dict:
    return draw_rig(np.random.default_rng(request.param), 512)


def project(camera: dict, point: tuple) -> np.ndarray:
    camera_point = world_to_camera(np.array([point], float), camera['R'],
                                   camera['T'])
    return camera_to_image(camera_point, camera['f'], camera['c'])[0]


def test_cameras_stand_around_the_middle(rig):
    assert list(rig) == ['54138969', '55011271', '58860488', '60457274']
    places = np.array([camera_place(camera) for camera in rig.values()])
    distance = np.hypot(places[:, 0], places[:, 1])
    assert (DISTANCE[0] <= distance).all()
    assert (distance <= DISTANCE[1]).all()
    assert (HEIGHT[0] <= places[:, 2]).all()
    assert (places[:, 2] <= HEIGHT[1]).all()
    # One in each quarter of the room, as Human3.6M's.
    quarters = {(x > 0, y > 0) for x, y, _ in places}
    assert len(quarters) == 4
    angles = np.rad2deg(np.arctan2(places[:, 1], places[:, 0]))
    assert np.abs(angles - list(CAMERA_IDS.values())).max() <= 6


def test_rotations_are_proper_and_upright(rig):
    for camera in rig.values():
        np.testing.assert_allclose(camera['R'] @ camera['R'].T, np.eye(3),
                                   atol=1e-12)
        assert np.linalg.det(camera['R']) == pytest.approx(1)
        floor, head = project(camera, (0, 0, 0)), project(camera, (0, 0, 1800))
        assert head[1] < floor[1] - 150  # up in the world, up in the picture
        assert abs(head[0] - floor[0]) < 15


def test_a_person_in_the_middle_fills_a_crop(rig):
    for camera in rig.values():
        middle = project(camera, (0, 0, 950))
        assert np.abs(middle[:2] - 256).max() < 45
        side = camera['f'] * 2000 / middle[2]
        assert ((200 < side) & (side < 280)).all()
        # All the ground that people stand on is in the picture.
        for angle in np.arange(0, 6.3, 0.3):
            u, v, _ = project(camera, (1300 * np.cos(angle),
                                       1300 * np.sin(angle), 0))
            assert 0 < u < 511
            assert v < 511


def test_rigs_differ_and_scale_with_the_picture():
    a, b = (draw_rig(np.random.default_rng(s), 512) for s in (0, 1))
    assert np.abs(a['54138969']['T'] - b['54138969']['T']).max() > 1
    small = draw_rig(np.random.default_rng(0), 256)
    np.testing.assert_array_equal(small['54138969']['R'], a['54138969']['R'])
    np.testing.assert_allclose(small['54138969']['f'] * 2,
                               a['54138969']['f'])


def test_wider_lenses_see_more_from_the_same_places():
    usual, wide = (draw_rig(np.random.default_rng(3), 512, focal)
                   for focal in (1.2, 0.9))
    for name, camera in usual.items():
        np.testing.assert_allclose(camera['f'], wide[name]['f'] * 4 / 3)
        np.testing.assert_array_equal(camera['T'], wide[name]['T'])
        np.testing.assert_array_equal(camera['R'], wide[name]['R'])
