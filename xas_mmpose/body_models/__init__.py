"""Parametric bodies, the files they come from, and the prior over poses."""
from .animal_poses import ANIMAL_POSE_RANGES, animal_pose_rule
from .array_pickle import load_array_pickle
from .body import BodyOutput, ParametricBody
from .families import SMAL_FAMILIES, FamilyShapePrior, family_betas
from .gaussian_poses import GaussianPosePrior
from .loading import animal_names, body_names, clip_poses_of, load_body
from .mixed_prior import MixedPrior
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
    'ANIMAL_POSE_RANGES',
    'NEGATIVE_POSE_RULE',
    'POSE_RANGES',
    'POSE_RULE',
    'SMAL_FAMILIES',
    'BodyOutput',
    'FamilyShapePrior',
    'FilePosePrior',
    'GaussianPosePrior',
    'MixedPrior',
    'ParametricBody',
    'PosePrior',
    'PoseRule',
    'RulePosePrior',
    'RuleShapePrior',
    'SMALBody',
    'SMPLBody',
    'ShapePrior',
    'UncrossedPosePrior',
    'animal_names',
    'animal_pose_rule',
    'body_names',
    'clip_poses_of',
    'family_betas',
    'free_human',
    'load_array_pickle',
    'load_body',
    'load_model_file',
    'pose_rule',
    'sample_betas',
    'sample_pose',
]
