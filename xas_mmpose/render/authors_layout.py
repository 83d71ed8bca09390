"""Synthetic pairs in the layout of the authors' released code.

A folder holds ``image/image_%06d.png``, ``mask/mask_%06d.png`` with values 0
and 1, ``joints/joint_%06d.npy`` (18, 3), and ``info.npy``, the numbers of the
samples. A picture is the crop of a cube of 2000 mm around the root, 256 px
wide there. Joints are ``px / size * 2 - 1`` in x and y, and metres behind the
root in z. No camera is stored, nor who the person is.
"""
from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18

from .resumable import write_whole

#: Side of the cube that a picture shows, mm.
AUTHORS_CUBE = 2000.0

#: How far the side of a picture may be from that cube's, as a share. The
#: authors round the corners of a box of some 170 px to whole pixels.
_SCALE_TOLERANCE = 0.02

_INDEX = 'info.npy'


def authors_paths(folder: str | Path, index: int) -> tuple[Path, Path, Path]:
    """Return the files of a sample.

    Args:
        folder: The set.
        index: Number of the sample.

    Returns:
        Paths of picture, mask and joints.
    """
    folder = Path(folder)
    return (folder / 'image' / f'image_{index:06d}.png',
            folder / 'mask' / f'mask_{index:06d}.png',
            folder / 'joints' / f'joint_{index:06d}.npy')


def write_authors_sample(folder: str | Path,
                         index: int,
                         image: np.ndarray,
                         mask: np.ndarray,
                         keypoints: np.ndarray,
                         keypoints_3d: np.ndarray) -> None:
    """Write picture, mask and joints of a sample, each whole or not at all.

    Args:
        folder: The set; it is made if it does not exist.
        index: Number of the sample.
        image: Picture (S, S, 3), BGR uint8.
        mask: Foreground (S, S) uint8, 0..255; above 127 counts.
        keypoints: Human3.6M key points (18, 2), px of the picture.
        keypoints_3d: The same (18, 3), camera frame, mm.

    Raises:
        ValueError: If shapes or dtypes are others, a number is not finite,
            or the picture does not show a cube of 2000 mm.
    """
    paths = authors_paths(folder, index)
    size = _check_pictures(image, mask, f'sample {index}')
    keypoints = np.asarray(keypoints, np.float64)
    keypoints_3d = np.asarray(keypoints_3d, np.float64)
    _check_joints(keypoints, 2, f'sample {index}: keypoints')
    _check_joints(keypoints_3d, 3, f'sample {index}: keypoints_3d')
    _check_scale(keypoints, keypoints_3d, size, f'sample {index}')
    depth = keypoints_3d[HUMAN36M_18.root_index, 2]
    joints = np.concatenate([keypoints / size * 2 - 1,
                             (keypoints_3d[:, 2:] - depth) / 1000], axis=1)
    binary = (mask > 127).astype(np.uint8)
    for path, data in zip(paths, (_png(image), _png(binary),
                                  _npy(joints.astype(np.float32)))):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)


def read_authors_joints(folder: str | Path, index: int,
                        size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the joints of a sample.

    Args:
        folder: The set.
        index: Number of the sample.
        size: Side of its picture, S, px.

    Returns:
        Key points (18, 2), px of the picture, and depths behind the root
        (18,), mm.

    Raises:
        FileNotFoundError: If there is no such sample.
        ValueError: If the file holds something else.
    """
    path = authors_paths(folder, index)[2]
    joints = _load(path).astype(np.float64)
    _check_joints(joints, 3, str(path))
    return (joints[:, :2] + 1) / 2 * size, joints[:, 2] * 1000


def write_authors_index(folder: str | Path, ids: Iterable[int]) -> None:
    """Write the numbers of the samples, last of all.

    Args:
        folder: The set.
        ids: The numbers.
    """
    write_whole(Path(folder) / _INDEX,
                _npy(np.array(sorted(ids), dtype=np.int64)))


def read_authors_index(folder: str | Path) -> list[int]:
    """Read the numbers of the samples.

    Args:
        folder: The set.

    Returns:
        The numbers, in the order of the file.

    Raises:
        FileNotFoundError: If the folder holds no ``info.npy``.
        ValueError: If it is no list of numbers.
    """
    path = Path(folder) / _INDEX
    ids = _load(path)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f'{path} holds {ids.dtype} of shape {ids.shape} '
                         'instead of the numbers of the samples (N,)')
    return [int(i) for i in ids]


def _load(path: Path) -> np.ndarray:
    """Read an array without running anything that the file may contain."""
    if not path.is_file():
        raise FileNotFoundError(f'there is no {path}')
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:
        # Truncated, no array at all, or pickled objects.
        raise ValueError(f'{path} is no .npy file of plain numbers '
                         f'({error}); the part-segmentation sets, whose '
                         'info.npy is a pickle, are not supported'
                         ) from error


def _check_pictures(image: np.ndarray, mask: np.ndarray, name: str) -> int:
    """Return the side of a square picture that fits its mask."""
    size = len(image)
    for what, array, shape in (('image', image, (size, size, 3)),
                               ('mask', mask, (size, size))):
        if array.shape != shape or array.dtype != np.uint8:
            raise ValueError(
                f'{name}: the {what} has shape {array.shape} and dtype '
                f'{array.dtype}, expected {shape} and uint8: square pictures '
                'only')
    return size


def _check_joints(joints: np.ndarray, width: int, name: str) -> None:
    """Raise ``ValueError`` unless joints are finite and (18, width)."""
    shape = (HUMAN36M_18.num_keypoints, width)
    if joints.shape != shape:
        raise ValueError(f'{name}: shape {joints.shape}, expected {shape}')
    if not np.isfinite(joints).all():
        raise ValueError(f'{name}: NaN or infinite values')


def _check_scale(keypoints: np.ndarray, keypoints_3d: np.ndarray, size: int,
                 name: str) -> None:
    """Raise ``ValueError`` unless the picture shows the authors' cube."""
    # Beside the picture the authors' labels are moved to its edge.
    inside = ((keypoints > 0) & (keypoints < size - 1)).all(1)
    if inside.sum() < 2:
        return
    rays = keypoints_3d[inside, :2] / keypoints_3d[inside, 2:]
    pixels = keypoints[inside] - keypoints[inside].mean(0)
    focal = (pixels**2).sum() / ((rays - rays.mean(0)) * pixels).sum()
    shown = size / focal * keypoints_3d[HUMAN36M_18.root_index, 2]
    if abs(shown / AUTHORS_CUBE - 1) > _SCALE_TOLERANCE:
        raise ValueError(
            f'{name} shows {shown:.0f} mm at the depth of the root, '
            f"but the authors' layout means {AUTHORS_CUBE:.0f} mm: render "
            f'with extent={AUTHORS_CUBE:.0f}, or crop the picture')


def _png(image: np.ndarray) -> bytes:
    """Return a picture as a file's bytes."""
    done, data = cv2.imencode('.png', image)
    if not done:
        raise RuntimeError('OpenCV cannot write PNG files')
    return data.tobytes()


def _npy(array: np.ndarray) -> bytes:
    """Return an array as a file's bytes."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
