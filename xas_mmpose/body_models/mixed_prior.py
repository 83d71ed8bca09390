"""Poses or shapes that come from several priors."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .pose_prior import PosePrior
from .shape_prior import ShapePrior


class MixedPrior:
    """Draws every pose, or shape, from one of several priors.

    Args:
        priors: The priors, of one kind of body; all are as likely.

    Raises:
        ValueError: If there is none.
    """

    def __init__(self, priors: Sequence[PosePrior | ShapePrior]) -> None:
        if not priors:
            raise ValueError('a mixture takes at least one prior')
        self.priors = tuple(priors)

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses (B, 3 J) or shapes (B, E), as the priors do."""
        chosen = torch.randint(len(self.priors), (num, ), generator=generator)
        drawn = torch.stack([prior.sample(num, generator)
                             for prior in self.priors])
        return drawn[chosen, torch.arange(num)]
