"""Masks as a segmenter would give them."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.render import mask_degradation
from xas_mmpose.render.mask_degradation import degrade_mask

#: Where the made-up person's hands and feet are.
ENDS = np.array([[60.0, 95], [140, 95], [85, 178], [115, 178]])


def person() -> np.ndarray:
    """Return the mask (200, 220) of a stick figure with some body."""
    mask = np.zeros((200, 220), np.uint8)
    cv2.circle(mask, (100, 30), 13, 255, -1)
    cv2.ellipse(mask, (100, 80), (20, 40), 0, 0, 360, 255, -1)
    for x, y in ENDS.astype(int).tolist():
        start = (100, 60) if y < 100 else (100, 110)
        cv2.line(mask, start, (x, y), 255, 11)
    return mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return ((a & b) > 0).sum() / ((a | b) > 0).sum()


def test_how_good_the_masks_are():
    overlaps = np.array([
        iou(person(), degrade_mask(person(), np.random.default_rng(seed),
                                   ENDS)) for seed in range(60)])
    assert 0.86 < overlaps.mean() < 0.96
    assert overlaps.min() > 0.6
    assert overlaps.max() < 1


def test_the_same_generator_gives_the_same_mask():
    mask = person()
    a, b, c = (degrade_mask(mask, np.random.default_rng(s), ENDS)
               for s in (4, 4, 5))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    np.testing.assert_array_equal(mask, person())  # the input is kept
    assert a.dtype == np.uint8
    assert set(np.unique(a)) == {0, 255}


def test_hands_and_feet_are_lost_now_and_then():
    lost = np.zeros(4)
    for seed in range(300):
        out = degrade_mask(person(), np.random.default_rng(seed), ENDS)
        x, y = ENDS.astype(int).T
        lost += out[y, x] == 0
    assert ((0.03 < lost / 300) & (lost / 300 < 0.35)).all()


@pytest.mark.parametrize('part, more', [('_leak', True), ('_cut_holes', False),
                                        ('_lose_ends', False)])
def test_each_flaw_adds_or_removes(part, more, monkeypatch):
    for name in ('_leak', '_cut_holes', '_lose_ends'):
        if name != part:
            monkeypatch.setattr(mask_degradation, name, lambda *_: None)
    monkeypatch.setattr(mask_degradation, '_wobble',
                        lambda area, *_: area > 0.5)
    changed = 0
    for seed in range(40):
        out = degrade_mask(person(), np.random.default_rng(seed), ENDS)
        added = ((out > 0) & (person() == 0)).sum()
        removed = ((out == 0) & (person() > 0)).sum()
        assert (removed if more else added) == 0
        changed += (added if more else removed) > 0
    assert 5 < changed < 36


def test_the_outline_alone_wobbles(monkeypatch):
    for name in ('_leak', '_cut_holes', '_lose_ends'):
        monkeypatch.setattr(mask_degradation, name, lambda *_: None)
    out = degrade_mask(person(), np.random.default_rng(0))
    wrong = out != person()
    near = cv2.dilate(person(), np.ones((9, 9))) != cv2.erode(
        person(), np.ones((9, 9)))
    assert 50 < wrong.sum()
    assert not (wrong & ~near).any()


def test_masks_at_the_border_and_small_ones():
    mask = person()[20:150, 80:130].copy()
    out = degrade_mask(mask, np.random.default_rng(1), ENDS - (80, 20))
    assert out.shape == mask.shape
    assert iou(mask, out) > 0.7
    dot = np.zeros((30, 30), np.uint8)
    dot[10, 10] = 255
    for seed in range(20):
        assert degrade_mask(dot, np.random.default_rng(seed)).any()
    empty = np.zeros((30, 30), np.uint8)
    assert not degrade_mask(empty, np.random.default_rng(0)).any()


def test_a_mask_that_is_a_lost_hand_is_kept():
    mask = np.zeros((30, 30), np.uint8)
    mask[10, 10] = 255
    ends = np.array([[10.0, 10]])
    for seed in range(200):
        out = degrade_mask(mask, np.random.default_rng(seed), ends)
        assert out.any()
