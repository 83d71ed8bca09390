"""Errors in the picture."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from ..functional.groups import add_groups
from ..functional.joint_subsets import Joints, joints_text
from ..functional.keypoint_2d import joint_errors_2d, pose_errors_2d
from ..functional.pck import pckh
from .protocol import Protocol, crops_of, order_of, provenance
from .sample_reading import (
    chosen_groups,
    chosen_indices,
    chosen_names,
    joined,
    read_array,
    read_groups,
    read_meta,
    sample_name,
)

#: The figures, and their units.
_FIGURES = {'2D/px': 'px', '2D/crop': '%', 'PCKh@0.5': '%', 'PCKh@0.1': '%',
            'PCK@0.1': '%', 'PCK@0.05': '%'}


@METRICS.register_module()
class KeypointError2D(BaseMetric):
    """Errors of the predicted key points in the picture.

    - ``2D/px``: mean distance in px of the picture;
    - ``2D/crop``: the same in % of the crop's side;
    - ``PCKh@0.5``, ``PCKh@0.1``: share of joints in % that are nearer than
      this part of the head size
      (:func:`~xas_mmpose.evaluation.functional.pckh`), over the joints of
      the whole set. MPII's data set carries head sizes;
    - ``PCK@0.1``, ``PCK@0.05``: the same by the longer side of the upright
      box around all annotated key points of the person or animal. It takes
      two of them; others are left out of these figures. Benchmarks whose
      boxes are drawn around the whole body have larger ones.

    All are of the first hypothesis (``top1``); left and right are never
    exchanged, and nothing is aligned. Lines in the log name all rules. It
    reads ``pred_instances.keypoints`` (1, K, 2 or 3) in px, and, of
    ``gt_instances``, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K)
    and ``head_size`` (in the metainfo it serves as well); people without any
    annotated joint are left out of the means.

    Args:
        metrics: Which of the six.
        joints: Name of a subset of the skeleton's joints, as 14
            (:func:`~xas_mmpose.skeletons.joint_subsets_of`), or names of
            joints; None for all. It follows the key: ``PCKh@0.5,joints=14``.
        report_protocol: Also return the rules as text, under
            ``FIGURE/protocol``.
        group_by: Keys of the samples' metainfo, as ``'category'``: also
            report each group, ``PCK@0.1/wolf``, and the mean over groups,
            every one counting alike, ``PCK@0.1/per-category``.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

    Raises:
        ValueError: If a metric is unknown; when running, if truth or
            predictions are missing or not finite.
    """

    def __init__(self,
                 metrics: Sequence[str] = ('2D/px', '2D/crop'),
                 joints: Joints | None = None,
                 report_protocol: bool = False,
                 group_by: str | Sequence[str] = (),
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics = chosen_names('metrics', metrics, tuple(_FIGURES))
        self.joints = joints
        self.report_protocol = report_protocol
        self.group_by = chosen_groups(group_by)

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
            visible = read_array(sample, 'gt_instances', 'keypoints_visible',
                                 cure).reshape(target.shape[:2])
            result = dict(
                pred=pred, target=target, visible=visible,
                extent=_extent(target, visible),
                groups=read_groups(sample, self.group_by),
                **provenance(sample))
            if '2D/crop' in self.metrics:
                result['side'] = np.broadcast_to(np.asarray(
                    read_meta(sample, 'input_scale', '2D/crop'), np.float64),
                    (len(pred), 2))
            if any('PCKh' in metric for metric in self.metrics):
                result['head'] = _head_size(sample, len(pred))
            self.results.append(result)

    def compute_metrics(self, results: list[dict]
                        ) -> dict[str, float | str | None]:
        """Average over people.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Figures by name; None where no joint is annotated.
        """
        kept = [key for key in ('pred', 'target', 'visible', 'extent',
                                 'side', 'head')
                if key in (results or [{}])[0]]
        data = joined(results, kept)
        if self.joints is not None:
            kept = chosen_indices(self.joints, self.dataset_meta)
            data.update((key, data[key][:, kept])
                        for key in ('pred', 'target', 'visible'))
        seen = (data['visible'] > 0).any(-1)
        # People without annotated joints are none of the frames.
        people = [result for result in results for _ in result['pred']]
        known = [person for person, there in zip(people, seen) if there]
        data = {key: values[seen] for key, values in data.items()}
        groups = [(kind, np.array([result['groups'][kind]
                                   for result in known]))
                  for kind in self.group_by]
        summary: dict[str, float | str | None] = {}
        for unit in dict.fromkeys(_FIGURES[name] for name in self.metrics):
            protocol = Protocol(
                crops_of(known), ['top1'], order_of(known),
                'not aligned, in the picture',
                joints=joints_text(self.joints), unit=unit)
            names = [name for name in self.metrics if _FIGURES[name] == unit]
            protocol.log(map(self._key, names), self.prefix)
            for name in names:
                key = self._key(name)
                summary[key] = self._figure(name, data)
                for kind, names_of in groups:
                    means = {
                        group: self._figure(name, {
                            k: values[names_of == group]
                            for k, values in data.items()})
                        for group in np.unique(names_of).tolist()}
                    add_groups(summary, key, kind, means)
                if self.report_protocol:
                    summary[f'{key}/protocol'] = str(protocol)
        return summary

    def _key(self, metric: str) -> str:
        """Return the name of a figure with its options."""
        if self.joints is None:
            return metric
        return f"{metric},joints={joints_text(self.joints, '+')}"

    @staticmethod
    def _figure(metric: str, data: dict[str, np.ndarray]) -> float | None:
        """Return one figure of people with annotated joints."""
        if metric.startswith('PCK@'):
            sized = data['extent'] > 0
            data = {key: values[sized] for key, values in data.items()}
        if not len(data['pred']):
            return None
        poses = data['pred'], data['target'], data['visible']
        if metric == '2D/px':
            return float(pose_errors_2d(*poses).mean())
        if metric == '2D/crop':
            return float(100 * pose_errors_2d(
                *poses, crop_size=data['side']).mean())
        sizes = data['head' if metric.startswith('PCKh') else 'extent']
        share = pckh(joint_errors_2d(*poses), sizes, data['visible'],
                     float(metric.partition('@')[2]))
        # Every joint of the set counts alike, as on MPII's own server.
        return float(np.average(share,
                                weights=(data['visible'] > 0).sum(-1)))


def _extent(target: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Return the longer sides (N,) of boxes around annotated key points."""
    known = (visible > 0)[..., None]
    low = np.where(known, target, np.inf).min(1)
    high = np.where(known, target, -np.inf).max(1)
    return np.maximum((high - low).max(-1), 0)


def _head_size(sample: dict, num_people: int) -> np.ndarray:
    """Return the head sizes (1,) of a sample in px."""
    size = (sample.get('gt_instances') or {}).get('head_size')
    if size is None:
        size = read_meta(sample, 'head_size', 'PCKh')
    return np.asarray(size, np.float64).reshape(num_people)
