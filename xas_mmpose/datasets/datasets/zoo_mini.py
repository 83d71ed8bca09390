"""XaS-Zoo-Mini: the animals of the free studio."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.render.studio.zoo import species_of
from xas_mmpose.skeletons import ANIMAL3D_26

from .human36m import XasHuman36mDataset


@DATASETS.register_module()
class XasZooMiniDataset(XasHuman36mDataset):
    """XaS-Zoo-Mini: Human3.6M's layout with the 26 key points of Animal3D.

    Reads what ``tools/make_xas_zoo_mini.py`` writes. Samples also carry
    ``category``, the species.

    Args:
        command: See :class:`.ConvertedPoseDataset`.
        **kwargs: See :class:`XasHuman36mDataset`.
    """

    METAINFO: dict = ANIMAL3D_26.metainfo()

    SET_NAME = 'XaS-Zoo-Mini'
    SKELETON = ANIMAL3D_26
    NUM_STORED = ANIMAL3D_26.num_keypoints

    def __init__(
            self,
            *args: Any,
            command: str = 'python tools/make_xas_zoo_mini.py --out DIR',
            **kwargs: Any) -> None:
        super().__init__(*args, command=command, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return a sample, see the base class."""
        info = super().get_data_info(idx)
        return dict(info, category=species_of(info['subject']))

    def to_skeleton(self, keypoints: np.ndarray) -> np.ndarray:
        """Return the key points: they are in order."""
        return keypoints
