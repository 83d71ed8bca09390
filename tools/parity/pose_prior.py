"""Golden 12: the ranges from which synthetic poses are drawn."""
from __future__ import annotations

import torch

from xas_mmpose.body_models.pose_prior import NEGATIVE_POSE_RULE, POSE_RULE

from .registry import Comparison, component

TOLERANCE = 1e-6


@component('pose prior', '12_pose_prior.json')
def check(c: Comparison) -> None:
    """Compare both tables, in degrees."""
    for name, rule in (('positive', POSE_RULE),
                       ('negative', NEGATIVE_POSE_RULE)):
        rows = sorted(c.golden[name], key=lambda row: row['index'])
        for key, ours in (('pos_deg', torch.rad2deg(rule.up)),
                          ('neg_deg', torch.rad2deg(rule.down)),
                          ('mean_deg', torch.rad2deg(rule.mean)),
                          ('ignore', rule.skip)):
            c.close(name, ours, TOLERANCE, want=[row[key] for row in rows])
