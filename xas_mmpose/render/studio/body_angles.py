"""Poses in words of anatomy: degrees of flexion, not axis angles.

A posture is a vector of :data:`CHANNELS`. Between two sane postures every
mean of the two is sane, and a joint's limit is an interval; neither is true
of axis angles.

Frames. The trunk's channels turn each part against the one below it. The
legs' are measured in the frame of the person's heading (x left, y up,
z front), so that feet stay where they are when the pelvis tilts; the arms'
against the chest.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.transform import Rotation

#: Degrees by group: name, value of somebody who stands, least, most.
_TRUNK = {
    'pelvis': (('tilt', 0, -70, 90), ('roll', 0, -15, 15),
               ('turn', 0, -25, 25)),
    'spine': (('bend', 3, -20, 75), ('side', 0, -30, 30),
              ('turn', 0, -45, 45)),
    'head': (('nod', 4, -35, 45), ('turn', 0, -70, 70), ('side', 0, -25, 25)),
}
_LIMBS = {
    # Raised forwards, raised to the side, turned inwards about its length.
    'arm': (('front', 3, -45, 175), ('out', 9, -40, 150),
            ('twist', 15, -80, 95), ('elbow', 14, 3, 148),
            ('wrist', 5, -50, 60)),
    # Likewise, but turned outwards; the sole against the floor, toes down.
    'leg': (('front', 1, -35, 140), ('out', 0, -12, 55),
            ('twist', 7, -30, 75), ('knee', 3, 0, 152),
            ('sole', 0, -25, 150)),
}
_GROUPS = {**_TRUNK, **{f'{side}_{limb}': angles
                        for limb, angles in _LIMBS.items()
                        for side in ('left', 'right')}}

#: Name of each channel, C: ``left_arm.elbow``.
CHANNELS = tuple(f'{group}.{angle[0]}' for group, angles in _GROUPS.items()
                 for angle in angles)
_TABLE = np.array([angle[1:] for angles in _GROUPS.values()
                   for angle in angles], np.float64)
#: Somebody who stands, and the limits of each channel (C,), degrees.
STANDING, LOWEST, HIGHEST = _TABLE.T

_SLICES: dict[str, slice] = {}
for _name, _angles in _GROUPS.items():
    _start = sum(s.stop - s.start for s in _SLICES.values())
    _SLICES[_name] = slice(_start, _start + len(_angles))

#: Shares of the trunk's angles at spine1, spine2, spine3 and at neck, head.
_SPINE_SHARES = {3: 0.4, 6: 0.35, 9: 0.25}
_HEAD_SHARES = {12: 0.5, 15: 0.5}
#: SMPL joints of an arm (collar, shoulder, elbow, wrist) and a leg.
_ARMS = {'left': (13, 16, 18, 20), 'right': (14, 17, 19, 21)}
_LEGS = {'left': (1, 4, 7), 'right': (2, 5, 8)}
#: How far an ankle bends: toes up, toes down.
_ANKLE = (-35, 55)


def posture(values: Mapping[str, Sequence[float]] | None = None,
            **groups: Sequence[float]) -> np.ndarray:
    """Return the channels of somebody who stands, but for what is given.

    Args:
        values: Degrees by group, as ``groups``.
        **groups: Degrees of a group's first channels:
            ``left_arm=(90, 0)`` points forwards.

    Returns:
        Degrees (C,), in the order of :data:`CHANNELS`.

    Raises:
        ValueError: If a group is unknown or has fewer channels.
    """
    channels = STANDING.copy()
    for name, degrees in {**(values or {}), **groups}.items():
        if name not in _SLICES:
            raise ValueError(f'there is no group {name!r} of joint angles; '
                             f'there are {", ".join(_SLICES)}')
        where = _SLICES[name]
        if len(degrees) > where.stop - where.start:
            raise ValueError(f'{name} has {where.stop - where.start} angles, '
                             f'got {len(degrees)}')
        channels[where.start:where.start + len(degrees)] = degrees
    return channels


def mirrored(channels: np.ndarray) -> np.ndarray:
    """Exchange left and right of postures (..., C)."""
    return channels[..., _MIRROR] * _MIRROR_SIGN


def _mirror_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return each channel's partner (C,) and sign (C,) in a mirror."""
    partners, signs = [], []
    for name in CHANNELS:
        group, angle = name.split('.')
        side, _, limb = group.partition('_')
        other = {'left': 'right', 'right': 'left'}.get(side)
        partners.append(CHANNELS.index(
            f'{other}_{limb}.{angle}' if other else name))
        signs.append(-1.0 if not other and angle in ('roll', 'turn', 'side')
                     else 1.0)
    return np.array(partners), np.array(signs)


_MIRROR, _MIRROR_SIGN = _mirror_tables()


def smpl_pose(channels: np.ndarray) -> np.ndarray:
    """Return the SMPL poses of postures.

    Args:
        channels: Degrees (..., C); clipped to the limits.

    Returns:
        Axis angles (..., 24, 3), radians, float64; the first is the pelvis
        against the person's heading.
    """
    flat = channels.reshape(-1, len(CHANNELS)).clip(LOWEST, HIGHEST)
    angles = dict(zip(CHANNELS, flat.T))
    pose = np.zeros((len(flat), 24, 3))
    pelvis = _turn('YXZ', angles['pelvis.turn'], angles['pelvis.tilt'],
                   angles['pelvis.roll'])
    pose[:, 0] = pelvis.as_rotvec()
    for part, shares in (('spine', _SPINE_SHARES), ('head', _HEAD_SHARES)):
        nod = 'bend' if part == 'spine' else 'nod'
        for joint, share in shares.items():
            pose[:, joint] = _turn(
                'YXZ', *(share * angles[f'{part}.{angle}']
                         for angle in ('turn', nod, 'side'))).as_rotvec()
    for side, sign in (('left', 1), ('right', -1)):
        # Both sides are built as left ones; a mirror across x = 0 keeps the
        # x component of an axis angle and negates the others.
        mirror = np.array([1, sign, sign])
        for joint, vectors in zip(_ARMS[side], _arm(angles, side)):
            pose[:, joint] = vectors * mirror
        own = Rotation.from_rotvec(pelvis.as_rotvec() * mirror)
        for joint, vectors in zip(_LEGS[side], _leg(angles, side, own)):
            pose[:, joint] = vectors * mirror
    return pose.reshape(*channels.shape[:-1], 24, 3)


def _turn(axes: str, *degrees: np.ndarray) -> Rotation:
    """Return products of turns (N,) about axes, the first one outermost."""
    return Rotation.from_euler(axes, np.stack(degrees, -1), degrees=True)


def _about(axis: int, degrees: np.ndarray) -> np.ndarray:
    """Return the axis angles (N, 3) of turns (N,) about one axis."""
    out = np.zeros((len(degrees), 3))
    out[:, axis] = np.deg2rad(degrees)
    return out


def _arm(angles: Mapping[str, np.ndarray], side: str) -> list[np.ndarray]:
    """Return axis angles (N, 3) of a left collar, shoulder, elbow, wrist."""
    front, out, twist, elbow, wrist = (
        angles[f'{side}_arm.{name}']
        for name in ('front', 'out', 'twist', 'elbow', 'wrist'))
    arm = _turn('XZX', -front, out - 90, twist)
    _, up, ahead = arm.apply([1.0, 0, 0]).T
    # The collar bone goes along: drops and rises with the arm, and comes
    # forwards with it.
    collar = _turn('YZ', -14 * ahead, np.where(up > 0, 24, 9) * up)
    return [collar.as_rotvec(), (collar.inv() * arm).as_rotvec(),
            _about(1, -elbow), _about(2, -wrist)]


def _leg(angles: Mapping[str, np.ndarray], side: str,
         pelvis: Rotation) -> list[np.ndarray]:
    """Return axis angles (N, 3) of a left hip, knee and ankle."""
    front, out, twist, knee, sole = (
        angles[f'{side}_leg.{name}']
        for name in ('front', 'out', 'twist', 'knee', 'sole'))
    hip = pelvis.inv() * _turn('XZY', -front, out, twist)
    ankle = np.clip(sole + front - knee, *_ANKLE)
    return [hip.as_rotvec(), _about(0, knee), _about(0, ankle)]
