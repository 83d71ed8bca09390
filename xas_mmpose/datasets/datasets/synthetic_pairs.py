"""Rendered pictures with known joints, as ``tools/synthesize.py`` writes."""
from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.camera_files import camera_param

from .base import BasePoseDataset3D, label_keys
from .file_checks import FolderIndex, require_files

#: What is read of a camera; files may also name it.
_CAMERA = ('f', 'c', 'w', 'h', 'R', 'T', 'k', 'p')


@DATASETS.register_module()
class SyntheticPairDataset(BasePoseDataset3D):
    """Synthetic pairs on disk: picture, mask, camera and 3D joints.

    The annotation file is in COCO's form (``xtcocotools`` reads it) with
    ``mask_file`` per image and ``keypoints_3d`` (camera frame, mm),
    ``camera_param`` and ``subject`` per annotation. Key points are found by
    their names, so the file may hold more than the metainfo asks for.

    Key points inside the picture count as ``keypoints_visible``, those that
    something hides (1 in the file) as much as the others (2): their place is
    known. ``keypoints_3d_visible`` is 1 for all, also for those outside (0).

    Args:
        ann_file: The annotation file, relative to ``data_root``.
        data_prefix: Folders that ``img`` and ``mask`` file names are relative
            to, themselves relative to ``data_root``.
        subjects: Numbers of the bodies to keep; None for all.
        split: ``'train'`` leaves out, ``'heldout'`` keeps only, the bodies
            that are held out; None keeps all.
        heldout_fraction: Share of the bodies that are held out: the last
            ones by number, at least one.
        domain: ``'synthetic'``, or ``'target'`` for rendered people that
            stand in for real, unlabelled pictures.
        carry_labels: Whether samples carry joints; None: those of domain
            ``'synthetic'`` do.
        carry_root: Whether unlabelled samples carry the true root,
            ``root_camera``, which crop rule ``root`` needs.
        command: The command that makes the set, for error messages.
        **kwargs: See :class:`BasePoseDataset3D`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the file lacks key points of the metainfo, its 2D and
            3D key points disagree, or no sample is left.
    """

    def __init__(self,
                 ann_file: str = 'annotations.json',
                 data_prefix: dict | None = None,
                 subjects: Sequence[int] | None = None,
                 split: str | None = None,
                 heldout_fraction: float = 0.1,
                 domain: str = 'synthetic',
                 carry_labels: bool | None = None,
                 carry_root: bool = False,
                 command: str | None = None,
                 **kwargs: Any) -> None:
        if split not in (None, 'train', 'heldout'):
            raise ValueError("split is 'train', 'heldout' or None, got "
                             f'{split!r}')
        if not 0 < heldout_fraction < 1:
            raise ValueError('heldout_fraction lies between 0 and 1, got '
                             f'{heldout_fraction}')
        if domain not in ('synthetic', 'target'):
            raise ValueError("domain is 'synthetic' or 'target', got "
                             f'{domain!r}')
        if domain == 'synthetic' and carry_labels is False:
            raise ValueError('synthetic samples without labels teach '
                             "nothing: set domain='target', or leave "
                             'carry_labels out')
        self.domain = domain
        self.carry_labels = (domain == 'synthetic' if carry_labels is None
                             else carry_labels)
        self.carry_root = carry_root
        self.command = command
        self.subjects = subjects
        self.split = split
        self.heldout_fraction = heldout_fraction
        super().__init__(
            ann_file=ann_file,
            data_prefix=data_prefix or dict(img='', mask=''),
            **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the samples of the wanted bodies."""
        content = self._load_json()
        order = self._keypoint_order(content)
        root_index = self.root_index(self.ann_file)
        try:
            images = {image['id']: image for image in content['images']}
            kept = self._kept_subjects(
                {ann['subject'] for ann in content['annotations']})
        except TypeError as error:
            raise ValueError(
                f'{self.ann_file}: the id of an image, or the subject of an '
                f'annotation, is no number: {error}. {self._cure()}'
            ) from error
        samples = [self._sample(images, ann, order, root_index)
                   for ann in content['annotations']
                   if ann['subject'] in kept][::self.sample_interval]
        if not samples:
            raise ValueError(
                f'{self.ann_file}: no sample is left with subjects='
                f'{self.subjects}, split={self.split!r}')
        if self.check_files:
            index = FolderIndex()
            for kind, key in (('image', 'img_path'), ('mask', 'mask_path')):
                require_files(kind, (sample[key] for sample in samples),
                              index, self._cure())
        return samples

    def _load_json(self) -> dict:
        """Read the annotation file and check its keys."""
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(
                f'there is no annotation file {self.ann_file}. '
                f'{self._cure()}')
        with open(self.ann_file, encoding='utf-8') as file:
            try:
                content = json.load(file)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise ValueError(f'{self.ann_file} is no JSON file: {error}. '
                                 f'{self._cure()}') from error
        wanted = dict(
            images={'id', 'file_name', 'mask_file'},
            annotations={'id', 'image_id', 'subject', 'keypoints',
                         'keypoints_3d', 'camera_param'},
            categories={'keypoints'})
        for table, keys in wanted.items():
            rows = content.get(table) if isinstance(content, dict) else None
            if not rows or not isinstance(rows, list):
                raise ValueError(f'{self.ann_file} has no {table}. '
                                 f'{self._cure()}')
            for number, row in enumerate(rows):
                missing = keys - set(row if isinstance(row, dict) else ())
                if missing:
                    raise ValueError(
                        f'{self.ann_file}: number {number} of its {table} '
                        f'lacks {sorted(missing)}. {self._cure()}')
        return content

    def _keypoint_order(self, content: dict) -> list[int]:
        """Return where the metainfo's key points stand in the file."""
        names = content['categories'][0]['keypoints']
        names = names if isinstance(names, list) else []
        missing = [n for n in self.keypoint_names if n not in names]
        if missing:
            raise ValueError(
                f'{self.ann_file} has no key points {", ".join(missing)}, '
                f'which the metainfo asks for; it has '
                f'{", ".join(map(str, names))}. {self._cure()}')
        return [names.index(name) for name in self.keypoint_names]

    def _kept_subjects(self, present: set[int]) -> set[int]:
        """Return the bodies that the options keep."""
        ordered = sorted(present)
        num_heldout = max(1, math.ceil(len(ordered) * self.heldout_fraction))
        heldout = set(ordered[-num_heldout:])
        kept = present if self.subjects is None else (
            present & set(self.subjects))
        if self.split == 'train':
            return kept - heldout
        return kept & heldout if self.split == 'heldout' else kept

    def _sample(self, images: dict[int, dict], ann: dict,
                order: list[int], root_index: int) -> dict:
        """Return the sample of one annotation."""
        try:
            image = images[ann['image_id']]
            paths = {
                f'{key}_path': os.path.join(self.data_prefix[key],
                                            image[name])
                for key, name in (('img', 'file_name'), ('mask', 'mask_file'))}
            camera = camera_param(**{
                key: value for key, value in ann['camera_param'].items()
                if key in _CAMERA})
            stored = np.array(ann['keypoints'],
                              np.float64).reshape(-1, 3)[order]
            points = np.array(ann['keypoints_3d'],
                              np.float64).reshape(-1, 3)[order]
        except (AttributeError, IndexError, KeyError, TypeError,
                ValueError) as error:
            raise ValueError(
                f'{self.ann_file}: annotation {ann["id"]} lacks or '
                f'misshapes {error}. {self._cure()}') from error
        labels = label_keys(points, np.ones(len(order)), camera, root_index)
        shown = stored[:, 2] > 0
        apart = np.abs(labels['keypoints'][0] - stored[:, :2])[shown]
        if apart.size and not apart.max() <= 0.5:  # nor finite
            raise ValueError(
                f'{self.ann_file}: annotation {ann["id"]} projects its '
                f'keypoints_3d {apart.max():.1f} px from its keypoints. '
                f'{self._cure()}')
        labels['keypoints_visible'] = shown.astype(np.float32)[None]
        if not self.carry_labels:
            root = labels['root_camera']
            labels = dict(root_camera=root) if self.carry_root else {}
        return dict(
            id=ann['id'], img_id=ann['image_id'], domain=self.domain,
            subject=ann['subject'], camera_param=camera, **paths, **labels)

    def _cure(self) -> str:
        """Return what to do about a set that is missing or damaged."""
        folder = os.path.dirname(self.ann_file) or '.'
        command = self.command or ('python tools/synthesize.py --num 2000 '
                                   f'--out {folder}')
        # A folder that looks finished is left as it is by the tool.
        first = (f'Remove {folder}, then make'
                 if os.path.isfile(self.ann_file) else 'Make')
        return f'{first} the set with: {command}'
