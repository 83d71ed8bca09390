"""Shares of correct joints: closed forms, MMPose's own, goldens."""
from __future__ import annotations

import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_pck_accuracy

from xas_mmpose.evaluation.functional import (
    auc_3d,
    joint_errors,
    pck_3d,
    pckh,
)


def test_pck_closed_form():
    errors = np.array([[0, 149.9, 150, 151], [10, 20, 30, 1000]])
    # An error of the threshold itself is too large.
    np.testing.assert_allclose(pck_3d(errors), [50, 75])
    np.testing.assert_allclose(pck_3d(errors, threshold=25), [25, 50])
    visible = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_allclose(pck_3d(errors, visible), [100, 50])


def test_auc_closed_form():
    # An error of 72 mm is below the thresholds 75, 80, ... 150: 16 of 31.
    np.testing.assert_allclose(auc_3d(np.full((2, 5), 72.0)), 1600 / 31)
    np.testing.assert_allclose(auc_3d(np.full((1, 5), 75.0)), 1500 / 31)
    # Nothing is below 0.
    np.testing.assert_allclose(auc_3d(np.zeros((1, 5))), 3000 / 31)
    np.testing.assert_allclose(auc_3d(np.full((1, 5), 150.0)), 0)
    np.testing.assert_allclose(
        auc_3d(np.array([[72.0, 500]]), np.array([[1, 0]])), 1600 / 31)


def test_hidden_errors_may_be_anything():
    errors = np.array([[10, np.nan, np.inf]])
    visible = np.array([[1, 0, 0]])
    assert pck_3d(errors, visible).tolist() == [100]
    assert pckh(errors, np.array([30]), visible).tolist() == [100]


def test_pckh_closed_form():
    errors = np.array([[15, 15.1, 0, 40], [1, 2, 3, 4]])
    # An error of half the head itself is right, as MPII counts.
    np.testing.assert_allclose(pckh(errors, np.array([30, 5])), [50, 50])
    np.testing.assert_allclose(
        pckh(errors, np.array([30, 5]), threshold=0.1), [25, 0])


def test_pckh_is_mmposes():
    rng = np.random.default_rng(3)
    target = rng.uniform(0, 300, (20, 16, 2))
    pred = target + rng.normal(0, 12, target.shape)
    sizes = rng.uniform(20, 60, 20)
    visible = rng.uniform(size=(20, 16)) < 0.8
    ours = pckh(np.linalg.norm(pred - target, axis=-1), sizes, visible)
    for i in range(20):
        # Theirs is the mean over joints; of one person that is the share.
        _, theirs, _ = keypoint_pck_accuracy(
            pred[i:i + 1], target[i:i + 1], visible[i:i + 1], 0.5,
            np.full((1, 2), sizes[i]))
        assert ours[i] == pytest.approx(100 * theirs)


def test_the_authors_shares(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    for metric, key in (('MPJPE', 'none'), ('N-MPJPE', 'scale'),
                        ('P-MPJPE', 'procrustes')):
        errors = joint_errors(g['m_pred'], g['m_gt'], None, metric, None)
        np.testing.assert_allclose(pck_3d(errors),
                                   g[f'pck_{key}'].mean(-1), rtol=2e-6)
        assert auc_3d(errors).mean() == pytest.approx(g[f'auc_{key}'],
                                                      rel=2e-6)
    errors = np.linalg.norm(g['pckh_pred'] - g['pckh_gt'], axis=-1)
    np.testing.assert_allclose(pckh(errors, g['pckh_head']), g['pckh'])
    np.testing.assert_allclose(pckh(errors, g['pckh_head'], threshold=0.1),
                               g['pckh_01'])


def test_bad_input_is_refused():
    errors = np.ones((2, 5))
    for share in (pck_3d, auc_3d,
                  lambda e, v=None: pckh(e, np.ones(len(e)), v)):
        with pytest.raises(ValueError, match=r'\(2, 4\)'):
            share(errors, np.ones((2, 4)))
        with pytest.raises(ValueError, match='pose 1 has no annotated'):
            share(errors, np.array([[1] * 5, [0] * 5]))
        with pytest.raises(ValueError, match='joint 3 of pose 1 is NaN'):
            share(np.where(np.arange(10).reshape(2, 5) == 8, np.nan, errors))
        with pytest.raises(ValueError, match=r'\(5,\)'):
            share(errors[0])
    with pytest.raises(ValueError, match='threshold must be positive'):
        pck_3d(errors, threshold=0)
    with pytest.raises(ValueError, match='as many head sizes'):
        pckh(errors, np.ones(3))
    for size in (0, np.nan):
        with pytest.raises(ValueError, match='not a positive number'):
            pckh(errors, np.array([size, 1]))
