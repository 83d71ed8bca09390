"""Several hypotheses of a pose: the choice among them, their spread."""
from __future__ import annotations

import numpy as np

from xas_mmpose.geometry.alignment import center_on_root

from .keypoint_3d import checked_poses, joint_errors

#: Ways to pick one pose out of several, see :func:`select_hypothesis`.
HYPOTHESIS_RULES = ('top1', 'oracle', 'oracle-joint')

#: Other names of the same rules.
SAME_RULE = {'oracle_pose': 'oracle', 'oracle_joint': 'oracle-joint'}


def select_hypothesis(hypotheses: np.ndarray,
                      scores: np.ndarray,
                      target: np.ndarray,
                      rule: str = 'top1',
                      visible: np.ndarray | None = None,
                      root_index: int | None = 0) -> np.ndarray:
    """Pick, or put together, one pose out of M hypotheses.

    - ``top1``: the first one; the head orders them by confidence, or ranks
      whole poses. The only rule that a user without ground truth can follow.
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
        rule: One of :data:`HYPOTHESIS_RULES`; ``oracle_pose`` and
            ``oracle_joint`` are other names of the last two.
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
    rule = SAME_RULE.get(rule, rule)
    if rule not in HYPOTHESIS_RULES:
        raise ValueError(f'unknown hypothesis rule {rule!r}, choose from '
                         f'{HYPOTHESIS_RULES}')
    hypotheses, missing = _checked_hypotheses(hypotheses, scores)
    # Hypotheses without any joint stand back for the first one with some.
    first = missing.all(-1).argmin(1)[:, None, None, None]
    poses = np.where(missing.all(-1)[..., None, None],
                     np.take_along_axis(hypotheses, first, 1), hypotheses)
    _, target, mask = checked_poses(poses[:, 0], target, visible, root_index)
    bad = ~np.isfinite(poses).all(-1) & mask[:, None]
    if bad.any():
        pose, hypothesis, joint = np.argwhere(bad)[0]
        raise ValueError(f'joint {joint} of hypothesis {hypothesis} of pose '
                         f'{pose} is NaN or infinite')
    num_poses, num_hypotheses = missing.shape[:2]
    errors = joint_errors(
        poses.reshape(-1, *poses.shape[2:]),
        np.repeat(target, num_hypotheses, axis=0),
        np.repeat(mask, num_hypotheses, axis=0),
        'MPJPE', root_index).reshape(missing.shape)
    if root_index is not None:
        poses = center_on_root(poses, root_index)
    if rule == 'top1':
        return poses[:, 0]
    if rule == 'oracle':
        return poses[np.arange(num_poses), errors.sum(-1).argmin(1)]
    # Where all are missing, argmin takes the first.
    choice = np.where(missing, np.inf, errors).argmin(1)[:, None, :, None]
    return np.take_along_axis(poses, choice, 1)[:, 0]


def hypothesis_diversity(hypotheses: np.ndarray,
                         scores: np.ndarray,
                         root_index: int | None = 0) -> np.ndarray:
    """Return the mean distance between two hypotheses of a pose.

    The average pairwise distance of diverse motion prediction (Yuan and
    Kitani, "DLow", arXiv 2003.08386, there the norm over a whole sequence),
    taken per joint so that it is in the mm of ``MPJPE``. It needs no truth,
    and says nothing about being right: read it beside an oracle's error.

    Args:
        hypotheses: Predicted poses (N, M, K, 3) in mm.
        scores: Confidence of each mode (N, M, K), 0 where it is missing. A
            hypothesis that is missing at every joint takes part in no pair
            and may hold anything; what stands at single missing joints
            counts, as it does in ``oracle``.
        root_index: Index of the root that each hypothesis is centred on;
            None to compare them as they are.

    Returns:
        Mean over the pairs and the joints (N,) in mm; 0 where there is but
        one hypothesis.

    Raises:
        ValueError: If the shapes do not fit, or a hypothesis that counts
            holds NaN or infinity.
    """
    hypotheses, missing = _checked_hypotheses(hypotheses, scores)
    there = ~missing.all(-1)
    hypotheses = np.where(there[..., None, None], hypotheses, 0)
    if not np.isfinite(hypotheses).all():
        pose, hypothesis = np.argwhere(
            ~np.isfinite(hypotheses).all((-2, -1)))[0]
        raise ValueError(f'hypothesis {hypothesis} of pose {pose} is NaN or '
                         'infinite')
    if root_index is not None:
        hypotheses = center_on_root(hypotheses, root_index)
    first, second = np.triu_indices(there.shape[1], 1)
    apart = np.linalg.norm(
        hypotheses[:, first] - hypotheses[:, second], axis=-1).mean(-1)
    pairs = there[:, first] & there[:, second]
    return (apart * pairs).sum(-1) / np.maximum(pairs.sum(-1), 1)


def _checked_hypotheses(hypotheses: np.ndarray, scores: np.ndarray
                        ) -> tuple[np.ndarray, np.ndarray]:
    """Return hypotheses in float64 and which modes (N, M, K) are missing."""
    hypotheses = np.asarray(hypotheses, np.float64)
    scores = np.asarray(scores, np.float64)
    if (hypotheses.ndim != 4 or hypotheses.shape[-1] != 3
            or scores.shape != hypotheses.shape[:3]):
        raise ValueError(
            'hypotheses must be (N, M, K, 3) and their scores (N, M, K), got '
            f'{hypotheses.shape} and {scores.shape}')
    if not np.isfinite(scores).all():
        raise ValueError('a hypothesis score is NaN or infinite')
    return hypotheses, scores <= 0
