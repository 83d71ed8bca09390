"""Geodesic weights in a pipeline."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.datasets.transforms import GeodesicWeight, PackXasInputs


def bar(edge: int = 0) -> np.ndarray:
    mask = np.zeros((32, 32), np.uint8)
    mask[12:20, 4:25] = 255
    mask[11] = edge
    return mask


def test_weights_stand_beside_the_mask_in_the_packed_sample():
    pytest.importorskip('skfmm')
    mask = bar()
    results = GeodesicWeight(offset=0)(dict(
        img_mask=mask, img=np.zeros((32, 32, 3), np.uint8)))
    packed = PackXasInputs(meta_keys=())(results)
    fields = packed['data_samples'].gt_fields
    assert fields.masks.shape == fields.mask_weights.shape == (1, 32, 32)
    weight = fields.mask_weights[0].numpy()
    assert weight.dtype == np.float32
    assert weight[mask > 0].min() == weight[15, 14] == 1
    assert weight[mask > 0].max() == pytest.approx(np.exp(2), rel=1e-6)
    assert weight.max() == pytest.approx(max(np.exp(2), 4), rel=1e-6)


def test_soft_edge_is_background_but_for_the_reference():
    pytest.importorskip('skfmm')
    hard, soft = (GeodesicWeight()(dict(img_mask=bar(edge)))['mask_weights']
                  for edge in (0, 90))
    np.testing.assert_array_equal(hard, soft)
    reference = GeodesicWeight(reference=True)
    hard, soft = (reference(dict(img_mask=bar(edge)))['mask_weights']
                  for edge in (0, 90))
    assert (hard != soft).any()


def test_weights_of_the_released_codes_loader(goldens):
    pytest.importorskip('skfmm')
    with np.load(goldens / '14_loader_items.npz') as file:
        golden = dict(file)
    for name in ('hm36', 'mpi'):
        mask, want = golden[f'{name}_mask'][0], golden[f'{name}_geodesic_dis']
        got = GeodesicWeight(reference=True)(
            dict(img_mask=mask))['mask_weights']
        np.testing.assert_allclose(got.squeeze(), want.squeeze(), rtol=0,
                                   atol=1e-6 * want.max())


def test_missing_mask_is_named():
    with pytest.raises(ValueError, match=r'a\.jpg has no img_mask'):
        GeodesicWeight()(dict(img_path='a.jpg'))
