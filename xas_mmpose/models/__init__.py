"""Estimators, heads, losses and priors, registered with MMPose."""
from .heads import MultiHypothesisHead, PoseRanker
from .losses import (
                     MarginalLikelihoodLoss,
                     PhysiqueMaskLoss,
                     PriorDiscriminatorLoss,
                     PriorGeneratorLoss,
                     SkeletonMaskLoss,
                     SymmetryLoss,
                     TeacherLoss,
                     WinnerTakesAllLoss,
)
from .pose_estimators import FittedTopdownPoseEstimator
from .priors import BoneLengthPrior, GCNPoseDiscriminator, PhysiqueNetwork

__all__ = [
    'BoneLengthPrior', 'FittedTopdownPoseEstimator', 'GCNPoseDiscriminator',
    'MarginalLikelihoodLoss', 'MultiHypothesisHead', 'PhysiqueMaskLoss',
    'PhysiqueNetwork', 'PoseRanker', 'PriorDiscriminatorLoss',
    'PriorGeneratorLoss', 'SkeletonMaskLoss', 'SymmetryLoss', 'TeacherLoss',
    'WinnerTakesAllLoss'
]
