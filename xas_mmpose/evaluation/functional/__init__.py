"""Errors as plain numpy functions."""
from .keypoint_3d import (
    HYPOTHESIS_RULES,
    METRICS,
    joint_errors,
    mean_pose_baseline,
    pose_errors,
    select_hypothesis,
)

__all__ = [
    'HYPOTHESIS_RULES', 'METRICS', 'joint_errors', 'mean_pose_baseline',
    'pose_errors', 'select_hypothesis'
]
