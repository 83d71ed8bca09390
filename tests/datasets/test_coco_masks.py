"""Segmentations of COCO's form: against its own decoder, and damaged."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from xtcocotools import mask as coco_mask

from xas_mmpose.datasets.coco_masks import fill_segmentation, run_lengths


@pytest.mark.parametrize('seed', range(4))
def test_run_lengths_are_cocos(seed: int):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((37, 53)), (0, 0), 1 + 2 * seed)
    mask = np.asfortranarray(noise > np.median(noise), np.uint8)
    code = coco_mask.encode(mask)
    text = dict(code, counts=code['counts'].decode())
    numbers = dict(counts=run_lengths(code, 37, 53).tolist())
    for form in (code, text, numbers):
        np.testing.assert_array_equal(fill_segmentation(form, 37, 53),
                                      255 * mask)
    assert fill_segmentation(code, 37, 53).flags['C_CONTIGUOUS']


def test_polygons_are_filled():
    square = [4.5, 4.5, 24.5, 4.5, 24.5, 9.5, 4.5, 9.5]
    mask = fill_segmentation([square, [30, 0, 34, 0, 34, 5, 30, 5]], 30, 40)
    assert mask.dtype == np.uint8
    assert (mask[5:10, 5:25] == 255).all()
    assert (mask == 255).sum() == 100 + 4 * 5


@pytest.mark.parametrize('code', [
    {}, dict(counts=None), dict(counts='x'), dict(counts=[1, 'a']),
    dict(counts=[[1200]]), dict(counts=[1201]), dict(counts=[1210, -10]),
    dict(counts=[2**62] * 4), dict(counts=[float('nan')]),
    dict(counts=b'\xff\xfe'), dict(counts='o' * 40)])
def test_a_code_of_no_picture_is_refused(code: dict):
    with pytest.raises(ValueError, match='run-length code of'):
        fill_segmentation(code, 30, 40)
