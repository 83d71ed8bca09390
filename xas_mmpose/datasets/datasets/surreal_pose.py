"""The authors' synthetic pairs, ``surreal_h36m_pose``."""
from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.geometry.cameras import image_to_camera
from xas_mmpose.render.authors_layout import (
    AUTHORS_CUBE,
    authors_paths,
    read_authors_index,
    read_authors_joints,
)

from .base import BasePoseDataset3D, label_keys
from .file_checks import FolderIndex, require_files


@DATASETS.register_module()
class SurrealPoseDataset(BasePoseDataset3D):
    """Synthetic pairs in the layout of the authors' released code.

    For their converted SURREAL, what ``tools/dataset_converters/surreal.py``
    writes, and what ``tools/synthesize.py`` writes when asked for this
    layout; see :mod:`xas_mmpose.render.authors_layout`. Samples have the
    keys of :class:`~xas_mmpose.datasets.datasets.SyntheticPairDataset`.

    The files hold no camera. Each sample gets a pinhole that stands
    ``root_distance`` before the root and shows 2000 mm there, in which the
    stored pixels and depths come out as they are stored; only x and y in mm
    depend on the assumed distance, and no label of a training does.
    ``root_camera`` is the middle of the cube that the picture shows, which
    the authors' crops put up to a pixel beside the root: with crop rule
    ``root`` and the size of the picture nothing is resampled.

    Args:
        ann_file: ``info.npy``, the numbers of the samples, relative to
            ``data_root``; the other files lie beside it.
        root_distance: Distance of the camera from the root in mm; SURREAL's
            are about 7 m.
        **kwargs: See :class:`BasePoseDataset3D`. Key points are those of
            Human3.6M with thorax, 18. ``check_files`` reads the file of
            joints of every sample once, too; otherwise each is read when its
            turn comes.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file holds something else, or the metainfo has
            other key points.
    """

    def __init__(self, ann_file: str = 'info.npy',
                 root_distance: float = 7000.0, **kwargs: Any) -> None:
        if root_distance <= AUTHORS_CUBE / 2:
            raise ValueError(
                f'root_distance is {root_distance} mm, but the camera stands '
                f'before a cube that begins {AUTHORS_CUBE / 2:.0f} mm in '
                'front of the root')
        self.root_distance = float(root_distance)
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List all samples."""
        expected = [info['name'] for info in
                    self.METAINFO['keypoint_info'].values()]
        if self.keypoint_names != expected:
            raise ValueError(
                f'{self.ann_file} holds the key points '
                f'{", ".join(expected)}; the metainfo asks for '
                f'{", ".join(self.keypoint_names)}')
        folder = os.path.dirname(self.ann_file) or '.'
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(
                f'there is no {self.ann_file}. Make the set with: '
                'python tools/synthesize.py --layout surreal_h36m_pose '
                f'--num 2000 --out {folder}, or convert SURREAL with '
                'tools/dataset_converters/surreal.py')
        ids = read_authors_index(folder)[::self.sample_interval]
        if not ids:
            raise ValueError(f'{self.ann_file} lists no sample')
        if self.check_files:
            index = FolderIndex()
            paths = [tuple(map(str, authors_paths(folder, i))) for i in ids]
            for kind, column in zip(('image', 'mask', 'joint'), zip(*paths)):
                require_files(kind, column, index,
                              f'{self.ann_file} lists them: make the set '
                              'again')
        self._size = _picture_size(str(authors_paths(folder, ids[0])[0]))
        if self.check_files:
            for i in ids:
                self._labels(i)
        return [self._sample(folder, i) for i in ids]

    def get_data_info(self, idx: int) -> dict:
        """Return a sample, its joints as its file has them."""
        info = super().get_data_info(idx)
        return dict(info, **self._labels(info['id']))

    def _sample(self, folder: str, index: int) -> dict:
        """Return the sample of one number, without what its joints tell."""
        image, mask, _ = authors_paths(folder, index)
        return dict(id=index, img_id=index, domain='synthetic',
                    img_path=str(image), mask_path=str(mask),
                    subject=index)  # nobody knows who it is

    def _labels(self, index: int) -> dict:
        """Return the camera and the labels of one number."""
        folder, size = os.path.dirname(self.ann_file) or '.', self._size
        focal = size * self.root_distance / AUTHORS_CUBE
        camera = dict(f=np.full(2, focal), c=np.full(2, size / 2), R=np.eye(3),
                      T=np.zeros(3), w=size, h=size)
        keypoints, depth = read_authors_joints(folder, index, size)
        depth = depth + self.root_distance
        if depth.min() <= 0:
            raise ValueError(
                f'{authors_paths(folder, index)[2]}: a joint lies '
                f'{self.root_distance - depth.min():.0f} mm before the root, '
                f'behind a camera at {self.root_distance:.0f} mm: raise '
                'root_distance')
        points = image_to_camera(
            np.concatenate([keypoints, depth[:, None]], axis=1),
            camera['f'], camera['c'])
        labels = label_keys(points, np.ones(len(points)), camera,
                            self.root_index(self.ann_file))
        inside = ((keypoints >= -0.5) & (keypoints < size - 0.5)).all(1)
        labels['keypoints_visible'] = inside.astype(np.float32)[None]
        labels['root_camera'] = np.array([0, 0, self.root_distance])
        return dict(labels, camera_param=camera)


def _picture_size(path: str) -> int:
    """Return the side of the set's square pictures, px."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no picture {path}')
    image = cv2.imread(path)
    if image is None or image.shape[0] != image.shape[1]:
        raise ValueError(
            f'{path} is no square picture: '
            f'{"unreadable" if image is None else image.shape[1::-1]}')
    return len(image)
