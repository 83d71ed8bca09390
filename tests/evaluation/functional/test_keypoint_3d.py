"""Errors in mm: closed forms and golden vectors."""
from __future__ import annotations

import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_mpjpe
from scipy.spatial.transform import Rotation

from xas_mmpose.evaluation.functional import (
    METRICS,
    joint_errors,
    mean_pose_baseline,
    pose_errors,
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


@pytest.mark.parametrize('hidden', [False, True])
def test_p_mpjpe_of_many_poses_is_that_of_a_loop_with_scipy(hidden):
    rng = np.random.default_rng(7)
    # More poses than are aligned at a time, some of them mirrored.
    truth = rng.normal([0, 0, 4000], 300, (4500, 6, 3))
    pred = truth + rng.normal(0, 150, truth.shape)
    pred[::3] *= [-1, 1, 1]
    visible = np.ones((4500, 6), bool)
    if hidden:
        visible[:, 1:] = rng.uniform(size=(4500, 5)) < 0.8
        visible[:, 1:4] |= visible.sum(-1, keepdims=True) < 4
    errors = joint_errors(pred, truth, visible, 'P-MPJPE')
    for i in (0, 3, 4499, *rng.choice(4500, 150, replace=False)):
        seen = visible[i]
        source = pred[i, seen] - pred[i, seen].mean(0)
        wanted = truth[i, seen] - truth[i, seen].mean(0)
        # A proper rotation: scipy's Wahba solver knows no reflections.
        turn, _ = Rotation.align_vectors(wanted, source)
        turned = turn.apply(source)
        scale = (turned * wanted).sum() / (turned * turned).sum()
        np.testing.assert_allclose(
            errors[i, seen],
            np.linalg.norm(scale * turned - wanted, axis=-1), atol=1e-4)


def test_degenerate_poses_have_defined_errors(target):
    point = np.full_like(target, 5.0)
    # One point goes to the centre of the truth.
    spread = np.linalg.norm(target - target.mean(1, keepdims=True), axis=-1)
    np.testing.assert_allclose(
        joint_errors(point, target, metric='P-MPJPE'), spread)
    # Poses shrink to a truth that is one point.
    np.testing.assert_allclose(
        joint_errors(target, point, metric='P-MPJPE'), 0, atol=1e-9)
    # Straight and flat poses turn onto themselves.
    for keep in ([1, 0, 0], [1, 1, 0]):
        thin = target * keep
        turn = Rotation.random(random_state=4).as_matrix()
        np.testing.assert_allclose(
            joint_errors(0.5 * thin @ turn.T, thin, metric='P-MPJPE'), 0,
            atol=1e-6)
    # A flat pose is its own mirror image, turned over.
    flat = target * [1, 1, 0]
    np.testing.assert_allclose(
        joint_errors(flat * [-1, 1, 1], flat, metric='P-MPJPE'), 0,
        atol=1e-6)


def test_errors_are_mmposes(target):
    # MMPose takes a mask for averaging alone; all joints are seen here.
    pred = target + np.random.default_rng(2).normal(0, 60, target.shape)
    everything = np.ones((4, 18), bool)
    for metric, alignment in (('MPJPE', 'none'), ('N-MPJPE', 'scale'),
                              ('P-MPJPE', 'procrustes')):
        ours = joint_errors(pred, target, None, metric, root_index=None)
        theirs = keypoint_mpjpe(pred, target, everything, alignment)
        assert ours.mean() == pytest.approx(theirs, rel=1e-9)
