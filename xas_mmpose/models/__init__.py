"""Heads, losses and priors, registered with MMPose."""
from .heads import MultiHypothesisHead
from .losses import (
                     MarginalLikelihoodLoss,
                     PhysiqueMaskLoss,
                     SkeletonMaskLoss,
                     WinnerTakesAllLoss,
)
from .priors import PhysiqueNetwork

__all__ = [
    'MarginalLikelihoodLoss', 'MultiHypothesisHead', 'PhysiqueMaskLoss',
    'PhysiqueNetwork', 'SkeletonMaskLoss', 'WinnerTakesAllLoss'
]
