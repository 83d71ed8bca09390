"""Geodesic weights: closed forms, parts and centres, the released code."""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.ops import geodesic_weight


@pytest.fixture
def skfmm():
    return pytest.importorskip('skfmm')


def test_row_and_background_closed_form(skfmm):
    mask = np.zeros((1, 8))
    mask[0, 1:5] = 1
    weight = geodesic_weight(mask, [[1, 0]], steepness=1.5, background=2,
                             offset=4)
    # Second order: (3 d_n - 4 d_(n-1) + d_(n-2)) / 2 = 1 from the body's
    # zeros on, where the way along the body starts with whole steps.
    away = np.array([2 / 3, 0, 0, 0, 0, 2 / 3, 14 / 9, 68 / 27])
    away /= away.max()
    along = np.array([0, 0, 1, 2, 3, 0, 0, 0]) / 3
    np.testing.assert_allclose(
        weight[0], np.exp(1.5 * along) + 2 * away + 4, rtol=1e-6)
    assert weight.dtype == np.float32


def test_way_goes_round_a_bend(skfmm):
    # A U: its tips are near each other, but far along the body.
    mask = np.zeros((41, 41), np.uint8)
    mask[:, :3] = mask[:, -3:] = mask[-3:] = 255
    weight = geodesic_weight(mask, [[1, 0]], offset=0)
    assert weight[0, 40] == weight[mask > 0].max()
    bottom = np.log(weight[40, 1]) / np.log(weight[0, 40])
    assert 1 / 3 < bottom < 1 / 2.9 * 1.15


def test_centre_is_the_centroid(skfmm):
    mask = np.zeros((9, 30))
    mask[2:7, 10:21] = 1
    weight = geodesic_weight(mask)
    rows, columns = np.nonzero((weight == weight[mask > 0].min()) & (mask > 0))
    assert list(zip(columns, rows)) == [(15, 4)]
    np.testing.assert_allclose(weight[2:7, 10:21], weight[2:7, 20:9:-1])


def test_unconnected_part_weighs_as_the_far_end(skfmm):
    mask = np.zeros((1, 20))
    mask[0, :9] = 1
    mask[0, 14:16] = 1
    center = [[0, 0]]
    ours = geodesic_weight(mask, center)
    theirs = geodesic_weight(mask, center, reference=True)
    np.testing.assert_array_equal(ours[0, 14:16], ours[0, 8])
    np.testing.assert_array_equal(theirs[0, 14:16], theirs[0, 0])
    np.testing.assert_allclose(ours[0, :14], theirs[0, :14], rtol=1e-6)


@pytest.mark.parametrize('point', [(7, 0), (-40, 0), (7, 99)])
def test_centre_off_the_body_moves_to_it(point, skfmm):
    mask = np.zeros((3, 20))
    mask[1, 9:15] = 1
    near = (14, 1) if point[0] > 14 else (9, 1)
    np.testing.assert_array_equal(geodesic_weight(mask, [point]),
                                  geodesic_weight(mask, [near]))
    reference = geodesic_weight(mask, [point], reference=True)
    assert (reference == 1).all()
    assert reference.dtype == np.float16


def test_odd_masks_stay_finite(skfmm):
    assert (geodesic_weight(np.zeros((4, 5))) == 1).all()
    full = geodesic_weight(np.ones((5, 5)), offset=0)
    assert full.max() == pytest.approx(np.exp(2), rel=1e-6)
    assert full[2, 2] == 1
    dot = np.zeros((5, 5))
    dot[2, 2] = 1
    weight = geodesic_weight(dot, offset=0)
    assert weight[2, 2] == 1
    assert weight.max() == 4


def test_bad_shapes():
    with pytest.raises(ValueError, match=r'\(H, W\)'):
        geodesic_weight(np.ones((1, 4, 4)))
    with pytest.raises(ValueError, match='centers'):
        geodesic_weight(np.ones((4, 4)), [1, 2])


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'skfmm', None)
    with pytest.raises(ImportError, match='scikit-fmm'):
        geodesic_weight(np.ones((4, 4)))


def test_goldens_of_the_released_code(goldens: Path, skfmm):
    with np.load(goldens / '08_geodesic.npz') as file:
        golden = dict(file)

    def check(mask: str, weight: str, centers=None, **options) -> None:
        got = geodesic_weight(golden[mask][0], centers, reference=True,
                              **options)
        want = golden[weight][0]
        np.testing.assert_allclose(got, want, rtol=0,
                                   atol=1e-6 * want.max())

    for name in ('person', 'ring', 'two_parts', 'soft'):
        check(f'{name}_mask', f'{name}_weight')
        dtype = geodesic_weight(golden[f'{name}_mask'][0],
                                reference=True).dtype
        assert (dtype == np.float16) == golden[f'{name}_out_is_float16']
    check('person_mask', 'person_weight_given_centers',
          golden['centers_given'])
    check('person_mask', 'person_weight_center_outside',
          golden['centers_outside'])
    steepness, base, background, extra, _ = golden['other_params']
    check('person_mask', 'person_weight_other_params', steepness=steepness,
          background=background, offset=base + extra)
    # A whole body around its centre is the same without the quirks.
    np.testing.assert_allclose(
        geodesic_weight(golden['person_mask'][0]),
        golden['person_weight'][0], rtol=2e-6)
