"""How the key points of other data sets become those of Human3.6M-18."""
from __future__ import annotations

import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18, remap

#: MPI-INF-3DHP's 28 key points in the order of its annot.mat.
MPI_INF_3DHP_28 = (
    'spine3', 'spine4', 'spine2', 'spine', 'pelvis', 'neck', 'head',
    'head_top',
    'left_clavicle', 'left_shoulder', 'left_elbow', 'left_wrist',
    'left_hand',
    'right_clavicle', 'right_shoulder', 'right_elbow', 'right_wrist',
    'right_hand',
    'left_hip', 'left_knee', 'left_ankle', 'left_foot', 'left_toe',
    'right_hip', 'right_knee', 'right_ankle', 'right_foot', 'right_toe',
)

#: Names in MPI-INF-3DHP of those key points that Human3.6M names otherwise.
_MPI_NAMES = dict(
    root='pelvis', torso='spine2', nose='head', head='head_top',
    thorax='spine4')

#: Indices (18,) into MPI-INF-3DHP's 28 key points.
MPI_INF_3DHP_28_TO_HUMAN36M_18 = tuple(
    MPI_INF_3DHP_28.index(_MPI_NAMES.get(name, name))
    for name in HUMAN36M_18.keypoint_names)

#: The 17 of them that MMPose's converter keeps, in its order.
MPI_INF_3DHP_17 = (
    'head_top', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist',
    'left_shoulder', 'left_elbow', 'left_wrist', 'right_hip', 'right_knee',
    'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'pelvis', 'spine',
    'head',
)

#: Indices (17,) into these. ``spine2`` is not among them: ``spine``, the next
#: one below, lies where Human3.6M has its torso.
MPI_INF_3DHP_17_TO_HUMAN36M_17 = tuple(
    MPI_INF_3DHP_17.index({**_MPI_NAMES, 'torso': 'spine'}.get(name, name))
    for name in HUMAN36M_18.keypoint_names[:17])

#: MPII's key points in its order.
MPII_16 = (
    'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee',
    'left_ankle', 'pelvis', 'thorax', 'upper_neck', 'head_top',
    'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder',
    'left_elbow', 'left_wrist',
)

#: Names in MPII of those key points that Human3.6M names otherwise.
_MPII_NAMES = dict(root='pelvis', neck='upper_neck', head='head_top')

#: Indices (18,) into MPII's 16 key points; -1: MPII has no torso and no nose.
MPII_16_TO_HUMAN36M_18 = tuple(remap(
    [{v: k for k, v in _MPII_NAMES.items()}.get(name, name)
     for name in MPII_16], HUMAN36M_18).tolist())

#: Indices (16,) of MPII's key points in Human3.6M's 18.
HUMAN36M_18_TO_MPII_16 = tuple(
    MPII_16_TO_HUMAN36M_18.index(i) for i in range(len(MPII_16)))

#: COCO's key points in its order.
COCO_17 = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear',
    'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
    'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
    'right_knee', 'left_ankle', 'right_ankle',
)

#: Indices (18,) into COCO's 17 key points, by their names; -1: it has none.
COCO_17_TO_HUMAN36M_18 = tuple(remap(COCO_17, HUMAN36M_18).tolist())


def with_thorax(keypoints: np.ndarray) -> np.ndarray:
    """Add the thorax, the mean of the shoulders, to 17 key points.

    Args:
        keypoints: Points (..., 17, C) in MMPose's Human3.6M order.

    Returns:
        Points (..., 18, C) in the order of ``HUMAN36M_18``.
    """
    shoulders = [HUMAN36M_18.index('left_shoulder'),
                 HUMAN36M_18.index('right_shoulder')]
    thorax = keypoints[..., shoulders, :].mean(axis=-2, keepdims=True)
    return np.concatenate([keypoints, thorax], axis=-2)
