"""What the data sets of this package share."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from xas_mmpose.geometry.cameras import camera_to_image
from xas_mmpose.skeletons import HUMAN36M_18, in_id_order


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
