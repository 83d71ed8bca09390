"""What the data sets of animals share."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xas_mmpose.skeletons import ANIMAL3D_26

from .base import BasePoseDataset3D


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


def labels_2d(keypoints: np.ndarray, visible: np.ndarray,
              order: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the label keys of 2D key points.

    Args:
        keypoints: Key points (N, 2) of a set, px.
        visible: Whether each is known (N,).
        order: Index of each wanted key point (K,) in these, -1 for none.

    Returns:
        ``keypoints`` (1, K, 2) px, 0 where unknown, and
        ``keypoints_visible`` (1, K), 0 or 1.
    """
    places = np.asarray(order)
    known = (places >= 0) & visible[places]
    return dict(
        keypoints=np.where(known[:, None], keypoints[places], 0.0)[None],
        keypoints_visible=known[None].astype(np.float32))
