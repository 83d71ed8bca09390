"""One colour per body part."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.body_models import SMPLBody, free_human
from xas_mmpose.render.part_colors import PartColorWardrobe, part_palette
from xas_mmpose.render.surface import Surface


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return free_human()


@pytest.mark.parametrize('num_parts', [24, 33, 35])
def test_no_two_parts_look_alike(num_parts: int) -> None:
    colors = part_palette(num_parts)
    assert colors.shape == (num_parts, 3)
    assert 0 <= colors.min() <= colors.max() <= 1
    apart = np.abs(colors[:, None] - colors).max(-1)
    np.fill_diagonal(apart, 1)
    assert apart.min() > 8 / 255
    # Parts have their colour whatever comes after them.
    np.testing.assert_array_equal(part_palette(50)[:num_parts], colors)


def test_left_and_right_limbs_differ_clearly() -> None:
    colors = part_palette(24)
    for left, right in ((1, 2), (4, 5), (7, 8), (16, 17), (18, 19), (20, 21)):
        assert np.abs(colors[left] - colors[right]).max() > 0.3


def test_points_have_the_colour_of_the_nearest_vertexs_part(
        body: SMPLBody) -> None:
    appearance = PartColorWardrobe(body).draw(np.random.default_rng(0))
    faces = body.faces.numpy()
    np.testing.assert_array_equal(appearance.faces, faces)
    rng = np.random.default_rng(1)
    seen = rng.integers(len(faces), size=500)
    bary = rng.dirichlet(np.ones(3), 500)
    colors = appearance.paint(Surface(
        seen, faces[seen], bary, body.v_template.numpy(), body.parts))
    palette = part_palette(24)
    for face, weights, color in zip(seen, bary, colors):
        part = body.weights[faces[face][weights.argmax()]].argmax()
        np.testing.assert_array_equal(color, palette[part])


def test_all_bodies_look_alike(body: SMPLBody) -> None:
    wardrobe = PartColorWardrobe(body)
    first, second = (wardrobe.draw(np.random.default_rng(s)) for s in (0, 1))
    assert first is second
    assert first.offsets is None
    assert first.two_sided is None
