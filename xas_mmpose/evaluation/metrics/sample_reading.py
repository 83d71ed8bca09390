"""What metrics read from data samples, and what they say is missing."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xas_mmpose.geometry.cameras import (
    crop_affine,
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)

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
