"""An animal's motion in the studio: its species' clips, and its own bearing.

The clips of the package's animals are some poses each, evenly spread over
the clip. Between two of them every joint turns evenly from one to the other.
An animal plays them at its own tempo, carries its neck and tail in its own
way, and looks about: so its poses are none of the clips'.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

#: Poses of each clip in the files of the package's animals, in their order,
#: for the two kinds of rigs: those with hooves fight in two ways.
_HOOVES = dict(headbutt=8, kick=8, eating=24, gallop=20, gallop_jump=16,
               idle=10, idle_2=14, idle_low=14, jump=10, walk=24)
_PAWS = dict(attack=8, eating=24, gallop=20, gallop_jump=16, idle=10,
             idle_2=14, idle_low=14, jump=10, walk=24)


@dataclass(frozen=True)
class Clip:
    """A clip as an action of the studio.

    Args:
        names: What the clip is called in a file with hooves, with paws.
        period: How long it takes, seconds.
        returns: Whether its end goes over into its start.
        turn: How fast the animal turns about meanwhile, radians a second.
    """

    names: tuple[str, str]
    period: float
    returns: bool = True
    turn: float = 0.0


#: The actions by name.
CLIPS = {
    'Attack': Clip(('headbutt', 'attack'), 0.9),
    'Eating': Clip(('eating', 'eating'), 3.2),
    'Gallop': Clip(('gallop', 'gallop'), 0.7, turn=0.5),
    'GallopJump': Clip(('gallop_jump', 'gallop_jump'), 1.0, turn=0.3),
    'Idle': Clip(('idle', 'idle'), 2.6),
    'IdleLookingRound': Clip(('idle_2', 'idle_2'), 3.4),
    'IdleHeadLow': Clip(('idle_low', 'idle_low'), 3.4),
    'Jump': Clip(('jump', 'jump'), 1.0, returns=False),
    'Walk': Clip(('walk', 'walk'), 1.3, turn=0.3),
}

#: Joints of SMAL that carry the head, and those of the tail.
_NECK, _TAIL = (15, 16), tuple(range(25, 32))
#: How far they are turned from the clip, degrees in all: standard deviation
#: up and down, to the sides.
_SPREADS = {_NECK: (7.0, 14.0), _TAIL: (14.0, 18.0)}
#: How far from the middle of the room the animal's middle goes, mm.
REACH = 300.0


@dataclass(frozen=True)
class AnimalStyle:
    """What is an animal's own in all actions.

    Args:
        tempo: Factor on speed.
        bearing: Added to how neck and tail are turned (2, 2), in units of
            their spread.
    """

    tempo: float
    bearing: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> AnimalStyle:
        """Draw an animal's style."""
        return cls(rng.uniform(0.85, 1.2), 0.5 * rng.normal(size=(2, 2)))


@dataclass(frozen=True)
class AnimalMoment:
    """An animal at one time.

    Args:
        pose: SMAL axis angles (35, 3), radians, against the heading.
        place: Place of its middle on the floor (2,), world mm.
        heading: Direction of its front, radians from the world's x towards
            its y.
    """

    pose: np.ndarray
    place: np.ndarray
    heading: float


class AnimalMotion:
    """A recording of one action by one animal.

    Args:
        action: Name of one of :data:`CLIPS`.
        poses: The species' poses (N, 3 J), clip by clip.
        style: The animal's.
        seed: What makes this recording, beside its action and style.

    Raises:
        ValueError: If there is no such action, or the poses are not those of
            the package's animals.
    """

    def __init__(self, action: str, poses: np.ndarray, style: AnimalStyle,
                 seed: Sequence[int]) -> None:
        if action not in CLIPS:
            raise ValueError(f'there is no action {action!r}; there are '
                             f'{", ".join(CLIPS)}')
        self.clip = CLIPS[action]
        self.style = style
        self._poses = clip_poses(action, poses)
        rng = np.random.default_rng(list(seed))
        self._start = rng.uniform(0, 1)
        self._heading = rng.uniform(-np.pi, np.pi)
        self._turn = self.clip.turn * rng.choice([-1, 1])
        angle = rng.uniform(0, 2 * np.pi)
        self._place = REACH * np.sqrt(rng.random()) * np.array(
            [np.cos(angle), np.sin(angle)])
        # Slow waves: of neck and tail, up and sidewards, and of the heading.
        self._frequencies = rng.uniform(0.4, 2.5, (5, 2))
        self._phases = rng.uniform(0, 2 * np.pi, (5, 2))

    def at(self, seconds: float) -> AnimalMoment:
        """Return the animal at a time from 0 on."""
        phase = self._start + seconds * self.style.tempo / self.clip.period
        waves = np.sin(self._frequencies * seconds + self._phases).sum(1)
        pose = self._at_phase(phase % 1.0)
        amounts = self.style.bearing + waves[:4].reshape(2, 2)
        for (joints, spread), (up, aside) in zip(_SPREADS.items(), amounts):
            # SMAL's y axis points to the animal's left: about it heads go
            # down; about z, which points up, to the left.
            share = np.array([0, up * spread[0], aside * spread[1]]) / len(
                joints)
            own = Rotation.from_rotvec(share, degrees=True)
            pose[list(joints)] = (
                own * Rotation.from_rotvec(pose[list(joints)])).as_rotvec()
        return AnimalMoment(
            pose, self._place,
            self._heading + self._turn * seconds + 0.3 * waves[4])

    def _at_phase(self, phase: float) -> np.ndarray:
        """Return the clip's pose (J, 3) at a part of it, 0..1."""
        num = len(self._poses)
        # A clip that does not return ends with its last pose.
        where = phase * (num if self.clip.returns else num - 1)
        before = int(where)
        pair = self._poses[[before, (before + 1) % num]]
        return np.stack([
            Slerp([0, 1], Rotation.from_rotvec(ends))(where - before)
            .as_rotvec() for ends in pair.transpose(1, 0, 2)])


def clip_poses(action: str, poses: np.ndarray) -> np.ndarray:
    """Return the poses of an action's clip.

    Args:
        action: Name of one of :data:`CLIPS`.
        poses: All poses of an animal of the package (N, 3 J).

    Returns:
        The clip's (n, J, 3).

    Raises:
        ValueError: If the poses are not those of the package's animals.
    """
    tables = {sum(table.values()): (kind, table)
              for kind, table in enumerate((_HOOVES, _PAWS))}
    if len(poses) not in tables:
        raise ValueError(f'{len(poses)} poses are not those of an animal of '
                         'the package')
    kind, table = tables[len(poses)]
    name = CLIPS[action].names[kind]
    start = sum(list(table.values())[:list(table).index(name)])
    return poses[start:start + table[name]].reshape(table[name], -1, 3)
