"""What all metrics of one pose out of several share: data and options."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from xas_mmpose.geometry.alignment import center_on_root

from ..functional.actions import ACTION_SETS
from ..functional.groups import (
    add_groups,
    mean_or_none,
    mean_over_groups,
    per_group,
)
from ..functional.hypotheses import (
    HYPOTHESIS_RULES,
    SAME_RULE,
    select_hypothesis,
)
from ..functional.joint_subsets import Joints, joints_text
from ..functional.left_right import LEFT_RIGHT_RULES, exchange_left_right
from .protocol import Protocol, crops_of, order_of, provenance
from .sample_reading import (
    absolute_hypotheses,
    chosen_groups,
    chosen_indices,
    chosen_names,
    chosen_root,
    joined,
    ranked_index,
    read_dataset_meta,
    read_groups,
    read_hypotheses,
    read_truth,
    sample_name,
)

#: Where poses are compared.
ROOT_RULES = ('centred', 'absolute')
#: The best whole pose of a ``PoseRanker`` with a prior.
RANKED = 'ranked'


class HypothesisMetric(BaseMetric):
    """Figures of the pose that a rule picks, with every option named.

    Result keys read ``FIGURE/RULE``, for instance ``MPJPE/top1``. Options
    that are not at their defaults follow the rule:
    ``MPJPE/top1,left-right=per_pose,root=absolute,joints=14``. A line in the
    log names all options, the number of frames, the crop rules that they
    came from and what has ordered the hypotheses.

    It reads, of each data sample (numpy or torch):

    - ``pred_instances.hypotheses_3d`` (1, M, K, 3): mm, camera frame, the
      first being the head's answer; with root rule ``absolute``
      ``hypotheses``, normalised, and the metainfo of crop and camera;
    - ``pred_instances.hypothesis_scores`` (1, M, K): 0 where a mode is
      missing;
    - ``pred_instances.pose_ranking``, where the head ranks whole poses;
    - ``gt_instances.keypoints_3d`` (1, K, 3): mm, camera frame, and
      ``gt_instances.keypoints_3d_visible`` (1, K);
    - the metainfo ``crop_rule`` and those of ``group_by``.

    Args:
        hypothesis_rules: Which pose of the M counts: ``top1``, ``oracle``
            (or ``oracle_pose``), ``oracle-joint`` (or ``oracle_joint``); see
            :func:`~xas_mmpose.evaluation.functional.select_hypothesis`. Or
            ``ranked``: the whole pose that a ``PoseRanker`` with a prior
            puts first, which is not ``top1`` where it puts a mean in front.
        root_index: Index of the root; None for that of the data set's
            metainfo, or 0 if that names none.
        per_action: The same as ``group_by='action'``.
        action_sets: Report the mean over the actions of these sets, too:
            ``h36m-15``, ``authors-6``. None, not 0, where one of them is
            absent; with ``per_action`` the absent ones are listed as None.
        left_right: ``none``; ``per_pose`` or ``per_joint`` exchange left and
            right to suit the truth, see
            :func:`~xas_mmpose.evaluation.functional.exchange_left_right`.
        root_rule: ``centred``: predictions and truth are centred on their
            roots; ``absolute``: the prediction stands where the camera saw
            it, its root at the annotated depth.
        joints: Name of a subset of the skeleton's joints, as 14
            (:func:`~xas_mmpose.skeletons.joint_subsets_of`), or names of
            joints; None for all. Poses are centred on the root whether it
            counts or not.
        report_protocol: Also return the options as text, under
            ``FIGURE/RULE/protocol``.
        group_by: Keys of the samples' metainfo, as ``'category'``: also
            report each group (``MPJPE/top1/wolf``) and the mean over groups,
            every one counting alike (``MPJPE/top1/per-category``). Trials
            such as ``Walking_1`` are one ``action``.
        unit: Unit of the truth, where it is not mm, for the protocol;
            without influence on any number.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

    Raises:
        ValueError: If an option is unknown; when running, if truth or
            predictions are missing or not finite.
    """

    #: Unit of the figures; None for that of the truth.
    figure_unit: str | None = None

    def __init__(self,
                 hypothesis_rules: Sequence[str] = ('top1', 'oracle'),
                 root_index: int | None = None,
                 per_action: bool = False,
                 action_sets: Sequence[str] = (),
                 left_right: str = 'none',
                 root_rule: str = 'centred',
                 joints: Joints | None = None,
                 report_protocol: bool = False,
                 group_by: str | Sequence[str] = (),
                 unit: str = 'mm',
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.hypothesis_rules = chosen_names(
            'hypothesis_rules', hypothesis_rules,
            (*HYPOTHESIS_RULES, *SAME_RULE, RANKED))
        self.root_index = root_index
        self.group_by = chosen_groups(group_by, per_action)
        self.action_sets = (
            chosen_names('action_sets', action_sets, tuple(ACTION_SETS))
            if action_sets else ())
        self.left_right, = chosen_names('left_right', left_right,
                                        LEFT_RIGHT_RULES)
        self.root_rule, = chosen_names('root_rule', root_rule, ROOT_RULES)
        self.joints = joints
        self.report_protocol = report_protocol
        self.unit = self.figure_unit or unit

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
        root = chosen_root(self.root_index, self.dataset_meta)
        for sample in data_samples:
            hypotheses, scores = read_hypotheses(sample)
            target, visible = read_truth(sample, hypotheses)
            if not (visible[:, root] > 0).all():
                raise ValueError(
                    f'{sample_name(sample)}: the root (joint {root}) is not '
                    'annotated: poses cannot be centred on it. Leave such '
                    'frames out or choose another root_index')
            if self.root_rule == 'absolute':
                hypotheses = absolute_hypotheses(
                    sample, target[0, root, 2], "root_rule='absolute'")
            ranked = (ranked_index(sample, scores)
                      if RANKED in self.hypothesis_rules else None)
            self.results.append(
                dict(
                    hypotheses=hypotheses,
                    scores=scores,
                    target=target,
                    visible=visible,
                    ranked=ranked,
                    groups=read_groups(sample, self._kinds),
                    **provenance(sample)))

    @property
    def _kinds(self) -> tuple[str, ...]:
        """Keys of the groups that are needed."""
        return chosen_groups(self.group_by, bool(self.action_sets))

    def compute_metrics(self, results: list[dict]
                        ) -> dict[str, float | str | None]:
        """Average the figures of all frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Figures by ``FIGURE/RULE``, in the order of the arguments.
        """
        data = joined(results, ('hypotheses', 'scores', 'target', 'visible'))
        number = [len(result['target']) for result in results]
        groups = {
            key: np.repeat([result['groups'][key] for result in results],
                           number) for key in self._kinds
        }
        protocol = Protocol(
            crops_of(results), self.hypothesis_rules, order_of(results),
            self._root_text(), self.left_right, joints_text(self.joints),
            self.unit)
        hypotheses, scores, target, visible = self._prepared(*data.values())
        summary: dict[str, float | str | None] = {}
        keys = []
        for rule in self.hypothesis_rules:
            if rule == RANKED:
                best = (np.arange(len(target)),
                        np.repeat([r['ranked'] for r in results], number))
                pose = select_hypothesis(
                    hypotheses[best][:, None], scores[best][:, None], target,
                    'top1', visible, root_index=None)
            else:
                pose = select_hypothesis(hypotheses, scores, target, rule,
                                         visible, root_index=None)
            for name, each in self.figures(pose, target, visible).items():
                key = f'{name}/{rule}{self._suffix()}'
                keys.append(key)
                summary[key] = mean_or_none(each)
                summary.update(self._by_group(key, each, groups))
                if self.report_protocol:
                    summary[f'{key}/protocol'] = str(
                        replace(protocol, rules=[rule]))
        protocol.log(keys, self.prefix)
        return summary

    def _prepared(self, hypotheses: np.ndarray, scores: np.ndarray,
                  target: np.ndarray, visible: np.ndarray
                  ) -> tuple[np.ndarray, ...]:
        """Apply the rules for the root, left and right, and joints."""
        root = chosen_root(self.root_index, self.dataset_meta)
        if self.root_rule == 'centred':
            hypotheses = center_on_root(hypotheses, root)
            target = center_on_root(target, root)
        if self.left_right != 'none':
            flip = read_dataset_meta(self.dataset_meta, 'flip_indices',
                                     'left_right')
            hypotheses, exchanged = exchange_left_right(
                hypotheses, target[:, None], flip, self.left_right,
                visible[:, None])
            # What was missing there is missing here.
            scores = np.where(exchanged, scores[..., list(flip)], scores)
        if self.joints is not None:
            kept = chosen_indices(self.joints, self.dataset_meta)
            hypotheses, target = hypotheses[..., kept, :], target[:, kept]
            scores, visible = scores[..., kept], visible[:, kept]
        return hypotheses, scores, target, visible

    def _by_group(self, key: str, each: np.ndarray,
                  groups: Mapping[str, np.ndarray]
                  ) -> dict[str, float | None]:
        """Return the means of each group, and over groups."""
        sets = {name: ACTION_SETS[name] for name in self.action_sets}
        summary: dict[str, float | None] = {}
        for kind, names in groups.items():
            listed = ([action for actions in sets.values()
                       for action in actions] if kind == 'action' else [])
            means = per_group(each, names, listed)
            if kind == 'action':
                summary.update((f'{key}/{name}',
                                mean_over_groups(means, actions))
                               for name, actions in sets.items())
            if kind in self.group_by:
                add_groups(summary, key, kind, means)
        return summary

    def _suffix(self) -> str:
        """Return the options that differ from the defaults."""
        options = []
        if self.left_right != 'none':
            options.append(f'left-right={self.left_right}')
        if self.root_rule != 'centred':
            options.append(f'root={self.root_rule}')
        if self.joints is not None:
            options.append(f"joints={joints_text(self.joints, '+')}")
        return ''.join(f',{option}' for option in options)

    def _root_text(self) -> str:
        """Return where poses are compared, in words."""
        root = chosen_root(self.root_index, self.dataset_meta)
        if self.root_rule == 'centred':
            return f'centred on joint {root}'
        return f'absolute, joint {root} at its annotated depth'
