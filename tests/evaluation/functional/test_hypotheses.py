"""Hypothesis rules and diversity: closed forms and golden vectors."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional import (
    HYPOTHESIS_RULES,
    exchange_left_right,
    hypothesis_diversity,
    joint_errors,
    pose_errors,
    select_hypothesis,
)
from xas_mmpose.skeletons import HUMAN36M_18


@pytest.fixture
def target():
    """Return true poses (4, 18, 3) in mm, absolute camera frame."""
    rng = np.random.default_rng(0)
    return rng.normal([100, 200, 5000], 300, (4, 18, 3))


def test_the_authors_choice_per_joint(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    pred, target = g['pred'], g['gt_norm_cams']
    # They first exchange left and right joint by joint to suit the truth.
    pred, _ = exchange_left_right(pred, target[:, :, None],
                                  HUMAN36M_18.flip_indices, 'per_joint')
    for camera in range(4):
        ones = np.ones(pred.shape[1:4])
        for rule, key in (('oracle-joint', 'selected_best'),
                          ('top1', 'selected_confident')):
            np.testing.assert_allclose(
                select_hypothesis(pred[camera], ones, target[camera], rule,
                                  root_index=None), g[key][camera],
                rtol=0, atol=1e-7)


def _two_wrong(target):
    """Return three hypotheses: each has other joints wrong."""
    hypotheses = np.repeat(target[:, None], 3, axis=1)
    hypotheses[:, 0, 1] += [0, 0, 90]
    hypotheses[:, 0, 2] += [0, 0, 90]
    hypotheses[:, 1, 1] += [0, 0, 40]
    hypotheses[:, 2, 3] += [0, 0, 180]
    return hypotheses, np.tile([[0.6], [0.3], [0.1]], (len(target), 1, 18))


def test_rules_pick_what_they_say(target):
    hypotheses, scores = _two_wrong(target)
    errors = {
        rule: pose_errors(
            select_hypothesis(hypotheses, scores, target, rule), target)
        for rule in HYPOTHESIS_RULES
    }
    np.testing.assert_allclose(errors['top1'], 180 / 18)
    np.testing.assert_allclose(errors['oracle'], 40 / 18)
    # No single hypothesis is right everywhere, the mixture is.
    np.testing.assert_allclose(errors['oracle-joint'], 0, atol=1e-9)


def test_oracle_is_one_of_the_poses_and_root_centred(target):
    hypotheses, scores = _two_wrong(target)
    # A wrong depth of the whole pose does not count against it.
    hypotheses[:, 1, :, 2] += 500
    chosen = select_hypothesis(hypotheses, scores, target, 'oracle')
    np.testing.assert_allclose(chosen,
                               hypotheses[:, 1] - hypotheses[:, 1, :1])
    as_is = select_hypothesis(hypotheses, scores, target, 'oracle',
                              root_index=None)
    np.testing.assert_array_equal(as_is, hypotheses[:, 0])


def test_oracle_takes_the_least_mean_not_the_least_maximum(target):
    hypotheses = np.repeat(target[:, None], 2, axis=1)
    hypotheses[:, 0, 1] += [0, 0, 90]
    hypotheses[:, 1, 2:] += [0, 0, 80]
    chosen = select_hypothesis(hypotheses, np.ones((4, 2, 18)), target,
                               'oracle')
    np.testing.assert_allclose(pose_errors(chosen, target), 90 / 18)


def test_oracle_ignores_hidden_joints(target):
    hypotheses, scores = _two_wrong(target)
    visible = np.ones((4, 18))
    visible[:, 3] = 0
    chosen = select_hypothesis(hypotheses, scores, target, 'oracle', visible)
    np.testing.assert_allclose(chosen,
                               hypotheses[:, 2] - hypotheses[:, 2, :1])
    target[:, 3] = np.nan
    joint = select_hypothesis(hypotheses, scores, target, 'oracle-joint',
                              visible)
    np.testing.assert_array_equal(
        joint[:, 3], hypotheses[:, 0, 3] - hypotheses[:, 0, 0])


def test_missing_modes_are_never_chosen_per_joint(target):
    hypotheses, scores = _two_wrong(target)
    # The one mode that would be right at joints 1 and 2 is missing.
    scores[:, 2, 1] = 0
    scores[:, 1:, 2] = 0
    joint = select_hypothesis(hypotheses, scores, target, 'oracle-joint')
    np.testing.assert_allclose(pose_errors(joint, target), (40 + 90) / 18)
    # A joint without any mode: the first, however wrong.
    scores[:, :, 1] = 0
    joint = select_hypothesis(hypotheses, scores, target, 'oracle-joint')
    np.testing.assert_allclose(pose_errors(joint, target), (90 + 90) / 18)


def test_a_whole_pose_keeps_what_its_missing_modes_hold(target):
    # The root has a second mode, 100 mm deeper, joint 5 has none: the head
    # repeats its first, so it is 100 mm nearer about the second root. The
    # first hypothesis's value would put it elsewhere.
    hypotheses = np.repeat((target - target[:, :1])[:, None], 2, axis=1)
    hypotheses[:, 1, 5, 2] -= 100
    hypotheses[:, 0, 3:, 0] += 500
    scores = np.ones((4, 2, 18))
    scores[:, 1, 5] = 0
    whole = select_hypothesis(hypotheses, scores, target, 'oracle')
    np.testing.assert_allclose(whole, hypotheses[:, 1])


def test_hypotheses_without_any_joint_are_never_chosen(target):
    hypotheses, scores = _two_wrong(target)
    wanted = {
        rule: select_hypothesis(hypotheses[:, ::2], scores[:, ::2], target,
                                rule) for rule in HYPOTHESIS_RULES
    }
    scores[:, 1] = 0
    for value in (np.nan, 0.0, target):
        hypotheses[:, 1] = value
        for rule in HYPOTHESIS_RULES:
            np.testing.assert_array_equal(
                select_hypothesis(hypotheses, scores, target, rule),
                wanted[rule])
    # The first one too, and some frames only.
    scores[:2, 0] = 0
    hypotheses[:2, 0] = np.nan
    top1 = select_hypothesis(hypotheses, scores, target, 'top1')
    np.testing.assert_array_equal(
        top1[:2], (hypotheses - hypotheses[:, :, :1])[:2, 2])
    np.testing.assert_array_equal(top1[2:], wanted['top1'][2:])


@pytest.mark.parametrize('rule', HYPOTHESIS_RULES)
def test_without_any_score_the_first_is_taken(target, rule):
    hypotheses, scores = _two_wrong(target)
    chosen = select_hypothesis(hypotheses, 0 * scores, target, rule)
    np.testing.assert_allclose(pose_errors(chosen, target), 180 / 18)


def test_oracle_never_loses_to_top1(target):
    rng = np.random.default_rng(5)
    hypotheses = target[:, None] + rng.normal(0, 100, (4, 3, 18, 3))
    scores = -np.sort(-rng.uniform(0, 1, (4, 3, 18)), axis=1)
    scores[:, 1:][rng.uniform(size=(4, 2, 18)) < 0.4] = 0
    top1, oracle, joint = (
        (joint_errors(select_hypothesis(hypotheses, scores, target, rule),
                      target)).mean(-1)
        for rule in HYPOTHESIS_RULES)
    assert (oracle <= top1).all()
    assert (joint < oracle).all()


def test_bad_hypotheses_are_refused(target):
    hypotheses, scores = _two_wrong(target)
    with pytest.raises(ValueError, match="unknown hypothesis rule 'best'"):
        select_hypothesis(hypotheses, scores, target, 'best')
    with pytest.raises(ValueError, match=r'\(4, 2, 18\)'):
        select_hypothesis(hypotheses, scores[:, :2], target, 'top1')
    with pytest.raises(ValueError, match=r'\(3, 18, 3\)'):
        select_hypothesis(hypotheses, scores, target[:3], 'top1')



@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_hypotheses_that_are_not_numbers_are_refused(target, value):
    hypotheses, scores = _two_wrong(target)
    hypotheses[3, 1, 4, 0] = value
    with pytest.raises(ValueError,
                       match='joint 4 of hypothesis 1 of pose 3'):
        select_hypothesis(hypotheses, scores, target, 'top1')
    scores[0, 0, 0] = value
    with pytest.raises(ValueError, match='score'):
        select_hypothesis(hypotheses, scores, target, 'top1')


def test_both_oracles_have_two_names(target):
    hypotheses, scores = _two_wrong(target)
    for name, other in (('oracle', 'oracle_pose'),
                        ('oracle-joint', 'oracle_joint')):
        np.testing.assert_array_equal(
            select_hypothesis(hypotheses, scores, target, name),
            select_hypothesis(hypotheses, scores, target, other))


def test_diversity_closed_form(target):
    hypotheses = np.repeat(target[:, None], 3, axis=1)
    hypotheses[:, 1, 5] += [0, 0, 36]
    hypotheses[:, 2, 6] += [0, 48, 0]
    ones = np.ones((4, 3, 18))
    # Pairs (0, 1), (0, 2), (1, 2) are 2, 48/18 and 2 + 48/18 mm apart.
    np.testing.assert_allclose(hypothesis_diversity(hypotheses, ones),
                               2 * (2 + 48 / 18) / 3)
    # A shift of a whole hypothesis is none about its root.
    shifted = hypotheses + 500 * np.arange(3)[:, None, None]
    np.testing.assert_allclose(hypothesis_diversity(shifted, ones),
                               hypothesis_diversity(hypotheses, ones))
    assert (hypothesis_diversity(shifted, ones, root_index=None) > 800).all()


def test_missing_hypotheses_are_in_no_pair(target):
    hypotheses = np.repeat(target[:, None], 3, axis=1)
    hypotheses[:, 1, 5] += [0, 0, 36]
    hypotheses[:, 2] = np.nan
    scores = np.ones((4, 3, 18))
    scores[:, 2] = 0
    # A mode that is missing at one joint repeats another: distance 0 counts.
    scores[:, 1, 7] = 0
    np.testing.assert_allclose(hypothesis_diversity(hypotheses, scores), 2)
    scores[2, 1] = 0
    np.testing.assert_allclose(hypothesis_diversity(hypotheses, scores),
                               [2, 2, 0, 2])
    np.testing.assert_array_equal(
        hypothesis_diversity(hypotheses[:, :1], scores[:, :1]), 0)
    scores[1, 2, 3] = 0.1
    with pytest.raises(ValueError, match='hypothesis 2 of pose 1 is NaN'):
        hypothesis_diversity(hypotheses, scores)
    with pytest.raises(ValueError, match=r'\(4, 3, 17\)'):
        hypothesis_diversity(hypotheses, scores[..., :17])
