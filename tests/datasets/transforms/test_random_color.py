from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from xas_mmpose.datasets.transforms import RandomColorChange
from xas_mmpose.datasets.transforms.randomness import global_generators


@pytest.fixture
def image() -> np.ndarray:
    """Return a dark picture (24, 32, 3) in few colours, BGR."""
    rng = np.random.default_rng(0)
    cells = rng.integers(5, 95, (4, 4, 3), dtype=np.uint8)
    return cv2.resize(cells, (32, 24), interpolation=cv2.INTER_NEAREST)


def change(image: np.ndarray, seed: int, prob: float = 0.6) -> np.ndarray:
    before = image.copy()
    with global_generators(seed):
        result = RandomColorChange(prob)(dict(img=image))['img']
    assert np.array_equal(image, before)
    return result


def equalised(channel: np.ndarray) -> np.ndarray:
    """Return a channel with its histogram equalised, as Pillow does."""
    counts = np.bincount(channel.ravel(), minlength=256)
    step = (channel.size - counts[counts > 0][-1]) // 255
    table = (np.cumsum(counts) - counts + step // 2) // step
    return np.clip(table, 0, 255)[channel]


def kind_of(image: np.ndarray, changed: np.ndarray) -> str:
    """Say what happened to a picture, by other means than the transform."""
    if np.array_equal(image, changed):
        return 'none'
    if np.array_equal(image, 255 - changed):
        return 'invert'
    if all(np.array_equal(equalised(image[..., c]), changed[..., c])
           for c in range(3)):
        return 'equalise'
    # Fields of one colour stay so where colours alone change.
    fields = changed.reshape(4, 6, 4, 8, 3).swapaxes(1, 2)
    if (np.ptp(fields, axis=(2, 3)) == 0).all():
        return 'jitter'
    kept = np.abs(changed.mean((0, 1)) - image.mean((0, 1))).max()
    assert kept < 4
    return 'blur'


def test_each_happens_as_often_as_it_should(image: np.ndarray):
    num = 600
    kinds = Counter(kind_of(image, change(image, i)) for i in range(num))
    assert abs(kinds['none'] / num - 0.4) < 0.06
    for kind in ('jitter', 'equalise', 'blur', 'invert'):
        assert abs(kinds[kind] / num - 0.15) < 0.05, kind
    assert all(kind_of(image, change(image, i, 0)) == 'none'
               for i in range(9))
    assert all(kind_of(image, change(image, i, 1)) != 'none'
               for i in range(9))


def test_the_same_seed_gives_the_same_bytes(image: np.ndarray):
    for seed in range(12):
        first, second = (change(image, seed, 1) for _ in range(2))
        assert np.array_equal(first, second)
        assert first.dtype == np.uint8
        assert first.shape == image.shape
        assert first.flags.c_contiguous


def test_jitter_keeps_to_its_limits():
    grey = np.full((8, 8, 3), 80, np.uint8)
    results = [change(grey, seed, 1) for seed in range(200)]
    # Of a grey picture only brightness changes: half of it either way (the
    # negative, 175, aside; equalised and blurred it stays as it is).
    levels = {int(r[0, 0, 0]) for r in results} - {175}
    assert min(levels) >= 40
    assert max(levels) <= 120
    assert len(levels) > 20
    # Saturation and hue of a red one: blue never comes first.
    red = np.full((8, 8, 3), (20, 30, 220), np.uint8)
    hues = [cv2.cvtColor(change(red, seed, 1)[:1, :1], cv2.COLOR_BGR2HSV
                         )[0, 0, 0] * 2 for seed in range(200)]
    turned = [min(abs(h - 3), 360 - abs(h - 3)) for h in map(int, hues)]
    assert sorted(turned)[-1] >= 170  # the negative
    jittered = [t for t in turned if t < 170]
    assert 90 < max(jittered) < 0.3 * 360 + 6


def test_the_blur_is_five_wide_and_nine_high():
    point = np.zeros((31, 31, 3), np.uint8)
    point[15, 15] = 255
    extents = set()
    for seed in range(80):
        result = change(point, seed, 1)
        if 0 < result[15, 15, 0] < 120:  # not jitter, which keeps the point
            rows, columns = np.nonzero(result[..., 0])
            extents.add((int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1))
    assert max(extents) == (5, 9)
    assert {width for width, _ in extents} <= {3, 5}


def test_it_is_registered_and_checked():
    assert repr(TRANSFORMS.build(dict(type='RandomColorChange', prob=0.3))
                ) == 'RandomColorChange(prob=0.3)'
    with pytest.raises(ValueError, match=r'probability, got 1\.5'):
        RandomColorChange(1.5)
