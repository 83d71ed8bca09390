"""Positions on a body that clothes are cut by."""
from __future__ import annotations

import numpy as np

from xas_mmpose.body_models import free_human
from xas_mmpose.render.measures import BodyMeasures


def test_measures_are_those_of_the_body() -> None:
    body = free_human()
    measures = BodyMeasures.of(body)
    assert measures.joints.shape == (24, 3)
    np.testing.assert_allclose(
        measures.joints, body.joint_regressor @ body.v_template, atol=1e-5)
    assert measures.head_top[1] > measures.nose[1] > measures.joints[12, 1]
    np.testing.assert_allclose(measures.head_top[1],
                               body.v_template[:, 1].max(), atol=1e-6)
    np.testing.assert_allclose(measures.nose[2],
                               body.v_template[body.parts == 15, 2].max(),
                               atol=1e-6)
