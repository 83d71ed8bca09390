from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional.mask_overlap import (
    MASK_SCORES,
    mask_scores,
)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_the_truth_itself_is_perfect():
    truth = box(10, 10, 40, 50)
    assert mask_scores(truth, truth) == dict.fromkeys(MASK_SCORES, 100.0)
    full = np.ones((6, 8), bool)  # has no outline inside the picture
    assert mask_scores(full, full)['boundary'] == 100


def test_areas_in_closed_form():
    # 30 x 40 px each, shifted by 15 px: half of each is shared.
    scores = mask_scores(box(10, 10, 40, 50), box(25, 10, 55, 50))
    assert scores['IoU'] == pytest.approx(100 / 3)
    assert scores['precision'] == scores['recall'] == pytest.approx(50)
    part = mask_scores(box(10, 10, 40, 20), box(10, 10, 40, 50))
    assert part['precision'] == pytest.approx(100)
    assert part['recall'] == part['IoU'] == pytest.approx(25)


def test_outlines_in_closed_form():
    # The upper half of the same box: outlines of 2 (30 + 20) - 4 = 96 px
    # and 136 px. Within a pixel of the other's are, of the first, all but
    # the 28 px of its lower edge less one at either end; of the second, the
    # top and two sides of 20 px and one more.
    truth, mask = box(10, 10, 40, 50), box(10, 10, 40, 30)
    near, far = (96 - 26) / 96, (30 + 2 * 20) / 136
    scores = mask_scores(mask, truth, tolerance=0)
    assert scores['boundary'] == pytest.approx(
        200 * near * far / (near + far))


def test_tolerance_is_a_share_of_the_diagonal():
    # The diagonal is 100 px.
    truth, mask = box(10, 10, 40, 50), box(13, 10, 43, 50)
    assert mask_scores(mask, truth, tolerance=0.03)['boundary'] == 100
    assert mask_scores(mask, truth, tolerance=0.02)['boundary'] < 100


def test_an_empty_mask_scores_nothing_and_0_255_is_taken():
    truth = box(1, 1, 5, 5)
    assert mask_scores(truth & False, truth) == dict.fromkeys(MASK_SCORES,
                                                              0.0)
    assert mask_scores(truth * np.uint8(255), truth)['IoU'] == 100
    apart = mask_scores(box(50, 40, 60, 50), truth)
    assert set(apart.values()) == {0.0}


def test_what_cannot_be_compared_is_refused():
    truth = box(1, 1, 5, 5)
    with pytest.raises(ValueError, match=r'\(60, 79\) and \(60, 80\)'):
        mask_scores(truth[:, 1:], truth)
    with pytest.raises(ValueError, match='true mask is empty'):
        mask_scores(truth, truth & False)
