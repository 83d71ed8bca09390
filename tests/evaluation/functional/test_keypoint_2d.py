"""Errors in the picture: closed forms, MMPose's own, goldens."""
from __future__ import annotations

import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_epe

from xas_mmpose.evaluation.functional import joint_errors_2d, pose_errors_2d


@pytest.fixture
def points():
    """Return predicted and true key points (5, 18, 2) in px."""
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 1000, (5, 18, 2))
    return target + rng.normal(0, 10, target.shape), target


def test_closed_form(points):
    _, target = points
    pred = target + np.array([3, 4])
    np.testing.assert_allclose(joint_errors_2d(pred, target), 5)
    # As shares of the crop's width and height.
    sides = np.tile([300.0, 200], (5, 1))
    np.testing.assert_allclose(
        pose_errors_2d(pred, target, crop_size=sides), np.hypot(0.01, 0.02))


def test_mean_is_mmposes(points):
    pred, target = points
    visible = np.random.default_rng(1).uniform(size=(5, 18)) < 0.7
    errors = joint_errors_2d(pred, target, visible)
    assert errors[visible].mean() == pytest.approx(
        keypoint_epe(pred, target, visible), rel=1e-6)
    assert (errors[~visible] == 0).all()
    np.testing.assert_allclose(
        pose_errors_2d(pred, target, visible),
        [e[v].mean() for e, v in zip(errors, visible)])


def test_hidden_joints_may_hold_anything(points):
    pred, target = points
    visible = np.ones((5, 18))
    visible[2, 4] = 0
    visible[3] = 0
    wanted = pose_errors_2d(pred, target, visible)
    pred[2, 4], target[3] = np.inf, np.nan
    np.testing.assert_array_equal(pose_errors_2d(pred, target, visible),
                                  wanted)
    assert np.flatnonzero(np.isnan(wanted)).tolist() == [3]


def test_the_authors_2d_error(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    # Their patch is 2 units wide.
    np.testing.assert_allclose(
        pose_errors_2d(g['sw_pred'][..., :2], g['sw_gt'][..., :2],
                       crop_size=np.full((12, 2), 2.0)),
        g['per_act_mse'], rtol=2e-6)


def test_bad_input_is_refused(points):
    pred, target = points
    with pytest.raises(ValueError, match=r'\(5, 17, 2\)'):
        joint_errors_2d(pred[:, :17], target)
    with pytest.raises(ValueError, match='visible must be'):
        joint_errors_2d(pred, target, np.ones((5, 17)))
    with pytest.raises(ValueError, match='positive sides'):
        joint_errors_2d(pred, target, crop_size=np.zeros((5, 2)))
    with pytest.raises(ValueError, match='positive sides'):
        joint_errors_2d(pred, target, crop_size=np.ones(2))
    pred[1, 3, 0] = np.nan
    with pytest.raises(ValueError, match='joint 3 of the predicted key'):
        joint_errors_2d(pred, target)
    with pytest.raises(ValueError, match='joint 3 of the true key'):
        joint_errors_2d(target, pred)
