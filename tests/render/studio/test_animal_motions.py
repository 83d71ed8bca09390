"""Animals' motions: the clips' poses, joined, and a bearing of one's own."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xas_mmpose.body_models import clip_poses_of
from xas_mmpose.render.studio.animal_motions import (
    CLIPS,
    REACH,
    AnimalMotion,
    AnimalStyle,
    clip_poses,
)

PLAIN = AnimalStyle(1.0, np.zeros((2, 2)))
#: Joints that only the clips move.
OTHERS = [j for j in range(35) if j not in (15, 16, *range(25, 32))]


def degrees(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angles (J,) between the turns of two poses (J, 3)."""
    return np.degrees((Rotation.from_rotvec(first).inv()
                       * Rotation.from_rotvec(second)).magnitude())


@pytest.mark.parametrize('animal', ['bull', 'fox'])
def test_clips_share_all_poses_among_them(animal: str):
    poses = clip_poses_of(animal)
    lengths = {name: len(clip_poses(name, poses)) for name in CLIPS}
    assert lengths == dict(
        Attack=8, Eating=24, Gallop=20, GallopJump=16, Idle=10,
        IdleLookingRound=14, IdleHeadLow=14, Jump=10, Walk=24)
    # Those with hooves also kick.
    assert len(poses) - sum(lengths.values()) == 8 * (animal == 'bull')
    np.testing.assert_array_equal(
        clip_poses('Walk', poses)[-1].ravel(), poses[-1])


@pytest.mark.parametrize('animal', ['stag', 'wolf'])
@pytest.mark.parametrize('action', ['Walk', 'Gallop', 'Eating', 'Idle'])
def test_a_clip_is_smooth_within_and_over_its_end(animal: str, action: str):
    clip = clip_poses(action, clip_poses_of(animal))
    steps = np.array([degrees(a, b).mean()
                      for a, b in zip(clip, np.roll(clip, -1, 0))])
    assert steps.max() < 20
    assert steps[-1] < 2.5 * np.median(steps[:-1]) + 0.2


def test_motion_passes_through_the_clip_and_halfway_between():
    poses = clip_poses_of('bull')
    motion = AnimalMotion('Walk', poses, PLAIN, [0, 1])
    clip = clip_poses('Walk', poses)
    period = CLIPS['Walk'].period
    for step in (5, 5.5, 23.5):
        seconds = ((step / 24 - motion._start) % 1) * period
        pose = motion.at(seconds).pose[OTHERS]
        before, after = clip[int(step)], clip[(int(step) + 1) % 24]
        share = step % 1
        whole = degrees(before, after)[OTHERS]
        np.testing.assert_allclose(
            degrees(before[OTHERS], pose), share * whole, atol=1e-3)
        np.testing.assert_allclose(
            degrees(pose, after[OTHERS]), (1 - share) * whole, atol=1e-3)


def test_a_jump_does_not_return():
    poses = clip_poses_of('fox')
    motion = AnimalMotion('Jump', poses, PLAIN, [0, 1])
    clip = clip_poses('Jump', poses)
    just_before = ((0.999 - motion._start) % 1) * CLIPS['Jump'].period
    assert degrees(motion.at(just_before).pose[OTHERS],
                   clip[-1][OTHERS]).max() < 1


def test_neck_and_tail_leave_the_clip():
    poses = clip_poses_of('wolf')
    bearing = np.array([[1.0, 2.0], [0.0, -2.0]])
    plain, own = (AnimalMotion('Idle', poses, AnimalStyle(1.0, b), [3])
                  .at(1.0).pose for b in (np.zeros((2, 2)), bearing))
    moved = degrees(plain, own)
    # 7 degrees up and 28 aside in all, over two joints; 36 over seven.
    np.testing.assert_allclose(moved[[15, 16]], np.hypot(7, 28) / 2, rtol=0.2)
    np.testing.assert_allclose(moved[25:32], 36 / 7, rtol=0.2)
    np.testing.assert_allclose(moved[OTHERS], 0, atol=1e-6)


def test_a_recording_depends_on_its_seed_and_time_alone():
    poses = clip_poses_of('fox')
    first = AnimalMotion('Walk', poses, PLAIN, [1, 2])
    first.at(0.3)
    again = AnimalMotion('Walk', poses, PLAIN, [1, 2])
    np.testing.assert_array_equal(first.at(4.5).pose, again.at(4.5).pose)
    other = AnimalMotion('Walk', poses, PLAIN, [1, 3])
    assert abs(other.at(4.5).pose - again.at(4.5).pose).max() > 0.01
    # Walkers turn, one way or the other, and stay near the middle.
    turned = again.at(15.0).heading - again.at(0.0).heading
    assert abs(abs(turned) - 15 * CLIPS['Walk'].turn) < 1.3
    assert np.linalg.norm(again.at(15.0).place) <= REACH


def test_mistakes_are_named():
    poses = clip_poses_of('fox')
    with pytest.raises(ValueError, match="no action 'Fly'; there are Attack"):
        AnimalMotion('Fly', poses, PLAIN, [0])
    with pytest.raises(ValueError, match='139 poses are not those of an'):
        AnimalMotion('Walk', poses[1:], PLAIN, [0])
