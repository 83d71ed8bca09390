"""What runs beside the model while it trains."""
from .hooks import (
    AdversarialPriorHook,
    DatasetEpochHook,
    PretrainedWeightsHook,
    StageScheduleHook,
)

__all__ = [
    'AdversarialPriorHook', 'DatasetEpochHook', 'PretrainedWeightsHook',
    'StageScheduleHook'
]
