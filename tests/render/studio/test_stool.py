"""The stool: under the person, and before or behind their legs."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.lighting import Light
from xas_mmpose.render.rendering import Rendering
from xas_mmpose.render.studio.rig import draw_rig
from xas_mmpose.render.studio.stool import Stool, draw_boxes

LIGHT = Light(direction=np.array([0.0, 0, 1]), sky=np.array([0.0, 0, 1]),
              ambient=0.7, gloss=0.0, tint=np.ones(3), exposure=1.0)
SIZE = 96


def seat(bottom: float = 480.0) -> np.ndarray:
    """Return the lower side of somebody who sits at (200, 100)."""
    x, y = np.meshgrid(np.linspace(-120, 120, 9), np.linspace(-120, 120, 9))
    dent = 20 * np.hypot(x, y) / 120
    return np.stack([x + 200, y + 100, bottom + dent], -1).reshape(-1, 3)


@pytest.fixture(scope='module')
def stool() -> Stool:
    return Stool(np.random.default_rng(0))


@pytest.mark.parametrize('heading', [0.0, 1.0, -2.5])
def test_the_seat_touches_and_the_foot_stands(stool, heading):
    parts = stool.under(seat(), np.array([200.0, 100]), heading)
    tops = [box.center[2] + box.size[2] / 2 for box in parts]
    bottoms = [box.center[2] - box.size[2] / 2 for box in parts]
    assert max(tops) == pytest.approx(480)
    assert min(bottoms) == pytest.approx(0)
    for box in parts:
        assert np.hypot(*(box.center[:2] - (200, 100))) < 15
        assert box.yaw == heading


def test_feet_under_the_seat_do_not_lower_it(stool):
    feet = np.array([[200.0, 100, 0], [180, 90, 60]])
    parts = stool.under(np.concatenate([seat(), feet]),
                        np.array([200.0, 100]), 0.0)
    assert parts[0].center[2] + parts[0].size[2] / 2 == pytest.approx(480)


def person(depth: float) -> Rendering:
    """Return a red person who fills the picture at one depth."""
    layer = np.zeros((SIZE, SIZE, 4), np.float32)
    layer[..., 2:] = 1
    return Rendering(layer, (0, 0, SIZE, SIZE),
                     np.ones((2 * SIZE, 2 * SIZE), np.uint8),
                     np.full((2 * SIZE, 2 * SIZE), depth, np.float32),
                     (SIZE, SIZE))


@pytest.mark.parametrize('depth, hidden', [(3000.0, False), (9000.0, True)])
def test_it_hides_what_is_behind_it_only(stool, depth, hidden):
    camera = draw_rig(np.random.default_rng(0), SIZE)['54138969']
    boxes = stool.under(seat(), np.array([200.0, 100]), 0.3)
    image = np.zeros((SIZE, SIZE, 3), np.float32)
    before = person(depth)
    after = draw_boxes(image, boxes, camera, LIGHT, before)
    drawn = image.max(-1) > 0
    assert 20 < drawn.sum() < 400
    alpha = after.layer[..., 3]
    assert (alpha[~drawn] == 1).all()
    if hidden:
        # What the stool covers of a pixel, the person does not.
        assert (alpha[drawn] < 1).all()
        assert (alpha == 0).sum() > 10
        assert (after.sample_parts == 0).sum() > 80
        np.testing.assert_allclose(after.layer[..., 2], alpha, atol=1e-6)
    else:
        np.testing.assert_array_equal(alpha, 1)
        np.testing.assert_array_equal(after.sample_parts, 1)
    assert (before.layer[..., 3] == 1).all()  # untouched


def test_a_stool_outside_the_picture_changes_nothing(stool):
    camera = draw_rig(np.random.default_rng(0), SIZE)['54138969']
    boxes = stool.under(seat() + np.array([9000.0, 0, 0]),
                        np.array([9200.0, 100]), 0.0)
    image = np.zeros((SIZE, SIZE, 3), np.float32)
    after = draw_boxes(image, boxes, camera, LIGHT, person(9000.0))
    assert image.max() == 0
    np.testing.assert_array_equal(after.layer[..., 3], 1)
