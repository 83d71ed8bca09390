"""Whether a camera stands still, by the frames that it took."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

#: Longer side of the frames that are compared, px, and blocks along a side.
_SIDE, _BLOCKS = 384, 4
#: Frames that are compared.
_FRAMES = 20
#: Blocks that are smaller, px, or of less contrast, grey levels, tell nothing.
_SMALLEST, _CONTRAST = 32, 4.0
#: People cover up to so many of the blocks. The others are shifted by 0.15 px
#: and less where a camera stands still, by 0.34 and more where a hand holds
#: it.
_STILL, _SHIFT = 0.4, 0.25


def camera_moves(frames: Sequence[np.ndarray]) -> bool:
    """Say whether the camera seems to move while it films.

    Each frame is compared with the median of all, block by block: people
    shift some of the blocks, the camera shifts them all.

    Args:
        frames: Frames of one size (H, W, 3), BGR uint8.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, _FRAMES).astype(int))
    reduced = np.stack([_reduce(frames[i]) for i in chosen])
    background = np.median(reduced, 0).astype(np.float32)
    height, width = (n // _BLOCKS for n in background.shape)
    if min(height, width) < _SMALLEST:
        return False
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    shifts = []
    for top in range(0, _BLOCKS * height, height):
        for left in range(0, _BLOCKS * width, width):
            block = np.s_[top:top + height, left:left + width]
            if background[block].std() < _CONTRAST:
                continue
            # Copies: OpenCV multiplies its arguments by the window in place.
            shifts += [
                np.hypot(*cv2.phaseCorrelate(background[block].copy(),
                                             frame[block].copy(), window)[0])
                for frame in reduced]
    return bool(shifts) and float(np.quantile(shifts, _STILL)) > _SHIFT


def _reduce(frame: np.ndarray) -> np.ndarray:
    """Return a frame grey and small (h, w), float32."""
    scale = min(1.0, _SIDE / max(frame.shape))
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, None, fx=scale, fy=scale,
                      interpolation=cv2.INTER_AREA).astype(np.float32)
