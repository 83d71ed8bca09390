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
from .priors import GCNPoseDiscriminator, PhysiqueNetwork

__all__ = [
    'GCNPoseDiscriminator', 'MarginalLikelihoodLoss', 'MultiHypothesisHead',
    'PhysiqueMaskLoss', 'PhysiqueNetwork', 'PriorDiscriminatorLoss',
    'PriorGeneratorLoss', 'SkeletonMaskLoss', 'SymmetryLoss',
    'WinnerTakesAllLoss'
]
