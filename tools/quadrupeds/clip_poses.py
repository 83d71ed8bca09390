"""The animals' clips as poses of SMAL's joints."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from .gltf_reader import SkinnedMesh
from .smal_rig import PARENTS

#: Poses taken from each clip (the rigs spell them in two ways). Nobody
#: photographs dying animals.
CLIPS = {
    'walk': 24, 'gallop': 20, 'gallop_jump': 16, 'jump_toidle': 10,
    'eating': 24, 'idle': 10, 'idle_2': 14, 'idle_headlow': 14,
    'idle_2_headlow': 14, 'attack': 8, 'attack_kick': 8,
    'attack_headbutt': 8,
}


def clip_poses(mesh: SkinnedMesh, place: Callable[[np.ndarray], np.ndarray],
               vertices: np.ndarray, joints: np.ndarray,
               weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose the body as the clips do.

    Args:
        mesh: The rigged mesh.
        place: Takes the mesh's points (..., 3) to the body's frame.
        vertices: Rest pose (V, 3).
        joints: Rest joints (35, 3).
        weights: Skinning weights (V, 35).

    Returns:
        Axis angles (N, 35, 3), and the distance of each vertex from the
        clip's own (N, V).
    """
    targets = []
    for clip, duration in mesh.clips.items():
        num = CLIPS.get(clip.lower(), 0)
        times = duration * np.arange(num) / max(num, 1)
        if num:
            targets.append(place(mesh.posed(clip, times)))
    targets = np.concatenate(targets)
    turns, starts = fit_turns(vertices, joints, weights, targets)
    moves = starts - np.einsum('njab,jb->nja', turns, joints)
    posed = np.einsum('vj,njab,vb->nva', weights, turns, vertices,
                      optimize=True) + weights @ moves
    poses = turns.copy()
    for j, parent in enumerate(PARENTS[1:], start=1):
        poses[:, j] = turns[:, parent].transpose(0, 2, 1) @ turns[:, j]
    angles = Rotation.from_matrix(poses.reshape(-1, 3, 3)).as_rotvec()
    return (angles.reshape(len(poses), -1, 3),
            np.linalg.norm(posed - targets, axis=-1))


def fit_turns(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray,
              targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn each joint so that its vertices come close to their targets.

    From the root outwards: a joint stands where the one above it brings it,
    and gets the rotation that is best for what it moves.

    Args:
        vertices: Rest pose (V, 3).
        joints: Rest joints (35, 3).
        weights: Skinning weights (V, 35).
        targets: Posed vertices (N, V, 3).

    Returns:
        World rotations (N, 35, 3, 3) and posed joints (N, 35, 3).
    """
    turns = np.repeat(np.eye(3)[None, None], len(targets), 0)
    turns = np.repeat(turns, len(joints), 1)
    starts = np.zeros((len(targets), len(joints), 3))
    for j, parent in enumerate(PARENTS):
        moved = weights[:, j] > 0.01
        share = weights[moved, j]
        rest, posed = vertices[moved], targets[:, moved]
        if parent < 0:
            middle = share @ rest / share.sum()
            center = np.einsum('v,nva->na', share, posed) / share.sum()
        else:
            middle = joints[j]
            center = starts[:, parent] + turns[:, parent] @ (
                joints[j] - joints[parent])
        turns[:, j] = turns[:, parent]
        if share.sum() > 1:
            turns[:, j] = best_rotation(np.einsum(
                'v,nva,vb->nab', share, posed - center[:, None],
                rest - middle, optimize=True))
        starts[:, j] = center + turns[:, j] @ (joints[j] - middle)
    return turns, starts


def best_rotation(moment: np.ndarray) -> np.ndarray:
    """Return the rotations nearest to matrices (N, 3, 3)."""
    left, _, right = np.linalg.svd(moment)
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return left @ right
