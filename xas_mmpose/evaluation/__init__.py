"""Metrics; importing this registers them with MMPose."""
from .metrics import (
    DepthOrderAccuracy,
    HypothesisDiversity,
    HypothesisMetric,
    KeypointError2D,
    MultiHypothesisMPJPE,
    MultiHypothesisPCK3D,
    MultiViewMPJPE,
)

__all__ = [
    'DepthOrderAccuracy', 'HypothesisDiversity', 'HypothesisMetric',
    'KeypointError2D', 'MultiHypothesisMPJPE', 'MultiHypothesisPCK3D',
    'MultiViewMPJPE'
]
