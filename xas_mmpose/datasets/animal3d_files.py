"""Reader of Animal3D's lists of pictures."""
from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import numpy as np

from xas_mmpose.body_models import SMAL_FAMILIES
from xas_mmpose.skeletons import ANIMAL3D_26

_NUM = ANIMAL3D_26.num_keypoints


@dataclasses.dataclass(frozen=True)
class Animal3dEntry:
    """One picture of Animal3D.

    Attributes:
        image: The picture, below the data set's folder.
        mask: Its mask, below the same.
        category: The species.
        family: One of :data:`~xas_mmpose.body_models.SMAL_FAMILIES`.
        keypoints: Key points (26, 2), px; 0 where unknown. None where labels
            are not read.
        visible: Whether they are known (26,), or None.
        keypoints_3d: Key points (26, 3) in the units of SMAL's model, in
            which an animal is about 2.2 long, or None.
    """

    image: str
    mask: str
    category: str
    family: str
    keypoints: np.ndarray | None = None
    visible: np.ndarray | None = None
    keypoints_3d: np.ndarray | None = None


def read_json(path: str, what: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        what: What should be in it, for messages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no file {path}: {what} is '
                                'expected there')
    with open(path, encoding='utf-8') as file:
        try:
            return json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'{path} is no JSON file: {error}. Download it '
                             'again') from error


def read_animal3d(path: str, labels: bool = False) -> list[Animal3dEntry]:
    """Read the pictures of ``train.json`` or ``test.json``.

    Args:
        path: The file.
        labels: Whether key points are read; without, they may be anything.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not as it should be, or its 3D key points do not
            stand in the pictures as the 2D ones do.
    """
    what = ("Animal3D's train.json or test.json, {\"data\": [{img_path, "
            'mask_path, keypoint_2d, keypoint_3d, supercategory, category, '
            '...}, ...]},')
    content = read_json(path, what)
    entries = content.get('data') if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(
            isinstance(entry, dict) for entry in entries):
        raise ValueError(f'{path} lists no pictures: {what} is expected')
    animals = [_animal(entry, labels, f'{path}: entry {number}')
               for number, entry in enumerate(entries)]
    if labels:
        _check_axes(path, animals)
    return animals


def _animal(entry: dict, labels: bool, where: str) -> Animal3dEntry:
    """Return a checked entry."""
    try:
        image, mask = entry['img_path'], entry['mask_path']
        if not (isinstance(image, str) and isinstance(mask, str)):
            raise TypeError(f'img_path {image!r}, mask_path {mask!r}')
        family = int(entry['supercategory'])
        if not 0 <= family < len(SMAL_FAMILIES):
            raise ValueError(f'supercategory {family}')
        animal = Animal3dEntry(image, mask, str(entry['category']),
                               SMAL_FAMILIES[family])
        if not labels:
            return animal
        flat = np.array(entry['keypoint_2d'], np.float64).reshape(_NUM, 3)
        points = np.array(entry['keypoint_3d'], np.float64).reshape(_NUM, 3)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f'{where} ({entry.get("img_path")}) lacks or '
                         f'misshapes {error}') from error
    visible = flat[:, 2] > 0
    if not (np.isfinite(flat[visible]).all() and np.isfinite(points).all()):
        raise ValueError(f'{where} ({image}) has a keypoint_2d or '
                         'keypoint_3d that is not finite')
    return dataclasses.replace(
        animal, keypoints=np.where(visible[:, None], flat[:, :2], 0),
        visible=visible, keypoints_3d=points)


def _check_axes(path: str, animals: list[Animal3dEntry]) -> None:
    """Raise unless x is right and y down in 3D, as in the pictures.

    Nothing says in which frame the 3D key points are. If they were in
    another one than the camera's, every score without a rigid alignment
    would be of no use.
    """
    for axis, name in enumerate('xy'):
        together = [
            np.cov(animal.keypoints[animal.visible, axis],
                   animal.keypoints_3d[animal.visible, axis])[0, 1]
            for animal in animals if animal.visible.sum() > 1]
        if together and np.mean(np.sign(together)) < 0:
            raise ValueError(
                f'{path}: {name} of keypoint_3d falls where {name} of '
                'keypoint_2d rises in most pictures, so they are not in the '
                "camera's frame (x right, y down, z away from it): turn them "
                'into it first')
