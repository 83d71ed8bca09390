"""Data sets as MMPose classes."""
from .combined import XasCombinedDataset
from .human36m import XasHuman36mDataset
from .synthetic_pairs import SyntheticPairDataset

__all__ = [
    'SyntheticPairDataset',
    'XasCombinedDataset',
    'XasHuman36mDataset',
]
