"""True poses for the people of results, and the errors against them."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from checking.sources import read_sources
from mmengine.config import Config
from mmengine.registry import init_default_scope

from xas_mmpose.apis import PersonPose, PicturePoses
from xas_mmpose.evaluation.functional import pose_errors

#: What is told of each pose.
SHOWN_METRICS = ('MPJPE', 'P-MPJPE')
_NAMES = 'keypoint_names'
_FORMS = ('a .json {"keypoint_names": [...], "poses": {PICTURE: (K, 3)}}, an '
          '.npz of arrays (K, 3) by PICTURE, both in mm, or a config .py '
          'whose test set has labels')


def find_truth(path: Path, pictures: Sequence[PicturePoses],
               meta: dict[str, Any]) -> list[list[dict | None]]:
    """Return what is known of each person of each picture.

    Args:
        path: ``.json`` or ``.npz`` with true poses (K, 3), or (N, K, 3) for
            the N people of a picture, in mm, camera axes, by the pictures'
            names; unknown joints are null or NaN. Or a config: the labels of
            its test pictures are taken.
        pictures: The pictures with their people.
        meta: What the results say of all pictures.

    Returns:
        For each picture and person ``keypoints_3d`` (K, 3), root-relative
        with None for unknown joints, and ``errors``: mm by metric of the M
        poses, None for a pose that is not there. None where nothing is known
        of a person.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of these, or does not fit the results.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no file of true poses {path}: '
                                f'give {_FORMS}')
    names = meta['keypoint_names']
    read = (_of_config if path.suffix == '.py' else _of_file)
    found = {index: poses for index, poses in read(path, pictures, names)}
    if not found:
        raise ValueError(
            f'{path} knows none of the {len(pictures)} pictures, as '
            f'{pictures[0].name} ({pictures[0].path}); it goes by the '
            "pictures' names, a config by their paths")
    truth = []
    for index, picture in enumerate(pictures):
        poses = found.get(index, [None] * len(picture.people))
        if len(poses) != len(picture.people):
            raise ValueError(
                f'{path}: {picture.name} has {len(poses)} true poses, but '
                f'{len(picture.people)} people were found; give one for each '
                'of them, in their order, null for who is not known')
        truth.append([
            pose if pose is None else _compare(
                person, pose, meta['root_index'], f'{path}: {picture.name}')
            for person, pose in zip(picture.people, poses)])
    return truth


def _compare(person: PersonPose, pose: np.ndarray, root: int,
             where: str) -> dict[str, Any]:
    """Return the true pose relative to its root, and the poses' errors."""
    known = np.isfinite(pose).all(-1)
    if not known[root]:
        raise ValueError(f'{where}: the root (joint {root}) is not known; '
                         'poses are compared by it. Leave such people out')
    there = person.hypothesis_scores.any(-1)
    count = len(there)
    errors = {}
    for metric in SHOWN_METRICS:
        values = pose_errors(
            np.where(there[:, None, None], person.hypotheses_3d, 0),
            np.repeat(pose[None], count, 0), np.repeat(known[None], count, 0),
            metric, root)
        errors[metric] = [round(float(value), 3) if ok else None
                          for value, ok in zip(values, there)]
    relative = np.round(pose - pose[root], 3).tolist()
    return dict(keypoints_3d=[joint if ok else None
                              for joint, ok in zip(relative, known)],
                errors=errors)


def _of_file(path: Path, pictures: Sequence[PicturePoses],
             names: Sequence[str]
             ) -> Iterator[tuple[int, list[np.ndarray | None]]]:
    """Yield the poses that a file has, by the pictures' indices."""
    try:
        if path.suffix == '.npz':
            with np.load(path) as file:
                poses = dict(file)
            of_file = [str(n) for n in poses.pop(_NAMES, names)]
        else:
            data = json.loads(path.read_text(encoding='utf-8'))
            poses, of_file = data['poses'], data.get(_NAMES, names)
        for index, picture in enumerate(pictures):
            if picture.name in poses:
                yield index, _people(poses[picture.name], of_file, names)
    except (ValueError, KeyError, TypeError, AttributeError, OSError
            ) as error:
        raise ValueError(f'{path} has no true poses '
                         f'({type(error).__name__}: {error}). It should be '
                         f'{_FORMS}') from error


def _people(poses: Any, of_file: Sequence[str],
            names: Sequence[str]) -> list[np.ndarray | None]:
    """Return the poses of a picture's people, joints in our order."""
    if not isinstance(poses, np.ndarray):
        # (K, 3) holds numbers where (N, K, 3) holds joints.
        joint = next((joint for joint in poses if joint), [None])
        people = (poses if isinstance(joint[0], list) or joint == [None]
                  else [poses])
        poses = [one and [joint or [None] * 3 for joint in one]
                 for one in people]
    elif poses.ndim == 2:
        poses = poses[None]
    return [None if one is None else _ordered(one, of_file, names)
            for one in poses]


def _ordered(pose: Any, of_file: Sequence[str],
             names: Sequence[str]) -> np.ndarray:
    """Return a pose (K, 3) in our joints; NaN where it does not tell."""
    pose = np.asarray(pose, np.float64)
    if pose.shape != (len(of_file), 3):
        raise ValueError(f'a pose is {pose.shape}, and should be '
                         f'({len(of_file)}, 3)')
    rows = dict(zip(of_file, pose))
    if not rows.keys() & set(names):
        raise ValueError(f'its joints {", ".join(of_file)} are none of '
                         f'{", ".join(names)}')
    return np.array([rows.get(name, np.full(3, np.nan)) for name in names])


def _of_config(path: Path, pictures: Sequence[PicturePoses],
               names: Sequence[str]
               ) -> Iterator[tuple[int, list[np.ndarray | None]]]:
    """Yield the labels of a config's test pictures."""
    wanted = {os.path.realpath(picture.path): index
              for index, picture in enumerate(pictures)
              if picture.path is not None and picture.frame is None}
    init_default_scope('mmpose')
    for source in read_sources(Config.fromfile(path).to_dict(), ('test', )):
        dataset = source.build()
        for number in range(len(dataset)):
            if not wanted:
                return
            info = dataset.get_data_info(number)
            if 'keypoints_3d' not in info:
                raise ValueError(f'the test set of {path} has no labels in '
                                 '3D: give a file of true poses')
            index = wanted.pop(os.path.realpath(info['img_path']), None)
            if index is not None:
                pose = np.where(info['keypoints_3d_visible'][0][:, None] > 0,
                                info['keypoints_3d'][0], np.nan)
                yield index, [_ordered(pose, dataset.keypoint_names, names)]
