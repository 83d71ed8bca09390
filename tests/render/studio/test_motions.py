"""Motions: smooth, sane, and a function of seed and time alone."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.studio.body_angles import CHANNELS
from xas_mmpose.render.studio.key_poses import ACTIONS
from xas_mmpose.render.studio.motions import REACH, Motion, Style

TIMES = np.arange(0, 24, 0.6)


def motion(action: str, seed: int = 0) -> Motion:
    return Motion(action, Style.draw(np.random.default_rng(seed)), [seed, 7])


@pytest.mark.parametrize('action', ACTIONS)
def test_joints_bend_the_right_way(action):
    poses = np.array([motion(action).at(t).pose for t in TIMES])
    assert (poses[:, 18, 1] <= 0).all()  # left elbow
    assert (poses[:, 19, 1] >= 0).all()  # right elbow
    assert (poses[:, [4, 5], 0] >= 0).all()  # knees
    assert (np.linalg.norm(poses[:, [4, 5, 18, 19]], axis=-1)
            < np.deg2rad(153)).all()
    assert np.abs(np.linalg.norm(poses, axis=-1)).max() < np.pi


@pytest.mark.parametrize('action', ['Walking', 'Discussion', 'Sitting',
                                    'WalkDog'])
def test_nothing_jumps(action):
    at = motion(action).at
    for t in TIMES:
        a, b = at(t), at(t + 1e-3)
        assert np.abs(a.pose - b.pose).max() < 0.05
        assert np.linalg.norm(a.place - b.place) < 4
        assert abs(a.heading - b.heading) % (2 * np.pi) < 0.02


def test_any_time_can_be_had_first():
    forward, other = motion('Posing'), motion('Posing')
    first = [forward.at(t).pose for t in (0.0, 3.0, 40.0)]
    for t, pose in zip((40.0, 0.0, 3.0), (first[2], first[0], first[1])):
        np.testing.assert_array_equal(other.at(t).pose, pose)


def test_people_differ_and_moments_differ():
    a, b = motion('Directions', 1), motion('Directions', 2)
    assert np.abs(a.at(2).pose - b.at(2).pose).max() > 0.1
    assert np.abs(a.at(2).pose - a.at(6).pose).max() > 0.1


@pytest.mark.parametrize('action', ACTIONS)
def test_everybody_stays_in_the_middle_of_the_room(action):
    for seed in range(4):
        places = np.array([motion(action, seed).at(t).place for t in TIMES])
        assert np.linalg.norm(places, axis=1).max() <= REACH


@pytest.mark.parametrize('seed', range(4))
def test_walkers_face_where_they_go_at_the_speed_of_their_steps(seed):
    walker = motion('Walking', seed)
    speed = (ACTIONS['Walking'].stride * walker.style.tempo * 0.9)
    for t in TIMES:
        moment = walker.at(t)
        step = walker.at(t + 0.01).place - moment.place
        ahead = np.array([np.cos(moment.heading), np.sin(moment.heading)])
        assert step @ ahead > 0.98 * np.linalg.norm(step)
        assert np.linalg.norm(step) / 0.01 == pytest.approx(speed, rel=0.03)


def test_a_stride_is_two_steps():
    walker = motion('Walking')
    period = 1 / (walker.style.tempo * 0.9)
    legs = [[walker.at(t).pose[[1, 2], 0] for t in np.linspace(s, s + period)]
            for s in (0, period)]
    # Hips only sway besides.
    np.testing.assert_allclose(legs[0], legs[1], atol=0.15)
    left, right = np.array(legs[0]).T
    assert np.corrcoef(left, right)[0, 1] < -0.7


def test_somebody_on_a_stool_keeps_their_place():
    sitting = motion('Sitting')
    moments = [sitting.at(t) for t in TIMES]
    places = np.array([moment.place for moment in moments])
    assert np.ptp(places, axis=0).max() < 60
    assert np.ptp([moment.heading for moment in moments]) < 0.4


def test_floor_postures_are_never_mixed():
    sitter = motion('SittingDown')
    knees = {tuple(np.round(sitter.at(t).pose[[4, 5], 0], 3))
             for t in np.arange(0, 30, 0.05)}
    # A few postures, not a continuum between them.
    assert 3 <= len(knees) < 20


def test_styles():
    style = Style.draw(np.random.default_rng(3))
    assert style.bearing.shape == (len(CHANNELS), )
    assert 0.8 < style.tempo < 1.25


def test_an_unknown_action_is_refused():
    with pytest.raises(ValueError, match="no action 'Flying'; there are Dir"):
        motion('Flying')


class _Raise:
    """Stands for a clearance that lifts the left arm."""

    def clear(self, channels: np.ndarray) -> np.ndarray:
        channels = channels.copy()
        channels[CHANNELS.index('left_arm.front')] = 170
        return channels


@pytest.mark.parametrize('action', ['Waiting', 'Walking'])
def test_the_clearance_has_the_last_word(action):
    style = Style.draw(np.random.default_rng(0))
    free = Motion(action, style, [0]).at(1.0).pose
    cleared = Motion(action, style, [0], _Raise()).at(1.0).pose
    assert np.abs(free[16] - cleared[16]).max() > 0.5
    np.testing.assert_array_equal(free[17], cleared[17])
