"""Errors as plain numpy functions."""
from .actions import ACTION_SETS, action_name
from .groups import (
    add_groups,
    mean_or_none,
    mean_over_groups,
    per_group,
)
from .hypotheses import (
    HYPOTHESIS_RULES,
    hypothesis_diversity,
    select_hypothesis,
)
from .joint_subsets import joints_text, subset_indices
from .keypoint_2d import joint_errors_2d, pose_errors_2d
from .keypoint_3d import (
    METRICS,
    joint_errors,
    mean_pose_baseline,
    pose_errors,
    require_root,
)
from .left_right import (
    LEFT_RIGHT_RULES,
    ambiguity_ratio,
    exchange_left_right,
)
from .multi_view import Views
from .ordinal_depth import depth_order_accuracy
from .pck import auc_3d, pck_3d, pckh
from .reference import (
    Crops,
    ReferenceErrors,
    reference_action_mean,
    reference_errors,
)

__all__ = [
    'ACTION_SETS', 'HYPOTHESIS_RULES', 'LEFT_RIGHT_RULES', 'METRICS',
    'Crops', 'ReferenceErrors', 'Views', 'action_name', 'add_groups',
    'ambiguity_ratio', 'auc_3d', 'depth_order_accuracy', 'exchange_left_right',
    'hypothesis_diversity', 'joint_errors', 'joint_errors_2d', 'joints_text',
    'mean_or_none', 'mean_over_groups', 'mean_pose_baseline', 'pck_3d', 'pckh',
    'per_group', 'pose_errors', 'pose_errors_2d', 'reference_action_mean',
    'reference_errors', 'require_root', 'select_hypothesis', 'subset_indices'
]
