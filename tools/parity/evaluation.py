"""Golden 09: errors, the choice among hypotheses, the whole evaluation."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xas_mmpose.evaluation.functional import (
    ACTION_SETS,
    METRICS,
    Crops,
    ReferenceErrors,
    Views,
    auc_3d,
    exchange_left_right,
    joint_errors,
    pck_3d,
    pckh,
    pose_errors_2d,
    reference_action_mean,
    reference_errors,
    select_hypothesis,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .registry import Comparison, component

TOLERANCE = 2e-6
#: Their triangulation is solved in float32: mm.
TRIANGULATION = 0.25
PATCH = 256
FLIP, NUM = HUMAN36M_18.flip_indices, HUMAN36M_18.num_keypoints
#: Their names of the hypothesis rules and of the alignments.
RULES = {'best': 'oracle-joint', 'confident': 'top1'}
ALIGNMENTS = {'none': 'MPJPE', 'scale': 'N-MPJPE', 'procrustes': 'P-MPJPE'}


@component('evaluation', '09_evaluation.npz')
def check(c: Comparison) -> None:
    """Compare single errors, choices, and what they are put together to."""
    _check_errors(c)
    _check_exchange(c)
    _check_pckh(c)
    for mode, rule in RULES.items():
        _check_evaluation(c, mode, rule)


def _check_errors(c: Comparison) -> None:
    g = c.golden
    pred, target = g.double('m_pred'), g.double('m_gt')
    # Errors are differences of mm: what they are accurate to is the truth's.
    limit = TOLERANCE * np.abs(target).max()
    for name, metric in ALIGNMENTS.items():
        errors = joint_errors(pred, target, None, metric, root_index=None)
        c.within(f'mpjpe_{name}', errors, limit)
        # Their masked joints take part in an alignment, ours do not.
        c.within(f'mpjpe_partial_{name}', errors * g['m_mask_partial'],
                 limit)
        _check_share(c, f'pck_{name}', pck_3d, errors, limit,
                     want=g.double(f'pck_{name}').mean())
        _check_share(c, f'auc_{name}', auc_3d, errors, limit)
    c.within('mpjpe_partial_none', joint_errors(
        pred, target, g['m_mask_partial'], root_index=None), limit)
    c.within('procrustes_of_mirrored', joint_errors(
        target * [-1, 1, 1], target, None, 'P-MPJPE', root_index=None),
        limit)


def _check_share(c: Comparison, array: str,
                 share: Callable[[np.ndarray], np.ndarray],
                 errors: np.ndarray, limit: float, *,
                 want: np.ndarray | None = None) -> None:
    """Compare a percentage, as exactly as its errors (N, K) in mm are."""
    likely = share(np.maximum(errors - limit, 0)) - share(errors + limit)
    c.within(array, share(errors).mean(), likely.mean() + 100 * TOLERANCE,
             want=c.golden.double(array) if want is None else want)


def _check_exchange(c: Comparison) -> None:
    g = c.golden
    pred, target = g['sw_pred'], g['sw_gt']
    for name, rule in (('joint', 'per_joint'), ('all', 'per_pose')):
        poses, exchanged = exchange_left_right(pred, target, FLIP, rule)
        c.equal(f'sw_{name}_out', poses)
        if rule == 'per_pose':
            exchanged = exchanged[:, :1]
        c.equal(f'sw_{name}_is_switched', exchanged[..., None])
    sides = np.full((len(pred), 2), 2.0)
    c.close('per_act_mse', pose_errors_2d(
        pred[..., :2], target[..., :2], crop_size=sides), TOLERANCE)


def _check_pckh(c: Comparison) -> None:
    g = c.golden
    errors = np.linalg.norm(g.double('pckh_pred') - g.double('pckh_gt'),
                            axis=-1)
    for name, threshold in (('pckh', 0.5), ('pckh_01', 0.1)):
        c.close(name, pckh(errors, g['pckh_head'], threshold=threshold),
                TOLERANCE)


def _check_evaluation(c: Comparison, mode: str, rule: str) -> None:
    g = c.golden
    intrinsics = g.double('gt_k_mat')
    views = Views(intrinsics[..., [0, 1], [0, 1]], intrinsics[..., :2, 2],
                  g.double('gt_R'), g.double('gt_trans_world'))
    crops = Crops(g.double('gt_affine'), g.double('gt_pelvis')[..., 2],
                  (PATCH, PATCH))
    target = g.double('gt_norm_cams')
    _check_truth(c, views, crops)
    _check_choice(c, mode, rule)
    errors = reference_errors(g['pred'], target, views, crops, FLIP, rule)
    _check_by_action(c, mode, errors)
    for metric in METRICS:
        name = metric.lower()
        c.close(f'evm_{mode}_3d_{name}',
                errors.single[metric].mean(-1).sum(0), TOLERANCE)
        c.within(f'evm_{mode}_tri_{name}',
                 errors.triangulated[metric].mean(-1), TRIANGULATION)
    far = TOLERANCE * np.abs(g['gt_world']).max()
    for kind, figures, limit in (
            ('3d', errors.single['MPJPE'], far),
            ('tri', errors.triangulated['MPJPE'][None], TRIANGULATION)):
        for name, share in (('pck', pck_3d), ('auc', auc_3d)):
            # Theirs is a sum over the views.
            array = f'evm_{mode}_{kind}_{name}'
            _check_share(c, array, share, figures.reshape(-1, NUM), limit,
                         want=g.double(array) / len(figures))
        c.equal(f'evm_{mode}_{kind}_count', len(figures))
    number = errors.exchanged.sum(0)
    c.close(f'ev_{mode}_ambiguity_sum', np.minimum(
        number, len(errors.exchanged) - number).mean(), TOLERANCE)


def _check_truth(c: Comparison, views: Views, crops: Crops) -> None:
    g = c.golden
    camera = crops.to_camera(g.double('gt_norm_cams'), views)
    c.close('gt_world', views.to_world(camera)[0], TOLERANCE)
    patch = g.double('gt_joints_patch') / (PATCH - 1)
    c.close('gt_norm_cams', patch * [2, 2, 1] - [1, 1, 0], TOLERANCE)


def _check_choice(c: Comparison, mode: str, rule: str) -> None:
    target = c.golden['gt_norm_cams']
    pred, _ = exchange_left_right(c.golden['pred'], target[:, :, None], FLIP,
                                  'per_joint')
    chosen = np.stack([
        select_hypothesis(poses, np.ones(poses.shape[:3]), truth, rule,
                          root_index=None)
        for poses, truth in zip(pred, target)
    ])
    c.close(f'selected_{mode}', chosen, TOLERANCE)
    if mode == 'best':
        index = (pred == chosen[:, :, None]).all(-1).argmax(2)
        for view, choice in enumerate(index):
            c.equal(f'best_index_cam{view}', choice)


def _check_by_action(c: Comparison, mode: str,
                     errors: ReferenceErrors) -> None:
    """Compare sums and counts of each action, and the means over them."""
    g = c.golden
    names = [str(name) for name in g['act_names']]
    # Number 2 is the first one's.
    actions = [names[i - 2] for i in g['act_ids']]
    one_hot = np.array([[action == name for name in names]
                        for action in actions], np.float64)
    views = len(errors.error_2d)
    six = ACTION_SETS['authors-6']
    c.close(f'ev_{mode}_2d', errors.error_2d.sum(0) @ one_hot, TOLERANCE)
    c.equal(f'ev_{mode}_2d_count', views * one_hot.sum(0))
    for metric in METRICS:
        name = metric.lower()
        each = errors.single[metric].mean(-1)
        c.close(f'ev_{mode}_3d_{name}', each.sum(0) @ one_hot, TOLERANCE)
        c.within(f'ev_{mode}_tri_{name}',
                 errors.triangulated[metric].mean(-1) @ one_hot,
                 TRIANGULATION)
        c.equal(f'ev_{mode}_3d_count_{name}', views * one_hot.sum(0))
        c.equal(f'ev_{mode}_tri_count_{name}', one_hot.sum(0))
        for subset, kept in (('full', names), ('select', six)):
            c.close(f'ev_{mode}_{subset}_{name}',
                    reference_action_mean(each, actions, kept), TOLERANCE)
