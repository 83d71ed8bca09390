"""Metrics; importing this registers them with MMPose."""
from .metrics import MultiHypothesisMPJPE

__all__ = ['MultiHypothesisMPJPE']
