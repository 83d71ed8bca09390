"""MPI-INF-3DHP as MMPose's converter lays it out, with foreground masks."""
from __future__ import annotations

import os
import re
from collections.abc import Container
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.camera_files import read_mpi_inf_3dhp_cameras
from xas_mmpose.datasets.joint_tables import (
    MPI_INF_3DHP_17_TO_HUMAN36M_17,
    with_thorax,
)

from .converted import ConvertedPoseDataset

_IMGNAME = re.compile(
    r'(?P<subject>T?S\d+)(_(?P<camera>(?P<sequence>Seq\d+)_Cam\d+))?'
    r'_\d+\.\w+')


@DATASETS.register_module()
class XasMpiInf3dhpDataset(ConvertedPoseDataset):
    """MPI-INF-3DHP: pictures, masks, cameras and, where asked for, labels.

    Reads what MMPose's ``preprocess_mpi_inf_3dhp.py`` writes:
    ``mpi_inf_3dhp_train.npz`` with ``cameras_train.pkl``, or
    ``mpi_inf_3dhp_test_valid.npz`` with ``cameras_test.pkl``, whose cameras
    have no ``R`` and ``T``. Joints outside the picture count as unknown, as
    in these files.

    Its 17 key points become 18. Sixteen are those that the authors' released
    code (arXiv 2411.13026) takes from the official files: root, hips, knees,
    ankles, neck, nose (here called head, the middle of it), head
    (``head_top``), shoulders, elbows and wrists. Two are not in these files
    and are made of what is, unless the file has the authors' 18 beside them,
    as ``S18``, as those of this package's own converter do:

    - ``torso``: ``spine``, about half way from root to neck, as
      Human3.6M's; the authors take ``spine2``, above it.
    - ``thorax``: the mean of the shoulders; the authors take ``spine4``.

    ``nose`` and ``head`` lie otherwise in a head than Human3.6M's: 0.18 to
    0.2 m apart, where Human3.6M has 0.115 m. A detector that has learnt
    Human3.6M's definition errs by that here.

    The subject of ``S4_Seq2_Cam0_001033.jpg`` is ``S4``, its action ``Seq2``;
    those of ``TS1_002001.jpg`` are both ``TS1``.

    Args:
        points: Which key points of the file are read: ``'S18'``, the
            authors', ``'S'``, MMPose's 17 and what is made of them, for
            numbers that are compared with those of a set of MMPose's own
            converter, or ``'auto'``, the former where they are there.
        **kwargs: See :class:`ConvertedPoseDataset`.
    """

    SET_NAME = 'MPI-INF-3DHP'
    CONVERTER = ('preprocess_mpi_inf_3dhp.py writes it '
                 '(mpi_inf_3dhp_train.npz, mpi_inf_3dhp_test_valid.npz)')
    CAMERA_PART = re.compile(r'_Cam\d+(?=_\d+$)')

    def __init__(self, *args: Any, points: str = 'auto',
                 **kwargs: Any) -> None:
        if points not in ('auto', 'S', 'S18'):
            raise ValueError(f"points is 'auto', 'S' or 'S18', got {points!r}")
        self.points = points
        super().__init__(*args, **kwargs)

    def split_imgname(self, imgname: str) -> tuple[str, str, str]:
        """Return subject, action and camera id that a picture's name says."""
        match = _IMGNAME.fullmatch(os.path.basename(imgname))
        if match is None:
            raise ValueError(
                f'{imgname!r} is no picture name of MPI-INF-3DHP: '
                'S1_Seq1_Cam0_FRAME.jpg or TS1_FRAME.jpg is expected')
        subject = match['subject']
        return subject, match['sequence'] or subject, match['camera'] or ''

    def read_cameras(self, path: str) -> dict[tuple[str, str], dict]:
        """Read ``cameras_train.pkl`` or ``cameras_test.pkl``."""
        return read_mpi_inf_3dhp_cameras(path)

    def to_skeleton(self, keypoints: np.ndarray) -> np.ndarray:
        """Order 17 key points (..., 17, C) and add the thorax."""
        return with_thorax(
            keypoints[..., list(MPI_INF_3DHP_17_TO_HUMAN36M_17), :])

    def _points_key(self, present: Container[str]) -> str:
        """Choose the file's array that key points are read from."""
        return (super()._points_key(present) if self.points == 'auto'
                else self.points)
