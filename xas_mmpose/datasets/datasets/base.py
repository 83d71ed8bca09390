"""What the data sets of this package share."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from xas_mmpose.geometry.cameras import camera_to_image
from xas_mmpose.skeletons import HUMAN36M_18, Skeleton, in_id_order

from .file_checks import FolderIndex, require_files


class BasePoseDataset3D(BaseCocoStyleDataset):
    """Single-person pictures with a mask, a camera and, at will, 3D labels.

    Subclasses list their samples in :meth:`load_data_list`. Unlike MMPose's
    own classes this one drops no sample for lack of labels, and gives no
    box: :class:`~xas_mmpose.datasets.transforms.GetCubeBox` makes it.

    Args:
        check_files: Whether all pictures and masks are looked for when the
            list is loaded, so that a missing one does not end a training
            hours later. Turn it off where the files are not on a local disk.
        **kwargs: Arguments of MMPose's ``BaseCocoStyleDataset``, as
            ``ann_file``, ``data_root``, ``data_prefix``, ``metainfo``,
            ``pipeline``, ``indices``, ``test_mode``.
    """

    METAINFO: dict = HUMAN36M_18.metainfo()

    def __init__(self, *args: Any, check_files: bool = True,
                 **kwargs: Any) -> None:
        interval = kwargs.get('sample_interval', 1)
        if interval < 1:
            raise ValueError(f'sample_interval starts at 1, got {interval}')
        self.check_files = check_files
        super().__init__(*args, **kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Parse the metainfo with its key points in their order."""
        metainfo = cls.METAINFO if metainfo is None else in_id_order(metainfo)
        # MMPose's parser drops the keys that it does not know.
        return dict(super()._load_metainfo(metainfo),
                    root_index=metainfo.get('root_index'))

    @property
    def keypoint_names(self) -> list[str]:
        """Names of the key points, in the order of every array."""
        names = self._metainfo['keypoint_id2name']
        return [names[i] for i in range(len(names))]

    def root_index(self, ann_file: str) -> int:
        """Return the index of the root.

        That is the key point called ``root``, or else the one that the
        metainfo's ``root_index`` names.

        Args:
            ann_file: The file at hand, for the message.
        """
        if 'root' in self.keypoint_names:
            return self.keypoint_names.index('root')
        index = self._metainfo['root_index']
        if index is None:
            raise ValueError(
                f'the metainfo for {ann_file} has neither a key point "root" '
                'nor a root_index; its key points are '
                f'{", ".join(self.keypoint_names)}')
        return index

    def order_in(self, skeleton: Skeleton) -> list[int]:
        """Return where the metainfo's key points stand in a skeleton.

        Args:
            skeleton: That of the annotation file.

        Raises:
            ValueError: If it lacks some.
        """
        unknown = [name for name in self.keypoint_names
                   if name not in skeleton.keypoint_names]
        if unknown:
            raise ValueError(
                f'the metainfo asks for {", ".join(unknown)}, which '
                f'{self.ann_file} does not hold; leave metainfo out, or use '
                'key points of xas_mmpose.skeletons.'
                f'{skeleton.name.upper()}.metainfo()')
        return [skeleton.index(name) for name in self.keypoint_names]

    def _check_files(self, samples: list[dict], index: FolderIndex,
                     layout: str, whose: str = 'person') -> None:
        """Look for every picture, and every mask that has a file.

        Args:
            samples: All samples.
            index: Where to look.
            layout: What says where masks lie, for messages.
            whose: What a mask shows, for messages.
        """
        require_files(
            'image', (sample['img_path'] for sample in samples), index,
            f'{self.ann_file} lists them under data_prefix["img"] = '
            f'{self.data_prefix["img"]!r}')
        require_files(
            'mask', (sample['mask_path'] for sample in samples
                     if 'mask_path' in sample), index,
            f"Every {whose} needs a mask of the picture's size (grey png, "
            f'255 = that {whose}) under data_prefix["mask"] = '
            f'{self.data_prefix.get("mask")!r}; {layout} says where')


def label_keys(keypoints_3d: np.ndarray, visible: np.ndarray,
               camera_param: dict[str, Any],
               root_index: int) -> dict[str, np.ndarray]:
    """Return the label keys of a sample.

    The 2D key points are the projection of the 3D ones by the sample's own
    ``camera_param``, so that truth taken through the crop and back is exact
    whichever camera model is in use.

    Args:
        keypoints_3d: Key points (K, 3) in the camera frame, mm.
        visible: Which of them are annotated (K,), 0 or 1.
        camera_param: The camera.
        root_index: Index of the root.

    Returns:
        ``keypoints`` (1, K, 2) image px, ``keypoints_3d`` (1, K, 3) mm, their
        ``..._visible`` (1, K), and ``root_camera`` (3,) mm.
    """
    keypoints_3d = np.asarray(keypoints_3d, np.float64)
    known = (np.asarray(visible) > 0) & np.isfinite(keypoints_3d).all(-1)
    lens = {key: camera_param.get(key) for key in ('k', 'p')}
    keypoints = camera_to_image(keypoints_3d, camera_param['f'],
                                camera_param['c'], **lens)[:, :2]
    weights = known.astype(np.float32)[None]
    return dict(
        keypoints=keypoints[None],
        keypoints_visible=weights,
        keypoints_3d=keypoints_3d[None],
        keypoints_3d_visible=weights.copy(),
        root_camera=keypoints_3d[root_index].copy())
