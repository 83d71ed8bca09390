"""Losses, one family a file."""
from .marginal_likelihood_loss import MarginalLikelihoodLoss
from .physique_mask_loss import PhysiqueMaskLoss
from .skeleton_mask_loss import SkeletonMaskLoss
from .winner_takes_all_loss import WinnerTakesAllLoss

__all__ = [
    'MarginalLikelihoodLoss', 'PhysiqueMaskLoss', 'SkeletonMaskLoss',
    'WinnerTakesAllLoss'
]
