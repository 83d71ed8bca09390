"""MPJPE of detectors that predict several poses per person."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from ..functional import keypoint_3d
from .hypothesis_metric import HypothesisMetric
from .sample_reading import chosen_names


@METRICS.register_module()
class MultiHypothesisMPJPE(HypothesisMetric):
    """Mean per-joint position error, named by alignment and hypothesis rule.

    Result keys read ``METRIC/RULE``, for instance ``MPJPE/top1``; all errors
    are in mm, or the truth's unit, averaged over the annotated joints of a
    pose and then over poses. By default both poses are centred on their
    roots first, and left and right are never exchanged to suit the truth.

    Args:
        hypothesis_rules: Which pose of the M counts: ``top1``, ``oracle``,
            ``oracle-joint``, ``ranked``; see :class:`HypothesisMetric`.
        metrics: ``MPJPE``, ``N-MPJPE``, ``P-MPJPE``; see
            :func:`~xas_mmpose.evaluation.functional.joint_errors`.
        root_index: Index of the root; None for that of the data set's
            metainfo.
        per_action: Also report each action, ``MPJPE/top1/Walking``, and the
            mean over actions, ``MPJPE/top1/per-action``.
        **kwargs: The other options, and what is read of data samples: see
            :class:`HypothesisMetric`.

    Raises:
        ValueError: If a rule or metric is unknown; when running, if truth or
            predictions are missing or not finite.

    Note:
        To keep the best checkpoint: ``CheckpointHook`` with
        ``save_best='MPJPE/top1'`` and ``rule='less'``.
    """

    def __init__(self,
                 hypothesis_rules: Sequence[str] = ('top1', 'oracle'),
                 metrics: Sequence[str] = keypoint_3d.METRICS,
                 root_index: int | None = None,
                 per_action: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(hypothesis_rules, root_index, per_action, **kwargs)
        self.metrics = chosen_names('metrics', metrics, keypoint_3d.METRICS)

    def figures(self, pose: np.ndarray, target: np.ndarray,
                visible: np.ndarray) -> dict[str, np.ndarray]:
        """Return the errors (N,) of each pose in mm, by metric."""
        return {
            metric: keypoint_3d.pose_errors(pose, target, visible, metric,
                                            root_index=None)
            for metric in self.metrics
        }
