"""Left and right exchanged to suit the truth, and what that hides."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Who may exchange left and right, see :func:`exchange_left_right`.
LEFT_RIGHT_RULES = ('none', 'per_pose', 'per_joint')


def exchange_left_right(pred: np.ndarray,
                        target: np.ndarray,
                        flip_indices: Sequence[int],
                        rule: str = 'none',
                        visible: np.ndarray | None = None
                        ) -> tuple[np.ndarray, np.ndarray]:
    """Exchange left and right of predictions where that suits the truth.

    The pose, or each joint, whose mirror partner's ``|x| + |y|`` distance
    from the truth is strictly smaller takes the partner's place. The
    authors' released evaluation (arXiv 2411.13026) does so joint by joint; a
    pose with all pairs exchanged then scores 0. Only ``none`` is a rule that
    a user without ground truth can follow.

    Args:
        pred: Predicted poses (..., K, D), x and y first, any unit.
        target: True poses that broadcast to them, same frame.
        flip_indices: Mirror partner of each joint (K).
        rule: One of :data:`LEFT_RIGHT_RULES`.
        visible: Non-zero where the truth is annotated, broadcasting to
            (..., K); None for everywhere. Other joints do not influence
            ``per_pose`` and stay as they are with ``per_joint``.

    Returns:
        Poses of the shape of ``pred``, and which joints (..., K) were
        replaced; with ``per_pose`` all of a pose or none.

    Raises:
        ValueError: If the rule is unknown or the shapes do not fit.
    """
    if rule not in LEFT_RIGHT_RULES:
        raise ValueError(f'unknown left/right rule {rule!r}, choose from '
                         f'{LEFT_RIGHT_RULES}')
    pred = np.asarray(pred)
    target = np.asarray(target)
    if (pred.ndim < 2 or target.shape[-2:] != pred.shape[-2:]
            or len(flip_indices) != pred.shape[-2]):
        raise ValueError(
            'predictions and truth must be (..., K, D) with K flip indices, '
            f'got {pred.shape}, {target.shape} and {len(flip_indices)}')
    if rule == 'none':
        return pred, np.zeros(pred.shape[:-1], bool)
    swapped = pred[..., list(flip_indices), :]
    kept, other = (np.abs((poses - target)[..., :2]).sum(-1)
                   for poses in (pred, swapped))
    known = np.broadcast_to(
        True if visible is None else np.asarray(visible) > 0, kept.shape)
    if rule == 'per_joint':
        exchanged = (other < kept) & known
    else:
        # What is not annotated may hold anything.
        kept, other = (np.where(known, d, 0).sum(-1, keepdims=True)
                       for d in (kept, other))
        exchanged = np.broadcast_to(other < kept, known.shape)
    return np.where(exchanged[..., None], swapped, pred), exchanged


def ambiguity_ratio(exchanged: np.ndarray,
                    flip_indices: Sequence[int] | None = None,
                    visible: np.ndarray | None = None) -> float | None:
    """Return how much the views of a person disagree about left and right.

    Per joint, the number of views in the minority, over the number of views:
    0 where all views exchange the joint, or none does, 1/2 where they are
    divided evenly. Then the mean over joints and frames.

    Args:
        exchanged: Whether each of C views (C, N, K) exchanged the joint, see
            :func:`exchange_left_right` with rule ``per_joint``.
        flip_indices: Mirror partner of each joint (K): only joints with one
            count. None counts all, as the authors' released evaluation does:
            the six joints of the body's middle, which cannot be exchanged,
            then hold the ratio below 1/3.
        visible: Non-zero where a joint counts (N, K), None for everywhere.

    Returns:
        The ratio, 0 to 1/2; None where no joint counts.

    Raises:
        ValueError: If the shapes do not fit or there are fewer than two
            views.
    """
    exchanged = np.asarray(exchanged, bool)
    if exchanged.ndim != 3 or len(exchanged) < 2:
        raise ValueError('the ambiguity ratio needs exchanges (C, N, K) of '
                         f'C >= 2 views, got {exchanged.shape}')
    views, frames, joints = exchanged.shape
    counts = np.ones((frames, joints), bool)
    if visible is not None:
        visible = np.asarray(visible) > 0
        if visible.shape != counts.shape:
            raise ValueError(f'visible must be {counts.shape}, got '
                             f'{visible.shape}')
        counts &= visible
    if flip_indices is not None:
        if len(flip_indices) != joints:
            raise ValueError(f'{len(flip_indices)} flip indices do not fit '
                             f'{joints} joints')
        counts &= np.asarray(flip_indices) != np.arange(joints)
    number = exchanged.sum(0)
    minority = np.minimum(number, views - number) / views
    return float(minority[counts].mean()) if counts.any() else None
