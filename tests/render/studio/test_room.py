"""Furnished rooms: nothing stands in the way, and all is lit."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.studio.rig import camera_place, draw_rig
from xas_mmpose.render.studio.room import FREE_RADIUS, Room

SEEDS = range(6)


def make(seed: int, size: int = 48) -> tuple[dict, Room]:
    rig = draw_rig(np.random.default_rng(seed), size)
    return rig, Room.draw(np.random.default_rng(100 + seed), rig.values())


def hits(start: np.ndarray, ends: np.ndarray, box) -> np.ndarray:
    """Return whether the ways from start to ends (N, 3) meet a box."""
    share = np.linspace(0, 1, 400)[:, None, None]
    points = start + share * (ends - start)
    own = (points - box.center) @ box.rotation.T
    return (np.abs(own) < box.size / 2).all(-1).any(0)


@pytest.mark.parametrize('seed', SEEDS)
def test_no_furniture_is_in_anybodys_or_any_cameras_way(seed):
    rig, room = make(seed)
    assert len(room.furniture) >= 2
    angle = np.linspace(0, 2 * np.pi, 40)
    people = np.concatenate([
        np.stack([r * np.cos(angle), r * np.sin(angle), np.full(40, z)], 1)
        for r in (0, 1200, FREE_RADIUS - 50) for z in (0, 900, 2000)])
    for box in room.furniture:
        own = np.abs((people - box.center) @ box.rotation.T) < box.size / 2
        assert not own.all(1).any()
        for camera in rig.values():
            assert not hits(camera_place(camera), people, box).any()


@pytest.mark.parametrize('seed', SEEDS)
def test_everything_is_in_the_room(seed):
    rig, room = make(seed)
    half = room.shell.size / 2
    for camera in rig.values():
        place = camera_place(camera)
        assert (np.abs(place[:2]) < half[:2]).all()
        assert place[2] < room.shell.size[2]
    for box in room.furniture:
        assert (np.abs(box.center[:2]) < half[:2]).all()
        assert box.center[2] == pytest.approx(box.size[2] / 2)  # on the floor


def test_pictures_of_the_empty_room():
    rig, room = make(0)
    for camera in rig.values():
        image, floor = room.render(camera)
        assert image.shape == (48, 48, 3)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.std() > 0.02
        assert floor.shape == (48, 48)
        assert (floor[-1] > 0.99).all()
        assert (floor[0] == 0).all()
        again, _ = room.render(camera)
        np.testing.assert_array_equal(again, image)


def test_rooms_differ():
    images = [room.render(rig['54138969'])[0]
              for rig, room in map(make, range(3))]
    for i in range(3):
        assert np.abs(images[i] - images[i - 1]).mean() > 0.03


def test_the_light_of_a_camera_is_that_of_the_room():
    rig, room = make(1)
    for camera in rig.values():
        light = room.light_of(camera)
        np.testing.assert_allclose(camera['R'].T @ light.direction,
                                   room.light.direction, atol=1e-12)
        assert light.sky[1] < -0.9  # y points down in the camera frame
        assert light.exposure == room.light.exposure
