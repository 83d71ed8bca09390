"""Human3.6M as MMPose's converter lays it out, with foreground masks."""
from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.camera_files import read_h36m_cameras
from xas_mmpose.datasets.joint_tables import with_thorax

from .converted import ConvertedPoseDataset

_IMGNAME = re.compile(
    r'(?P<subject>S\d+)_(?P<action>.+?)(_\d+)?\.(?P<camera>\d+)_\d+\.\w+')
#: Subject 1's recordings use two other words for the same actions.
_SAME_ACTION = {'TakingPhoto': 'Photo', 'WalkingDog': 'WalkDog'}


def parse_imgname(imgname: str) -> tuple[str, str, str]:
    """Split the name of a Human3.6M picture.

    Args:
        imgname: As ``S1/S1_Directions_1.54138969/S1_..._000001.jpg``; only
            the part behind the last slash counts.

    Returns:
        Subject, action without its number, camera id:
        ``('S1', 'Directions', '54138969')``.

    Raises:
        ValueError: If the name is not of that form.
    """
    match = _IMGNAME.fullmatch(os.path.basename(imgname))
    if match is None:
        raise ValueError(f'{imgname!r} is no picture name of Human3.6M: '
                         'SUBJECT_ACTION[_NUMBER].CAMERA_FRAME.jpg is '
                         'expected')
    action = match['action']
    return match['subject'], _SAME_ACTION.get(action, action), match['camera']


@DATASETS.register_module()
class XasHuman36mDataset(ConvertedPoseDataset):
    """Human3.6M: pictures, masks, cameras and, where asked for, labels.

    Reads what MMPose's ``preprocess_h36m.py`` writes: ``h36m_train.npz`` or
    ``h36m_test.npz``, and ``cameras.pkl``. Its 17 key points get the thorax,
    the mean of the shoulders.

    Args:
        lens: Whether ``camera_param`` has the lens terms ``k`` and ``p``.
            Without them the 2D key points are those of a pinhole, as in the
            authors' released code, up to 3 px from the picture's.
        **kwargs: See :class:`ConvertedPoseDataset`.
    """

    SET_NAME = 'Human3.6M'
    CONVERTER = 'preprocess_h36m.py writes it (h36m_train.npz, h36m_test.npz)'
    CAMERA_PART = re.compile(r'\.\d+(?=_\d+$)')

    def __init__(self, *args: Any, lens: bool = False,
                 **kwargs: Any) -> None:
        self.lens = lens
        super().__init__(*args, **kwargs)

    def split_imgname(self, imgname: str) -> tuple[str, str, str]:
        """Return subject, action and camera id that a picture's name says."""
        return parse_imgname(imgname)

    def read_cameras(self, path: str) -> dict[tuple[str, str], dict]:
        """Read ``cameras.pkl``."""
        return read_h36m_cameras(path, self.lens)

    def to_skeleton(self, keypoints: np.ndarray) -> np.ndarray:
        """Add the thorax, the mean of the shoulders, to 17 key points."""
        return with_thorax(keypoints)
