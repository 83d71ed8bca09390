"""The order of depths: closed forms, a plain loop, rank correlation."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from xas_mmpose.evaluation.functional import depth_order_accuracy


@pytest.fixture
def target():
    """Return true poses (5, 18, 3) in mm."""
    return np.random.default_rng(0).normal([0, 0, 4000], 300, (5, 18, 3))


def test_closed_form():
    target, pred = np.zeros((1, 4, 3)), np.zeros((1, 4, 3))
    target[0, :, 2] = [0, 50, 200, 400]
    # Of six pairs one is within the margin: joints 0 and 1.
    pred[0, :, 2] = [1, 0, 7, 3]
    # Wrong is (2, 3) alone.
    np.testing.assert_allclose(depth_order_accuracy(pred, target), [80])
    np.testing.assert_allclose(
        depth_order_accuracy(pred, target, margin=0), [400 / 6])
    # The pair's difference must exceed the margin.
    np.testing.assert_allclose(
        depth_order_accuracy(pred, target, margin=200), [100])


def test_what_does_not_matter(target):
    pred = target + np.random.default_rng(1).normal(0, 200, target.shape)
    wanted = depth_order_accuracy(pred, target)
    assert wanted.min() > 50
    assert wanted.max() < 100
    for other in (pred + 5000, pred * [7, -1, 0.1]):
        np.testing.assert_allclose(depth_order_accuracy(other, target),
                                   wanted)


def test_ends_of_the_scale(target):
    np.testing.assert_allclose(depth_order_accuracy(target, target), 100)
    np.testing.assert_allclose(
        depth_order_accuracy(target * [1, 1, -1], target), 0)
    # A flat pose is a guess.
    np.testing.assert_allclose(
        depth_order_accuracy(target * [1, 1, 0], target), 50)


def test_without_margin_it_is_kendalls_tau(target):
    pred = target + np.random.default_rng(2).normal(0, 300, target.shape)
    accuracy = depth_order_accuracy(pred, target, margin=0)
    for i in range(5):
        tau = kendalltau(pred[i, :, 2], target[i, :, 2]).statistic
        assert accuracy[i] == pytest.approx(50 * (1 + tau))


def test_hidden_joints_are_in_no_pair(target):
    pred = target + np.random.default_rng(3).normal(0, 300, target.shape)
    visible = np.ones((5, 18))
    visible[1, 4:9] = 0
    visible[2, 1:] = 0
    accuracy = depth_order_accuracy(pred, target, visible)
    kept = visible[1] > 0
    assert accuracy[1] == pytest.approx(
        depth_order_accuracy(pred[1:2, kept], target[1:2, kept])[0])
    # One joint makes no pair.
    assert np.flatnonzero(np.isnan(accuracy)).tolist() == [2]
    pred[1, 5], target[1, 6] = np.nan, np.inf
    np.testing.assert_array_equal(
        depth_order_accuracy(pred, target, visible), accuracy)


def test_bad_input_is_refused(target):
    with pytest.raises(ValueError, match='margin starts at 0'):
        depth_order_accuracy(target, target, margin=-1)
    with pytest.raises(ValueError, match=r'\(5, 17, 3\)'):
        depth_order_accuracy(target[:, :17], target)
    pred = target.copy()
    pred[3, 2, 2] = np.nan
    with pytest.raises(ValueError, match='joint 2 of the predicted pose 3'):
        depth_order_accuracy(pred, target)
