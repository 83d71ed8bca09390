"""Shares of correct joints: 3DPCK and its AUC, PCKh."""
from __future__ import annotations

import numpy as np

#: Thresholds of the AUC in mm: 0, 5, ... 150, as in arXiv 1611.09813.
AUC_THRESHOLDS = np.linspace(0, 150, 31)


def pck_3d(errors: np.ndarray,
           visible: np.ndarray | None = None,
           threshold: float = 150.0) -> np.ndarray:
    """Return the share of joints that are nearer than a threshold.

    3DPCK of Mehta et al., arXiv 1611.09813: 150 mm is about half the size of
    a head. Which alignment comes before it is the choice of
    :func:`~xas_mmpose.evaluation.functional.joint_errors`.

    Args:
        errors: Error of each joint (N, K) in mm.
        visible: Non-zero where the truth is annotated (N, K), None for
            everywhere.
        threshold: Largest error in mm, which is itself too large.

    Returns:
        Percentage (N,) of the annotated joints of each pose.

    Raises:
        ValueError: If shapes do not fit, a pose has no annotated joint, an
            error that counts is not finite, or the threshold is not
            positive.
    """
    if threshold <= 0:
        raise ValueError(f'the threshold must be positive, got {threshold}')
    errors, mask = _checked(errors, visible)
    return _share(errors < threshold, mask)


def auc_3d(errors: np.ndarray,
           visible: np.ndarray | None = None) -> np.ndarray:
    """Return the mean 3DPCK over 31 thresholds from 0 to 150 mm.

    The first threshold is 0, which nothing is below: without any error the
    area is 96.8, not 100.

    Args:
        errors: Error of each joint (N, K) in mm, see :func:`pck_3d`.
        visible: Non-zero where the truth is annotated (N, K), or None.

    Returns:
        Percentage (N,) of each pose.

    Raises:
        ValueError: See :func:`pck_3d`.
    """
    errors, mask = _checked(errors, visible)
    return np.mean([_share(errors < threshold, mask)
                    for threshold in AUC_THRESHOLDS], axis=0)


def pckh(errors: np.ndarray,
         head_sizes: np.ndarray,
         visible: np.ndarray | None = None,
         threshold: float = 0.5) -> np.ndarray:
    """Return the share of joints that are right in the picture.

    Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of
    the Art Analysis", 2014: right is an error of at most a share of the head
    size.

    Args:
        errors: Distance of each joint (N, K) in px of the picture.
        head_sizes: Head sizes (N,) in px: MPII's is 0.6 times the diagonal
            of the head box, and what ``XasMpiiDataset`` carries.
        visible: Non-zero where the truth is annotated (N, K), or None.
        threshold: Share of the head size.

    Returns:
        Percentage (N,) of the annotated joints of each pose.

    Raises:
        ValueError: If shapes do not fit, a pose has no annotated joint, or
            an error that counts or a head size is not finite, or a head size
            not positive.

    Note:
        MPII's own server counts 14 of 16 joints, without the two in the
        middle of the trunk, and averages over the joints of the whole set:
        leave them out through ``visible``.
    """
    errors, mask = _checked(errors, visible)
    head_sizes = np.asarray(head_sizes, np.float64)
    if head_sizes.shape != errors.shape[:1]:
        raise ValueError(f'{len(errors)} poses need as many head sizes, got '
                         f'{head_sizes.shape}')
    if not (np.isfinite(head_sizes) & (head_sizes > 0)).all():
        raise ValueError('a head size is not a positive number')
    return _share(errors <= threshold * head_sizes[:, None], mask)


def _checked(errors: np.ndarray, visible: np.ndarray | None
             ) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 errors and a mask, or say what is wrong."""
    errors = np.asarray(errors, np.float64)
    mask = (np.ones(errors.shape, bool) if visible is None
            else np.asarray(visible) > 0)
    if errors.ndim != 2 or mask.shape != errors.shape:
        raise ValueError('errors and visible must both be (N, K), got '
                         f'{errors.shape} and {mask.shape}')
    if not mask.any(-1).all():
        raise ValueError(f'pose {int(np.argmin(mask.any(-1)))} has no '
                         'annotated joint: leave such frames out')
    bad = ~np.isfinite(errors) & mask
    if bad.any():
        pose, joint = np.argwhere(bad)[0]
        raise ValueError(f'the error of joint {joint} of pose {pose} is NaN '
                         'or infinite')
    return errors, mask


def _share(right: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the percentage (N,) of the joints that count."""
    return 100.0 * (right & mask).sum(-1) / mask.sum(-1)
