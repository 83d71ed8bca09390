"""Heads and losses, registered with MMPose."""
from .heads import MultiHypothesisHead
from .losses import (
                     MarginalLikelihoodLoss,
                     SkeletonMaskLoss,
                     WinnerTakesAllLoss,
)

__all__ = [
    'MarginalLikelihoodLoss', 'MultiHypothesisHead', 'SkeletonMaskLoss',
    'WinnerTakesAllLoss'
]
