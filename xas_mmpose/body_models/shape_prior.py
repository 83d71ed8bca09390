"""Priors over body shapes."""
from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from .pose_prior import sample_betas


class ShapePrior(Protocol):
    """Draws shapes of one body."""

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw shape coefficients (B, E), float32."""


class RuleShapePrior:
    """Every component on its own, from a truncated normal distribution.

    Args:
        num_betas: Number of shape components, E.
        bound: Largest absolute value, at 1.96 standard deviations.
    """

    def __init__(self, num_betas: int = 10, bound: float = 1.5) -> None:
        self.num_betas = num_betas
        self.bound = bound

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw shapes.

        Args:
            num: Number of shapes, B.
            generator: Source of randomness, on the CPU.

        Returns:
            Shape coefficients (B, E), float32.
        """
        return sample_betas(num, generator, self.num_betas, self.bound)
