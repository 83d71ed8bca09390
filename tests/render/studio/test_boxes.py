"""Boxes through a camera: depths, faces and light in closed form."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.lighting import Light
from xas_mmpose.render.studio.boxes import Box, View
from xas_mmpose.render.studio.textures import SIDE, TEXEL

SIZE = 80


def flat(*color: float) -> np.ndarray:
    """Return a texture of one BGR colour."""
    return np.tile(np.float32(color), (SIDE, SIDE, 1))


#: Colours of the faces across x and y, and of the lower and the upper one.
FACES = (flat(1, 0, 0), flat(0, 1, 0), flat(0, 0, 1), flat(0, 1, 1))


def light(**changes) -> Light:
    """Return light from everywhere that changes no colour."""
    # At an ambient share of 1.1 nothing is left for the lamp.
    values = dict(direction=np.array([0.0, 0, 1]), sky=np.zeros(3),
                  ambient=1.1, gloss=0.9, tint=np.ones(3), exposure=1 / 1.1)
    return Light(**{**values, **changes})


def camera(place: tuple, height: float = 0.0) -> dict:
    """Return a camera at a place of the x axis that looks along -x."""
    rotation = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    return dict(f=np.full(2, 60.0), c=np.full(2, (SIZE - 1) / 2), R=rotation,
                T=-rotation @ np.array([*place, height]), w=SIZE, h=SIZE)


def draw(boxes: list[Box], inside: bool = False, fine: int = 1,
         shine: Light | None = None, eye: dict | None = None) -> View:
    view = View(eye or camera((4000, 0)), (slice(0, SIZE), slice(0, SIZE)),
                shine or light(), fine)
    for box in boxes:
        view.draw(box, inside)
    return view


def test_a_box_has_the_depth_size_and_face_that_it_should():
    box = Box(np.array([0.0, 0, 0]), np.array([1000.0, 600, 400]), 0.0, FACES)
    view = draw([box])
    middle = SIZE // 2
    assert view.depth[middle, middle] == pytest.approx(3500, rel=1e-5)
    np.testing.assert_allclose(view.color[middle, middle], (1, 0, 0),
                               atol=1e-6)
    seen = np.isfinite(view.depth)
    _, _, width, height = cv2.boundingRect(seen.astype(np.uint8))
    assert abs(width - 600 * 60 / 3500) <= 1
    assert abs(height - 400 * 60 / 3500) <= 1
    assert seen.sum() == width * height  # its front hides the rest


def test_a_turned_box_shows_two_faces_and_its_corners_are_its_outline():
    box = Box(np.array([200.0, 300, 0]), np.array([800.0, 800, 800]),
              np.pi / 5, FACES)
    eye = camera((4000, 0), 900)
    view = draw([box], fine=2, eye=eye)
    seen = np.isfinite(view.depth)
    colors = {tuple(c) for c in np.rint(view.color[seen])}
    assert colors == {(1, 0, 0), (0, 1, 0), (0, 1, 1)}  # two sides and top
    corners = camera_to_image(
        world_to_camera(box.corners, eye['R'], eye['T']), eye['f'],
        eye['c'])[:, :2]
    hull = cv2.convexHull(corners.astype(np.float32))
    for row in range(0, 2 * SIZE, 3):
        for column in range(0, 2 * SIZE, 3):
            point = ((column + .5) / 2 - .5, (row + .5) / 2 - .5)
            inside = cv2.pointPolygonTest(hull, point, True)
            if abs(inside) > 0.01:
                assert seen[row, column] == (inside > 0)


def test_every_sample_lies_on_the_box():
    box = Box(np.array([-100.0, 150, 250]), np.array([700.0, 500, 900]), 0.7,
              FACES)
    view = draw([box], eye=camera((3500, 200), 1100))
    seen = np.isfinite(view.depth)
    points = view.place + view.rays[:, seen].T * view.depth[seen, None]
    own = (points - box.center) @ box.rotation.T / box.size * 2
    np.testing.assert_allclose(np.abs(own).max(1), 1, atol=1e-4)


def test_a_room_is_seen_from_inside():
    shell = Box(np.array([0.0, 0, 0]), np.array([9000.0, 6000, 3000]), 0.0,
                FACES)
    view = draw([shell], inside=True)
    middle = SIZE // 2
    assert np.isfinite(view.depth).all()
    assert view.depth[middle, middle] == pytest.approx(8500, rel=1e-5)
    for row, column, color in ((middle, middle, (1, 0, 0)),
                               (-1, middle, (0, 0, 1)),
                               (0, middle, (0, 1, 1)),
                               (middle, 0, (0, 1, 0))):
        np.testing.assert_allclose(view.color[row, column], color, atol=1e-6)
    assert view.floor[-1].all()
    assert not view.floor[0].any()
    np.testing.assert_array_equal(view.floor,
                                  view.color[..., 2] * (
                                      view.color[..., 1] == 0) > 0)


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_the_nearer_box_hides_the_farther_one(order):
    boxes = [Box(np.array([x, 0.0, 0]), np.full(3, 400.0), 0.0, [flat(*c)] * 4)
             for x, c in ((0.0, (1, 0, 0)), (1500.0, (0, 1, 0)))]
    view = draw([boxes[i] for i in order])
    middle = SIZE // 2
    np.testing.assert_allclose(view.color[middle, middle], (0, 1, 0),
                               atol=1e-6)
    assert view.depth[middle, middle] == pytest.approx(2300, rel=1e-5)


def test_a_face_that_looks_to_the_lamp_is_lighter():
    lamp = light(direction=np.array([1.0, 0, 0]), ambient=0.4,
                 exposure=1.0)
    front = draw([Box(np.zeros(3), np.full(3, 800.0), 0.0, [flat(
        0.5, 0.5, 0.5)] * 4)], shine=lamp, eye=camera((4000, 0), 1200))
    colors = front.color[np.isfinite(front.depth)][:, 0]
    # Side towards the lamp: 0.4 + 0.7; top, across: 0.4. No gloss.
    assert np.unique(colors.round(4)).tolist() == [
        pytest.approx(0.2), pytest.approx(0.55)]


def test_textures_have_their_measure_and_stand_on_the_floor():
    texture = flat(0, 0, 0).copy()
    texture[SIDE - 20:] = 1  # 240 mm above the floor, as walls are textured
    box = Box(np.array([0.0, 0, 500]), np.array([1000.0, 2000, 1000]), 0.0,
              [texture] * 4)
    eye = camera((4000, 0), 500)
    view = draw([box], fine=4, eye=eye)
    column = view.color[:, 2 * SIZE, 0] > 0.5
    height = column.sum() / 4 / 60 * 3500
    assert height == pytest.approx(20 * TEXEL, abs=20)
    assert column.nonzero()[0].min() > 2 * SIZE  # below the middle


def test_a_part_of_a_picture_is_that_part():
    box = Box(np.zeros(3), np.full(3, 900.0), 0.3, FACES)
    whole = draw([box], fine=2)
    part = View(camera((4000, 0)), (slice(30, 45), slice(20, 60)), light(), 2)
    part.draw(box)
    np.testing.assert_array_equal(part.depth, whole.depth[60:90, 40:120])
    np.testing.assert_array_equal(part.color, whole.color[60:90, 40:120])
