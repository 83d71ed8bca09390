"""The shadow on the floor: where feet are, and away from the lamp."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.studio.rig import draw_rig
from xas_mmpose.render.studio.shadow import FloorShadow

UP = np.array([0.0, 0, 1])


def post(x: float, y: float, height: float = 1700.0) -> np.ndarray:
    """Return points of an upright post."""
    return np.array([(x, y, z) for z in np.linspace(0, height, 200)])


def darkness(shadow: FloorShadow, camera: dict,
             floor: float = 1.0) -> np.ndarray:
    image = np.ones((128, 128, 3), np.float32)
    shadow.put_on(image, np.full((128, 128), floor, np.float32), camera)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    return 1 - image[..., 0]


@pytest.fixture(scope='module')
def rig() -> dict:
    return draw_rig(np.random.default_rng(0), 128)


@pytest.mark.parametrize('place', [(0, 0), (700, -400), (-900, 800)])
def test_every_camera_sees_the_shadow_at_the_foot(rig, place):
    shadow = FloorShadow(post(*place), UP)
    for camera in rig.values():
        dark = darkness(shadow, camera)
        row, column = np.unravel_index(dark.argmax(), dark.shape)
        foot = world_to_camera(np.array([[*place, 0.0]]), camera['R'],
                               camera['T'])
        u, v, _ = camera_to_image(foot, camera['f'], camera['c'])[0]
        assert np.hypot(column - u, row - v) < 3
        assert 0.25 < dark.max() < 0.75
        assert dark[5:40].max() == 0  # walls far away


def test_it_falls_away_from_the_lamp(rig):
    lamp = np.array([0.6, 0, 0.8])
    camera = rig['54138969']
    straight, slanted = (darkness(FloorShadow(post(0, 0), direction), camera)
                         for direction in (UP, lamp))
    for x, darker in ((-600.0, True), (600.0, False)):
        point = world_to_camera(np.array([[x, 0, 0]]), camera['R'],
                                camera['T'])
        u, v, _ = np.rint(camera_to_image(point, camera['f'], camera['c']))[0]
        change = slanted[int(v), int(u)] - straight[int(v), int(u)]
        assert (change > 0.1) == darker


def test_what_is_higher_touches_less(rig):
    standing = darkness(FloorShadow(post(0, 0), UP), rig['54138969'])
    jumping = darkness(FloorShadow(post(0, 0) + np.array([0, 0, 500]), UP),
                       rig['54138969'])
    assert jumping.max() < standing.max() - 0.1


@pytest.mark.parametrize('size, reaches', [(3600.0, False), (7200.0, True)])
def test_it_reaches_as_far_as_it_may(rig, size, reaches):
    # A body 5 m long: its ends are 2.5 m from its middle.
    ends = np.concatenate([post(-2500, 0, 1), post(2500, 0, 1)])
    camera = rig['54138969']
    dark = darkness(FloorShadow(ends, UP, size), camera)
    foot = world_to_camera(np.array([[-2500.0, 0, 0]]), camera['R'],
                           camera['T'])
    u, v, _ = np.rint(camera_to_image(foot, camera['f'], camera['c']))[0]
    assert (dark[int(v), int(u)] > 0.2) == reaches


def test_only_the_floor_is_darkened(rig):
    shadow = FloorShadow(post(0, 0), UP)
    assert darkness(shadow, rig['54138969'], floor=0.0).max() == 0
