"""A prior over poses and shapes: ranges per joint angle, drawn per sample.

The ranges of people are those of the authors' released code for arXiv
2411.13026.
Their sampler draws one sign and one "skip" per angle for a whole batch,
gives 0 instead of the mean for a skipped angle (so arms are horizontal too
often) and clips, which piles mass on the bounds. Here every sample and every
angle has its own sign and skip, a skipped angle takes its mean, and the
distribution is truncated; ``reference=True`` does as they do.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

#: Number of SMPL joints.
NUM_JOINTS = 24

#: Probability that an angle stays at its mean.
SKIP = 0.4

#: The bounds of a side are this many standard deviations: 95 % of a normal
#: distribution.
BOUND_SIGMAS = 1.96

#: Degrees (up, down[, mean]) of the x, y and z component of a joint's axis
#: angle, by SMPL joint index: drawn from mean - down to mean + up. Joints
#: that are missing stay at 0. (x left, y up, z front in the T pose.)
POSE_RANGES: dict[int, tuple[tuple[float, ...], ...]] = {
    0: ((5, 5), (180, 180), (5, 5)),  # pelvis, never skipped
    1: ((45, 60), (10, 10), (30, 0)),  # left hip
    2: ((45, 60), (10, 10), (0, 30)),  # right hip
    3: ((60, 20), (30, 30), (30, 30)),  # spine1
    4: ((70, 0), (20, 20), (10, 10)),  # left knee
    5: ((70, 0), (20, 20), (10, 10)),  # right knee
    6: ((20, 10), (0, 0), (15, 15)),  # spine2
    15: ((15, 15), (50, 50), (15, 15)),  # head
    16: ((90, 90), (50, 120), (150, 30, -60)),  # left shoulder
    17: ((90, 90), (120, 50), (30, 150, 60)),  # right shoulder
    18: ((60, 60), (0, 120), (15, 15)),  # left elbow
    19: ((60, 60), (120, 0), (15, 15)),  # right elbow
}

#: What differs in the released code's table of negative samples.
_NEGATIVE_X = {1: (70, 90), 2: (70, 90), 3: (30, 40), 4: (10, 50),
               5: (10, 50)}


@dataclass(frozen=True)
class PoseRule:
    """Ranges of the 3 J numbers of a pose, joint * 3 + axis, radians.

    :func:`pose_rule` makes one from a table of degrees.

    Args:
        up: Largest angle above the mean (3 J,).
        down: Largest angle below the mean (3 J,).
        mean: Value of a skipped angle (3 J,).
        skip: Probability of a skip (3 J,).
    """

    up: Tensor
    down: Tensor
    mean: Tensor
    skip: Tensor


def pose_rule(ranges: Mapping[int, Sequence[Sequence[float]]] = POSE_RANGES,
              skip: float | Mapping[int, float] = SKIP,
              root: Sequence[Sequence[float]] | None = None,
              num_joints: int = NUM_JOINTS) -> PoseRule:
    """Make a rule from a table of degrees.

    Args:
        ranges: By joint, for x, y and z of its axis angle: degrees above
            the mean, below it, and, if it is not 0, the mean. Joints that
            are missing stay at 0.
        skip: Probability that an angle takes its mean, one number for all
            joints but the root, which is never skipped, or a table by joint;
            a joint that is missing there has the usual 0.4, the root 0.
        root: Ranges of the root's orientation, in place of the table's.
        num_joints: Number of joints, J; SMPL's by default.

    Returns:
        The rule.

    Raises:
        ValueError: If a joint is none, a number of degrees negative, or a
            probability outside 0..1.
    """
    ranges = dict(ranges)
    if root is not None:
        ranges[0] = root
    chances = ({joint: skip for joint in range(1, num_joints)}
               if isinstance(skip, (int, float)) else dict(skip))
    for joint in (*ranges, *chances):
        if not 0 <= joint < num_joints:
            raise ValueError(f'the body has the joints 0 to {num_joints - 1}, '
                             f'not {joint}')
    table = torch.zeros(num_joints, 3, 3, dtype=torch.float64)
    for joint, axes in ranges.items():
        if len(axes) != 3:
            raise ValueError(f'joint {joint} has 3 axes, got {len(axes)}')
        for axis, degrees in enumerate(axes):
            if len(degrees) not in (2, 3) or min(degrees[:2]) < 0:
                raise ValueError(
                    f'the range of joint {joint}, axis {axis}, is (degrees '
                    'above, degrees below[, mean]), the first two not '
                    f'negative; got {tuple(degrees)}')
            table[joint, axis, :len(degrees)] = torch.tensor(
                degrees, dtype=torch.float64)
    rates = torch.full((num_joints, 3), SKIP, dtype=torch.float64)
    rates[0] = 0
    for joint, chance in chances.items():
        if not 0 <= chance <= 1:
            raise ValueError(f'the skip of joint {joint} is a probability, '
                             f'got {chance}')
        rates[joint] = chance
    table = torch.deg2rad(table.reshape(3 * num_joints, 3))
    return PoseRule(table[:, 0], table[:, 1], table[:, 2], rates.flatten())


#: The prior of natural poses.
POSE_RULE = pose_rule()

#: The released code's ``negative`` variant: hips, knees and lower spine
#: reach further back.
NEGATIVE_POSE_RULE = pose_rule({
    joint: (_NEGATIVE_X.get(joint, axes[0]), *axes[1:])
    for joint, axes in POSE_RANGES.items()})


class PosePrior(Protocol):
    """Where poses come from."""

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses.

        Args:
            num: Number of poses, B.
            generator: Source of randomness, on the CPU.

        Returns:
            Axis angles (B, 3 J), radians, float32, in the body's own frame;
            the first three are ``global_orient``, 0 where the source has
            none.
        """


@dataclass(frozen=True)
class RulePosePrior:
    """The rules as a prior, see :func:`sample_pose`.

    Args:
        rule: Ranges of the angles.
        reference: Draw as the authors' released code does.
    """

    rule: PoseRule = POSE_RULE
    reference: bool = False

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses (B, 3 J), see :class:`PosePrior`."""
        return sample_pose(num, generator, self.rule, self.reference)


def sample_pose(num: int,
                generator: torch.Generator,
                rule: PoseRule = POSE_RULE,
                reference: bool = False) -> Tensor:
    """Draw poses, every angle of every sample on its own.

    An angle is skipped (takes its mean) with the rule's probability.
    Otherwise a fair coin picks the side, and the distance from the mean is a
    half-normal truncated at the side's bound, 1.96 standard deviations. A
    side of width 0 gives the mean.

    Args:
        num: Number of poses, B.
        generator: Source of randomness, on the CPU.
        rule: Ranges of the angles.
        reference: Draw as the authors' released code does: one side and one
            skip for the whole batch, a skipped angle is 0 whatever its mean,
            as is one whose bound equals its mean, and the normal is clipped
            at the bound, where 5 % of it pile up.

    Returns:
        Axis angles (B, 3 J), joint * 3 + axis, radians, float32: the first
        three are ``global_orient``, the others ``body_pose``.
    """
    if reference:
        return _reference_pose(num, generator, rule)
    shape = (num, len(rule.mean))
    skipped = _uniform(shape, generator) < rule.skip
    upwards = _uniform(shape, generator) < 0.5
    bound = torch.where(upwards, rule.up, rule.down)
    offset = bound / BOUND_SIGMAS * _half_normal(shape, generator)
    offset = torch.where(upwards, offset, -offset)
    offset[skipped] = 0
    return (rule.mean + offset).float()


def sample_betas(num: int,
                 generator: torch.Generator,
                 num_betas: int = 10,
                 bound: float = 1.5,
                 reference: bool = False) -> Tensor:
    """Draw shapes from a truncated normal distribution.

    Args:
        num: Number of shapes, B.
        generator: Source of randomness, on the CPU.
        num_betas: Number of shape components, E.
        bound: Largest absolute value, at 1.96 standard deviations.
        reference: Draw as the authors' released code does: one sign for all
            bodies and components, clipped at the bound.

    Returns:
        Shape coefficients (B, E), float32.
    """
    shape = (num, num_betas)
    if reference:
        sign = 1 if _uniform((1, ), generator) < 0.5 else -1
        return sign * _clipped_half_normal(shape, generator, bound).float()
    sign = (_uniform(shape, generator) < 0.5).double() * 2 - 1
    return (sign * bound / BOUND_SIGMAS
            * _half_normal(shape, generator)).float()


def _reference_pose(num: int, generator: torch.Generator,
                    rule: PoseRule) -> Tensor:
    """Draw poses as ``reference`` of :func:`sample_pose` says."""
    angles = (len(rule.mean), )
    skipped = _uniform(angles, generator) < rule.skip
    upwards = _uniform(angles, generator) < 0.5
    bound = torch.where(upwards, rule.up, rule.down)
    offset = _clipped_half_normal((num, *angles), generator, bound)
    pose = rule.mean + torch.where(upwards, offset, -offset)
    pose[:, skipped | (bound == rule.mean)] = 0
    return pose.float()


def _clipped_half_normal(shape: tuple[int, ...], generator: torch.Generator,
                         bound: Tensor | float) -> Tensor:
    """Draw |N(0, bound / 1.96)|, moved to the bound where it is above."""
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
    return drawn.abs().clamp(max=BOUND_SIGMAS) * (bound / BOUND_SIGMAS)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw from [0, 1) in double precision."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _half_normal(shape: tuple[int, int],
                 generator: torch.Generator) -> Tensor:
    """Draw |N(0, 1)|, given that it is at most 1.96, by its inverse CDF."""
    inside = math.erf(BOUND_SIGMAS / math.sqrt(2))
    drawn = _uniform(shape, generator) * inside
    return torch.erfinv(drawn) * math.sqrt(2)
