"""Data sets as MMPose classes."""
from .animal3d import XasAnimal3dDataset
from .animal_keypoints import XasAnimalKeypointDataset
from .coco_people import XasCocoDataset
from .combined import XasCombinedDataset
from .human36m import XasHuman36mDataset
from .masked_folder import MaskedFolderDataset
from .mpi_inf_3dhp import XasMpiInf3dhpDataset
from .mpii import XasMpiiDataset
from .online_pairs import OnlineSyntheticPairDataset
from .surreal_pose import SurrealPoseDataset
from .synthetic_pairs import SyntheticPairDataset
from .tiktok import TikTokDataset
from .zoo_mini import XasZooMiniDataset

__all__ = [
    'MaskedFolderDataset',
    'OnlineSyntheticPairDataset',
    'SurrealPoseDataset',
    'SyntheticPairDataset',
    'TikTokDataset',
    'XasAnimal3dDataset',
    'XasAnimalKeypointDataset',
    'XasCocoDataset',
    'XasCombinedDataset',
    'XasHuman36mDataset',
    'XasMpiInf3dhpDataset',
    'XasMpiiDataset',
    'XasZooMiniDataset',
]
