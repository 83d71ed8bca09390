"""What runs beside the model while it trains."""
from .hooks import (
    AdversarialPriorHook,
    DatasetEpochHook,
    ExactResumeHook,
    HypothesisVisualizationHook,
    MeanTeacherHook,
    PretrainedWeightsHook,
    StageScheduleHook,
    TargetStatisticsHook,
)

__all__ = [
    'AdversarialPriorHook', 'DatasetEpochHook', 'ExactResumeHook',
    'HypothesisVisualizationHook', 'MeanTeacherHook', 'PretrainedWeightsHook',
    'StageScheduleHook', 'TargetStatisticsHook'
]
