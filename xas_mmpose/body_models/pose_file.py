"""Poses from files: AMASS, SURREAL, and the clips of our animals."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat, whosmat
from scipy.spatial.transform import Rotation
from torch import Tensor

from .loading import body_names, clip_poses_of
from .smal import SMAL_JOINTS

#: Angles of a person's pose, SMPL.
_PERSON = 72

#: The first 22 joints are the body's in SMPL, SMPL+H and SMPL-X.
_BODY = 66

#: Angles per frame of the files, and whose they are.
_PEOPLE = {66: '22 body joints', 72: 'SMPL', 156: 'SMPL+H', 165: 'SMPL-X'}
_ANIMALS = {99: 'SMAL, 33 joints', 105: 'SMAL, 35 joints'}

_KEYS = ('poses', 'pose')

#: Says which way is up in the world of people's poses.
_UP = 'up'

#: SMPL's joints after their mirror partners: odd and even are left and right
#: but for the spine and the head.
_SPINE = (0, 3, 6, 9, 12, 15)
_PAIRS = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19),
          (20, 21), (22, 23))
SMPL_MIRROR = tuple(
    partner for _, partner in sorted(
        [(j, j) for j in _SPINE] + [*_PAIRS]
        + [(right, left) for left, right in _PAIRS]))


class FilePosePrior:
    """Draws from a list of poses, uniformly.

    Args:
        poses: Axis angles (N, 3 J), radians, in the body's own frame; 72 are
            a person's.
        jitter: Standard deviation of a normal that is added to every number
            but the three of the root, radians.
        mirror: Whether every other pose, by a fair coin, is mirrored; None
            mirrors people and leaves animals.

    Raises:
        ValueError: If the poses are not an array of finite numbers of that
            shape, or ``mirror`` is asked for other bodies than people.
    """

    def __init__(self, poses: np.ndarray | Tensor, jitter: float = 0.0,
                 mirror: bool | None = None) -> None:
        poses = torch.as_tensor(np.asarray(poses, np.float32))
        if poses.ndim != 2 or not len(poses) or poses.shape[1] % 3:
            raise ValueError('poses are axis angles (N, 3 J) with N at least '
                             f'1, got the shape {tuple(poses.shape)}')
        if not poses.isfinite().all():
            raise ValueError('poses hold NaN or infinite values')
        if jitter < 0:
            raise ValueError(f'jitter is not negative, got {jitter}')
        person = poses.shape[1] == _PERSON
        if mirror and not person:
            raise ValueError(f'only the {_PERSON} angles of people can be '
                             f'mirrored, these are {poses.shape[1]}')
        self.poses = poses
        self.jitter = jitter
        self.mirror = person if mirror is None else mirror

    @classmethod
    def from_files(cls, paths: str | os.PathLike | Sequence[
            str | os.PathLike], step: int = 1, jitter: float = 0.0,
                   mirror: bool | None = None,
                   num_joints: int | None = None) -> FilePosePrior:
        """Read poses from files.

        * AMASS's ``.npz``: ``poses`` (N, 156) of SMPL+H or (N, 165) of
          SMPL-X, also (N, 72) and (N, 66). Hands stay straight, the
          translation is left out.
        * SURREAL's ``_info.mat``: ``pose`` (72, T).
        * Animals' ``.npz``: ``poses`` (N, 105) or (N, 99), as in their body
          files.

        People of these files stand in a world with z up, as AMASS and
        SURREAL have it; their root is turned to SMPL's y up. An ``.npz`` in
        which ``up`` is ``'y'`` instead of ``'z'`` is taken as it is, and so
        are animals.

        Args:
            paths: A file, a folder, or several of them. In folders all files
                with poses are taken, of all folders below. The name of an
                animal of the package stands for the poses that came with it;
                a folder of that name is ``./horse``.
            step: Every how manieth frame of a file is taken: motion capture
                has up to 120 of them a second.
            jitter: See the class.
            mirror: See the class.
            num_joints: Joints of the body that is to be posed: for 33,
                SMAL's first file, poses of 35 joints lose their last two,
                the ears. None takes poses as they are.

        Returns:
            The prior.

        Raises:
            FileNotFoundError: If there is no such file or folder.
            ValueError: If a file holds no poses, of another width, or NaN,
                or people and animals are mixed.
        """
        if step < 1:
            raise ValueError(f'step is at least 1, got {step}')
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        poses, first = [], None
        for path in paths:
            files = _files_of(path)
            if not files:
                raise ValueError(f'{path}: no file in this folder holds '
                                 'poses')
            for file in files:
                angles = read_poses(file)
                if num_joints in SMAL_JOINTS and angles.shape[1] in _ANIMALS:
                    angles = angles[:, :3 * num_joints]
                first = first or (file, angles.shape[1])
                if angles.shape[1] != first[1]:
                    raise ValueError(
                        f'{file} holds {angles.shape[1]} angles a pose, '
                        f'{first[0]} {first[1]}: take the poses of one kind '
                        'of body')
                poses.append(angles[::step])
        return cls(np.concatenate(poses), jitter, mirror)

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses.

        Args:
            num: Number of poses, B.
            generator: Source of randomness, on the CPU.

        Returns:
            Axis angles (B, 3 J), radians, float32.
        """
        chosen = torch.randint(len(self.poses), (num, ), generator=generator)
        poses = self.poses[chosen]
        if self.jitter:
            noise = torch.randn(num, poses.shape[1] - 3, generator=generator)
            poses[:, 3:] += self.jitter * noise
        if self.mirror:
            turned = torch.rand(num, generator=generator) < 0.5
            poses[turned] = mirror_pose(poses[turned])
        return poses


def mirror_pose(pose: Tensor) -> Tensor:
    """Mirror people's poses in their middle plane, x = 0.

    Args:
        pose: SMPL axis angles (B, 72), radians.

    Returns:
        Mirrored poses (B, 72): left and right are exchanged.
    """
    swapped = pose.reshape(-1, 24, 3)[:, list(SMPL_MIRROR)]
    return (swapped * swapped.new_tensor([1, -1, -1])).reshape(pose.shape)


def read_poses(path: str | Path) -> np.ndarray:
    """Read the poses of one file, see :meth:`FilePosePrior.from_files`.

    Args:
        path: A ``.npz`` or ``.mat`` file, or the name of an animal of the
            package.

    Returns:
        Axis angles (N, 72) of people in SMPL's y-up frame, or (N, 105) or
        (N, 99) of animals in their own; float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no poses, of another width, or NaN.
    """
    if path in body_names():
        return clip_poses_of(path)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no pose file {path}')
    if path.suffix == '.json':
        raise ValueError(
            f'{path}: annotations of pictures, as those of Animal3D, are no '
            'source of poses: a training that learns from masks alone must '
            'not have them. Take clips, ranges or motion capture')
    poses, up = _load(path)
    widths = {**_PEOPLE, **_ANIMALS}
    if not np.issubdtype(poses.dtype, np.floating):
        raise ValueError(f'{path}: poses are {poses.dtype}, not radians')
    poses = np.atleast_2d(np.squeeze(poses)).astype(np.float64)
    if path.suffix == '.mat' or poses.shape[-1] not in widths:
        # MATLAB's files have a frame in each column, but for a single one.
        poses = poses.reshape(72, -1).T if poses.size == 72 else poses.T
    if poses.ndim != 2 or poses.shape[1] not in widths:
        raise ValueError(
            f'{path}: the poses have shape {poses.shape}; a pose has '
            f'{", ".join(f"{w} ({name})" for w, name in widths.items())} '
            'angles')
    if not np.isfinite(poses).all():
        raise ValueError(f'{path}: the poses hold NaN or infinite values')
    if poses.shape[1] in _ANIMALS:
        return poses.astype(np.float32)
    people = np.zeros((len(poses), _PERSON))
    kept = _PERSON if poses.shape[1] == _PERSON else _BODY
    people[:, :kept] = poses[:, :kept]
    if up == 'z':
        people[:, :3] = (Rotation.from_rotvec([-np.pi / 2, 0, 0])
                         * Rotation.from_rotvec(people[:, :3])).as_rotvec()
    return people.astype(np.float32)


def _files_of(path: str | os.PathLike) -> list[str | os.PathLike]:
    """Return the pose files that a path stands for."""
    if path in body_names() or not Path(path).is_dir():
        return [path]
    # AMASS's folders also hold shapes, SURREAL's masks.
    files = [*Path(path).rglob('*.npz'), *Path(path).rglob('*_info.mat')]
    return [file for file in sorted(files) if _key_of(file)]


def _key_of(path: Path) -> str | None:
    """Return the key of a file's poses, without reading them."""
    try:
        if path.suffix == '.mat':
            there = [name for name, *_ in whosmat(path)]
        else:
            with np.load(path, allow_pickle=False) as content:
                there = content.files
    except Exception as error:
        raise _unreadable(path, error) from error
    return next((key for key in _KEYS if key in there), None)


def _load(path: Path) -> tuple[np.ndarray, str]:
    """Return the poses of a file as they are, and which way is up."""
    key = _key_of(path)
    if key is None:
        raise ValueError(f'{path} holds no poses: none of the keys '
                         f'{", ".join(_KEYS)}')
    try:
        if path.suffix == '.mat':
            return loadmat(path, variable_names=[key])[key], 'z'
        with np.load(path, allow_pickle=False) as content:
            poses = content[key]
            up = str(content[_UP]) if _UP in content.files else 'z'
    except Exception as error:
        raise _unreadable(path, error) from error
    if up not in ('y', 'z'):
        raise ValueError(f"{path}: {_UP} is 'y' or 'z', got {up!r}")
    return poses, up


def _unreadable(path: Path, error: Exception) -> ValueError:
    """Return what is said of a damaged file.

    numpy, zipfile and scipy raise many types for one.
    """
    return ValueError(f'{path}: cannot be read as a .npz of plain arrays or '
                      f'a MATLAB file ({error})')
