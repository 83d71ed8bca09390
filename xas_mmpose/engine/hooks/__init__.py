"""Hooks, registered with MMPose."""
from .adversarial_prior_hook import AdversarialPriorHook
from .dataset_epoch_hook import DatasetEpochHook
from .exact_resume_hook import ExactResumeHook
from .hypothesis_visualization_hook import HypothesisVisualizationHook
from .mean_teacher_hook import MeanTeacherHook
from .pretrained_weights_hook import PretrainedWeightsHook
from .stage_schedule_hook import StageScheduleHook
from .target_statistics_hook import TargetStatisticsHook

__all__ = [
    'AdversarialPriorHook', 'DatasetEpochHook', 'ExactResumeHook',
    'HypothesisVisualizationHook', 'MeanTeacherHook', 'PretrainedWeightsHook',
    'StageScheduleHook', 'TargetStatisticsHook'
]
