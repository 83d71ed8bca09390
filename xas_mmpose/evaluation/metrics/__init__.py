"""MMEngine metrics, thin classes around the functions next door."""
from .hypothesis_diversity import HypothesisDiversity
from .hypothesis_metric import HypothesisMetric
from .keypoint_error_2d import KeypointError2D
from .multi_hypothesis_mpjpe import MultiHypothesisMPJPE
from .multi_hypothesis_pck import DepthOrderAccuracy, MultiHypothesisPCK3D
from .multi_view_mpjpe import MultiViewMPJPE

__all__ = [
    'DepthOrderAccuracy', 'HypothesisDiversity', 'HypothesisMetric',
    'KeypointError2D', 'MultiHypothesisMPJPE', 'MultiHypothesisPCK3D',
    'MultiViewMPJPE'
]
