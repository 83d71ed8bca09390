"""Errors in the picture."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from ..functional.joint_subsets import subset_indices
from ..functional.keypoint_2d import joint_errors_2d, pose_errors_2d
from ..functional.pck import pckh
from .sample_reading import (
    chosen_names,
    read_array,
    read_meta,
    sample_name,
)

_FIGURES = ('2D/px', '2D/crop', 'PCKh@0.5', 'PCKh@0.1')


@METRICS.register_module()
class KeypointError2D(BaseMetric):
    """Errors of the predicted key points in the picture.

    - ``2D/px``: mean distance in px of the picture;
    - ``2D/crop``: the same in % of the crop's side;
    - ``PCKh@0.5``, ``PCKh@0.1``: share of joints in % that are nearer than
      this part of the head size
      (:func:`~xas_mmpose.evaluation.functional.pckh`), over the joints of
      the whole set. MPII's data set carries head sizes.

    All are of the likeliest pose; left and right are never exchanged. It
    reads ``pred_instances.keypoints`` (1, K, 2 or 3) in px, and, of
    ``gt_instances``, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K)
    and ``head_size`` (in the metainfo it serves as well); people without any
    annotated joint are left out.

    Args:
        metrics: Which of the four.
        joints: 14, 17 or 18 of Human3.6M's joints, or names of joints; None
            for all. It follows the key: ``PCKh@0.5,joints=14``.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

    Raises:
        ValueError: If a metric is unknown; when running, if truth or
            predictions are missing or not finite.
    """

    def __init__(self,
                 metrics: Sequence[str] = ('2D/px', '2D/crop'),
                 joints: int | Sequence[str] | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics = chosen_names('metrics', metrics, _FIGURES)
        self.joints = joints

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the metrics need of a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions or truth.
        """
        cure = ('2D errors need annotated key points: give the test dataset '
                'carry_labels=True')
        for sample in data_samples:
            pred = read_array(sample, 'pred_instances', 'keypoints',
                              'this metric needs a detector')[..., :2]
            target = read_array(sample, 'gt_instances', 'keypoints', cure)
            if pred.shape != target.shape:
                raise ValueError(
                    f'{sample_name(sample)}: predicted key points '
                    f'{pred.shape} do not fit the truth {target.shape}')
            result = dict(
                pred=pred, target=target,
                visible=read_array(sample, 'gt_instances',
                                   'keypoints_visible', cure).reshape(
                                       target.shape[:2]))
            if '2D/crop' in self.metrics:
                result['side'] = np.broadcast_to(np.asarray(
                    read_meta(sample, 'input_scale', '2D/crop'), np.float64),
                    (len(pred), 2))
            if any('PCKh' in metric for metric in self.metrics):
                result['head'] = _head_size(sample, len(pred))
            self.results.append(result)

    def compute_metrics(self, results: list[dict]
                        ) -> dict[str, float | None]:
        """Average over people.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Figures by name; None where no joint is annotated.
        """
        data = {key: np.concatenate([result[key] for result in results])
                for key in results[0]}
        if self.joints is not None:
            names = (self.dataset_meta or {}).get('keypoint_id2name')
            if not names:
                raise ValueError("joints needs the data set's metainfo: run "
                                 "through MMEngine's runner, or set "
                                 'dataset_meta')
            kept = subset_indices(self.joints,
                                  [names[i] for i in range(len(names))])
            data.update((key, data[key][:, kept])
                        for key in ('pred', 'target', 'visible'))
        seen = (data['visible'] > 0).any(-1)
        MMLogger.get_current_instance().info(
            f'Protocol: {len(seen)} people, {int(seen.sum())} with annotated '
            'joints; likeliest pose; left/right exchange none; joints '
            f'{"all" if self.joints is None else self.joints}')
        if not seen.any():
            return {self._key(metric): None for metric in self.metrics}
        data = {key: values[seen] for key, values in data.items()}
        return {self._key(metric): self._figure(metric, data)
                for metric in self.metrics}

    def _key(self, metric: str) -> str:
        """Return the name of a figure with its options."""
        if self.joints is None:
            return metric
        joints = (self.joints if isinstance(self.joints, int)
                  else '+'.join(self.joints))
        return f'{metric},joints={joints}'

    @staticmethod
    def _figure(metric: str, data: dict[str, np.ndarray]) -> float:
        """Return one figure of people with annotated joints."""
        poses = data['pred'], data['target'], data['visible']
        if metric == '2D/px':
            return float(pose_errors_2d(*poses).mean())
        if metric == '2D/crop':
            return float(100 * pose_errors_2d(
                *poses, crop_size=data['side']).mean())
        share = pckh(joint_errors_2d(*poses), data['head'], data['visible'],
                     float(metric.partition('@')[2]))
        # Every joint of the set counts alike, as on MPII's own server.
        return float(np.average(share,
                                weights=(data['visible'] > 0).sum(-1)))


def _head_size(sample: dict, num_people: int) -> np.ndarray:
    """Return the head sizes (1,) of a sample in px."""
    size = (sample.get('gt_instances') or {}).get('head_size')
    if size is None:
        size = read_meta(sample, 'head_size', 'PCKh')
    return np.asarray(size, np.float64).reshape(num_people)
