"""Depth profiles: what is dark where."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.visualization.depth_strips import draw_depth_strips
from xas_mmpose.visualization.sheet import Box, Sheet

#: One px is 10 mm.
PANEL = Box(132, 30, 200, 100)
NAMES = ('root', 'left_knee')
DEPTHS = np.array([-600., -200, 200, 600])
PROFILES = np.array([[0, 1, 0.5, 0], [0.02, 0, 0, 0.01]])
COLORS = np.array([[0, 1, 0], [0, 0, 1.]])


def strips(modes=(), truth=None, depths=DEPTHS, profiles=PROFILES):
    sheet = Sheet(350, 170)
    draw_depth_strips(sheet, PANEL, depths, profiles, 1000,
                      dict(enumerate(modes)), truth, NAMES, COLORS)
    return sheet.draw().astype(int)


def at(picture, depth, row):
    """Return the pixel of a depth in mm, of the lower half of a strip."""
    return picture[PANEL.top + 50 * row + 40,
                   round(PANEL.left + 100 + depth / 10)]


def test_strips_are_as_dark_as_depths_are_likely():
    picture = strips()
    likely = np.array([160, 60, 70])  # BGR
    # Bins reach 200 mm to each side.
    for depth in (-390, -200, -10):
        np.testing.assert_allclose(at(picture, depth, 0), likely, atol=1)
    for depth in (10, 390):
        np.testing.assert_allclose(at(picture, depth, 0),
                                   (255 + likely) / 2, atol=1)
    for depth in (-790, -410, 410, 790):
        np.testing.assert_array_equal(at(picture, depth, 0), 255)
    # A strip is as dark as any other at its own peak.
    np.testing.assert_allclose(at(picture, -600, 1), likely, atol=1)
    np.testing.assert_allclose(at(picture, 600, 1), (255 + likely) / 2,
                               atol=1)
    # There is no bin.
    for depth in (-900, 900):
        np.testing.assert_array_equal(at(picture, depth, 0), 235)


def test_a_strip_without_any_probability_is_white():
    picture = strips(profiles=np.zeros((2, 4)))
    np.testing.assert_array_equal(at(picture, -200, 1), 255)


@pytest.mark.filterwarnings('error')
def test_what_is_not_a_number_is_unknown():
    profiles = np.array([[0, 1, np.nan, np.inf], [np.nan] * 4])
    picture = strips(profiles=profiles)
    np.testing.assert_array_equal(at(picture, -600, 0), 255)
    np.testing.assert_allclose(at(picture, -200, 0), [160, 60, 70], atol=1)
    for depth, row in ((200, 0), (600, 0), (-600, 1), (-200, 1)):
        np.testing.assert_array_equal(at(picture, depth, row), 235)


def test_modes_and_truth_stand_at_their_depths():
    plain = strips()
    depths = np.array([-500., np.nan])
    marked = strips(modes=[(depths, (0.0, 0, 0))])
    rows, columns = np.nonzero((plain != marked).any(-1))
    assert rows.mean() == pytest.approx(PANEL.top + 25, abs=1)
    assert columns.mean() == pytest.approx(PANEL.left + 50, abs=1)
    assert marked[PANEL.top + 25, PANEL.left + 50].max() < 10
    marked = strips(truth=np.array([np.nan, 300.]))
    rows, columns = np.nonzero((plain != marked).any(-1))
    assert PANEL.top + 49 <= rows.min() < rows.max() <= PANEL.top + 100
    assert columns.mean() == pytest.approx(PANEL.left + 130, abs=1)
    np.testing.assert_allclose(
        marked[PANEL.top + 75, PANEL.left + 130], 0.4 * 255, atol=40)


@pytest.mark.parametrize('depths, profiles', [
    (DEPTHS, PROFILES[:, :3]), (DEPTHS, PROFILES[:1]),
    (DEPTHS[::-1], PROFILES), (DEPTHS[:1], PROFILES[:, :1]),
    (DEPTHS[None], PROFILES)])
def test_shapes_that_do_not_fit(depths, profiles):
    with pytest.raises(ValueError, match=r'depth_profiles must be ascending '
                       r'depths \(D,\) and \(2, D\)'):
        strips(depths=depths, profiles=profiles)
