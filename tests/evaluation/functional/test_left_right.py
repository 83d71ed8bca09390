"""Left and right exchanged by the truth: closed forms and goldens."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional import (
    LEFT_RIGHT_RULES,
    ambiguity_ratio,
    exchange_left_right,
)
from xas_mmpose.skeletons import HUMAN36M_18

FLIP = HUMAN36M_18.flip_indices
PAIRED = np.array(FLIP) != np.arange(18)


@pytest.fixture
def target():
    """Return true poses (4, 18, 3)."""
    return np.random.default_rng(0).normal(0, 300, (4, 18, 3))


def test_a_mirrored_naming_is_forgiven_by_both_rules(target):
    wrong = target[:, list(FLIP)]
    kept, none = exchange_left_right(wrong, target, FLIP, 'none')
    np.testing.assert_array_equal(kept, wrong)
    assert not none.any()
    for rule in LEFT_RIGHT_RULES[1:]:
        poses, exchanged = exchange_left_right(wrong, target, FLIP, rule)
        np.testing.assert_array_equal(poses, target)
        assert exchanged[:, PAIRED].all()
    # What is right stays.
    for rule in LEFT_RIGHT_RULES:
        poses, exchanged = exchange_left_right(target, target, FLIP, rule)
        np.testing.assert_array_equal(poses, target)
        assert not exchanged.any()


def test_per_pose_is_all_or_nothing(target):
    pred = target.copy()
    # One arm of two is named wrong, in the second pose all is.
    pred[0, [13, 16]] = target[0, [16, 13]]
    pred[1] = target[1, list(FLIP)]
    poses, exchanged = exchange_left_right(pred, target, FLIP, 'per_pose')
    np.testing.assert_array_equal(poses[0], pred[0])
    np.testing.assert_array_equal(poses[1], target[1])
    assert exchanged.all(-1).tolist() == [False, True, False, False]
    poses, exchanged = exchange_left_right(pred, target, FLIP, 'per_joint')
    np.testing.assert_array_equal(poses, target)
    assert np.flatnonzero(exchanged[0]).tolist() == [13, 16]


def test_depth_has_no_say(target):
    pred = target.copy()
    pred[:, [1, 4], 2] = target[:, [4, 1], 2]
    for rule in LEFT_RIGHT_RULES:
        assert not exchange_left_right(pred, target, FLIP, rule)[1].any()


def test_hypotheses_share_a_truth(target):
    pred = np.stack([target, target[:, list(FLIP)]], 1)
    poses, exchanged = exchange_left_right(pred, target[:, None], FLIP,
                                           'per_joint')
    np.testing.assert_array_equal(poses, np.stack([target, target], 1))
    assert exchanged.any(-1).tolist() == [[False, True]] * 4


def test_hidden_joints_have_no_say(target):
    # Legs weigh more than arms.
    target[:, 11:17] *= 0.01
    pred = target.copy()
    pred[:, [13, 16]] = target[:, [16, 13]]
    pred[:, 1:7] = target[:, [4, 5, 6, 1, 2, 3]]
    visible = np.ones((4, 18))
    visible[:, 1:7] = 0
    truth = target.copy()
    truth[:, 1:7] = np.nan
    _, exchanged = exchange_left_right(pred, truth, FLIP, 'per_joint',
                                       visible)
    assert np.flatnonzero(exchanged[0]).tolist() == [13, 16]
    # The legs that would tip the scales are hidden, the arms are right.
    pred[:, 13] = target[:, 13]
    pred[:, 16] = target[:, 16]
    assert not exchange_left_right(pred, truth, FLIP, 'per_pose',
                                   visible)[1].any()
    assert exchange_left_right(pred, target, FLIP, 'per_pose')[1].all()


def test_the_authors_exchange(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = dict(arrays)
    for name, rule in (('joint', 'per_joint'), ('all', 'per_pose')):
        poses, exchanged = exchange_left_right(g['sw_pred'], g['sw_gt'], FLIP,
                                               rule)
        np.testing.assert_array_equal(poses, g[f'sw_{name}_out'])
        np.testing.assert_array_equal(
            exchanged, np.broadcast_to(g[f'sw_{name}_is_switched'][..., 0],
                                       exchanged.shape))
    exchanged = g['sw_joint_is_switched'].reshape(4, -1, 18)
    assert exchanged.any()
    # Theirs is a sum over batches (one) of a count of views.
    assert ambiguity_ratio(exchanged) == pytest.approx(
        g['ev_best_ambiguity_sum'] / 4)


def test_ambiguity_closed_form():
    exchanged = np.zeros((4, 3, 18), bool)
    assert ambiguity_ratio(exchanged, FLIP) == 0
    # All views agree: no ambiguity, whatever they say.
    exchanged[:, 0] = True
    assert ambiguity_ratio(exchanged, FLIP) == 0
    # One view of four, at two of twelve joints, in one frame of three.
    exchanged[1, 1, [13, 16]] = True
    assert ambiguity_ratio(exchanged, FLIP) == pytest.approx(
        2 / 12 / 4 / 3)
    assert ambiguity_ratio(exchanged) == pytest.approx(2 / 18 / 4 / 3)
    # Evenly divided at every pair: the most there can be.
    exchanged[:] = False
    exchanged[:2, :, PAIRED] = True
    assert ambiguity_ratio(exchanged, FLIP) == 0.5
    assert ambiguity_ratio(exchanged) == pytest.approx(1 / 3)


def test_ambiguity_of_hidden_joints():
    exchanged = np.zeros((2, 2, 18), bool)
    exchanged[0, 0, 13] = True
    visible = np.zeros((2, 18))
    assert ambiguity_ratio(exchanged, FLIP, visible) is None
    visible[0, [12, 13]] = 1
    assert ambiguity_ratio(exchanged, FLIP, visible) == 0.25
    visible[0, 13] = 0
    assert ambiguity_ratio(exchanged, FLIP, visible) == 0


def test_bad_input_is_refused(target):
    with pytest.raises(ValueError, match="unknown left/right rule 'joint'"):
        exchange_left_right(target, target, FLIP, 'joint')
    for pred, truth, flip in ((target[:, :17], target, FLIP),
                              (target, target, FLIP[:17]),
                              (target[0, 0], target[0, 0], FLIP)):
        with pytest.raises(ValueError, match='K flip indices'):
            exchange_left_right(pred, truth, flip, 'per_pose')
    with pytest.raises(ValueError, match='C >= 2 views'):
        ambiguity_ratio(np.zeros((1, 3, 18), bool))
    two = np.zeros((2, 3, 18), bool)
    with pytest.raises(ValueError, match=r'visible must be \(3, 18\)'):
        ambiguity_ratio(two, visible=np.ones((2, 18)))
    with pytest.raises(ValueError, match='17 flip indices'):
        ambiguity_ratio(two, FLIP[:17])
