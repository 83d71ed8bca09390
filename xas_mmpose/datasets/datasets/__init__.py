"""Data sets as MMPose classes."""
from .combined import XasCombinedDataset
from .human36m import XasHuman36mDataset
from .masked_folder import MaskedFolderDataset
from .online_pairs import OnlineSyntheticPairDataset
from .surreal_pose import SurrealPoseDataset
from .synthetic_pairs import SyntheticPairDataset

__all__ = [
    'MaskedFolderDataset',
    'OnlineSyntheticPairDataset',
    'SurrealPoseDataset',
    'SyntheticPairDataset',
    'XasCombinedDataset',
    'XasHuman36mDataset',
]
