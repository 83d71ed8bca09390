"""Patterned cloth."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.pattern import Pattern


@pytest.mark.parametrize('kind, share', [('plain', 0.0), ('stripes', 0.5),
                                         ('checks', 0.5)])
def test_patterns_have_two_colours_in_their_shares(kind: str,
                                                   share: float) -> None:
    waves = np.array([(0, 60.0, 0), (60.0, 0, 0), (0, 0, 0), (0, 0, 0)])
    pattern = Pattern(kind, np.array([(0.2, 0.2, 0.2), (0.8, 0.8, 0.8)]),
                      waves, np.zeros(4))
    points = np.random.default_rng(0).uniform(-1, 1, (20000, 3))
    color = pattern.paint(points)
    second = color[:, 0] == 0.8
    assert set(np.unique(color)) <= {0.2, 0.8}
    assert second.mean() == pytest.approx(share, abs=0.03)
    if kind == 'stripes':  # a wave along y: 2 pi / 60 m
        np.testing.assert_array_equal(second, np.sin(60 * points[:, 1]) > 0)


def test_slow_waves_shade_the_cloth() -> None:
    waves = np.zeros((4, 3))
    waves[2, 0] = 10
    pattern = Pattern('plain', np.full((2, 3), 0.5), waves, np.zeros(4))
    points = np.array([(np.pi / 20, 0, 0), (-np.pi / 20, 0, 0), (0, 1, 1)])
    np.testing.assert_allclose(pattern.paint(points)[:, 1],
                               [0.53, 0.47, 0.5])


def test_cloth_keeps_the_precision_of_the_points() -> None:
    pattern = Pattern.draw(np.random.default_rng(0))
    points = np.random.default_rng(1).normal(size=(9, 3))
    double, single = pattern.paint(points), pattern.paint(
        points.astype(np.float32))
    assert (double.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single, double, atol=1e-4)


def test_all_kinds_are_drawn() -> None:
    kinds = {Pattern.draw(np.random.default_rng(s)).kind for s in range(60)}
    assert kinds == {'plain', 'stripes', 'checks', 'dots', 'blotches'}
