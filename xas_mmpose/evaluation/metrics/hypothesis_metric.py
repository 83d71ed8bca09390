"""What all metrics of one pose out of several share: data and options."""
from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from xas_mmpose.geometry.alignment import center_on_root

from ..functional.actions import (
    ACTION_SETS,
    action_name,
    mean_or_none,
    mean_over_actions,
    per_action,
)
from ..functional.hypotheses import (
    HYPOTHESIS_RULES,
    SAME_RULE,
    select_hypothesis,
)
from ..functional.joint_subsets import subset_indices
from ..functional.keypoint_3d import require_root
from ..functional.left_right import LEFT_RIGHT_RULES, exchange_left_right
from .sample_reading import (
    absolute_hypotheses,
    chosen_names,
    read_hypotheses,
    read_meta,
    read_truth,
)

#: Where poses are compared.
ROOT_RULES = ('centred', 'absolute')

#: What a crop rule takes from the annotation.
_CROP_RULES = {
    'root': "'root' (annotated root depth)",
    'mask': "'mask' (no annotation)",
    'bbox': "'bbox' (the sample's box)",
}


class HypothesisMetric(BaseMetric):
    """Figures of the pose that a rule picks, with every option named.

    Result keys read ``FIGURE/RULE``, for instance ``MPJPE/top1``. Options
    that are not at their defaults follow the rule:
    ``MPJPE/top1,left-right=per_pose,root=absolute,joints=14``. A line in the
    log names all options, the number of frames and the crop rules that they
    came from.

    It reads, of each data sample (numpy or torch):

    - ``pred_instances.hypotheses_3d`` (1, M, K, 3): mm, camera frame, the
      first being the head's answer; with root rule ``absolute``
      ``hypotheses``, normalised, and the metainfo of crop and camera;
    - ``pred_instances.hypothesis_scores`` (1, M, K): 0 where a mode is
      missing;
    - ``gt_instances.keypoints_3d`` (1, K, 3): mm, camera frame, and
      ``gt_instances.keypoints_3d_visible`` (1, K);
    - the metainfo ``crop_rule`` and, for actions, ``action``.

    Args:
        hypothesis_rules: Which pose of the M counts: ``top1``, ``oracle``
            (or ``oracle_pose``), ``oracle-joint`` (or ``oracle_joint``); see
            :func:`~xas_mmpose.evaluation.functional.select_hypothesis`.
        root_index: Index of the root.
        per_action: Also report each action (``MPJPE/top1/Walking``) and the
            mean over actions (``MPJPE/top1/actions``), every action counting
            alike. Trials such as ``Walking_1`` are one action.
        action_sets: Report the mean over the actions of these sets, too:
            ``h36m-15``, ``authors-6``. None, not 0, where one of them is
            absent; with ``per_action`` the absent ones are listed as None.
        left_right: ``none``; ``per_pose`` or ``per_joint`` exchange left and
            right to suit the truth, see
            :func:`~xas_mmpose.evaluation.functional.exchange_left_right`.
        root_rule: ``centred``: predictions and truth are centred on their
            roots; ``absolute``: the prediction stands where the camera saw
            it, its root at the annotated depth.
        joints: 14, 17 or 18 of Human3.6M's joints, or names of joints; None
            for all. Poses are centred on the root whether it counts or not.
        report_protocol: Also return the options as text, under
            ``FIGURE/RULE/protocol``.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

    Raises:
        ValueError: If an option is unknown; when running, if truth or
            predictions are missing or not finite.
    """

    #: Unit of the figures, for the log.
    unit = 'mm'

    def __init__(self,
                 hypothesis_rules: Sequence[str] = ('top1', 'oracle'),
                 root_index: int = 0,
                 per_action: bool = False,
                 action_sets: Sequence[str] = (),
                 left_right: str = 'none',
                 root_rule: str = 'centred',
                 joints: int | Sequence[str] | None = None,
                 report_protocol: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.hypothesis_rules = chosen_names(
            'hypothesis_rules', hypothesis_rules,
            (*HYPOTHESIS_RULES, *SAME_RULE))
        self.root_index = root_index
        self.per_action = per_action
        self.action_sets = (
            chosen_names('action_sets', action_sets, tuple(ACTION_SETS))
            if action_sets else ())
        self.left_right, = chosen_names('left_right', left_right,
                                        LEFT_RIGHT_RULES)
        self.root_rule, = chosen_names('root_rule', root_rule, ROOT_RULES)
        self.joints = joints
        self.report_protocol = report_protocol

    @abstractmethod
    def figures(self, pose: np.ndarray, target: np.ndarray,
                visible: np.ndarray) -> dict[str, np.ndarray]:
        """Return the figures of each pose.

        Args:
            pose: Predicted poses (N, K, 3) in mm, on the root that the truth
                is on.
            target: True poses (N, K, 3) in mm.
            visible: Non-zero where the truth is annotated (N, K).

        Returns:
            Figures (N,) by name; NaN where one is undefined.
        """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the metrics need of a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions or truth.
        """
        for sample in data_samples:
            hypotheses, scores = read_hypotheses(sample)
            target, visible = read_truth(sample, hypotheses)
            if self.root_rule == 'absolute':
                hypotheses = absolute_hypotheses(
                    sample, target[0, self.root_index, 2],
                    "root_rule='absolute'")
            if self.per_action or self.action_sets:
                read_meta(sample, 'action', 'per_action or action_sets')
            self.results.append(
                dict(
                    hypotheses=hypotheses,
                    scores=scores,
                    target=target,
                    visible=visible,
                    action=action_name(sample.get('action')),
                    crop_rule=sample.get('crop_rule') or 'unknown'))

    def compute_metrics(self, results: list[dict]
                        ) -> dict[str, float | str | None]:
        """Average the figures of all frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Figures by ``FIGURE/RULE``, in the order of the arguments.
        """
        hypotheses, scores, target, visible = (
            np.concatenate([result[key] for result in results])
            for key in ('hypotheses', 'scores', 'target', 'visible'))
        actions = np.repeat([result['action'] for result in results],
                            [len(result['target']) for result in results])
        crops = Counter(result['crop_rule'] for result in results)
        self._log_protocol(crops)
        hypotheses, scores, target, visible = self._prepared(
            hypotheses, scores, target, visible)
        summary = {}
        for rule in self.hypothesis_rules:
            pose = select_hypothesis(hypotheses, scores, target, rule,
                                     visible, root_index=None)
            for name, each in self.figures(pose, target, visible).items():
                key = f'{name}/{rule}{self._suffix()}'
                summary[key] = mean_or_none(each)
                summary.update(self._by_action(key, each, actions))
                if self.report_protocol:
                    summary[f'{key}/protocol'] = self._protocol([rule], crops)
        return summary

    def _prepared(self, hypotheses: np.ndarray, scores: np.ndarray,
                  target: np.ndarray, visible: np.ndarray
                  ) -> tuple[np.ndarray, ...]:
        """Apply the rules for the root, left and right, and joints."""
        require_root(visible, self.root_index)
        if self.root_rule == 'centred':
            hypotheses = center_on_root(hypotheses, self.root_index)
            target = center_on_root(target, self.root_index)
        if self.left_right != 'none':
            hypotheses, _ = exchange_left_right(
                hypotheses, target[:, None], self._meta('flip_indices'),
                self.left_right, visible[:, None])
        if self.joints is not None:
            names = self._meta('keypoint_id2name')
            kept = subset_indices(self.joints,
                                  [names[i] for i in range(len(names))])
            hypotheses, target = hypotheses[..., kept, :], target[:, kept]
            scores, visible = scores[..., kept], visible[:, kept]
        return hypotheses, scores, target, visible

    def _meta(self, key: str) -> Any:
        """Return what the data set's metainfo says."""
        if not self.dataset_meta or key not in self.dataset_meta:
            raise ValueError(
                "the options left_right and joints need the data set's "
                f"metainfo {key!r}: run through MMEngine's runner, or set "
                'dataset_meta')
        return self.dataset_meta[key]

    def _by_action(self, key: str, each: np.ndarray,
                   actions: np.ndarray) -> dict[str, float | None]:
        """Return the means of each action, and over actions."""
        sets = {name: ACTION_SETS[name] for name in self.action_sets}
        listed = [action for actions in sets.values() for action in actions]
        means = per_action(each, actions, listed)
        summary = {f'{key}/{name}': mean_over_actions(means, names)
                   for name, names in sets.items()}
        if self.per_action:
            summary.update((f'{key}/{name}', mean)
                           for name, mean in means.items())
            present = [name for name in means if means[name] is not None]
            summary[f'{key}/actions'] = (
                mean_over_actions(means, present) if present else None)
        return summary

    def _suffix(self) -> str:
        """Return the options that differ from the defaults."""
        options = []
        if self.left_right != 'none':
            options.append(f'left-right={self.left_right}')
        if self.root_rule != 'centred':
            options.append(f'root={self.root_rule}')
        if self.joints is not None:
            joints = (self.joints if isinstance(self.joints, int)
                      else '+'.join(self.joints))
            options.append(f'joints={joints}')
        return ''.join(f',{option}' for option in options)

    def _protocol(self, rules: Sequence[str], crops: Counter) -> str:
        """Return all options in words."""
        said = ', '.join(f'{_CROP_RULES.get(rule, repr(rule))}: {count}'
                         for rule, count in sorted(crops.items()))
        root = (f'centred on joint {self.root_index}'
                if self.root_rule == 'centred' else
                f'absolute, joint {self.root_index} at its annotated depth')
        joints = (self.joints if isinstance(self.joints, int) else
                  'all' if self.joints is None else ', '.join(self.joints))
        return (f'{crops.total()} frames; crop rule {said}; hypothesis rule '
                f'{", ".join(rules)}; left/right exchange {self.left_right}; '
                f'{root}; joints {joints}; unit {self.unit}')

    def _log_protocol(self, crops: Counter) -> None:
        """Write down how the numbers came about."""
        logger: MMLogger = MMLogger.get_current_instance()
        protocol = self._protocol(self.hypothesis_rules, crops)
        logger.info(f'Protocol: {protocol}')
        if len(crops) > 1:
            logger.warning(
                'These frames were cropped by different rules, so the means '
                'mix predictions with and without an annotated root depth; '
                'evaluate one rule at a time')
