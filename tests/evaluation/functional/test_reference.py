"""The authors' evaluation: goldens, and what it forgives."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional import (
    ACTION_SETS,
    METRICS,
    Crops,
    Views,
    ambiguity_ratio,
    reference_action_mean,
    reference_errors,
)
from xas_mmpose.skeletons import HUMAN36M_18

FLIP = HUMAN36M_18.flip_indices
RULES = {'best': 'oracle-joint', 'confident': 'top1'}


@pytest.fixture
def golden(goldens):
    """Return the arrays of golden 09."""
    with np.load(goldens / '09_evaluation.npz') as arrays:
        return dict(arrays)


@pytest.fixture
def views(golden):
    """Return four cameras of three frames."""
    inner = golden['gt_k_mat'].astype(np.float64)
    return Views(inner[..., [0, 1], [0, 1]], inner[..., :2, 2],
                 golden['gt_R'].astype(np.float64),
                 golden['gt_trans_world'].astype(np.float64))


@pytest.fixture
def crops(golden):
    """Return the crops of the same frames."""
    return Crops(golden['gt_affine'].astype(np.float64),
                 golden['gt_pelvis'][..., 2].astype(np.float64))


@pytest.mark.parametrize('mode', RULES)
def test_the_authors_numbers(golden, views, crops, mode):
    errors = reference_errors(golden['pred'], golden['gt_norm_cams'], views,
                              crops, FLIP, RULES[mode])
    names = [str(name) for name in golden['act_names']]
    actions = [names[i - 2] for i in golden['act_ids']]
    for metric in METRICS:
        name = metric.lower()
        each = errors.single[metric].mean(-1)
        np.testing.assert_allclose(
            each.sum(0), golden[f'evm_{mode}_3d_{name}'], atol=2e-3)
        # Their solver is float32.
        np.testing.assert_allclose(
            errors.triangulated[metric].mean(-1),
            golden[f'evm_{mode}_tri_{name}'], atol=0.25)
        for subset, kept in (('full', names),
                             ('select', ACTION_SETS['authors-6'])):
            assert reference_action_mean(each, actions, kept) == (
                pytest.approx(golden[f'ev_{mode}_{subset}_{name}'],
                              abs=1e-3))
    directions = [action == 'Directions' for action in actions]
    assert errors.error_2d[:, directions].sum() == pytest.approx(
        golden[f'ev_{mode}_2d'][0], rel=2e-6)
    assert ambiguity_ratio(errors.exchanged) == pytest.approx(
        golden[f'ev_{mode}_ambiguity_sum'] / 4)


def test_exchanged_pairs_and_mixed_hypotheses_are_forgiven(golden, views,
                                                           crops):
    target = golden['gt_norm_cams'].astype(np.float64)
    # All pairs exchanged, and no hypothesis right at more than a third of
    # the joints.
    hypotheses = np.repeat(target[:, :, None, list(FLIP)], 3, axis=2)
    for m in range(3):
        hypotheses[:, :, m, np.arange(18) % 3 != m, 2] += 0.2
    errors = reference_errors(hypotheses, target, views, crops, FLIP)
    # Each joint takes its partner's place, from the hypothesis that has it.
    assert errors.single['MPJPE'].max() < 1e-2
    assert errors.triangulated['MPJPE'].max() < 1e-2
    top1 = reference_errors(hypotheses, target, views, crops, FLIP, 'top1')
    assert top1.single['MPJPE'].mean() > 100
    # A wrong depth of the joint alone: its ray still meets the others'.
    assert top1.triangulated['MPJPE'].max() < 1e-2


def test_absent_actions_count_as_zero():
    errors = np.array([[10.0, 20, 60], [30, 40, 80]])
    actions = ['a', 'a', 'b']
    assert reference_action_mean(errors, actions, ['a', 'b']) == (25 + 70) / 2
    assert reference_action_mean(errors, actions, ['a', 'c']) == 25 / 2
    with pytest.raises(ValueError, match='2 actions do not fit'):
        reference_action_mean(errors, actions[:2], ['a'])


def test_bad_shapes_are_refused(golden, views, crops):
    with pytest.raises(ValueError, match=r'\(C, N, M, K, 3\)'):
        reference_errors(golden['pred'][:, :, 0], golden['gt_norm_cams'],
                         views, crops, FLIP)
    with pytest.raises(ValueError, match=r'\(C, N, M, K, 3\)'):
        reference_errors(golden['pred'], golden['gt_norm_cams'][:, :, :17],
                         views, crops, FLIP)
    with pytest.raises(ValueError, match='unknown hypothesis rule'):
        reference_errors(golden['pred'], golden['gt_norm_cams'], views,
                         crops, FLIP, 'best')
    pred = golden['pred'].copy()
    pred[0, 1, 2, 3] = np.nan
    with pytest.raises(ValueError, match='NaN'):
        reference_errors(pred, golden['gt_norm_cams'], views, crops, FLIP)
