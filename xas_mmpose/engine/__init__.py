"""What runs beside the model while it trains."""
from .hooks import DatasetEpochHook, PretrainedWeightsHook

__all__ = ['DatasetEpochHook', 'PretrainedWeightsHook']
