"""Errors of poses that several cameras see at the same instant."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from xas_mmpose.geometry.cameras import (
    box_root_depth,
    camera_to_image,
    crop_affine,
    image_to_patch,
    normalised_to_patch,
    patch_to_normalised,
)

from ..functional import keypoint_3d
from ..functional.actions import ACTION_SETS, action_name
from ..functional.hypotheses import (
    HYPOTHESIS_RULES,
    SAME_RULE,
    select_hypothesis,
)
from ..functional.left_right import ambiguity_ratio, exchange_left_right
from ..functional.multi_view import Views
from ..functional.pck import auc_3d, pck_3d
from ..functional.reference import (
    Crops,
    reference_action_mean,
    reference_errors,
)
from .protocol import Protocol, crops_of, order_of, provenance
from .sample_reading import (
    absolute_hypotheses,
    chosen_names,
    chosen_root,
    read_dataset_meta,
    read_hypotheses,
    read_meta,
    read_truth,
)

#: How the numbers are made, see :class:`MultiViewMPJPE`.
PROTOCOLS = ('standard', 'reference')


@METRICS.register_module()
class MultiViewMPJPE(BaseMetric):
    """Errors of triangulated poses, and what the views disagree about.

    Protocol ``standard``: each view's pose is picked by a rule from that
    view alone, the rays of all views are made to meet, all weighing alike,
    and the pose is compared with the truth, both centred on their roots. No
    annotation goes into the prediction with rule ``top1``. Result keys read
    ``MPJPE/top1,triangulated``, in mm. ``ambiguity`` is
    :func:`~xas_mmpose.evaluation.functional.ambiguity_ratio` of the first
    hypothesis over the joints that have a mirror partner.

    Protocol ``reference``: the authors' released evaluation with all that it
    forgives (:func:`~xas_mmpose.evaluation.functional.reference_errors`), of
    single views and triangulated, without root alignment, for the rules
    ``oracle-joint`` (their "best") and ``top1`` (their "confident"):
    ``MPJPE/oracle-joint,reference``, ``..,reference,triangulated``, the same
    of ``3DPCK@150``, ``AUC`` and ``2D/crop`` in %, and where samples have an
    action its means over 15 and 6 actions, ``../h36m-15``, ``../authors-6``.
    They average over batches; here every frame counts alike.

    It reads, of each data sample, ``pred_instances.hypotheses`` (1, M, K, 3)
    normalised and ``hypothesis_scores`` (1, M, K), ``gt_instances``'
    ``keypoints_3d`` (1, K, 3) in mm and ``keypoints_3d_visible`` (1, K), and
    the metainfo ``frame_id``, equal for the views of one instant,
    ``camera_param`` with R and T, ``input_center``, ``input_scale``,
    ``input_size``, ``cube_size``.

    Frames with fewer views than others are left out, with a warning.

    Args:
        protocol: ``standard`` or ``reference``.
        hypothesis_rules: Which pose of the M counts, see
            :func:`~xas_mmpose.evaluation.functional.select_hypothesis`. None
            for both of the authors', and for ``top1`` in the standard
            protocol: hypotheses that differ in depth alone, as those of this
            package's head do, lie on the same rays.
        metrics: ``MPJPE``, ``N-MPJPE``, ``P-MPJPE``.
        root_index: Index of the root; None for that of the data set's
            metainfo, or 0 if that names none.
        report_protocol: Also return the rules as text, under
            ``KEY/protocol``. The log names them in any case.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result keys.

    Raises:
        ValueError: If an option is unknown; when running, if something is
            missing or not finite, or no frame has two views.
    """

    def __init__(self,
                 protocol: str = 'standard',
                 hypothesis_rules: Sequence[str] | None = None,
                 metrics: Sequence[str] = keypoint_3d.METRICS,
                 root_index: int | None = None,
                 report_protocol: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.protocol, = chosen_names('protocol', protocol, PROTOCOLS)
        if hypothesis_rules is None:
            hypothesis_rules = (('top1', ) if protocol == 'standard' else
                                ('oracle-joint', 'top1'))
        self.hypothesis_rules = chosen_names(
            'hypothesis_rules', hypothesis_rules,
            (*HYPOTHESIS_RULES, *SAME_RULE))
        self.metrics = chosen_names('metrics', metrics, keypoint_3d.METRICS)
        self.root_index = root_index
        self.report_protocol = report_protocol

    @property
    def _root(self) -> int:
        """Index of the root."""
        return chosen_root(self.root_index, self.dataset_meta)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the metrics need of a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions, truth or camera.
        """
        for sample in data_samples:
            hypotheses, scores = read_hypotheses(sample, 'hypotheses')
            target, visible = read_truth(sample, hypotheses)
            name = type(self).__name__
            meta = {key: read_meta(sample, key, name)
                    for key in ('frame_id', 'camera_param', 'input_center',
                                'input_scale', 'input_size', 'cube_size')}
            camera = {key: np.asarray(value, np.float64)
                      for key, value in meta['camera_param'].items()
                      if key in ('f', 'c', 'R', 'T')}
            if len(camera) < 4:
                raise ValueError(f'{name} needs camera_param with f, c, R '
                                 f'and T, got {sorted(camera)}')
            camera['T'] = camera['T'].reshape(3)
            result = dict(frame=meta['frame_id'], scores=scores[0],
                          target=target[0], visible=visible[0] > 0,
                          action=action_name(sample.get('action')),
                          **camera, **provenance(sample))
            if self.protocol == 'standard':
                # The box tells a depth without annotation; it only gives
                # the rays a direction.
                depth = box_root_depth(np.asarray(meta['input_scale']),
                                       camera['f'], meta['cube_size'])
                result['hypotheses'] = absolute_hypotheses(
                    sample, depth, name)[0]
            else:
                result.update(self._reference_frame(
                    hypotheses[0], target[0], camera, meta))
            self.results.append(result)

    def _reference_frame(self, hypotheses: np.ndarray, target: np.ndarray,
                         camera: dict, meta: dict) -> dict[str, Any]:
        """Return hypotheses and truth as the authors normalise them."""
        size, cube = tuple(meta['input_size']), meta['cube_size']
        affine = crop_affine(meta['input_center'], meta['input_scale'], size)
        depth = target[self._root, 2]
        truth = image_to_patch(
            camera_to_image(target, camera['f'], camera['c']), affine, depth)
        patch = normalised_to_patch(hypotheses, size, cube)
        return dict(
            hypotheses=patch_to_normalised(patch, size, cube, True),
            truth=patch_to_normalised(truth, size, cube, True),
            affine=affine, root_depth=depth, patch_size=size,
            cube_size=float(cube))

    def compute_metrics(self, results: list[dict]
                        ) -> dict[str, float | str | None]:
        """Put views together and average over frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Figures by name.
        """
        frames = _frames(results)
        data = {key: np.stack([[view[key] for view in frame]
                               for frame in frames], axis=1)
                for key in results[0]
                if key not in ('frame', 'action', 'patch_size', 'crop_rule',
                               'order')}
        views = Views(*(data[key] for key in 'fcRT'))
        summary = (self._standard(data, views)
                   if self.protocol == 'standard' else
                   self._reference(data, views, frames))
        return {**summary, **self._protocols(summary, frames)}

    def _protocols(self, summary: Iterable[str], frames: list[list[dict]]
                   ) -> dict[str, str]:
        """Write down the rules of all numbers, and return them if asked."""
        crops_of(view for frame in frames for view in frame)
        told: dict[str, list[str]] = {}
        protocols = {}
        for key in summary:
            if key.count('/') > 1 and key.rpartition('/')[2] in ACTION_SETS:
                continue  # a mean of the number that has its key
            protocols[key] = self._protocol(key, frames)
            told.setdefault(str(protocols[key]), []).append(key)
        for keys in told.values():
            protocols[keys[0]].log(keys, self.prefix)
        if not self.report_protocol:
            return {}
        return {f'{key}/protocol': str(protocol)
                for key, protocol in protocols.items()}

    def _protocol(self, key: str, frames: list[list[dict]]) -> Protocol:
        """Return the rules of one number."""
        reference = self.protocol == 'reference'
        root = (f'absolute, joint {self._root} at its annotated depth'
                if reference else f'centred on joint {self._root}')
        unit = 'mm' if key.partition('/')[0] in keypoint_3d.METRICS else '%'
        counted = [frame[0] for frame in frames]
        if key.startswith('ambiguity'):
            root, unit = f'in the picture, of {len(frames[0])} views', 'ratio'
        elif 'triangulated' in key:
            root += f', triangulated from {len(frames[0])} views'
        else:
            counted = [view for frame in frames for view in frame]
        rules = [rule for rule in self.hypothesis_rules if f'/{rule},' in key]
        return Protocol(
            Counter(view['crop_rule'] for view in counted), rules or ['top1'],
            order_of(counted), root, unit=unit,
            joints=('with a mirror partner' if key == 'ambiguity' else 'all'),
            left_right=('per_joint' if reference or unit == 'ratio'
                        else 'none'))

    def _flip_indices(self) -> Sequence[int]:
        """Return the mirror partner of each joint."""
        return read_dataset_meta(self.dataset_meta, 'flip_indices',
                                 type(self).__name__)

    def _standard(self, data: dict[str, np.ndarray],
                  views: Views) -> dict[str, float | None]:
        """Return the figures of the standard protocol."""
        hypotheses, target = data['hypotheses'], data['target']
        num_views, num_frames = target.shape[:2]
        seen = data['visible']
        visible = seen.all(0)
        truth = views.to_world(target)[0]
        flat = (num_views * num_frames, *hypotheses.shape[2:])
        summary: dict[str, float | None] = {}
        for rule in self.hypothesis_rules:
            # The rule compares poses about their roots; which of them it
            # took is told by the place of what it returns.
            pose = self._chosen(hypotheses.reshape(flat),
                                data['scores'].reshape(flat[:-1]),
                                target.reshape(flat[0], *flat[2:]),
                                seen.reshape(flat[0], -1), rule)
            world = views.triangulate(pose.reshape(target.shape))
            for metric in self.metrics:
                summary[f'{metric}/{rule},triangulated'] = float(
                    keypoint_3d.pose_errors(world, truth, visible, metric,
                                            self._root).mean())
        # In the picture, where the depth of the box has no say.
        rays, true_rays = (points[..., :2] / points[..., 2:]
                           for points in (hypotheses[:, :, 0], target))
        _, exchanged = exchange_left_right(
            rays, true_rays, self._flip_indices(), 'per_joint', seen)
        summary['ambiguity'] = ambiguity_ratio(
            exchanged, self._flip_indices(), visible)
        return summary

    def _chosen(self, hypotheses: np.ndarray, scores: np.ndarray,
                target: np.ndarray, visible: np.ndarray,
                rule: str) -> np.ndarray:
        """Pick poses (N, K, 3) in the camera frame, absolute."""
        root = slice(self._root, self._root + 1)
        pose = select_hypothesis(hypotheses, scores, target, rule, visible,
                                 self._root)
        # All hypotheses have the root's likeliest place.
        return pose + hypotheses[:, 0, root]

    def _reference(self, data: dict[str, np.ndarray], views: Views,
                   frames: list[list[dict]]) -> dict[str, float | None]:
        """Return the figures of the authors' evaluation."""
        if not data['visible'].all():
            raise ValueError("protocol='reference' counts all joints, but "
                             'some are not annotated: use '
                             "protocol='standard'")
        crops = Crops(data['affine'], data['root_depth'],
                      frames[0][0]['patch_size'],
                      float(data['cube_size'].flat[0]))
        actions = [frame[0]['action'] for frame in frames]
        summary: dict[str, float | None] = {}
        for rule in self.hypothesis_rules:
            errors = reference_errors(data['hypotheses'], data['truth'],
                                      views, crops, self._flip_indices(),
                                      rule)
            key = f'{rule},reference'
            summary[f'2D/crop/{key}'] = float(100 * errors.error_2d.mean())
            for suffix, each in (('', errors.single),
                                 (',triangulated', errors.triangulated)):
                flat = each['MPJPE'].reshape(-1, data['truth'].shape[2])
                for metric in self.metrics:
                    name = f'{metric}/{key}{suffix}'
                    poses = each[metric].mean(-1)
                    summary[name] = float(poses.mean())
                    if all(actions):
                        summary.update(
                            (f'{name}/{kind}', reference_action_mean(
                                poses, actions, names))
                            for kind, names in ACTION_SETS.items())
                summary[f'3DPCK@150/{key}{suffix}'] = float(
                    pck_3d(flat).mean())
                summary[f'AUC/{key}{suffix}'] = float(auc_3d(flat).mean())
        summary['ambiguity,reference'] = ambiguity_ratio(errors.exchanged)
        return summary


def _frames(results: list[dict]) -> list[list[dict]]:
    """Group views by frame; those that lack a view are left out, and told."""
    groups: dict[Any, list[dict]] = {}
    for result in results:
        groups.setdefault(result['frame'], []).append(result)
    views = max(len(frame) for frame in groups.values())
    if views < 2:
        raise ValueError(
            'no two samples have the same frame_id: this metric needs '
            'several views of one instant')
    short = [name for name, frame in groups.items() if len(frame) < views]
    if short:
        MMLogger.get_current_instance().warning(
            f'{len(short)} of {len(groups)} frames have fewer than {views} '
            f'views and are left out, the first of them {short[0]!r}')
    return [frame for frame in groups.values() if len(frame) == views]
