"""From SURREAL's clips to training pairs, as the authors convert them.

:mod:`xas_mmpose.geometry.surreal_camera` explains the mirrored pictures.
"""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.io import loadmat

from xas_mmpose.body_models.body import ParametricBody
from xas_mmpose.body_models.smpl import (
    HUMAN36M_18_SOURCES,
    free_human,
    human36m_rows,
)
from xas_mmpose.geometry.cameras import apply_affine, crop_affine
from xas_mmpose.geometry.surreal_camera import surreal_orientation
from xas_mmpose.skeletons import HUMAN36M_18

#: More key points than this beside the mask make a frame useless.
MAX_OFF_MASK = 4

_HEAD_JOINT = 15
_KEYS = ('pose', 'shape', 'joints3D', 'zrot', 'camLoc', 'gender')


@dataclass(frozen=True)
class SurrealClip:
    """What an ``_info.mat`` says about the T frames of a clip.

    Args:
        pose: Axis angles (T, 72), radians, before SURREAL turns the body.
        betas: Shape coefficients (T, 10).
        joints_3d: SMPL's joints (T, 24, 3), world, m.
        zrot: Turn about the vertical (T,), radians.
        cam_loc: Where the camera stands (3,), world, m.
        gender: ``'female'`` or ``'male'``.
    """

    pose: np.ndarray
    betas: np.ndarray
    joints_3d: np.ndarray
    zrot: np.ndarray
    cam_loc: np.ndarray
    gender: str

    @property
    def num_frames(self) -> int:
        """Number of frames, T."""
        return len(self.pose)

    @property
    def global_orient(self) -> np.ndarray:
        """Orientation of the body in the world (T, 3), axis angle."""
        return surreal_orientation(self.pose[:, :3], self.zrot)


def read_surreal_clip(path: str | Path) -> SurrealClip:
    """Read the ``_info.mat`` of a clip.

    Args:
        path: The file.

    Returns:
        Its content; MATLAB's squeezed axes of one-frame clips are back.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, lacks a key or holds NaN.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no clip {path}')
    try:
        mat = loadmat(path)
    except Exception as error:  # many types, one for each kind of damage
        raise ValueError(f'{path} is no MATLAB file: {error}') from error
    missing = [key for key in _KEYS if key not in mat]
    if missing:
        raise ValueError(f'{path} lacks {", ".join(missing)}: is it the '
                         '_info.mat of a SURREAL clip?')
    try:
        arrays = {key: np.asarray(mat[key], np.float64) for key in _KEYS}
        pose = arrays['pose'].reshape(72, -1).T
        num = len(pose)
        joints = arrays['joints3D'].reshape(3, 24, num)
        clip = SurrealClip(
            pose=pose,
            betas=arrays['shape'].reshape(-1, num).T,
            joints_3d=joints.transpose(2, 1, 0),
            zrot=arrays['zrot'].reshape(num),
            cam_loc=arrays['camLoc'].reshape(3),
            gender='male' if arrays['gender'].flat[0] else 'female')
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(f'{path}: its arrays do not fit each other '
                         f'({error})') from None
    for key in _KEYS:
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f'{path}: {key} holds NaN or infinite values')
    return clip


class SurrealKeypoints:
    """Human3.6M's key points of the people in a clip.

    Args:
        bodies: SMPL's licensed body by gender; ``'neutral'`` stands in for
            a missing one. Without any, the clip's own SMPL joints are taken,
            and the free human lends nose and top of the head, which hang
            rigidly on a joint.

    Raises:
        ValueError: If a body has not the 24 joints of SMPL.
    """

    def __init__(self,
                 bodies: Mapping[str, ParametricBody] | None = None) -> None:
        self.bodies = dict(bodies or {})
        for gender, body in self.bodies.items():
            if body.num_joints != 24:
                raise ValueError(f'the {gender} body has {body.num_joints} '
                                 "joints, SMPL's bodies have 24")
        self._free = None if self.bodies else free_human()

    def fingerprints(self) -> dict[str, str]:
        """Return what tells these bodies from others.

        Returns:
            A checksum of 64 hexadecimal digits by gender, of all that the
            body computes with: the regressor that lay beside its file has
            its part in it, the file's name and place have not.
        """
        bodies = self.bodies or dict(free=self._free)
        return {gender: _checksum(body)
                for gender, body in sorted(bodies.items())}

    def __call__(self, clip: SurrealClip) -> np.ndarray:
        """Return the key points of all frames.

        Args:
            clip: The clip.

        Returns:
            Key points (T, 18, 3), world, m. Left and right are the body's
            own: exchange them for the mirrored pictures.

        Raises:
            ValueError: If there is no body of the clip's gender.
        """
        body = self._free or self.bodies.get(
            clip.gender, self.bodies.get('neutral'))
        if body is None:
            raise ValueError(
                f'the clip shows a {clip.gender} body, but there are only '
                f'{", ".join(self.bodies)}: give that one as well')
        betas = np.zeros((clip.num_frames, body.num_betas))
        if self._free is None:
            num = min(body.num_betas, clip.betas.shape[1])
            betas[:, :num] = clip.betas[:, :num]
        pose = np.concatenate([clip.global_orient, clip.pose[:, 3:]], axis=1)
        with torch.no_grad():
            out = body(torch.from_numpy(betas).float(),
                       torch.from_numpy(pose[:, :3]).float(),
                       torch.from_numpy(pose[:, 3:]).float())
        joints = out.joints.double().numpy()
        keypoints = out.keypoints.double().numpy()
        if self._free is None:
            return keypoints + clip.joints_3d[:, :1] - joints[:, :1]
        head = clip.joints_3d[:, _HEAD_JOINT] - joints[:, _HEAD_JOINT]
        points = np.empty_like(keypoints)
        for k, name in enumerate(HUMAN36M_18.keypoint_names):
            sources = HUMAN36M_18_SOURCES[name]
            if isinstance(sources[0], str):
                points[:, k] = keypoints[:, k] + head
            else:
                points[:, k] = clip.joints_3d[:, list(sources)].mean(1)
        return points


def regress_h36m(vertices: np.ndarray, regressor: np.ndarray,
                 mirrored: bool = False) -> np.ndarray:
    """Return Human3.6M's key points by the public 17-row regressor.

    Args:
        vertices: Vertices of SMPL's mesh (..., V, 3).
        regressor: ``J_regressor_h36m`` (17, V), whose legs are left first.
        mirrored: Exchange left and right, for mirrored pictures. The
            authors' released code does it by exchanging the arms alone: the
            regressor's legs come in the other order as it is.

    Returns:
        Key points (..., 18, 3), unit and frame of ``vertices``, the root at
        the origin.
    """
    points = human36m_rows(regressor) @ vertices
    if mirrored:
        points = points[..., list(HUMAN36M_18.flip_indices), :]
    return points - points[..., :1, :]


def crop_sample(image: np.ndarray, mask: np.ndarray, points: np.ndarray,
                box: np.ndarray, size: int = 256, reference: bool = False
                ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a box out of picture, mask and key points.

    Args:
        image: Picture (H, W, 3) uint8.
        mask: Foreground (H, W) uint8.
        points: Points (N, 2 or more): x, y in px first.
        box: Left, top, right, bottom (4,) in px.
        size: Side of the result, S, px.
        reference: Do as the authors' released code: whole pixels from the
            first to the last corner, both included, but the last row and
            column of the picture left out; a box that the picture's edge
            cuts is made square about its middle once more, and padded with
            zeros on both sides. Their labels are those of ``px * scale``,
            ``(scale - 1) / 2`` px beside the resized picture, 0.24 px
            where 172 px become 256.

    Returns:
        Picture (S, S, 3), mask (S, S), and points of the same shape.
    """
    if reference:
        return _crop_like_reference(image, mask, points, box, size)
    box = np.asarray(box, np.float64)
    affine = crop_affine((box[:2] + box[2:]) / 2, box[2:] - box[:2],
                         (size, size))
    image, mask = (cv2.warpAffine(array, affine, (size, size),
                                  flags=cv2.INTER_LINEAR)
                   for array in (image, mask))
    return image, mask, apply_affine(np.asarray(points, np.float64), affine)


def joints_off_mask(keypoints: np.ndarray, mask: np.ndarray) -> int:
    """Count key points that do not lie on the foreground.

    Args:
        keypoints: Key points (K, 2 or more): x, y in px first. What is
            outside the picture is moved to its edge.
        mask: Foreground (H, W), non-zero inside.

    Returns:
        Their number. The authors drop a frame with more than
        :data:`MAX_OFF_MASK`.
    """
    limit = np.array(mask.shape[::-1]) - 1
    columns, rows = np.clip(keypoints[:, :2], 0, limit).astype(int).T
    return int((mask[rows, columns] == 0).sum())


def _checksum(body: ParametricBody) -> str:
    """Return the SHA-256 of a body's arrays."""
    total = hashlib.sha256()
    for name, array in body.named_buffers():
        total.update(f'{name} {tuple(array.shape)}\n'.encode())
        total.update(array.numpy().tobytes())
    return total.hexdigest()


def _crop_like_reference(
        image: np.ndarray, mask: np.ndarray, points: np.ndarray,
        box: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do what ``reference`` of :func:`crop_sample` says."""
    left, top, right, bottom = (int(v) for v in box)
    low, high = np.array([left, top]), np.array([right, bottom]) + 1
    last = np.array(mask.shape[::-1]) - 1
    low, high = low.clip(0), np.minimum(high, last)
    side = (high - low).max()
    grow = (side - (high - low)) // 2
    low, high = (low - grow).clip(0), np.minimum(high + grow, last)
    side = (high - low).max()
    before = (side - (high - low)) // 2
    after = side - (high - low) - before
    image, mask = (
        cv2.resize(cv2.copyMakeBorder(
            array[low[1]:high[1], low[0]:high[0]], before[1], after[1],
            before[0], after[0], cv2.BORDER_CONSTANT), (size, size))
        for array in (image, mask))
    points = np.array(points, np.float64)
    points[:, :2] = (points[:, :2] - low + before) * (size / side)
    return image, mask, points
