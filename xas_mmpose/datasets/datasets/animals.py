"""What the data sets of animals share."""
from __future__ import annotations

from typing import Any

import numpy as np

from xas_mmpose.skeletons import ANIMAL3D_26

from .base import BasePoseDataset3D
from .file_checks import FolderIndex, require_files


class AnimalDataset(BasePoseDataset3D):
    """Pictures of animals with masks, whose key points are Animal3D's 26.

    Nothing is known of the camera, so masks place the crops (``GetCubeBox``,
    rule ``mask``). Samples carry ``category``, the species, and
    ``supercategory``, its family.

    Args:
        ann_file: The annotation file, relative to ``data_root``.
        data_prefix: Folders ``img`` and ``mask``, relative to ``data_root``.
        carry_labels: Whether samples carry key points. Leave it off for
            training pictures: then no annotation of a key point is read.
        **kwargs: See :class:`BasePoseDataset3D`.
    """

    METAINFO: dict = ANIMAL3D_26.metainfo()

    def __init__(self,
                 ann_file: str,
                 data_prefix: dict | None = None,
                 carry_labels: bool = False,
                 **kwargs: Any) -> None:
        self.carry_labels = carry_labels
        super().__init__(ann_file=ann_file,
                         data_prefix=data_prefix or dict(img='', mask=''),
                         **kwargs)

    def _order(self) -> np.ndarray:
        """Return where the metainfo's key points stand in Animal3D's."""
        unknown = [name for name in self.keypoint_names
                   if name not in ANIMAL3D_26.keypoint_names]
        if unknown:
            raise ValueError(
                f'the metainfo asks for {", ".join(unknown)}, which '
                f'{self.ann_file} does not hold; leave metainfo out, or use '
                'key points of xas_mmpose.skeletons.ANIMAL3D_26.metainfo()')
        return np.array([ANIMAL3D_26.index(name)
                         for name in self.keypoint_names])

    def _check_files(self, samples: list[dict], index: FolderIndex,
                     layout: str) -> None:
        """Look for every picture and mask that has a file.

        Args:
            samples: All samples.
            index: Where to look.
            layout: What says where masks lie, for messages.
        """
        require_files(
            'image', (sample['img_path'] for sample in samples), index,
            f'{self.ann_file} lists them under data_prefix["img"] = '
            f'{self.data_prefix["img"]!r}')
        require_files(
            'mask', (sample['mask_path'] for sample in samples
                     if 'mask_path' in sample), index,
            "Every animal needs a mask of the picture's size (grey png, 255 "
            '= that animal) under data_prefix["mask"] = '
            f'{self.data_prefix.get("mask")!r}; {layout} says where')


def labels_2d(keypoints: np.ndarray, visible: np.ndarray,
              order: np.ndarray) -> dict[str, np.ndarray]:
    """Return the label keys of 2D key points.

    Args:
        keypoints: Key points (N, 2) of a set, px.
        visible: Whether each is known (N,).
        order: Index of each wanted key point (K,) in these, -1 for none.

    Returns:
        ``keypoints`` (1, K, 2) px, 0 where unknown, and
        ``keypoints_visible`` (1, K), 0 or 1.
    """
    known = (order >= 0) & visible[order]
    return dict(
        keypoints=np.where(known[:, None], keypoints[order], 0.0)[None],
        keypoints_visible=known[None].astype(np.float32))
