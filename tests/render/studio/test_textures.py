"""Procedural textures."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.studio.textures import (
    FLOORS,
    SIDE,
    WALLS,
    draw_texture,
)


@pytest.mark.parametrize('kind', sorted({*FLOORS, *WALLS}))
def test_textures(kind):
    texture = draw_texture(kind, np.random.default_rng(3))
    assert texture.shape == (SIDE, SIDE, 3)
    assert texture.dtype == np.float32
    assert texture.min() >= 0
    assert texture.max() <= 1
    assert texture.std() > 0.005  # nothing in a room is of one colour
    again, other = (draw_texture(kind, np.random.default_rng(seed))
                    for seed in (3, 4))
    np.testing.assert_array_equal(again, texture)
    assert np.abs(other - texture).mean() > 0.01


def test_plain_textures_join_at_opposite_edges():
    texture = draw_texture('plain', np.random.default_rng(0))
    for axis in (0, 1):
        inner = np.abs(np.diff(texture, axis=axis)).max()
        seam = np.abs(np.take(texture, 0, axis)
                      - np.take(texture, -1, axis)).max()
        assert seam < 2 * inner


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no texture 'gold'; there are plain"):
        draw_texture('gold', np.random.default_rng(0))
