"""Parametric bodies, the files they come from, and the prior over poses."""
from .body import BodyOutput, ParametricBody
from .families import SMAL_FAMILIES, FamilyShapePrior, family_betas
from .loading import body_names, load_body
from .model_file import load_model_file
from .pose_prior import (
                         NEGATIVE_POSE_RULE,
                         POSE_RULE,
                         PoseRule,
                         sample_betas,
                         sample_pose,
)
from .smal import SMALBody
from .smpl import SMPLBody, free_human

__all__ = [
    'NEGATIVE_POSE_RULE',
    'POSE_RULE',
    'SMAL_FAMILIES',
    'BodyOutput',
    'FamilyShapePrior',
    'ParametricBody',
    'PoseRule',
    'SMALBody',
    'SMPLBody',
    'body_names',
    'family_betas',
    'free_human',
    'load_body',
    'load_model_file',
    'sample_betas',
    'sample_pose',
]
