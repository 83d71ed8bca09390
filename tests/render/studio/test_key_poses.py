"""The tables of key poses."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.studio.body_angles import HIGHEST, LOWEST, posture
from xas_mmpose.render.studio.key_poses import ACTIONS, GAIT


def test_actions_are_those_of_human36m():
    assert list(ACTIONS) == [
        'Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning', 'Photo',
        'Posing', 'Purchases', 'Sitting', 'SittingDown', 'Smoking', 'Waiting',
        'WalkDog', 'Walking', 'WalkTogether']


@pytest.mark.parametrize('name', ACTIONS)
def test_key_poses_are_within_the_limits_of_joints(name):
    action = ACTIONS[name]
    assert len(action.keys) >= 5
    for pose in (*action.keys, *action.stances):
        channels = posture(pose)
        assert (channels >= LOWEST).all()
        assert (channels <= HIGHEST).all()


def test_legs_come_in_pairs():
    for action in ACTIONS.values():
        for pose in (*action.keys, *action.stances):
            assert ('left_leg' in pose) == ('right_leg' in pose)


def test_walkers_walk_and_sitters_have_a_stool():
    assert {n for n, a in ACTIONS.items() if a.stride} == {
        'WalkDog', 'Walking', 'WalkTogether'}
    assert {n for n, a in ACTIONS.items() if a.on_stool} == {
        'Eating', 'Sitting'}


def test_a_leg_is_ahead_at_touch_and_behind_before_it_swings():
    front, knee, _ = np.array(GAIT).T
    assert front.argmin() in (3, 4)
    assert front[0] > 20
    assert knee.argmax() == 5  # while it swings
