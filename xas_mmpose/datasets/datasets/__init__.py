"""Data sets as MMPose classes."""
from .human36m import XasHuman36mDataset
from .synthetic_pairs import SyntheticPairDataset

__all__ = ['SyntheticPairDataset', 'XasHuman36mDataset']
