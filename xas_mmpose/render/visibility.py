"""Which key points a picture shows."""
from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

#: Values of ``keypoints_visible``, COCO's.
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2


def keypoint_visibility(
        keypoints: np.ndarray,
        size: int,
        parts: np.ndarray,
        occluder: np.ndarray | None,
        keypoint_parts: Sequence[Collection[int]]) -> np.ndarray:
    """Tell visible, hidden and cut-off key points apart.

    Joints lie inside the body, so the surface in front of one always hides
    it. What counts is whose surface that is: a joint is hidden when another
    limb is the nearest thing at its pixel.

    A key point beside the silhouette counts as visible: nothing is in front
    of it, and a wrongly placed joint must not pass as a hidden one.

    Args:
        keypoints: Image points (K, 2) in px, pixel centres at whole numbers.
        size: Side of the square picture in px, S.
        parts: Part of the nearest surface at each pixel (S, S), uint8: 0
            where there is none, else the part's index + 1.
        occluder: Opacity (S, S) of what stands in front of the body, 0..1,
            or None. From one half on it hides.
        keypoint_parts: For each of the K key points, the indices of the
            parts that meet there.

    Returns:
        (K,) uint8: 0 outside the picture, 1 inside but hidden, 2 visible.

    Raises:
        ValueError: If sizes disagree.
    """
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.shape != (len(keypoint_parts), 2):
        raise ValueError(
            f'keypoints must be ({len(keypoint_parts)}, 2), one for each '
            f'entry of keypoint_parts, got {keypoints.shape}')
    for name, array in (('parts', parts), ('occluder', occluder)):
        if array is not None and array.shape != (size, size):
            raise ValueError(f'{name} must be ({size}, {size}), got '
                             f'{array.shape}')
    # A pixel is the area around its centre. (NaN is outside, too.)
    inside = ((keypoints >= -0.5) & (keypoints < size - 0.5)).all(1)
    visible = np.where(inside, VISIBLE, OUTSIDE).astype(np.uint8)
    for k in np.flatnonzero(inside):
        column, row = np.floor(keypoints[k] + 0.5).astype(int)
        part = int(parts[row, column]) - 1
        behind = occluder is not None and occluder[row, column] >= 0.5
        if behind or (part >= 0 and part not in keypoint_parts[k]):
            visible[k] = HIDDEN
    return visible
