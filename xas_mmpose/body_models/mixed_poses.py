"""Poses that come from several priors."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .pose_prior import PosePrior


class MixedPosePrior:
    """Draws every pose from one of several priors, all as likely.

    Args:
        priors: The priors, of one kind of body.

    Raises:
        ValueError: If there is none.
    """

    def __init__(self, priors: Sequence[PosePrior]) -> None:
        if not priors:
            raise ValueError('a mixture takes at least one prior')
        self.priors = tuple(priors)

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses (B, 3 J), see :class:`.PosePrior`."""
        chosen = torch.randint(len(self.priors), (num, ), generator=generator)
        drawn = torch.stack([prior.sample(num, generator)
                             for prior in self.priors])
        return drawn[chosen, torch.arange(num)]
