"""What metrics read from data samples, and what they say is missing."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xas_mmpose.geometry.cameras import (
    crop_affine,
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)
from xas_mmpose.skeletons import joint_subsets_of

from ..functional.actions import action_name
from ..functional.joint_subsets import Joints, subset_indices

_NEEDS_HEAD = 'this metric needs a head that predicts them'
_NEEDS_LABELS = ('evaluation needs joints in mm: give the test dataset '
                 'carry_labels=True and files that hold them')


def sample_name(sample: dict) -> str:
    """Return what a message calls a data sample."""
    return str(sample.get('img_path', sample.get('img_id', 'a sample')))


def read_array(sample: dict, group: str, key: str, cure: str) -> np.ndarray:
    """Return an array of a data sample in float64.

    Args:
        sample: Data sample as a dictionary.
        group: ``pred_instances`` or ``gt_instances``.
        key: Name in the group.
        cure: What to do where it is missing.

    Returns:
        The array, of numpy or torch.

    Raises:
        ValueError: If it is missing.
    """
    value = (sample.get(group) or {}).get(key)
    if value is None:
        raise ValueError(f'{sample_name(sample)} has no {group}.{key}: '
                         f'{cure}')
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
    return np.asarray(value, np.float64)


def read_meta(sample: dict, key: str, needed_by: str) -> Any:
    """Return a metainfo of a data sample, or raise ValueError.

    Args:
        sample: Data sample as a dictionary.
        key: Name of the metainfo.
        needed_by: The option that needs it.

    Returns:
        Its value.
    """
    value = sample.get(key)
    if value is None or (isinstance(value, str) and not value):
        raise ValueError(
            f'{sample_name(sample)}: {needed_by} needs the metainfo {key!r}: '
            'use a dataset that gives it, and add it to the meta_keys of '
            'PackXasInputs')
    return value


def read_hypotheses(sample: dict,
                    key: str = 'hypotheses_3d'
                    ) -> tuple[np.ndarray, np.ndarray]:
    """Return hypotheses (1, M, K, 3) and their scores (1, M, K)."""
    return (read_array(sample, 'pred_instances', key, _NEEDS_HEAD),
            read_array(sample, 'pred_instances', 'hypothesis_scores',
                       _NEEDS_HEAD))


def read_truth(sample: dict,
               hypotheses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return true poses (1, K, 3) and what is annotated (1, K).

    Args:
        sample: Data sample as a dictionary.
        hypotheses: Predictions (1, M, K, 3) that they must fit.

    Returns:
        Poses in mm, camera frame, and 0 where they are not annotated.

    Raises:
        ValueError: If one is missing, or they do not fit.
    """
    target = read_array(sample, 'gt_instances', 'keypoints_3d',
                        _NEEDS_LABELS)
    visible = read_array(sample, 'gt_instances', 'keypoints_3d_visible',
                         _NEEDS_LABELS).reshape(target.shape[:2])
    name = sample_name(sample)
    if len(hypotheses) != len(target):
        raise ValueError(f'{name}: {len(hypotheses)} predicted but '
                         f'{len(target)} true people')
    if hypotheses.shape[2:] != target.shape[1:]:
        raise ValueError(
            f'{name}: predicted {hypotheses.shape[2]} key points, the truth '
            f'has {target.shape[1]}: model and dataset need the same '
            'metainfo')
    return target, visible


def absolute_hypotheses(sample: dict, root_depth: float,
                        needed_by: str) -> np.ndarray:
    """Put hypotheses where the camera saw them.

    Args:
        sample: Data sample with ``pred_instances.hypotheses``, normalised,
            and the metainfo of its crop and camera.
        root_depth: Depth of the root in mm.
        needed_by: The option that needs this, for messages.

    Returns:
        Hypotheses (1, M, K, 3) in mm, camera frame, absolute.

    Raises:
        ValueError: If something is missing.
    """
    hypotheses, _ = read_hypotheses(sample, 'hypotheses')
    center, scale, size, cube, camera = (
        read_meta(sample, key, needed_by)
        for key in ('input_center', 'input_scale', 'input_size', 'cube_size',
                    'camera_param'))
    patch = normalised_to_patch(hypotheses, size, cube)
    affine = crop_affine(center, scale, size)
    image = patch_to_image(patch, affine, root_depth)
    return image_to_camera(image, np.asarray(camera['f']),
                           np.asarray(camera['c']), camera.get('k'),
                           camera.get('p'))


def chosen_names(argument: str, chosen: Sequence[str],
                 known: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen names, refusing none and unknown ones.

    Args:
        argument: Name of the argument, for messages.
        chosen: Its value; a single name is one, not its letters.
        known: What may be chosen.

    Returns:
        The names.

    Raises:
        ValueError: If a name is unknown or there is none.
    """
    chosen = (chosen, ) if isinstance(chosen, str) else tuple(chosen)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise ValueError(f'{argument} must be among {tuple(known)}, got '
                         f'{chosen}')
    return chosen


def chosen_groups(keys: str | Sequence[str],
                  per_action: bool = False) -> tuple[str, ...]:
    """Return the keys of the metainfo that make groups, each once.

    Args:
        keys: The option ``group_by``.
        per_action: Whether actions are groups in any case.
    """
    keys = (keys, ) if isinstance(keys, str) else tuple(keys)
    return tuple(dict.fromkeys([*(['action'] if per_action else []), *keys]))


def read_groups(sample: dict, keys: Sequence[str]) -> dict[str, str]:
    """Return the groups that a data sample is in, by key.

    Args:
        sample: Data sample as a dictionary.
        keys: Keys of its metainfo. Trials of an ``action`` are one action.

    Raises:
        ValueError: If it lacks one.
    """
    groups = {key: str(read_meta(sample, key, f'the mean of each {key}'))
              for key in keys}
    if 'action' in groups:
        groups['action'] = action_name(groups['action'])
    return groups


def ranked_index(sample: dict, scores: np.ndarray) -> int:
    """Return which hypothesis a ``PoseRanker`` with a prior finds the best.

    Args:
        sample: Data sample as a dictionary.
        scores: Its scores (1, M, K), 0 where there is no such hypothesis.

    Returns:
        0, or 1 where the mean of all poses is in front.

    Raises:
        ValueError: If poses are not ranked, or not by a prior.
    """
    ranking = sample['pred_instances'].get('pose_ranking') or {}
    if not ranking.get('prior_weight', 0) > 0:
        raise ValueError(
            f"{sample_name(sample)}: the hypothesis rule 'ranked' needs whole "
            'poses that a prior has ranked: give the head a pose_ranker with '
            'prior_weight and the discriminator of AdversarialPriorHook')
    mean_first = (ranking['first'] == 'mean' and scores.shape[1] > 1
                  and (scores[0, 1] > 0).any())
    return int(mean_first)


def read_dataset_meta(dataset_meta: Mapping[str, Any] | None, key: str,
                      needed_by: str) -> Any:
    """Return what the data set's metainfo says, or raise ValueError.

    Args:
        dataset_meta: The metainfo, None if nobody has set it.
        key: Name of what is wanted.
        needed_by: The option that needs it.
    """
    if not dataset_meta or key not in dataset_meta:
        raise ValueError(
            f"{needed_by} needs the data set's metainfo {key!r}: run through "
            "MMEngine's runner, or set dataset_meta")
    return dataset_meta[key]


def chosen_indices(joints: Joints,
                   dataset_meta: Mapping[str, Any] | None) -> list[int]:
    """Return the indices of the joints that count.

    Args:
        joints: The option of a metric.
        dataset_meta: The data set's metainfo, None if nobody has set it.

    Raises:
        ValueError: If the joints are unknown.
    """
    names = read_dataset_meta(dataset_meta, 'keypoint_id2name', 'joints')
    return subset_indices(joints, [names[i] for i in range(len(names))],
                          joint_subsets_of(dataset_meta))


def chosen_root(root_index: int | None,
                dataset_meta: Mapping[str, Any] | None) -> int:
    """Return the index of the root.

    Args:
        root_index: The option of a metric, None for the metainfo's.
        dataset_meta: The data set's metainfo, None if nobody has set it.
    """
    if root_index is None:
        root_index = (dataset_meta or {}).get('root_index')
    return int(root_index or 0)


def joined(results: Sequence[dict],
           keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what a metric kept of all samples in one array each.

    Args:
        results: What was kept, arrays with one entry a person.
        keys: Names of the arrays.

    Raises:
        ValueError: If there are no samples.
    """
    if not results:
        raise ValueError('there are no samples to evaluate: is the test set '
                         'empty?')
    return {key: np.concatenate([result[key] for result in results])
            for key in keys}
