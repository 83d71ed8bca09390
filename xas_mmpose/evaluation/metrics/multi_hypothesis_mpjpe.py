"""MPJPE of detectors that predict several poses per person."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from ..functional import HYPOTHESIS_RULES, keypoint_3d, select_hypothesis

#: What a crop rule takes from the annotation.
_CROP_RULES = {
    'root': "'root' (annotated root depth)",
    'mask': "'mask' (no annotation)",
    'bbox': "'bbox' (the sample's box)",
}


@METRICS.register_module()
class MultiHypothesisMPJPE(BaseMetric):
    """Mean per-joint position error, named by alignment and hypothesis rule.

    Result keys read ``METRIC/RULE``, for instance ``MPJPE/top1``; all errors
    are in mm, after both poses were centred on their roots, averaged over
    the annotated joints of a pose and then over poses. Left and right are
    never exchanged to suit the truth. A line in the log says all this, with
    the number of frames and the crop rules they came from.

    It reads, of each data sample (numpy or torch):

    - ``pred_instances.hypotheses_3d`` (1, M, K, 3): mm, camera frame, most
      confident hypothesis first;
    - ``pred_instances.hypothesis_scores`` (1, M, K): 0 where a mode is
      missing;
    - ``gt_instances.keypoints_3d`` (1, K, 3): mm, camera frame, and
      ``gt_instances.keypoints_3d_visible`` (1, K);
    - the metainfo ``crop_rule`` and, with ``per_action``, ``action``.

    Args:
        hypothesis_rules: Which pose of the M counts: ``top1``, ``oracle``,
            ``oracle-joint``; see
            :func:`~xas_mmpose.evaluation.functional.select_hypothesis`.
        metrics: ``MPJPE``, ``N-MPJPE``, ``P-MPJPE``; see
            :func:`~xas_mmpose.evaluation.functional.joint_errors`.
        root_index: Index of the root.
        per_action: Also report each action (``MPJPE/top1/Walking``) and the
            mean over actions (``MPJPE/top1/actions``), every action counting
            alike. Trials such as ``Walking_1`` are one action.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

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
                 root_index: int = 0,
                 per_action: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.hypothesis_rules = _subset('hypothesis_rules', hypothesis_rules,
                                        HYPOTHESIS_RULES)
        self.metrics = _subset('metrics', metrics, keypoint_3d.METRICS)
        self.root_index = root_index
        self.per_action = per_action

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the metrics need of a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions or truth.
        """
        for sample in data_samples:
            name = sample.get('img_path', sample.get('img_id', 'a sample'))
            hypotheses = _read(
                sample, 'pred_instances', 'hypotheses_3d', name,
                'this metric needs a head that predicts them')
            scores = _read(
                sample, 'pred_instances', 'hypothesis_scores', name,
                'this metric needs a head that predicts them')
            cure = ('evaluation needs joints in mm: give the test dataset '
                    'carry_labels=True and files that hold them')
            target = _read(sample, 'gt_instances', 'keypoints_3d', name, cure)
            visible = _read(sample, 'gt_instances', 'keypoints_3d_visible',
                            name, cure).reshape(target.shape[:2])
            if len(hypotheses) != len(target):
                raise ValueError(f'{name}: {len(hypotheses)} predicted but '
                                 f'{len(target)} true people')
            if hypotheses.shape[2:] != target.shape[1:]:
                raise ValueError(
                    f'{name}: predicted {hypotheses.shape[2]} key points, '
                    f'the truth has {target.shape[1]}: model and dataset '
                    'need the same metainfo')
            if self.per_action and not sample.get('action'):
                raise ValueError(
                    f"{name}: per_action=True needs the metainfo 'action': "
                    "add it to PackPoseInputs' meta_keys, or set "
                    'per_action=False')
            self.results.append(
                dict(
                    hypotheses=hypotheses,
                    scores=scores,
                    target=target,
                    visible=visible,
                    action=_action(sample.get('action')),
                    crop_rule=sample.get('crop_rule') or 'unknown'))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average the errors of all frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Errors in mm by ``METRIC/RULE``, in the order of the arguments.
        """
        hypotheses, scores, target, visible = (
            np.concatenate([result[key] for result in results])
            for key in ('hypotheses', 'scores', 'target', 'visible'))
        actions = np.repeat([result['action'] for result in results],
                            [len(result['target']) for result in results])
        self._log_protocol(results)
        errors = {}
        for rule in self.hypothesis_rules:
            pose = select_hypothesis(
                hypotheses, scores, target, rule, visible, self.root_index)
            for metric in self.metrics:
                each = keypoint_3d.pose_errors(pose, target, visible, metric,
                                               self.root_index)
                key = f'{metric}/{rule}'
                errors[key] = float(each.mean())
                if self.per_action:
                    names = np.unique(actions)
                    means = [each[actions == name].mean() for name in names]
                    errors.update(
                        (f'{key}/{name}', float(mean))
                        for name, mean in zip(names, means))
                    errors[f'{key}/actions'] = float(np.mean(means))
        return errors

    def _log_protocol(self, results: list[dict]) -> None:
        """Write down how the numbers came about."""
        logger: MMLogger = MMLogger.get_current_instance()
        crops = Counter(result['crop_rule'] for result in results)
        said = ', '.join(f'{_CROP_RULES.get(rule, repr(rule))}: {count}'
                         for rule, count in sorted(crops.items()))
        logger.info(
            f'Protocol: {len(results)} frames; crop rule {said}; hypothesis '
            f'rule {", ".join(self.hypothesis_rules)}; left/right exchange '
            f'none; centred on joint {self.root_index}; unit mm')
        if len(crops) > 1:
            logger.warning(
                'These frames were cropped by different rules, so the means '
                'mix predictions with and without an annotated root depth; '
                'evaluate one rule at a time')


def _subset(argument: str, chosen: Sequence[str],
            known: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen names, refusing none and unknown ones."""
    chosen = (chosen, ) if isinstance(chosen, str) else tuple(chosen)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise ValueError(f'{argument} must be among {tuple(known)}, got '
                         f'{chosen}')
    return chosen


def _read(sample: dict, group: str, key: str, name: str,
          cure: str) -> np.ndarray:
    """Return an array of a data sample, or say which one is missing."""
    value = (sample.get(group) or {}).get(key)
    if value is None:
        raise ValueError(f'{name} has no {group}.{key}: {cure}')
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
    return np.asarray(value, np.float64)


def _action(action: str | None) -> str:
    """Return an action without its trial: ``Walking_1`` is ``Walking``."""
    words = (action or '').replace('_', ' ').split()
    if len(words) > 1 and words[-1].isdigit():
        words.pop()
    return ' '.join(words)
