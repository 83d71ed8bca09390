"""Errors in mm and hypothesis rules: closed forms and golden vectors."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xas_mmpose.evaluation.functional import (
    HYPOTHESIS_RULES,
    METRICS,
    joint_errors,
    mean_pose_baseline,
    pose_errors,
    select_hypothesis,
)
from xas_mmpose.geometry.alignment import align_procrustes


@pytest.fixture
def target():
    """Return true poses (4, 18, 3) in mm, absolute camera frame."""
    rng = np.random.default_rng(0)
    return rng.normal([100, 200, 5000], 300, (4, 18, 3))


def _about_root(poses, change):
    return change(poses - poses[:, :1]) + poses[:, :1]


def test_mpjpe_closed_form(target):
    pred = target + np.array([30, -40, 7000])
    # The roots are aligned: a shift costs nothing, whatever its size.
    np.testing.assert_allclose(pose_errors(pred, target), 0, atol=1e-9)
    np.testing.assert_allclose(
        pose_errors(pred, target, root_index=None),
        np.sqrt(30**2 + 40**2 + 7000**2))
    pred = target.copy()
    pred[1, 4] += [3, 0, 4]
    pred[2, 0] += [0, 0, 36]
    errors = joint_errors(pred, target)
    assert errors[1, 4] == pytest.approx(5)
    # A wrong root moves the 17 others, and has no error itself.
    np.testing.assert_allclose(errors[2], [0] + 17 * [36], atol=1e-9)
    np.testing.assert_allclose(pose_errors(pred, target),
                               [0, 5 / 18, 34, 0], atol=1e-9)


def test_n_mpjpe_forgives_a_scale_about_the_root(target):
    pred = _about_root(target, lambda x: 0.8 * x)
    np.testing.assert_allclose(pose_errors(pred, target, metric='N-MPJPE'), 0,
                               atol=1e-9)
    relative = np.linalg.norm(target - target[:, :1], axis=-1).mean(-1)
    np.testing.assert_allclose(pose_errors(pred, target), 0.2 * relative)


def test_known_rigid_transform_and_scale_score_zero(target):
    turn = Rotation.random(random_state=1).as_matrix()
    pred = 0.7 * target @ turn.T + [5, 6, 7]
    np.testing.assert_allclose(pose_errors(pred, target, metric='P-MPJPE'), 0,
                               atol=1e-9)
    assert pose_errors(pred, target, metric='N-MPJPE').min() > 50
    assert pose_errors(pred, target).min() > 50


def test_a_reflection_keeps_its_error(target):
    pred = target * [-1, 1, 1]
    assert pose_errors(pred, target, metric='P-MPJPE').min() > 50


def test_errors_are_ordered_by_what_they_forgive(target):
    pred = 1.1 * target + np.random.default_rng(3).normal(0, 60, target.shape)
    # Least squares is about squares, so compare those.
    squares = [(joint_errors(pred, target, metric=m)**2).sum(-1)
               for m in METRICS]
    assert (squares[0] > squares[1]).all()
    assert (squares[1] > squares[2]).all()


@pytest.mark.parametrize('metric', METRICS)
def test_hidden_joints_neither_align_nor_count(target, metric):
    rng = np.random.default_rng(2)
    pred = target + rng.normal(0, 60, target.shape)
    visible = np.ones((4, 18))
    visible[1, [3, 17]] = 0
    visible[3, 5] = 0
    errors = joint_errors(pred, target, visible, metric)
    assert (errors[visible == 0] == 0).all()
    for i in range(4):
        kept = visible[i] > 0
        alone = joint_errors(pred[i:i + 1, kept], target[i:i + 1, kept],
                             metric=metric)
        np.testing.assert_allclose(errors[i, kept], alone[0])
    np.testing.assert_allclose(
        pose_errors(pred, target, visible, metric),
        errors.sum(-1) / [18, 16, 18, 17])
    # They may hold anything, NaN included.
    target[1, 3] = np.nan
    pred[3, 5] = np.inf
    np.testing.assert_array_equal(
        joint_errors(pred, target, visible, metric), errors)


def test_p_mpjpe_against_a_plain_loop(target):
    pred = target + np.random.default_rng(2).normal(0, 60, target.shape)
    for i in range(4):
        aligned = align_procrustes(pred[i], target[i])
        wanted = [np.sqrt(((a - b)**2).sum())
                  for a, b in zip(aligned, target[i])]
        np.testing.assert_allclose(
            joint_errors(pred, target, metric='P-MPJPE')[i], wanted)


def test_the_authors_errors(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    pred, target = g['m_pred'], g['m_gt']
    tolerance = dict(rtol=0, atol=2e-6 * np.abs(target).max())
    for metric, key in (('MPJPE', 'none'), ('N-MPJPE', 'scale'),
                        ('P-MPJPE', 'procrustes')):
        np.testing.assert_allclose(
            joint_errors(pred, target, None, metric, root_index=None),
            g[f'mpjpe_{key}'], **tolerance)
    # Their masked joints take part in the alignment, ours do not.
    np.testing.assert_allclose(
        joint_errors(pred, target, g['m_mask_partial'], root_index=None),
        g['mpjpe_partial_none'], **tolerance)


def test_the_authors_choice_per_joint(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    flip = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13, 17]
    pred, target = g['pred'], g['gt_norm_cams']
    # They first exchange left and right joint by joint to suit the truth;
    # this package never does.
    truth = target[:, :, None]
    kept = np.abs(pred - truth)[..., :2].sum(-1, keepdims=True)
    swapped = np.abs(pred[..., flip, :] - truth)[..., :2].sum(
        -1, keepdims=True)
    pred = np.where(swapped < kept, pred[..., flip, :], pred)
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


def test_mean_pose_baseline_closed_form():
    # Two training poses whose hands are at -100 and 300 about their roots.
    train = np.array([[[7., 0, 0], [-93, 0, 0]], [[0., 5, 0], [300, 5, 0]]])
    test = np.array([[[1., 1, 1], [1, 1, 1]], [[0, 0, 9.], [160, 0, 9]]])
    baseline = mean_pose_baseline(train, test)
    assert list(baseline) == list(METRICS)
    # Mean hand at 100: errors 100 and 60, half of the joints are roots.
    assert baseline['MPJPE'] == pytest.approx(40)
    # A scale makes both right; so does a similarity, down to one point.
    assert baseline['N-MPJPE'] == pytest.approx(0, abs=1e-9)
    assert baseline['P-MPJPE'] == pytest.approx(0, abs=1e-9)
    hidden = mean_pose_baseline(train, test, np.array([[1, 0], [1, 1]]))
    assert hidden['MPJPE'] == pytest.approx((0 + 30) / 2)


def test_mean_pose_of_a_constant_set_is_right(target):
    constant = np.repeat(target[:1], 3, axis=0) + np.arange(3)[:, None, None]
    assert mean_pose_baseline(constant, constant)['MPJPE'] == pytest.approx(
        0, abs=1e-9)
    with pytest.raises(ValueError, match='at least one training pose'):
        mean_pose_baseline(target[:0], target)


def test_bad_poses_are_refused(target):
    with pytest.raises(ValueError, match="unknown metric 'PCK'"):
        joint_errors(target, target, metric='PCK')
    with pytest.raises(ValueError, match=r'\(4, 17, 3\)'):
        joint_errors(target[:, :17], target)
    with pytest.raises(ValueError, match='no poses'):
        joint_errors(target[:0], target[:0])
    with pytest.raises(ValueError, match='visible must be'):
        joint_errors(target, target, np.ones((4, 17)))
    visible = np.ones((4, 18))
    visible[2] = 0
    with pytest.raises(ValueError, match='pose 2 has no annotated joint'):
        joint_errors(target, target, visible)
    visible[2, 1:] = 1
    with pytest.raises(ValueError, match=r'root \(joint 0\) of pose 2'):
        joint_errors(target, target, visible)
    # Another root, or none, will do.
    assert joint_errors(target, target, visible, root_index=7).max() == 0
    assert joint_errors(target, target, visible, root_index=None).max() == 0


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_predictions_that_are_not_numbers_are_refused(target, value):
    pred = target.copy()
    pred[2, 5, 1] = value
    with pytest.raises(ValueError, match='joint 5 of the predicted pose 2'):
        pose_errors(pred, target)
    with pytest.raises(ValueError, match='joint 5 of the true pose 2'):
        pose_errors(target, pred)
    hypotheses, scores = _two_wrong(target)
    hypotheses[3, 1, 4, 0] = value
    with pytest.raises(ValueError,
                       match='joint 4 of hypothesis 1 of pose 3'):
        select_hypothesis(hypotheses, scores, target, 'top1')
    scores[0, 0, 0] = value
    with pytest.raises(ValueError, match='score'):
        select_hypothesis(hypotheses, scores, target, 'top1')


def test_bad_hypotheses_are_refused(target):
    hypotheses, scores = _two_wrong(target)
    with pytest.raises(ValueError, match="unknown hypothesis rule 'best'"):
        select_hypothesis(hypotheses, scores, target, 'best')
    with pytest.raises(ValueError, match=r'\(4, 2, 18\)'):
        select_hypothesis(hypotheses, scores[:, :2], target, 'top1')
    with pytest.raises(ValueError, match=r'\(3, 18, 3\)'):
        select_hypothesis(hypotheses, scores, target[:3], 'top1')
