"""Parametric bodies, the files they come from, and the prior over poses."""
from .body import BodyOutput, ParametricBody
from .families import SMAL_FAMILIES, FamilyShapePrior, family_betas
from .loading import body_names, clip_poses_of, load_body
from .model_file import load_model_file
from .pose_file import FilePosePrior
from .pose_prior import (
    NEGATIVE_POSE_RULE,
    POSE_RANGES,
    POSE_RULE,
    PosePrior,
    PoseRule,
    RulePosePrior,
    pose_rule,
    sample_betas,
    sample_pose,
)
from .self_intersection import UncrossedPosePrior
from .shape_prior import RuleShapePrior, ShapePrior
from .smal import SMALBody
from .smpl import SMPLBody, free_human

__all__ = [
    'NEGATIVE_POSE_RULE',
    'POSE_RANGES',
    'POSE_RULE',
    'SMAL_FAMILIES',
    'BodyOutput',
    'FamilyShapePrior',
    'FilePosePrior',
    'ParametricBody',
    'PosePrior',
    'PoseRule',
    'RulePosePrior',
    'RuleShapePrior',
    'SMALBody',
    'SMPLBody',
    'ShapePrior',
    'UncrossedPosePrior',
    'body_names',
    'clip_poses_of',
    'family_betas',
    'free_human',
    'load_body',
    'load_model_file',
    'pose_rule',
    'sample_betas',
    'sample_pose',
]
