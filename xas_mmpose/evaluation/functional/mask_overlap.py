"""How well masks agree with true ones."""
from __future__ import annotations

import cv2
import numpy as np

#: Outlines this near are the same, as a share of the picture's diagonal: that
#: of the DAVIS benchmark (Perazzi et al., CVPR 2016).
BOUNDARY_TOLERANCE = 0.008
#: What is measured, in per cent.
MASK_SCORES = ('IoU', 'precision', 'recall', 'boundary')


def mask_scores(mask: np.ndarray, truth: np.ndarray,
                tolerance: float = BOUNDARY_TOLERANCE) -> dict[str, float]:
    """Compare a mask with the true one.

    ``precision`` is the share of the mask that is right, ``recall`` the share
    of the truth that it finds, ``IoU`` their intersection over their union,
    and ``boundary`` the F-measure of the outlines, as in the DAVIS
    benchmark: the harmonic mean of the shares of either outline that lie
    near the other.

    Args:
        mask: Foreground (H, W), bool.
        truth: True foreground (H, W), bool.
        tolerance: How near outlines must be, as a share of the diagonal; one
            pixel at least.

    Returns:
        Each of :data:`MASK_SCORES`, in per cent. All are 0 for an empty mask.

    Raises:
        ValueError: If the shapes differ, or the truth is empty.
    """
    mask, truth = np.asarray(mask) > 0, np.asarray(truth) > 0
    if mask.shape != truth.shape or mask.ndim != 2:
        raise ValueError(f'mask and truth are pictures (H, W) of one size, '
                         f'got {mask.shape} and {truth.shape}')
    if not truth.any():
        raise ValueError('the true mask is empty')
    if not mask.any():
        return dict.fromkeys(MASK_SCORES, 0.0)
    both = (mask & truth).sum()
    reach = max(1.0, tolerance * float(np.hypot(*mask.shape)))
    near = [_share_near(first, second, reach)
            for first, second in ((mask, truth), (truth, mask))]
    total = sum(near)
    shares = (both / (mask | truth).sum(), both / mask.sum(),
              both / truth.sum(), 2 * near[0] * near[1] / total if total
              else 0.0)
    return {name: 100 * float(share)
            for name, share in zip(MASK_SCORES, shares)}


def _share_near(first: np.ndarray, second: np.ndarray,
                reach: float) -> float:
    """Return the share of one outline within ``reach`` px of another's."""
    distance = cv2.distanceTransform(
        1 - _outline(second).astype(np.uint8), cv2.DIST_L2,
        cv2.DIST_MASK_PRECISE)
    return float((distance[_outline(first)] <= reach).mean())


def _outline(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask (H, W) that touch what is not in it."""
    # Outside the picture nothing is known: its edge is no outline, unless
    # the mask has no other.
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8),
                      borderType=cv2.BORDER_CONSTANT, borderValue=1)
    outline = mask & (inner == 0)
    return outline if outline.any() else mask
