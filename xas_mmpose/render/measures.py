"""Positions on a human body that clothes are cut by."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xas_mmpose.body_models import SMPLBody


@dataclass(frozen=True)
class BodyMeasures:
    """Positions on the rest-pose body that clothes are cut by, in metres.

    Args:
        joints: Rest-pose joints (24, 3).
        nose: Tip of the nose (3,).
        head_top: Top of the head (3,).
    """

    joints: np.ndarray
    nose: np.ndarray
    head_top: np.ndarray

    @classmethod
    def of(cls, body: SMPLBody) -> BodyMeasures:
        """Measure the mean shape of a body."""
        vertices = body.v_template.double().cpu().numpy()
        regressor = body.joint_regressor.double().cpu().numpy()
        return cls(regressor @ vertices, vertices[body.landmarks['nose']],
                   vertices[body.landmarks['head_top']])
