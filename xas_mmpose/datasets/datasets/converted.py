"""Data sets as MMPose's converters write them, with foreground masks."""
from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from xas_mmpose.datasets.split_files import read_split_file
from xas_mmpose.skeletons import HUMAN36M_18, Skeleton

from .base import BasePoseDataset3D, label_keys
from .file_checks import FolderIndex


class ConvertedPoseDataset(BasePoseDataset3D):
    """Pictures, masks, cameras and, where asked for, labels.

    Reads the ``.npz`` and the ``cameras*.pkl`` of one of MMPose's
    ``tools/dataset_converters``. Only the picture names are read from
    ``ann_file`` unless labels or roots are asked for; its boxes (``center``,
    ``scale``), which are made from the joints, never are. The file's key
    points become those of ``SKELETON``, as 17 of people become the 18 of
    ``HUMAN36M_18``; metres become mm.

    Subclasses say how names are split, cameras read and key points ordered.
    Samples carry ``subject``, ``action``, ``camera_id`` and ``frame_id``,
    which all cameras' pictures of one instant have in common.

    Args:
        ann_file: The ``.npz``.
        camera_param_file: The ``.pkl``, relative to ``data_root``. May be
            left out where neither labels nor roots are carried.
        data_prefix: Folders ``img`` and, for masks, ``mask``, relative to
            ``data_root``.
        mask_layout: Where the mask of ``S1/seq/name.jpg`` lies under the mask
            folder: ``'nested'`` ``S1/seq/name.png``, ``'flat'`` ``name.png``,
            ``'auto'`` the first of both that exists.
        carry_labels: Whether samples carry joints. Leave it off for training
            pictures: then no joint annotation leaves this class.
        carry_root: Whether unlabelled samples carry the annotated root,
            ``root_camera``, which crop rule ``root`` (the paper's protocol)
            needs.
        subjects: Subjects to keep, as ``['S9', 'S11']``; None for all.
        actions: Actions to keep, as ``['Directions']``; None for all.
        sample_interval: Keeps the first, and then every n-th, of the file's
            frames of each sequence and camera.
        split_file: Text with the names of the pictures to keep, as
            ``tools/dataset_converters/make_split.py`` writes it, relative to
            ``data_root``; None for all.
        command: The command that makes the set, for error messages, where
            it is not MMPose's converter.
        **kwargs: See :class:`BasePoseDataset3D`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not as it should be, a camera is missing, the
            metainfo asks for key points that the set lacks, or no sample is
            left.
    """

    #: What the set is called, and what of MMPose's writes it, for messages.
    SET_NAME: str
    CONVERTER: str
    #: What a picture's name says of its camera; the rest names the instant.
    CAMERA_PART: re.Pattern[str]
    #: The key points, and how many of them the file's ``S`` has.
    SKELETON: Skeleton = HUMAN36M_18
    NUM_STORED: int = 17

    def __init__(self,
                 ann_file: str,
                 camera_param_file: str | None = None,
                 data_prefix: dict | None = None,
                 mask_layout: str = 'auto',
                 carry_labels: bool = False,
                 carry_root: bool = False,
                 subjects: Sequence[str] | None = None,
                 actions: Sequence[str] | None = None,
                 sample_interval: int = 1,
                 split_file: str | None = None,
                 command: str | None = None,
                 **kwargs: Any) -> None:
        if mask_layout not in ('nested', 'flat', 'auto'):
            raise ValueError("mask_layout is 'nested', 'flat' or 'auto', got "
                             f'{mask_layout!r}')
        if camera_param_file is None and (carry_labels or carry_root):
            raise ValueError('carry_labels and carry_root need '
                             'camera_param_file, which the converter writes '
                             'beside ann_file (cameras.pkl)')
        self.camera_param_file = camera_param_file
        self.mask_layout = mask_layout
        self.carry_labels = carry_labels
        self.carry_root = carry_root
        self.command = command
        self.subjects = subjects
        self.actions = actions
        self.split_file = split_file
        self.cameras: dict[tuple[str, str], dict[str, Any]] = {}
        #: The file's array that key points are read from, if any are.
        self.points_key: str | None = None
        super().__init__(
            ann_file=ann_file,
            data_prefix=data_prefix or dict(img=''),
            sample_interval=sample_interval,
            **kwargs)

    @abstractmethod
    def split_imgname(self, imgname: str) -> tuple[str, str, str]:
        """Return subject, action and camera id that a picture's name says."""

    @abstractmethod
    def read_cameras(self, path: str) -> dict[tuple[str, str], dict]:
        """Read each ``camera_param`` by subject and camera id."""

    @abstractmethod
    def to_skeleton(self, keypoints: np.ndarray) -> np.ndarray:
        """Put the file's key points (..., NUM_STORED, C) in order.

        Returns:
            The key points of ``SKELETON`` (..., K, C).
        """

    def _join_prefix(self) -> None:
        """Make the other files relative to ``data_root``, too."""
        super()._join_prefix()
        for name in ('camera_param_file', 'split_file'):
            if getattr(self, name) and self.data_root:
                setattr(self, name,
                        os.path.join(self.data_root, getattr(self, name)))

    def load_data_list(self) -> list[dict]:
        """List the samples that the filters leave."""
        arrays = self._load_arrays()
        if self.camera_param_file:
            self.cameras = self.read_cameras(self.camera_param_file)
        index = FolderIndex()
        samples = []
        seen: dict[str, int] = {}
        imgnames = arrays['imgname'].tolist()
        listed = (read_split_file(self.split_file, imgnames, self.ann_file)
                  if self.split_file else frozenset(imgnames))
        for row, imgname in enumerate(imgnames):
            try:
                subject, action, camera = self.split_imgname(imgname)
            except ValueError as error:
                raise ValueError(f'{self.ann_file}: {error}') from error
            if not (imgname in listed and _kept(subject, self.subjects)
                    and _kept(action, self.actions)):
                continue
            sequence = os.path.basename(imgname).rpartition('_')[0]
            count = seen[sequence] = seen.get(sequence, -1) + 1
            if count % self.sample_interval:
                continue
            sample = dict(
                id=row, img_id=row, domain='target',
                img_path=os.path.join(self.data_prefix['img'], imgname),
                subject=subject, action=action, camera_id=camera)
            if 'mask' in self.data_prefix:
                sample['mask_path'] = self._mask_path(imgname, index)
            if self.cameras:
                self._check_camera(sample)
            if self.carry_labels:
                sample['points_3d'] = arrays['points_3d'][row]
                sample['visible'] = arrays['visible'][row]
            elif self.carry_root:
                sample['root_camera'] = arrays['root_camera'][row]
            samples.append(sample)
        if not samples:
            raise ValueError(
                f'{self.ann_file}: none of its {len(arrays["imgname"])} '
                f'pictures is left with subjects={self.subjects}, '
                f'actions={self.actions}, split_file={self.split_file}')
        if self.check_files:
            self._check_files(samples, index,
                              f'mask_layout={self.mask_layout!r}')
        return samples

    def get_data_info(self, idx: int) -> dict:
        """Return a sample with its camera and, where carried, its labels.

        Both are made here: the list that all workers share stays small.
        """
        info = super().get_data_info(idx)
        name = os.path.splitext(os.path.basename(info['img_path']))[0]
        info['frame_id'] = self.CAMERA_PART.sub('', name, count=1)
        if self.cameras:
            info['camera_param'] = dict(
                self.cameras[info['subject'], info['camera_id']])
        if self.carry_labels:
            info.update(label_keys(
                info.pop('points_3d'), info.pop('visible'),
                info['camera_param'], self.root_index(self.ann_file)))
        return info

    def _load_arrays(self) -> dict[str, np.ndarray]:
        """Read the arrays that the options need, and check them."""
        if not os.path.isfile(self.ann_file):
            cure = (f'make the set with: {self.command}' if self.command
                    else "MMPose's tools/dataset_converters/"
                    f'{self.CONVERTER}')
            raise FileNotFoundError(
                f'there is no annotation file {self.ann_file}; {cure}')
        keys = ['imgname']
        try:
            with np.load(self.ann_file) as file:
                if self.carry_labels or self.carry_root:
                    self.points_key = self._points_key(file)
                    keys.append(self.points_key)
                arrays = {key: file[key] for key in keys}
        except Exception as error:
            # numpy and zipfile have half a dozen types for a broken file.
            raise ValueError(f'{self.ann_file} is no annotation file of '
                             f'{self.SET_NAME} with {keys}: '
                             f'{error}') from error
        names = arrays['imgname']
        if names.ndim != 1 or names.dtype.kind != 'U':
            raise ValueError(f'{self.ann_file}: imgname has the shape '
                             f'{names.shape} and the type {names.dtype}; '
                             '(N,) of text are expected')
        if len(keys) > 1:
            arrays.update(self._key_points(
                self.points_key, arrays.pop(self.points_key), len(names)))
        return arrays

    def _points_key(self, present: Container[str]) -> str:
        """Choose the file's array that key points are read from.

        Args:
            present: Names of the file's arrays.
        """
        return 'S18' if 'S18' in present else 'S'

    def _key_points(self, name: str, points: np.ndarray,
                    num: int) -> dict[str, np.ndarray]:
        """Return the metainfo's key points in mm, or their root alone.

        Args:
            name: ``S``, the set's own key points, or ``S18``, those of
                ``HUMAN36M_18`` where this package's converter has found
                them all.
            points: Key points (N, NUM_STORED or 18, 3 or 4) in metres, and
                whether known.
            num: The N that is expected.
        """
        skeleton = self.SKELETON
        count = self.NUM_STORED if name == 'S' else skeleton.num_keypoints
        if (points.shape[:2] != (num, count)
                or points.shape[2:] not in ((3,), (4,))
                or points.dtype.kind not in 'fiu'):
            raise ValueError(
                f'{self.ann_file}: {name} has the shape {points.shape} and '
                f'the type {points.dtype}; ({num}, {count}, 4) of real '
                'numbers is expected')
        order = self.order_in(skeleton)
        known = np.ones((num, count, 1))
        if points.shape[2] == 4:
            known = points[..., 3:] > 0
        values = np.concatenate(
            [points[..., :3].astype(np.float64) * 1000, known], axis=2)
        if name == 'S':
            values = self.to_skeleton(values)
        if not self.carry_labels:
            return dict(root_camera=values[:, skeleton.root_index, :3])
        # A mean, as the thorax may be one, is known where all of it is.
        return dict(points_3d=values[:, order, :3],
                    visible=values[:, order, 3] == 1)

    def _mask_path(self, imgname: str, index: FolderIndex) -> str:
        """Return where the mask of a picture lies, or should lie."""
        nested = os.path.splitext(imgname)[0] + '.png'
        root = self.data_prefix['mask']
        paths = dict(nested=os.path.join(root, nested),
                     flat=os.path.join(root, os.path.basename(nested)))
        if self.mask_layout != 'auto':
            return paths[self.mask_layout]
        found = [path for path in paths.values() if path in index]
        return found[0] if found else paths['nested']

    def _check_camera(self, sample: dict) -> None:
        """Raise unless the camera of a sample is known."""
        key = (sample['subject'], sample['camera_id'])
        if key not in self.cameras:
            raise ValueError(
                f'{self.camera_param_file} has no camera {key}, which '
                f'{sample["img_path"]} was taken with; it has '
                f'{sorted(self.cameras)}')


def _kept(value: str, wanted: Sequence[str] | None) -> bool:
    """Say whether a filter lets a value through."""
    return wanted is None or value in wanted
