"""Parametric bodies, the files they come from, and the prior over poses."""
from .body import BodyOutput, ParametricBody
from .model_file import load_model_file
from .pose_prior import (
                         NEGATIVE_POSE_RULE,
                         POSE_RULE,
                         PoseRule,
                         sample_betas,
                         sample_pose,
)
from .smpl import SMPLBody, free_human

__all__ = [
    'NEGATIVE_POSE_RULE', 'POSE_RULE', 'BodyOutput', 'ParametricBody',
    'PoseRule', 'SMPLBody', 'free_human', 'load_model_file', 'sample_betas',
    'sample_pose'
]
