"""Hooks, registered with MMPose."""
from .pretrained_weights_hook import PretrainedWeightsHook

__all__ = ['PretrainedWeightsHook']
