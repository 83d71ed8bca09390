"""People in files of COCO's form, with masks and 2D key points."""
from __future__ import annotations

from typing import Any

from mmpose.registry import DATASETS

from xas_mmpose.datasets.joint_tables import (
    COCO_17,
    COCO_17_TO_HUMAN36M_18,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .animal_keypoints import XasAnimalKeypointDataset


@DATASETS.register_module()
class XasCocoDataset(XasAnimalKeypointDataset):
    """People of COCO, OCHuman and other sets with COCO's 17 key points.

    Unlabelled target pictures, or 2D truth to validate with, one sample a
    person; crowds are left out. ``carry_labels`` gives ``keypoints``
    (1, 18, 2) image px and ``keypoints_visible`` (1, 18): nose, shoulders,
    elbows, wrists, hips, knees and ankles; the six others are not in COCO
    and never visible. COCO's hips lie on the skin, further out than
    Human3.6M's.

    Args:
        mask_layout: The masks of the file, ``'segmentation'``, or files of
            their own: see :class:`XasAnimalKeypointDataset`, with
            ``'person'`` for ``'animal'``.
        **kwargs: See :class:`XasAnimalKeypointDataset`; ``keypoint_set``
            is COCO's.
    """

    METAINFO: dict = HUMAN36M_18.metainfo()
    WHOSE = 'person'
    SKELETON = HUMAN36M_18

    def __init__(self, *args: Any, mask_layout: str = 'segmentation',
                 **kwargs: Any) -> None:
        super().__init__(*args, keypoint_set='coco', mask_layout=mask_layout,
                         **kwargs)

    def _table(self) -> tuple[tuple[int, ...], int]:
        """Return where ``SKELETON`` stands in the file, of how many."""
        return COCO_17_TO_HUMAN36M_18, len(COCO_17)
