"""Heads, losses and priors, registered with MMPose."""
from .heads import MultiHypothesisHead
from .losses import (
                     MarginalLikelihoodLoss,
                     PhysiqueMaskLoss,
                     PriorDiscriminatorLoss,
                     PriorGeneratorLoss,
                     SkeletonMaskLoss,
                     SymmetryLoss,
                     WinnerTakesAllLoss,
)
from .priors import PhysiqueNetwork

__all__ = [
    'MarginalLikelihoodLoss', 'MultiHypothesisHead', 'PhysiqueMaskLoss',
    'PhysiqueNetwork', 'PriorDiscriminatorLoss', 'PriorGeneratorLoss',
    'SkeletonMaskLoss', 'SymmetryLoss', 'WinnerTakesAllLoss'
]
