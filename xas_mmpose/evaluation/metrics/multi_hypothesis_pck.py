"""3DPCK, AUC and the order of depths of several poses per person."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import METRICS

from ..functional.keypoint_3d import joint_errors
from ..functional.ordinal_depth import depth_order_accuracy
from ..functional.pck import auc_3d, pck_3d
from .hypothesis_metric import HypothesisMetric


@METRICS.register_module()
class MultiHypothesisPCK3D(HypothesisMetric):
    """Share of correct joints in space, ``3DPCK@150``, and its ``AUC``.

    Result keys read ``3DPCK@150/top1`` and ``AUC/top1``, in %; see
    :func:`~xas_mmpose.evaluation.functional.pck_3d` and
    :func:`~xas_mmpose.evaluation.functional.auc_3d`. MPI-INF-3DHP's test set
    is scored by them.

    Args:
        threshold: Largest error in mm of ``3DPCK``; the AUC's always go from
            0 to 150 mm.
        **kwargs: See :class:`HypothesisMetric`.

    Raises:
        ValueError: If the threshold is not positive; see
            :class:`HypothesisMetric`.
    """

    figure_unit = '%'

    def __init__(self, threshold: float = 150, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if threshold <= 0:
            raise ValueError(f'threshold must be positive, got {threshold}')
        self.threshold = threshold

    def figures(self, pose: np.ndarray, target: np.ndarray,
                visible: np.ndarray) -> dict[str, np.ndarray]:
        """Return the percentages (N,) of each pose."""
        errors = joint_errors(pose, target, visible, root_index=None)
        return {
            f'3DPCK@{self.threshold:g}': pck_3d(errors, visible,
                                                self.threshold),
            'AUC': auc_3d(errors, visible),
        }


@METRICS.register_module()
class DepthOrderAccuracy(HypothesisMetric):
    """Share of joint pairs whose order in depth is right.

    Result keys read ``depth-order@100/top1``, in % of the pairs whose true
    depths differ by more than 100 mm; 50 is a guess. See
    :func:`~xas_mmpose.evaluation.functional.depth_order_accuracy`.

    Args:
        margin: Least difference of the true depths in mm.
        **kwargs: See :class:`HypothesisMetric`.

    Raises:
        ValueError: If the margin is negative; see
            :class:`HypothesisMetric`.
    """

    figure_unit = '%'

    def __init__(self, margin: float = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if margin < 0:
            raise ValueError(f'margin starts at 0 mm, got {margin}')
        self.margin = margin

    def figures(self, pose: np.ndarray, target: np.ndarray,
                visible: np.ndarray) -> dict[str, np.ndarray]:
        """Return the percentage (N,) of each pose; NaN without pairs."""
        return {f'depth-order@{self.margin:g}': depth_order_accuracy(
            pose, target, visible, self.margin)}
