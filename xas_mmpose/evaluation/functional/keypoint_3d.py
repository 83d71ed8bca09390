"""Errors of 3D poses in mm, and the choice among several hypotheses."""
from __future__ import annotations

import numpy as np

from xas_mmpose.geometry.alignment import (
    align_procrustes,
    align_scale,
    center_on_root,
)

#: What is removed from a prediction before its error is taken.
METRICS = ('MPJPE', 'N-MPJPE', 'P-MPJPE')

#: Ways to pick one pose out of several, see :func:`select_hypothesis`.
HYPOTHESIS_RULES = ('top1', 'oracle', 'oracle-joint')


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
    pred, target, mask = _checked(pred, target, visible, root_index)
    if root_index is not None:
        pred = center_on_root(pred, root_index)
        target = center_on_root(target, root_index)
    errors = np.zeros(mask.shape)
    # Poses with the same joints are aligned together.
    patterns, group = np.unique(mask, axis=0, return_inverse=True)
    for i, joints in enumerate(patterns):
        poses = np.flatnonzero(group.reshape(-1) == i)
        cells = np.ix_(poses, np.flatnonzero(joints))
        source, wanted = pred[cells], target[cells]
        if metric == 'N-MPJPE':
            source = align_scale(source, wanted)
        elif metric == 'P-MPJPE':
            source = align_procrustes(source, wanted)
        errors[cells] = np.linalg.norm(source - wanted, axis=-1)
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


def select_hypothesis(hypotheses: np.ndarray,
                      scores: np.ndarray,
                      target: np.ndarray,
                      rule: str = 'top1',
                      visible: np.ndarray | None = None,
                      root_index: int | None = 0) -> np.ndarray:
    """Pick, or put together, one pose out of M hypotheses.

    - ``top1``: the first one; the head orders them by confidence. The only
      rule that a user without ground truth can follow.
    - ``oracle``: the one whole pose with the least ``MPJPE``.
    - ``oracle-joint``: per joint the nearest one. The authors' released
      evaluation does so; the outcome mixes hypotheses inside one pose and
      need not be a pose that was predicted.

    A joint may have fewer modes than M; a score of 0 says that a mode is
    missing. ``oracle-joint`` never takes a missing mode; for a joint without
    any it takes the first. In a whole pose such a joint stays what it is:
    this package's head repeats the joint's likeliest mode there, and no
    other value would fit the pose's own root. A hypothesis that is missing
    at every joint is never chosen and may hold anything; where all are, the
    first is taken.

    Args:
        hypotheses: Predicted poses (N, M, K, 3) in mm.
        scores: Confidence of each mode (N, M, K), 0 where it is missing.
        target: True poses (N, K, 3) in mm, read by the oracle rules.
        rule: One of :data:`HYPOTHESIS_RULES`.
        visible: Non-zero where the truth is annotated (N, K), or None. Other
            joints do not influence ``oracle``; ``oracle-joint`` takes their
            first mode that is there.
        root_index: Index of the root. Each hypothesis and the truth are
            centred on their own root first; None to compare as they are.

    Returns:
        Poses (N, K, 3) in mm, root-relative unless ``root_index`` is None.

    Raises:
        ValueError: If the rule is unknown, shapes do not fit, or a
            hypothesis that may be chosen holds NaN or infinity.
    """
    if rule not in HYPOTHESIS_RULES:
        raise ValueError(f'unknown hypothesis rule {rule!r}, choose from '
                         f'{HYPOTHESIS_RULES}')
    hypotheses = np.asarray(hypotheses, np.float64)
    scores = np.asarray(scores, np.float64)
    if hypotheses.ndim != 4 or scores.shape != hypotheses.shape[:3]:
        raise ValueError(
            'hypotheses must be (N, M, K, 3) and their scores (N, M, K), got '
            f'{hypotheses.shape} and {scores.shape}')
    if not np.isfinite(scores).all():
        raise ValueError('a hypothesis score is NaN or infinite')
    missing = scores <= 0
    # Hypotheses without any joint stand back for the first one with some.
    first = missing.all(-1).argmin(1)[:, None, None, None]
    poses = np.where(missing.all(-1)[..., None, None],
                     np.take_along_axis(hypotheses, first, 1), hypotheses)
    _, target, mask = _checked(poses[:, 0], target, visible, root_index)
    bad = ~np.isfinite(poses).all(-1) & mask[:, None]
    if bad.any():
        pose, hypothesis, joint = np.argwhere(bad)[0]
        raise ValueError(f'joint {joint} of hypothesis {hypothesis} of pose '
                         f'{pose} is NaN or infinite')
    num_poses, num_hypotheses = scores.shape[:2]
    errors = joint_errors(
        poses.reshape(-1, *poses.shape[2:]),
        np.repeat(target, num_hypotheses, axis=0),
        np.repeat(mask, num_hypotheses, axis=0),
        'MPJPE', root_index).reshape(scores.shape)
    if root_index is not None:
        poses = center_on_root(poses, root_index)
    if rule == 'top1':
        return poses[:, 0]
    if rule == 'oracle':
        return poses[np.arange(num_poses), errors.sum(-1).argmin(1)]
    # Where all are missing, argmin takes the first.
    choice = np.where(missing, np.inf, errors).argmin(1)[:, None, :, None]
    return np.take_along_axis(poses, choice, 1)[:, 0]


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


def _checked(pred: np.ndarray, target: np.ndarray,
             visible: np.ndarray | None, root_index: int | None
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return float64 poses and a boolean mask, or say what is wrong."""
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
    if root_index is not None and not mask[:, root_index].all():
        raise ValueError(
            f'the root (joint {root_index}) of pose '
            f'{int(np.argmin(mask[:, root_index]))} is not annotated: poses '
            'cannot be centred on it. Leave such frames out or choose '
            'another root_index')
    for name, poses in (('predicted', pred), ('true', target)):
        bad = ~np.isfinite(poses).all(-1) & mask
        if bad.any():
            pose, joint = np.argwhere(bad)[0]
            raise ValueError(f'joint {joint} of the {name} pose {pose} is '
                             'NaN or infinite')
    return pred, target, mask
