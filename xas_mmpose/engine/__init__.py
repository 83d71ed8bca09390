"""What runs beside the model while it trains."""
from .hooks import (
    AdversarialPriorHook,
    DatasetEpochHook,
    ExactResumeHook,
    PretrainedWeightsHook,
    StageScheduleHook,
)

__all__ = [
    'AdversarialPriorHook', 'DatasetEpochHook', 'ExactResumeHook',
    'PretrainedWeightsHook', 'StageScheduleHook'
]
