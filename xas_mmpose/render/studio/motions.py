"""Somebody's motion in the studio: a posture and a place at any time.

Key poses follow each other at uneven times and are joined smoothly; slow
waves keep everybody from ever standing still. Walkers go round a closed path
with their steps in time with the way they cover. All of it depends on the
seed and the time alone: any frame can be had without those before it.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .body_angles import CHANNELS, STANDING, mirrored, posture, smpl_pose
from .clearance import ArmClearance
from .key_poses import ACTIONS, GAIT, Action, KeyPose

#: How far from the middle of the room roots go, mm.
REACH = 1300.0

#: Streams of a recording's random numbers.
_TRAIT, _ORDER, _KEY, _STANCE = range(4)

#: Standard deviation of each angle of a group about its key pose, degrees.
_SPREADS = {
    'pelvis': (1.5, 1, 2), 'spine': (3, 2.5, 4), 'head': (5, 8, 3),
    'arm': (5, 4, 6, 6, 8), 'leg': (1, 1, 3, 1.5, 0.5),
}
_SPREAD = np.concatenate([
    _SPREADS[group] for group in ('pelvis', 'spine', 'head', 'arm', 'arm',
                                  'leg', 'leg')])
#: Channels of the feet: these stay flat as long as they can.
_SOLES = np.array([name.endswith('.sole') for name in CHANNELS])
#: Channels that sway all the time: not those that would lift a foot.
_SWAYING = np.array([
    not name.endswith(('leg.front', 'leg.knee', 'leg.sole'))
    for name in CHANNELS])
#: Channels that a person's vigour scales: not what carries the weight.
_UPPER = np.array(['_leg' not in name and 'pelvis' not in name
                   for name in CHANNELS])
_WAVES = 3
_STEPS_A_SECOND = 0.9  # double steps


@dataclass(frozen=True)
class Style:
    """What is a person's own in all actions.

    Args:
        tempo: Factor on speed.
        vigour: Factor on how far arms and trunk leave standing.
        bearing: Added to every posture (C,), degrees.
    """

    tempo: float
    vigour: float
    bearing: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Style:
        """Draw a person's style."""
        return cls(rng.uniform(0.85, 1.2), rng.uniform(0.92, 1.06),
                   rng.normal(size=len(CHANNELS)) * 0.4 * _SPREAD)


@dataclass(frozen=True)
class Moment:
    """A person at one time.

    Args:
        pose: SMPL axis angles (24, 3), radians, against the heading.
        place: Place of the root on the floor (2,), world mm.
        heading: Direction of the person's front, radians from the world's
            x towards its y.
    """

    pose: np.ndarray
    place: np.ndarray
    heading: float


class Motion:
    """A recording of one action by one person.

    Args:
        action: Name of one of :data:`~.key_poses.ACTIONS`.
        style: The person's.
        seed: What makes this recording, beside its action and style.
        clearance: Keeps arms out of the body; None lets them be.

    Raises:
        ValueError: If there is no such action.
    """

    def __init__(self, action: str, style: Style,
                 seed: Sequence[int],
                 clearance: ArmClearance | None = None) -> None:
        if action not in ACTIONS:
            raise ValueError(f'there is no action {action!r}; there are '
                             f'{", ".join(ACTIONS)}')
        self.action: Action = ACTIONS[action]
        self.style = style
        self._seed = list(seed)
        self._clear = clearance.clear if clearance else (lambda same: same)
        rng = self._rng(_TRAIT)
        self._left_handed = rng.random() < 0.35
        self._waves = _Waves(rng, len(CHANNELS))
        self._drift = _Waves(rng, 3)
        angle = rng.uniform(0, 2 * np.pi)
        self._place = REACH * 0.55 * np.sqrt(rng.random()) * np.array(
            [np.cos(angle), np.sin(angle)])
        self._heading = rng.uniform(-np.pi, np.pi)
        self._path = _Path.draw(rng)

    def at(self, seconds: float) -> Moment:
        """Return the person at a time from 0 on."""
        channels = self._key_posture(seconds)
        waves = 0.4 * _SPREAD * self._waves.at(seconds)
        channels = channels + _SWAYING * (waves + self.style.bearing)
        drift = self._drift.at(seconds)
        if self.action.stride:
            return self._walk(seconds, channels)
        # A stool keeps its place.
        still = 0.08 if self.action.on_stool else 1.0
        return Moment(
            pose=smpl_pose(self._clear(channels)),
            place=self._place + still * 110 * drift[:2],
            heading=self._heading + still * 0.7 * drift[2])

    def _rng(self, *stream: int) -> np.random.Generator:
        """Return a generator of its own for a part of the recording."""
        return np.random.default_rng([*self._seed, *stream])

    def _key_posture(self, seconds: float) -> np.ndarray:
        """Return the channels (C,) between the key poses around a time."""
        # Key k is at k +- 0.3 periods; counted from 2, so that none before
        # the start is negative.
        now = seconds * self.style.tempo / self.action.period + 2
        k = int(now) - 1
        while self._key_time(k + 1) <= now:
            k += 1
        start, end = self._key_time(k), self._key_time(k + 1)
        share = np.clip(((now - start) / (end - start) - 0.1) / 0.8, 0, 1)
        if self.action.cuts:
            share = np.round(share)
        share = share * share * (3 - 2 * share)
        start, end = self._key(k), self._key(k + 1)
        weights = np.where(_SOLES & (end > start), share**3, np.where(
            _SOLES, 1 - (1 - share)**3, share))
        return start + weights * (end - start)

    def _key_time(self, k: int) -> float:
        """Return when key k is reached, in periods."""
        return k + self._rng(_KEY, k).uniform(-0.3, 0.3)

    def _key(self, k: int) -> np.ndarray:
        """Return the channels (C,) of key k."""
        keys, stances = self.action.keys, self.action.stances
        # All key poses come once before one comes again.
        turn, place = divmod(k, len(keys))
        key = keys[self._rng(_ORDER, turn).permutation(len(keys))[place]]
        rng = self._rng(_KEY, k)
        rng.random()  # the key's time
        if 'left_leg' not in key:
            stance = self._rng(_STANCE, k // 2).integers(len(stances))
            key = {**stances[stance], **key}
        channels = self._own(key) + _SPREAD * rng.normal(size=len(CHANNELS))
        switched = self.action.switches and rng.random() < 0.5
        return (mirrored(channels) if self._left_handed != switched
                else channels)

    def _own(self, key: KeyPose) -> np.ndarray:
        """Return a key pose as this person takes it (C,)."""
        channels = posture(key)
        return np.where(_UPPER, STANDING + self.style.vigour * (
            channels - STANDING), channels)

    def _walk(self, seconds: float, channels: np.ndarray) -> Moment:
        """Put steps under a posture (C,), and it on its way."""
        stride = self.action.stride
        way = seconds * self.style.tempo * _STEPS_A_SECOND * stride
        step = way / stride + self._heading  # any start will do
        channels = channels.copy()
        left, right = self.action.swing
        if self._left_handed:
            left, right = right, left
        for side, phase, swing in (('left', step, left),
                                   ('right', step + 0.5, right)):
            wave = np.cos(2 * np.pi * phase) * self.style.vigour
            front, knee, sole = _gait(phase)
            for name, value in (('front', front), ('knee', knee),
                                ('sole', sole), ('out', -1.0)):
                channels[CHANNELS.index(f'{side}_leg.{name}')] = value
            channels[CHANNELS.index(f'{side}_arm.front')] -= swing * wave
            channels[CHANNELS.index(f'{side}_arm.elbow')] -= (
                0.5 * swing * wave)
        wave = np.cos(2 * np.pi * step)
        channels[CHANNELS.index('pelvis.turn')] -= 5 * wave
        channels[CHANNELS.index('spine.turn')] += 8 * wave
        place, heading = self._path.at(way)
        return Moment(smpl_pose(self._clear(channels)), place, heading)


class _Waves:
    """Smooth noise of about unit variance: a few slow waves a channel."""

    def __init__(self, rng: np.random.Generator, num: int) -> None:
        self._frequencies = rng.uniform(0.4, 3.0, (_WAVES, num))  # radians/s
        self._phases = rng.uniform(0, 2 * np.pi, (_WAVES, num))

    def at(self, seconds: float) -> np.ndarray:
        """Return the noise (num,) at a time."""
        waves = np.sin(self._frequencies * seconds + self._phases)
        return waves.sum(0) * np.sqrt(2 / _WAVES)


@dataclass(frozen=True)
class _Path:
    """A closed way through the middle of the room.

    Args:
        loops: 1 goes round, 2 describes an eight.
        size: Half width and depth (2,), mm.
        turn: Rotation of the whole, radians.
        start: Where on it a recording starts, mm.
        back: Whether it is gone the other way.
    """

    loops: int
    size: np.ndarray
    turn: float
    start: float
    back: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Path:
        """Draw a way whose points are no more than :data:`REACH` away."""
        loops = int(rng.integers(1, 3))
        size = REACH * rng.uniform((0.75, 0.6), (1, 0.75))
        if loops == 2:
            size[1] *= 0.8
        return cls(loops, size, rng.uniform(0, 2 * np.pi),
                   rng.uniform(0, 1e4), bool(rng.random() < 0.5))

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 2) and the way up to each of them (N,), mm."""
        angle = np.linspace(0, 2 * np.pi, 1025)
        points = self.size * np.stack(
            [np.cos(angle), np.sin(self.loops * angle)], 1)
        # Both waves of an eight at their ends are further than REACH.
        far = np.linalg.norm(points, axis=1).max()
        points *= min(1.0, REACH / far)
        c, s = np.cos(self.turn), np.sin(self.turn)
        points = points @ np.array([[c, s], [-s, c]])
        points = points[::-1] if self.back else points
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return points, np.concatenate([[0], np.cumsum(steps)])

    def at(self, way: float) -> tuple[np.ndarray, float]:
        """Return the place (2,) and heading after a way, mm."""
        points, lengths = self._table
        way = (way + self.start) % lengths[-1]
        ends = np.array([way - 40, way + 40]) % lengths[-1]
        place, behind, ahead = (
            np.array([np.interp(x, lengths, points[:, i]) for i in range(2)])
            for x in (way, *ends))
        x, y = ahead - behind
        return place, float(np.arctan2(y, x))


def _gait(phase: float) -> np.ndarray:
    """Return front, knee and sole of a leg in a smooth cycle of steps."""
    # A Catmull-Rom spline through the table.
    table = np.array(GAIT, np.float64)
    position = phase % 1.0 * len(table)
    i = int(position)
    t = position - i
    before, a, b, after = table[[(i + n) % len(table)
                                 for n in (-1, 0, 1, 2)]]
    return a + 0.5 * t * (b - before + t * (
        2 * before - 5 * a + 4 * b - after + t * (
            3 * (a - b) + after - before)))
