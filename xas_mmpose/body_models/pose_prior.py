"""A prior over poses and shapes: ranges per joint angle, drawn per sample.

The ranges are those of the authors' released code for arXiv 2411.13026.
Their sampler draws one sign and one "skip" per angle for a whole batch,
gives 0 instead of the mean for a skipped angle (so arms are horizontal too
often) and clips, which piles mass on the bounds. Here every sample and every
angle has its own sign and skip, a skipped angle takes its mean, and the
distribution is truncated.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

#: Number of SMPL joints and of axis-angle numbers.
NUM_JOINTS = 24
NUM_ANGLES = 3 * NUM_JOINTS

#: Probability that an angle stays at its mean.
SKIP = 0.4

#: The bounds of a side are this many standard deviations: 95 % of a normal
#: distribution.
BOUND_SIGMAS = 1.96

#: Degrees (up, down[, mean]) of the x, y and z component of a joint's axis
#: angle, by SMPL joint index: drawn from mean - down to mean + up. Joints
#: that are missing stay at 0. (x left, y up, z front in the T pose.)
_RANGES = {
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

#: What differs in the released code's table of less likely poses.
_NEGATIVE_X = {1: (70, 90), 2: (70, 90), 3: (30, 40), 4: (10, 50),
               5: (10, 50)}


@dataclass(frozen=True)
class PoseRule:
    """Ranges of the 72 numbers of an SMPL pose, joint * 3 + axis, radians.

    Args:
        up: Largest angle above the mean (72,).
        down: Largest angle below the mean (72,).
        mean: Value of a skipped angle (72,).
        skip: Probability of a skip (72,).
    """

    up: Tensor
    down: Tensor
    mean: Tensor
    skip: Tensor


def _rule(ranges: dict[int, tuple]) -> PoseRule:
    """Turn a table of degrees into tensors."""
    table = torch.zeros(NUM_ANGLES, 3, dtype=torch.float64)
    for joint, axes in ranges.items():
        for axis, degrees in enumerate(axes):
            table[3 * joint + axis, :len(degrees)] = torch.tensor(
                degrees, dtype=torch.float64)
    table = torch.deg2rad(table)
    skip = torch.full((NUM_ANGLES, ), SKIP, dtype=torch.float64)
    skip[:3] = 0
    return PoseRule(table[:, 0], table[:, 1], table[:, 2], skip)


#: The prior of natural poses.
POSE_RULE = _rule(_RANGES)

#: The released code's ``negative`` variant: hips, knees and lower spine
#: reach further back.
NEGATIVE_POSE_RULE = _rule({
    joint: (_NEGATIVE_X.get(joint, axes[0]), *axes[1:])
    for joint, axes in _RANGES.items()})


def sample_pose(num: int,
                generator: torch.Generator,
                rule: PoseRule = POSE_RULE) -> Tensor:
    """Draw poses, every angle of every sample on its own.

    An angle is skipped (takes its mean) with the rule's probability.
    Otherwise a fair coin picks the side, and the distance from the mean is a
    half-normal truncated at the side's bound, 1.96 standard deviations. A
    side of width 0 gives the mean.

    Args:
        num: Number of poses, B.
        generator: Source of randomness, on the CPU.
        rule: Ranges of the angles.

    Returns:
        Axis angles (B, 72), joint * 3 + axis, radians, float32: the first
        three are ``global_orient``, the others ``body_pose``.
    """
    shape = (num, NUM_ANGLES)
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
                 bound: float = 1.5) -> Tensor:
    """Draw shapes from a truncated normal distribution.

    Args:
        num: Number of shapes, B.
        generator: Source of randomness, on the CPU.
        num_betas: Number of shape components, E.
        bound: Largest absolute value, at 1.96 standard deviations.

    Returns:
        Shape coefficients (B, E), float32.
    """
    shape = (num, num_betas)
    sign = (_uniform(shape, generator) < 0.5).double() * 2 - 1
    return (sign * bound / BOUND_SIGMAS
            * _half_normal(shape, generator)).float()


def _uniform(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Draw from [0, 1) in double precision."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _half_normal(shape: tuple[int, int],
                 generator: torch.Generator) -> Tensor:
    """Draw |N(0, 1)|, given that it is at most 1.96, by its inverse CDF."""
    inside = math.erf(BOUND_SIGMAS / math.sqrt(2))
    drawn = _uniform(shape, generator) * inside
    return torch.erfinv(drawn) * math.sqrt(2)
