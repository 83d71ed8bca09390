"""Codecs between key points and what a network emits."""
from .depth_mode_volume import DepthModeVolume

__all__ = ['DepthModeVolume']
