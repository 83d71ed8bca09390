"""Operations on volumes, pictures and masks."""
from .depth_modes import (
                          DepthModes,
                          Marginals,
                          depth_modes,
                          expectation,
                          volume_marginals,
)
from .geodesic_weight import geodesic_weight
from .skeleton_mask import skeleton_mask

__all__ = [
    'DepthModes', 'Marginals', 'depth_modes', 'expectation',
    'geodesic_weight', 'skeleton_mask', 'volume_marginals'
]
