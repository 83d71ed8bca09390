"""Losses, one family a file."""
from .adversarial_loss import PriorDiscriminatorLoss, PriorGeneratorLoss
from .marginal_likelihood_loss import MarginalLikelihoodLoss
from .physique_mask_loss import PhysiqueMaskLoss
from .skeleton_mask_loss import SkeletonMaskLoss
from .symmetry_loss import SymmetryLoss
from .teacher_loss import TeacherLoss
from .winner_takes_all_loss import WinnerTakesAllLoss

__all__ = [
    'MarginalLikelihoodLoss', 'PhysiqueMaskLoss', 'PriorDiscriminatorLoss',
    'PriorGeneratorLoss', 'SkeletonMaskLoss', 'SymmetryLoss',
    'TeacherLoss', 'WinnerTakesAllLoss'
]
