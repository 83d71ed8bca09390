"""Data sets as MMPose classes."""
from .combined import XasCombinedDataset
from .human36m import XasHuman36mDataset
from .online_pairs import OnlineSyntheticPairDataset
from .surreal_pose import SurrealPoseDataset
from .synthetic_pairs import SyntheticPairDataset

__all__ = [
    'OnlineSyntheticPairDataset',
    'SurrealPoseDataset',
    'SyntheticPairDataset',
    'XasCombinedDataset',
    'XasHuman36mDataset',
]
