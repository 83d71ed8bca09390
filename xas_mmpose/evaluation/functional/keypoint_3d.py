"""Errors of 3D poses in mm."""
from __future__ import annotations

import numpy as np

from xas_mmpose.geometry.alignment import (
    align_procrustes,
    align_scale,
    center_on_root,
)

#: What is removed from a prediction before its error is taken.
METRICS = ('MPJPE', 'N-MPJPE', 'P-MPJPE')

#: Poses that are aligned at a time.
_BLOCK = 2048


def joint_errors(pred: np.ndarray,
                 target: np.ndarray,
                 visible: np.ndarray | None = None,
                 metric: str = 'MPJPE',
                 root_index: int | None = 0) -> np.ndarray:
    """Return the error of each joint.

    ``MPJPE`` aligns the roots and nothing else, ``N-MPJPE`` a scale about the
    root as well, ``P-MPJPE`` scale, proper rotation and translation instead
    (a mirrored pose keeps its error). The scale of ``N-MPJPE`` is the least
    squares one and may be negative, as in the literature.

    Args:
        pred: Predicted poses (N, K, 3) in mm, any frame.
        target: True poses (N, K, 3) in mm, axes parallel to those of
            ``pred`` unless the metric is ``P-MPJPE``.
        visible: Non-zero where the truth is annotated (N, K); None for
            everywhere. Other joints neither take part in an alignment (in
            MMPose they do) nor count, and may hold anything.
        metric: One of :data:`METRICS`.
        root_index: Index of the root, None to align no roots.

    Returns:
        Errors (N, K) in mm, float64; 0 where the truth is not annotated.

    Raises:
        ValueError: If the metric is unknown, the shapes differ, a pose has
            no annotated joint or root, or a number that counts is NaN or
            infinite.
    """
    if metric not in METRICS:
        raise ValueError(f'unknown metric {metric!r}, choose from {METRICS}')
    pred, target, mask = checked_poses(pred, target, visible, root_index)
    errors = np.zeros(mask.shape)
    # A block's arrays stay in the processor's cache.
    for start in range(0, len(pred), _BLOCK):
        block = slice(start, start + _BLOCK)
        errors[block] = _block_errors(pred[block], target[block], mask[block],
                                      metric, root_index)
    return errors


def pose_errors(pred: np.ndarray,
                target: np.ndarray,
                visible: np.ndarray | None = None,
                metric: str = 'MPJPE',
                root_index: int | None = 0) -> np.ndarray:
    """Return the mean error over the annotated joints of each pose.

    Args:
        pred: Predicted poses (N, K, 3) in mm, see :func:`joint_errors`.
        target: True poses (N, K, 3) in mm.
        visible: Non-zero where the truth is annotated (N, K), or None.
        metric: One of :data:`METRICS`.
        root_index: Index of the root, None to align no roots.

    Returns:
        Errors (N,) in mm. With the roots aligned the root's own zero counts,
        as usual.

    Raises:
        ValueError: See :func:`joint_errors`.
    """
    errors = joint_errors(pred, target, visible, metric, root_index)
    if visible is None:
        return errors.mean(-1)
    return errors.sum(-1) / (np.asarray(visible) > 0).sum(-1)


def mean_pose_baseline(train_poses: np.ndarray,
                       test_poses: np.ndarray,
                       visible: np.ndarray | None = None,
                       root_index: int = 0) -> dict[str, float]:
    """Return the errors of predicting one constant pose.

    A detector that has learned anything about the picture beats them.

    Args:
        train_poses: Training poses (N', K, 3) in mm, camera frame; the mean
            of the root-centred poses is the prediction.
        test_poses: True poses (N, K, 3) in mm, camera frame.
        visible: Non-zero where the test truth is annotated (N, K), or None.
        root_index: Index of the root.

    Returns:
        Mean error over the test poses in mm of each of :data:`METRICS`.

    Raises:
        ValueError: If there are no training poses, or see
            :func:`joint_errors`.
    """
    train_poses = np.asarray(train_poses, np.float64)
    if len(train_poses) == 0:
        raise ValueError('the mean pose needs at least one training pose')
    mean = center_on_root(train_poses, root_index).mean(0)
    pred = np.broadcast_to(mean, (len(test_poses), *mean.shape))
    return {
        metric: float(
            pose_errors(pred, test_poses, visible, metric, root_index).mean())
        for metric in METRICS
    }


def checked_poses(pred: np.ndarray,
                  target: np.ndarray,
                  visible: np.ndarray | None = None,
                  root_index: int | None = None
                  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return float64 poses and a boolean mask, or say what is wrong.

    Args:
        pred: Predicted poses (N, K, 3).
        target: True poses (N, K, 3).
        visible: Non-zero where the truth is annotated (N, K), or None.
        root_index: Index of a joint that must be annotated, or None.

    Returns:
        Both poses, and whether each joint counts (N, K).

    Raises:
        ValueError: If the shapes differ, a pose has no annotated joint or
            root, or a number that counts is NaN or infinite.
    """
    pred = np.asarray(pred, np.float64)
    target = np.asarray(target, np.float64)
    if pred.ndim != 3 or pred.shape[-1] != 3 or pred.shape != target.shape:
        raise ValueError('predicted and true poses must both be (N, K, 3), '
                         f'got {pred.shape} and {target.shape}')
    if len(pred) == 0:
        raise ValueError('there are no poses to evaluate')
    mask = (np.ones(pred.shape[:2], bool) if visible is None
            else np.asarray(visible) > 0)
    if mask.shape != pred.shape[:2]:
        raise ValueError(f'visible must be {pred.shape[:2]}, got '
                         f'{mask.shape}')
    if not mask.any(-1).all():
        raise ValueError(f'pose {int(np.argmin(mask.any(-1)))} has no '
                         'annotated joint: leave such frames out')
    if root_index is not None:
        require_root(mask, root_index)
    for name, poses in (('predicted', pred), ('true', target)):
        bad = ~np.isfinite(poses).all(-1) & mask
        if bad.any():
            pose, joint = np.argwhere(bad)[0]
            raise ValueError(f'joint {joint} of the {name} pose {pose} is '
                             'NaN or infinite')
    return pred, target, mask


def require_root(visible: np.ndarray, root_index: int) -> None:
    """Raise ValueError unless the root of every pose is annotated.

    Args:
        visible: Non-zero where the truth is annotated (N, K).
        root_index: Index of the root.
    """
    known = np.asarray(visible)[:, root_index] > 0
    if not known.all():
        raise ValueError(
            f'the root (joint {root_index}) of pose {int(np.argmin(known))} '
            'is not annotated: poses cannot be centred on it. Leave such '
            'frames out or choose another root_index')


def _block_errors(pred: np.ndarray, target: np.ndarray, mask: np.ndarray,
                  metric: str, root_index: int | None) -> np.ndarray:
    """Return the errors (N, K) of checked poses."""
    if root_index is not None:
        pred = center_on_root(pred, root_index)
        target = center_on_root(target, root_index)
    if not mask.all():
        centre = metric == 'P-MPJPE'
        pred, target = (_neutral(poses, mask, centre)
                        for poses in (pred, target))
    apart = _aligned(pred, target, metric) - target
    return np.sqrt(np.einsum('nkc,nkc->nk', apart, apart)) * mask


def _neutral(poses: np.ndarray, mask: np.ndarray,
             centre: bool) -> np.ndarray:
    """Put joints that do not count where they bear on no alignment.

    At the centre of the others they move neither it nor a rotation or scale
    about it; at the origin they do not bear on a scale about the origin.
    """
    poses = np.where(mask[..., None], poses, 0)
    if not centre:
        return poses
    mean = poses.sum(-2) / mask.sum(-1, keepdims=True)
    return np.where(mask[..., None], poses, mean[:, None])


def _aligned(pred: np.ndarray, target: np.ndarray,
             metric: str) -> np.ndarray:
    """Return the predictions without what the metric forgives."""
    if metric == 'N-MPJPE':
        return align_scale(pred, target)
    if metric == 'P-MPJPE':
        return align_procrustes(pred, target)
    return pred
