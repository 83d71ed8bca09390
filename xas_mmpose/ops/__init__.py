"""Operations on volumes, pictures and masks."""
from .depth_modes import DepthModes, depth_modes
from .geodesic_weight import geodesic_weight
from .marginals import (
    Marginals,
    expectation,
    projected_marginals,
    volume_marginals,
)
from .skeleton_mask import skeleton_mask
from .tree_beliefs import tree_beliefs

__all__ = [
    'DepthModes', 'Marginals', 'depth_modes', 'expectation',
    'geodesic_weight', 'projected_marginals', 'skeleton_mask',
    'tree_beliefs', 'volume_marginals'
]
