"""What runs beside the model while it trains."""
from .hooks import (
    AdversarialPriorHook,
    DatasetEpochHook,
    PretrainedWeightsHook,
)

__all__ = [
    'AdversarialPriorHook', 'DatasetEpochHook', 'PretrainedWeightsHook'
]
