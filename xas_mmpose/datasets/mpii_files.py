"""Readers of the annotation files of MPII Human Pose."""
from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.io import loadmat

#: A head's size is this part of its box' diagonal, as in MPII's own score.
_HEAD_OF_DIAGONAL = 0.6


@dataclasses.dataclass(frozen=True)
class MpiiPerson:
    """One person of MPII, in pixels whose first is 0.

    Attributes:
        image: File name of the picture.
        person: Number among the picture's people in the file.
        center: Middle (2,) of the person, px; not exact.
        height: Height of the person, px; not exact.
        keypoints: Key points (16, 2) in the order of
            :data:`~xas_mmpose.datasets.joint_tables.MPII_16`, px; 0 where
            unknown. None where the file has none of this person.
        visible: Whether they are known (16,), or None.
        head_size: What PCKh measures with, px; None where unknown.
    """

    image: str
    person: int
    center: np.ndarray
    height: float
    keypoints: np.ndarray | None = None
    visible: np.ndarray | None = None
    head_size: float | None = None

    @property
    def box(self) -> np.ndarray:
        """The square around the person (4,): x1, y1, x2, y2 in px.

        As high as the person, and lower than ``center`` by 15/200 of it, so
        that no feet are cut off; crops are 1.25 times as large. So it is in
        the authors' released code, and in MMPose.
        """
        middle = self.center + np.array([0, 15 / 200 * self.height])
        return np.concatenate([middle - self.height / 2,
                               middle + self.height / 2])


def read_mpii(path: str, split: str = 'train',
              headbox_file: str | None = None) -> list[MpiiPerson]:
    """Read the people of an annotation file.

    Args:
        path: MPII's own ``mpii_human_pose_v1_u12_1.mat``, or one of the
            lists ``mpii_{train,val,trainval,test}.json``.
        split: Which pictures of MPII's own file are read: ``'train'``, which
            have key points, or ``'test'``, which have none. A list holds one
            split.
        headbox_file: ``mpii_gt_val.mat``, which holds the head boxes of the
            list ``mpii_val.json``. MPII's own file has them inside.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not as it should be.
    """
    if split not in ('train', 'test'):
        raise ValueError(f"split is 'train' or 'test', got {split!r}")
    for file in filter(None, (path, headbox_file)):
        if not os.path.isfile(file):
            raise FileNotFoundError(
                f"there is no file {file}. MPII's own annotations are "
                "mpii_human_pose_v1_u12_1.mat; MMPose's documentation names "
                'the place of mpii_train.json, mpii_val.json and '
                'mpii_gt_val.mat')
    if path.endswith('.mat'):
        entries = list(_release_entries(path, split))
    else:
        entries = _list_entries(path)
    if headbox_file:
        heads = read_head_sizes(headbox_file)
        if len(heads) != len(entries):
            raise ValueError(
                f'{headbox_file} has {len(heads)} head boxes, {path} has '
                f'{len(entries)} people: they are not of one split')
        for entry, head in zip(entries, heads):
            entry['head_size'] = head
    return list(_people(path, entries))


def read_head_sizes(path: str) -> np.ndarray:
    """Read the head sizes (N,) in px of a ``mpii_gt_val.mat``.

    Raises:
        ValueError: If it holds none.
    """
    boxes = _load_mat(path, 'headboxes_src')['headboxes_src']
    if boxes.ndim != 3 or boxes.shape[:2] != (2, 2) or not (
            np.isfinite(boxes).all()):
        raise ValueError(f'{path}: headboxes_src has the shape {boxes.shape} '
                         'or numbers that are not finite; (2, 2, N) is '
                         'expected')
    return _HEAD_OF_DIAGONAL * np.linalg.norm(
        boxes[1].astype(np.float64) - boxes[0], axis=0)


def _list_entries(path: str) -> list[dict]:
    """Return the people of a list."""
    with open(path, encoding='utf-8') as file:
        try:
            entries = json.load(file)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f'{path} is no JSON file: {error}. Download it '
                             'again') from error
    if not isinstance(entries, list) or not entries or not all(
            isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path} is no list of MPII's people: a list of "
                         'image, center, scale, joints, joints_vis is '
                         'expected')
    return [dict(entry) for entry in entries]


def _release_entries(path: str, split: str) -> Iterator[dict]:
    """Yield the people of MPII's own file as those of a list.

    People of whom it says nothing but their head are left out.
    """
    release = _load_mat(path, 'RELEASE', struct_as_record=False,
                        squeeze_me=True)['RELEASE']
    try:
        pictures = np.atleast_1d(release.annolist)
        wanted = np.atleast_1d(release.img_train) == (split == 'train')
        if len(pictures) != len(wanted):
            raise ValueError(f'{len(pictures)} annolist, '
                             f'{len(wanted)} img_train')
        for picture in pictures[wanted]:
            for person in np.atleast_1d(picture.annorect):
                entry = _release_person(person)
                if entry is not None:
                    yield dict(image=picture.image.name, **entry)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f'{path} is not laid out as mpii_human_pose_v1_u12_1.mat: '
            f'{error}') from error


def _release_person(person: Any) -> dict | None:
    """Return one ``annorect`` as an entry of a list, None if it is empty."""
    place = getattr(person, 'objpos', None)
    if not hasattr(place, 'x') or not np.size(person.scale):
        return None
    entry = dict(center=[place.x, place.y], scale=person.scale)
    if np.size(getattr(person, 'x1', ())):
        entry['head_size'] = _HEAD_OF_DIAGONAL * np.hypot(
            float(person.x2) - person.x1, float(person.y2) - person.y1)
    points = getattr(getattr(person, 'annopoints', None), 'point', ())
    if np.size(points):
        joints, known = np.zeros((16, 2)), np.zeros(16)
        for point in np.atleast_1d(points):
            joints[point.id] = point.x, point.y
            known[point.id] = 1
        entry.update(joints=joints, joints_vis=known)
    return entry


def _people(path: str, entries: Iterable[dict]) -> Iterator[MpiiPerson]:
    """Yield checked people, counted in each picture."""
    counts: dict[str, int] = {}
    for number, entry in enumerate(entries):
        where = f'{path}: person {number}'
        try:
            image = entry['image']
            if not isinstance(image, str):
                raise TypeError(f'image is {image!r}')
            center = np.array(entry['center'], np.float64).reshape(2)
            height = float(entry['scale']) * 200
            points = known = None
            if 'joints' in entry:
                points = np.array(entry['joints'], np.float64).reshape(16, 2)
                known = np.array(entry['joints_vis'], np.float64).reshape(16)
                # What is unknown is -1 in some files and 0 in others.
                known = (known > 0) & (points > 0).all(1)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'{where} ({entry.get("image")}) lacks or '
                             f'misshapes {error}') from error
        head = entry.get('head_size')
        if head is not None and not 0 < head < np.inf:
            raise ValueError(f'{where} ({image}) has a head box without '
                             'area, or numbers that are not finite')
        numbers = [center, height]
        numbers += [] if points is None else [points]
        if not all(np.isfinite(n).all() for n in numbers) or height <= 0:
            raise ValueError(
                f'{where} ({image}) has center {center.tolist()}, scale '
                f'{height / 200} or joints that are not finite, or a scale '
                'that is not positive')
        person = counts[image] = counts.get(image, -1) + 1
        # MATLAB's first pixel is 1.
        yield MpiiPerson(
            image=image, person=person, center=center - 1, height=height,
            keypoints=None if points is None else np.where(
                known[:, None], points - 1, 0),
            visible=known, head_size=None if head is None else float(head))


def _load_mat(path: str, key: str, **options: Any) -> dict:
    """Read a variable of a MATLAB file."""
    try:
        content = loadmat(path, variable_names=[key], **options)
    except Exception as error:
        # scipy has half a dozen types for a broken file.
        raise ValueError(f'{path} is no MATLAB file: {error}. Download it '
                         'again') from error
    if key not in content:
        raise ValueError(f'{path} has no {key}: it is another file than the '
                         'one of that name')
    return content
