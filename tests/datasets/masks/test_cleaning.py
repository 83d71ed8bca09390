from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.datasets.masks.cleaning import clean_mask, mask_facts


@pytest.fixture
def body() -> np.ndarray:
    mask = np.zeros((60, 80), np.uint8)
    mask[10:50, 20:40] = 1  # 800 px
    return mask


def test_specks_go_and_large_pieces_stay(body: np.ndarray):
    body[10:20, 60:68] = 1  # 80 px, a tenth of the body: a hidden leg
    kept = body.copy()
    body[30:38, 60:69] = 1  # 72 px
    body[9, 40] = 1  # touches by a corner only
    assert np.array_equal(clean_mask(body), kept * 255)
    assert (clean_mask(body, keep=1) > 0).sum() == 800


def test_small_holes_are_filled_and_gaps_stay(body: np.ndarray):
    body[12:22, 22:30] = 0  # 80 px: the gap under an arm
    expected = body.copy()
    body[30:32, 25:28] = 0  # 6 px, less than a hundredth
    assert np.array_equal(clean_mask(body), expected * 255)
    # 714 px are left, 86 are holes.
    assert (clean_mask(body, hole=0.2) > 0).sum() == 800


def test_what_the_edge_closes_is_no_hole():
    mask = np.ones((30, 40), bool)
    mask[0, 5] = mask[29, 7:9] = mask[3, 0] = mask[9, 39] = False
    mask[15, 15] = False
    cleaned = clean_mask(mask)
    assert cleaned.dtype == np.uint8
    assert (cleaned == 0).sum() == 5
    assert cleaned[15, 15] == 255


def test_nothing_stays_nothing():
    assert not clean_mask(np.zeros((4, 5), bool)).any()


def test_facts(body: np.ndarray):
    assert mask_facts(body * 255) == dict(share=round(800 / 4800, 5),
                                          bbox=[20, 10, 20, 40])
