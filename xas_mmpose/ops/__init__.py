"""Differentiable operations on volumes and pictures."""
from .depth_modes import (
                          DepthModes,
                          Marginals,
                          depth_modes,
                          expectation,
                          volume_marginals,
)
from .skeleton_mask import skeleton_mask

__all__ = [
    'DepthModes', 'Marginals', 'depth_modes', 'expectation', 'skeleton_mask',
    'volume_marginals'
]
