"""Backgrounds: range, kinds, and where their randomness comes from."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.background import KINDS, draw_background


@pytest.mark.parametrize('kind', KINDS)
def test_pictures_are_in_range_and_depend_on_the_seed(kind: str) -> None:
    first, again, other = (
        draw_background(48, np.random.default_rng(seed), kind)
        for seed in (1, 1, 2))
    assert first.shape == (48, 48, 3)
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def test_kinds_look_as_their_names_say() -> None:
    def variation(kind: str, axis: int) -> float:
        pictures = [draw_background(64, np.random.default_rng(s), kind)
                    for s in range(20)]
        return float(np.mean([np.abs(np.diff(p, axis=axis)).max()
                              for p in pictures]))

    assert variation('plain', 0) == variation('plain', 1) == 0
    # The edge between wall and floor is level; light changes slowly.
    assert variation('room', 1) < 0.02 < 0.1 < variation('room', 0)
    assert variation('clutter', 1) > 0.3 > variation('noise', 1) > 0.02


def test_every_kind_is_drawn() -> None:
    assert sum(KINDS.values()) == pytest.approx(1)
    rng = np.random.default_rng(0)
    plain = sum(np.ptp(draw_background(16, rng), axis=(0, 1)).max() == 0
                for _ in range(400))
    assert 400 * KINDS['plain'] * 0.6 < plain < 400 * KINDS['plain'] * 1.5


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="'beach'; there are plain, room"):
        draw_background(8, np.random.default_rng(0), 'beach')
