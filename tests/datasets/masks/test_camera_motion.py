from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.masks.camera_motion import camera_moves

NUM = 12


def room() -> np.ndarray:
    """Return a wall (260, 420, 3) with things on it, larger than a frame."""
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(40, 220, (26, 42, 3), dtype=np.uint8),
                      (420, 260), interpolation=cv2.INTER_CUBIC)


def film(steps: np.ndarray) -> list[np.ndarray]:
    """Return what a camera sees that moves by ``steps`` (NUM, 2), px.

    Somebody who walks by hides a sixth of it.
    """
    frames = []
    for number, place in enumerate(np.cumsum(steps, 0)):
        affine = np.array([[1, 0, -20 - place[0]], [0, 1, -20 - place[1]]])
        frame = cv2.warpAffine(room(), affine, (360, 200))
        left = 20 * number
        frame[40:190, left:left + 60] = (20, 20, 20)
        frames.append(frame)
    return frames


def test_a_camera_on_a_tripod_stands_still():
    frames = film(np.zeros((NUM, 2)))
    rng = np.random.default_rng(1)
    noisy = [np.clip(f + rng.normal(0, 5, f.shape), 0, 255).astype(np.uint8)
             for f in frames]
    assert not camera_moves(frames)
    assert not camera_moves(noisy)
    assert not camera_moves(noisy[:3])


@pytest.mark.parametrize('steps', [
    np.random.default_rng(2).normal(0, 1.2, (NUM, 2)),  # a hand
    np.tile([1.5, 0.0], (NUM, 1)),  # a pan
])
def test_a_hand_or_a_pan_moves_it(steps: np.ndarray):
    assert camera_moves(film(steps))


def test_what_shows_nothing_tells_nothing():
    assert not camera_moves([np.full((200, 360, 3), 9, np.uint8)] * 3)
    assert not camera_moves([np.zeros((9, 9, 3), np.uint8)] * 3)
