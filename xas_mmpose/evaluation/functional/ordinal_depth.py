"""Which of two joints is nearer: the order of depths."""
from __future__ import annotations

import numpy as np

from .keypoint_3d import checked_poses


def depth_order_accuracy(pred: np.ndarray,
                         target: np.ndarray,
                         visible: np.ndarray | None = None,
                         margin: float = 100.0) -> np.ndarray:
    """Return the share of joint pairs whose order in depth is right.

    Pavlakos et al., arXiv 1805.04095, and Ronchi et al., arXiv 1805.06880,
    label pairs of joints by which of the two is nearer to the camera. All
    pairs count whose true depths differ by more than the margin: joints at
    nearly the same depth have no order to tell. Equal predicted depths count
    one half, as in the concordance index (Harrell et al., "Evaluating the
    yield of medical tests", 1982), so that a flat pose scores the 50 % of a
    guess.

    Neither the root's place nor a positive scale of the depth matters.

    Args:
        pred: Predicted poses (N, K, 3), z away from the camera, any unit.
        target: True poses (N, K, 3), z away from the camera, in mm.
        visible: Non-zero where the truth is annotated (N, K), or None for
            everywhere.
        margin: Least difference of the true depths in mm.

    Returns:
        Percentage (N,) of the pairs of each pose; NaN where no pair counts.

    Raises:
        ValueError: If the shapes differ, a pose has no annotated joint, a
            number that counts is NaN or infinite, or the margin is negative.
    """
    if not margin >= 0:
        raise ValueError(f'the margin starts at 0 mm, got {margin}')
    pred, target, mask = checked_poses(pred, target, visible)
    # What does not count may hold anything, infinities included.
    depths = (np.where(mask, poses[..., 2], 0) for poses in (pred, target))
    first, second = np.triu_indices(mask.shape[1], 1)
    told, true = (depth[:, first] - depth[:, second] for depth in depths)
    counts = (np.abs(true) > margin) & mask[:, first] & mask[:, second]
    right = (1 + np.sign(told) * np.sign(true)) / 2
    number = counts.sum(-1)
    return np.divide(100 * (right * counts).sum(-1), number,
                     out=np.full(len(number), np.nan), where=number > 0)
