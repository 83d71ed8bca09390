"""What all parametric bodies share: shape, skinning and key points."""
from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from smplx.lbs import (
    batch_rigid_transform,
    batch_rodrigues,
    blend_shapes,
    vertices2joints,
)
from torch import Tensor, nn

from xas_mmpose.skeletons import Skeleton

_LAYER = 'layer_'

#: Skin is around a key point if it is no farther from it than this times the
#: nearest skin.
NEAR_SKIN = 1.5


class BodyOutput(NamedTuple):
    """What a body returns; all in metres, in the body's own frame.

    Args:
        vertices: Mesh (B, V, 3).
        joints: Joints of the kinematic tree (B, J, 3).
        keypoints: Key points (B, K, 3) in the order of the body's
            ``skeleton``.
    """

    vertices: Tensor
    joints: Tensor
    keypoints: Tensor


class ParametricBody(nn.Module):
    """A body in SMPL's or SMAL's format, skinned by ``smplx``.

    Besides the keys of the format a file may hold face groups that are drawn
    on demand (``layer_<name>``), the faces that are eyeballs (``eye_faces``),
    texture coordinates (``vt``, ``ft``), colour groups (``materials``,
    ``material_colors``) and poses of its own (``poses``).

    Args:
        arrays: Arrays of the model file, see
            :func:`~xas_mmpose.body_models.load_model_file`.
        skeleton: The key points that the body gives.
        keypoint_joints: Share of each joint in each key point (K, J).
        keypoint_vertices: Share of each posed vertex (K, V). The rows of
            both together sum to 1.
        axes: Rotation (3, 3) from the body's own frame to y up, z front,
            x left; None if it is that frame.
        center: Names of the key points whose mean belongs in the middle of a
            picture.

    Attributes:
        skeleton: See above.
        axes: See above, never None.
        parts: Joint that moves each vertex most (V,).
        layers: Faces (F, 3) of the face groups by name.
        eyes: Faces that are eyeballs, as indices (N,).
        uv: Texture coordinates (N, 2), v up, and their indices (F, 3) for
            each face; None without.
        materials: Colour group of each face (F,); None without.
        material_colors: RGB colour of each group (G, 3), 0..1; None without.
        clip_poses: Poses (N, 3 J) that came with the file; None without.
        keypoint_parts: The parts that meet at each key point, K sets.
        center_keypoints: Indices of the key points of ``center``.
    """

    def __init__(self,
                 arrays: Mapping[str, np.ndarray],
                 skeleton: Skeleton,
                 keypoint_joints: np.ndarray,
                 keypoint_vertices: np.ndarray,
                 axes: np.ndarray | None = None,
                 center: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.axes = np.eye(3) if axes is None else np.asarray(axes, float)
        self.center_keypoints = tuple(
            skeleton.index(name) for name in center) or (
                skeleton.root_index, )
        parents = np.asarray(arrays['kintree_table'][0]).astype(np.int64)
        parents[0] = -1  # the official files say 2 ** 32 - 1
        posedirs = np.asarray(arrays['posedirs'], np.float32)
        self._float('v_template', arrays['v_template'])
        self._float('shapedirs', arrays['shapedirs'])
        # Free bodies have no pose correctives: hundreds of columns of zeros
        # that would cost more than the skinning itself.
        self._float('posedirs', posedirs.reshape(-1, posedirs.shape[-1]).T
                    if posedirs.any() else np.zeros((0, 0)))
        self._float('joint_regressor', arrays['J_regressor'])
        self._float('weights', arrays['weights'])
        self._index('parents', parents)
        self._index('faces', arrays['f'])
        used, = np.nonzero(np.any(keypoint_vertices != 0, 0))
        self._index('keypoint_vertices', used)
        self._float('keypoint_weights', np.concatenate(
            [keypoint_joints, keypoint_vertices[:, used]], 1))
        self.parts = np.asarray(arrays['weights']).argmax(1)
        self.keypoint_parts = self._meeting_parts(
            keypoint_joints, keypoint_vertices)
        self.layers = {
            key[len(_LAYER):]: np.asarray(arrays[key], np.int64)
            for key in arrays if key.startswith(_LAYER)}
        self.eyes = np.asarray(arrays.get('eye_faces', ()), np.int64)
        self.uv = (
            (np.asarray(arrays['vt'], np.float32),
             np.asarray(arrays['ft'], np.int64)) if 'vt' in arrays else None)
        self.materials = _optional(arrays, 'materials', np.int64)
        self.material_colors = _optional(arrays, 'material_colors',
                                         np.float32)
        self.clip_poses = _optional(arrays, 'poses', np.float32)

    def _float(self, name: str, array: np.ndarray) -> None:
        """Register a float32 buffer that checkpoints leave out."""
        array = np.ascontiguousarray(array, dtype=np.float32)
        self.register_buffer(name, torch.from_numpy(array), False)

    def _index(self, name: str, array: np.ndarray) -> None:
        """Register an int64 buffer that checkpoints leave out."""
        array = np.ascontiguousarray(np.asarray(array).astype(np.int64))
        self.register_buffer(name, torch.from_numpy(array), False)

    def _meeting_parts(
            self, keypoint_joints: np.ndarray,
            keypoint_vertices: np.ndarray) -> tuple[frozenset[int], ...]:
        """Return the parts that meet at each key point.

        A joint's part begins there, and its parent's ends. Further, the
        parts of the vertices that the key point is made of, and those of the
        skin around it at rest: the thorax is made of two shoulders, and the
        chest is what one sees there.
        """
        vertices = self.v_template.numpy()
        parents = self.parents.numpy()
        keypoints = (keypoint_joints @ self.joint_regressor.numpy()
                     + keypoint_vertices) @ vertices
        sets = []
        for joints, used, place in zip(keypoint_joints, keypoint_vertices,
                                       keypoints):
            own = {*np.flatnonzero(joints).tolist(),
                   *self.parts[np.flatnonzero(used)].tolist()}
            above = {int(parents[j]) for j in own if parents[j] >= 0}
            distance = np.linalg.norm(vertices - place, axis=1)
            near = self.parts[distance <= NEAR_SKIN * distance.min()]
            sets.append(frozenset(own | above | set(near.tolist())))
        return tuple(sets)

    @property
    def num_betas(self) -> int:
        """Number of shape components, E."""
        return self.shapedirs.shape[-1]

    @property
    def num_joints(self) -> int:
        """Number of joints, J."""
        return len(self.parents)

    def forward(self,
                betas: Tensor,
                global_orient: Tensor,
                body_pose: Tensor,
                transl: Tensor | None = None,
                v_offsets: Tensor | None = None) -> BodyOutput:
        """Pose the body.

        Args:
            betas: Shape coefficients (B, E).
            global_orient: Axis angle of the root joint (B, 3), radians.
            body_pose: Axis angles of the other joints (B, 3 J - 3), radians.
            transl: Translation (B, 3) in metres, None for none.
            v_offsets: Added to the vertices at rest (V, 3), in metres, as
                clothes are; joints stay where they are without.

        Returns:
            Vertices, joints and key points in metres.
        """
        shaped = self.v_template + blend_shapes(betas, self.shapedirs)
        rest = vertices2joints(self.joint_regressor, shaped)
        pose = torch.cat([global_orient, body_pose], dim=1)
        rotations = batch_rodrigues(pose.reshape(-1, 3)).view(
            len(pose), -1, 3, 3)
        if len(self.posedirs):
            feature = rotations[:, 1:] - torch.eye(3).to(rotations)
            shaped = shaped + (feature.flatten(1) @ self.posedirs).view(
                shaped.shape)
        joints, moves = batch_rigid_transform(
            rotations, rest, self.parents, dtype=pose.dtype)
        # Rows of (3, 4): a turn and a shift for every vertex.
        move = (self.weights @ moves[:, :, :3].flatten(2)).unflatten(
            -1, (3, 4))
        chosen = self.keypoint_vertices
        points = _moved(shaped[:, chosen], move[:, chosen])
        vertices = _moved(
            shaped if v_offsets is None else shaped + v_offsets, move)
        if transl is not None:
            vertices, joints, points = (
                part + transl[:, None] for part in (vertices, joints, points))
        keypoints = self.keypoint_weights @ torch.cat([joints, points], 1)
        return BodyOutput(vertices, joints, keypoints)


def _moved(points: Tensor, move: Tensor) -> Tensor:
    """Apply a motion (B, N, 3, 4) to each point (B, N, 3)."""
    return (move[..., :3] * points[:, :, None]).sum(-1) + move[..., 3]


def _optional(arrays: Mapping[str, np.ndarray], key: str,
              dtype: type) -> np.ndarray | None:
    """Return an array of a file, None where the file has none."""
    return np.asarray(arrays[key], dtype) if key in arrays else None
