"""Golden 09: errors and the choice among hypotheses."""
from __future__ import annotations

import numpy as np

from xas_mmpose.evaluation.functional import joint_errors, select_hypothesis
from xas_mmpose.skeletons import HUMAN36M_18

from .registry import Comparison, component

TOLERANCE = 2e-6


@component('evaluation', '09_evaluation.npz')
def check(c: Comparison) -> None:
    """Compare errors after each alignment, and chosen hypotheses."""
    g = c.golden
    pred, target = g.double('m_pred'), g.double('m_gt')
    # Errors are differences of mm: what they are accurate to is the truth's.
    limit = TOLERANCE * np.abs(target).max()
    for metric, name in (('MPJPE', 'none'), ('N-MPJPE', 'scale'),
                         ('P-MPJPE', 'procrustes')):
        c.within(f'mpjpe_{name}', joint_errors(
            pred, target, None, metric, root_index=None), limit)
    # Their masked joints take part in an alignment, ours do not.
    c.within('mpjpe_partial_none', joint_errors(
        pred, target, g['m_mask_partial'], root_index=None), limit)
    c.within('procrustes_of_mirrored', joint_errors(
        target * [-1, 1, 1], target, None, 'P-MPJPE', root_index=None),
        limit)
    _check_choice(c)


def _check_choice(c: Comparison) -> None:
    pred, target = c.golden['pred'], c.golden['gt_norm_cams']
    # They first exchange left and right joint by joint to suit the truth,
    # which this package never does.
    order = list(HUMAN36M_18.flip_indices)
    swapped = pred[..., order, :]
    kept, lost = (np.abs(poses - target[:, :, None])[..., :2].sum(
        -1, keepdims=True) for poses in (pred, swapped))
    pred = np.where(lost < kept, swapped, pred)
    for rule, name in (('oracle-joint', 'selected_best'),
                       ('top1', 'selected_confident')):
        c.close(name, [
            select_hypothesis(poses, np.ones(poses.shape[:3]), truth, rule,
                              root_index=None)
            for poses, truth in zip(pred, target)
        ], TOLERANCE)
