"""Tables of key points, one skeleton a file, and what is read from them."""
from .animal3d_26 import ANIMAL3D_26
from .human36m_18 import HUMAN36M_18
from .metainfo import (
    flip_indices_of,
    in_id_order,
    joint_subsets_of,
    mask_links_of,
    parents_of,
    skeleton_links_of,
)
from .skeleton import MaskLink, Skeleton, remap
from .tables import find_skeleton

__all__ = [
    'ANIMAL3D_26',
    'HUMAN36M_18',
    'MaskLink',
    'Skeleton',
    'find_skeleton',
    'flip_indices_of',
    'in_id_order',
    'joint_subsets_of',
    'mask_links_of',
    'parents_of',
    'remap',
    'skeleton_links_of',
]
