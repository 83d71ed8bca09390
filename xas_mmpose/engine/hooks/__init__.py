"""Hooks, registered with MMPose."""
from .dataset_epoch_hook import DatasetEpochHook
from .pretrained_weights_hook import PretrainedWeightsHook

__all__ = ['DatasetEpochHook', 'PretrainedWeightsHook']
