"""MMEngine metrics, thin classes around the functions next door."""
from .multi_hypothesis_mpjpe import MultiHypothesisMPJPE

__all__ = ['MultiHypothesisMPJPE']
