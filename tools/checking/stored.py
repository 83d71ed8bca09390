"""The 2D key points that annotation files hold beside the 3D ones.

Data sets make 2D key points by projection, so theirs always agree with the
camera. Only the files' own tell whether the camera is right.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xas_mmpose.datasets.camera_files import read_h36m_cameras
from xas_mmpose.datasets.datasets import (
    SyntheticPairDataset,
    XasHuman36mDataset,
)
from xas_mmpose.datasets.datasets.base import BasePoseDataset3D
from xas_mmpose.datasets.datasets.converted import ConvertedPoseDataset
from xas_mmpose.geometry.cameras import camera_to_image

#: Returns key points (K, 2) in px of a sample, NaN where the file has none.
StoredPixels = Callable[[Mapping[str, Any]], 'np.ndarray | None']


def stored_pixels(dataset: Any) -> StoredPixels | None:
    """Return what looks up the 2D key points that a file holds.

    Args:
        dataset: The data set.

    Returns:
        The function; None where the file has none of its own.

    Raises:
        ValueError: If the file's 2D key points do not fit its 3D ones.
    """
    if isinstance(dataset, ConvertedPoseDataset):
        return _of_converted(dataset) if dataset.carry_labels else None
    if isinstance(dataset, SyntheticPairDataset):
        return _of_pairs(dataset) if dataset.carry_labels else None
    if isinstance(dataset, BasePoseDataset3D):
        return None  # what is stored is what the 3D ones are made of
    return lambda info: _first(info.get('keypoints'))


def reprojection(keypoints_3d: np.ndarray, visible: np.ndarray,
                 camera: Mapping[str, Any],
                 pixels: np.ndarray) -> np.ndarray:
    """Return how far 3D key points are projected from the 2D ones.

    Args:
        keypoints_3d: Key points (K, 3), camera frame, mm.
        visible: Which are known (K,).
        camera: ``camera_param``.
        pixels: Key points (K, 2), px; NaN where unknown.

    Returns:
        Distances in px of those that are known in both.
    """
    known = visible & np.isfinite(pixels).all(1) & (keypoints_3d[:, 2] > 0)
    projected = camera_to_image(
        keypoints_3d[known], np.ravel(camera['f']), np.ravel(camera['c']),
        camera.get('k'), camera.get('p'))[:, :2]
    return np.linalg.norm(projected - pixels[known], axis=1)


def lens_cameras(dataset: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the cameras with their lens terms that a data set leaves out."""
    if isinstance(dataset, XasHuman36mDataset) and not dataset.lens:
        return read_h36m_cameras(dataset.camera_param_file, lens=True)
    return {}


def _of_converted(dataset: ConvertedPoseDataset) -> StoredPixels | None:
    """Read ``part`` of an ``.npz``."""
    with np.load(dataset.ann_file) as file:
        if 'part' not in file:
            return None
        part, made = file['part'], {'thorax'}
        # These are joints of another place then.
        made |= {'torso'} if dataset.points_key == 'S18' else set()
        num = len(file['imgname'])
    expected = num, dataset.NUM_STORED
    if part.shape[:2] != expected or part.shape[2:] not in ((2,), (3,)):
        raise ValueError(f'{dataset.ann_file}: part has the shape '
                         f'{part.shape}; {(*expected, 3)} is expected')
    pixels = dataset.to_skeleton(part[..., :2].astype(np.float64))
    table = type(dataset).METAINFO['keypoint_info']
    order = {info['name']: int(i) for i, info in table.items()}

    def of_sample(info: Mapping[str, Any]) -> np.ndarray:
        rows = pixels[info['img_id'],
                      [order[name] for name in dataset.keypoint_names]]
        # The middle of two pixels is not the pixel of the middle.
        rows[[name in made for name in dataset.keypoint_names]] = np.nan
        return rows

    return of_sample


def _of_pairs(dataset: SyntheticPairDataset) -> StoredPixels:
    """Read ``keypoints`` of the annotations."""
    with open(dataset.ann_file, encoding='utf-8') as file:
        content = json.load(file)
    names = content['categories'][0]['keypoints']
    order = [names.index(name) for name in dataset.keypoint_names]
    stored = {}
    for annotation in content['annotations']:
        rows = np.array(annotation['keypoints'], np.float32).reshape(-1, 3)
        rows = rows[order]
        rows[rows[:, 2] == 0] = np.nan
        stored[annotation['id']] = rows[:, :2]
    return lambda info: stored[info['id']]


def _first(keypoints: Any) -> np.ndarray | None:
    """Return the key points of a sample's only person."""
    if keypoints is None or len(keypoints) != 1:
        return None
    return np.asarray(keypoints[0], np.float64)[:, :2]
