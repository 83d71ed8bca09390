"""Ranges of the joint angles of four-legged animals.

They are ours: nobody publishes such a table for SMAL's joints. Legs bend
mainly in the plane of their swing, each joint to its own side: wrists and
fetlocks backwards, elbows and hocks forwards. Trunk, neck and tail are
chains in which every joint gives a little. What animals do in the clips that
come with the package is mostly inside, besides falls and leaps.
"""
from __future__ import annotations

from .pose_prior import PoseRule, pose_rule
from .smal import SMAL_JOINTS

#: Probability that an angle stays at 0.
_SKIP = 0.25

_Axes = tuple[tuple[float, float], ...]

#: The trunk's joints are many: each bends and twists a little.
_SPINE: _Axes = ((4, 4), (8, 8), (6, 6))
_TAIL: _Axes = ((5, 5), (18, 14), (16, 16))

#: Joints of a left leg, from the trunk to the paw. Up is outwards in x and
#: backwards in y.
_FRONT_LEG: tuple[_Axes, ...] = (
    ((10, 5), (40, 38), (5, 5)),  # shoulder
    ((4, 4), (12, 55), (4, 4)),  # elbow
    ((4, 4), (90, 12), (5, 5)),  # wrist
    ((6, 6), (65, 30), (6, 6)))  # fetlock or paw
_BACK_LEG: tuple[_Axes, ...] = (
    ((10, 4), (25, 32), (6, 6)),  # hip
    ((4, 4), (35, 15), (4, 4)),  # knee
    ((4, 4), (12, 60), (4, 4)),  # hock
    ((5, 5), (85, 15), (6, 6)))  # fetlock or paw


def _mirrored(axes: _Axes) -> _Axes:
    """Return the ranges of the other side: x and z turn the other way."""
    x, y, z = axes
    return x[::-1], y, z[::-1]


def _leg(first: int, leg: tuple[_Axes, ...],
         right: bool) -> dict[int, _Axes]:
    """Return the ranges of a leg by joint."""
    return {first + i: _mirrored(axes) if right else axes
            for i, axes in enumerate(leg)}


_LEFT_EAR: _Axes = ((12, 20), (15, 35), (25, 10))

#: Degrees (up, down) of the x, y and z component of a joint's axis angle, by
#: SMAL joint index: drawn from -down to up. (x front, y left, z up: y bends
#: forwards and backwards, and its up lowers the head and lifts the tail.)
#: Cameras go around, so the root keeps its heading.
ANIMAL_POSE_RANGES: dict[int, _Axes] = {
    0: ((5, 5), (10, 16), (0, 0)),  # root
    **{joint: _SPINE for joint in range(1, 7)},
    **_leg(7, _FRONT_LEG, right=False),
    **_leg(11, _FRONT_LEG, right=True),
    15: ((10, 10), (45, 20), (25, 25)),  # neck
    16: ((12, 12), (22, 28), (25, 25)),  # head
    **_leg(17, _BACK_LEG, right=False),
    **_leg(21, _BACK_LEG, right=True),
    **{joint: _TAIL for joint in range(25, 32)},
    32: ((0, 0), (20, 0), (0, 0)),  # jaw
    33: _LEFT_EAR,
    34: _mirrored(_LEFT_EAR),
}


def animal_pose_rule(num_joints: int = 35) -> PoseRule:
    """Return the ranges of four-legged animals as a rule.

    Args:
        num_joints: Joints of the body: 35, or 33 for SMAL's first file,
            which has no joints for the ears.

    Returns:
        The rule.

    Raises:
        ValueError: If the body is none of SMAL's.
    """
    if num_joints not in SMAL_JOINTS:
        raise ValueError('the ranges of animals are for bodies of 33 or 35 '
                         f'joints, not {num_joints}')
    # The ears are the last two.
    return pose_rule({joint: axes for joint, axes in
                      ANIMAL_POSE_RANGES.items() if joint < num_joints},
                     skip=_SKIP, num_joints=num_joints)
