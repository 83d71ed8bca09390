"""Readers of the files that MPI-INF-3DHP is downloaded as."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.io import loadmat


class View(NamedTuple):
    """What is annotated of one camera of a recording.

    Attributes:
        keypoints: Key points (N, 28, 2) in image px.
        keypoints_3d: Key points (N, 28, 3) in the camera frame, mm.
    """

    keypoints: np.ndarray
    keypoints_3d: np.ndarray


class EvaluationView(NamedTuple):
    """What is annotated of a recording of the test set.

    Attributes:
        keypoints: Key points (N, 17, 2) in image px, in the order of
            :data:`~xas_mmpose.datasets.joint_tables.MPI_INF_3DHP_17`.
        keypoints_3d: Key points (N, 17, 3) in the camera frame, mm.
        valid: Whether a frame counts (N,).
    """

    keypoints: np.ndarray
    keypoints_3d: np.ndarray
    valid: np.ndarray


def read_annot(path: str | os.PathLike,
               cameras: tuple[int, ...]) -> dict[int, View]:
    """Read an ``annot.mat`` of the training set.

    Args:
        path: The file of one recording.
        cameras: Numbers of the cameras, of 0 to 13.

    Returns:
        The views; all have the same number of frames.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not as it should be.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        content = loadmat(path, variable_names=['annot2', 'annot3'])
    except Exception as error:
        # scipy has half a dozen types for a broken file.
        raise ValueError(f'{path} is no MATLAB file: {error}. Download it '
                         'again') from error
    views = {}
    for camera in cameras:
        arrays = []
        for key, columns in (('annot2', 56), ('annot3', 84)):
            cells = content.get(key)
            if cells is None or cells.shape != (14, 1):
                raise ValueError(
                    f'{path}: {key} is '
                    f'{"missing" if cells is None else cells.shape}; cells '
                    'for 14 cameras are expected')
            values = cells[camera, 0]
            if values.ndim != 2 or values.shape[1] != columns or (
                    not np.isfinite(values).all()):
                raise ValueError(
                    f'{path}: {key} of camera {camera} has the shape '
                    f'{values.shape} or numbers that are not finite; '
                    f'(frames, {columns}) is expected')
            arrays.append(values.astype(np.float64).reshape(
                len(values), 28, -1))
        views[camera] = View(*arrays)
    counts = {len(array) for view in views.values() for array in view}
    if len(counts) != 1:
        raise ValueError(f'{path} has {sorted(counts)} frames for one or the '
                         'other camera or key: they are synchronous')
    return views


def read_annot_data(path: str | os.PathLike) -> EvaluationView:
    """Read an ``annot_data.mat`` of the test set; needs h5py.

    Args:
        path: The file of one recording.

    Raises:
        ImportError: If h5py is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If it is not as it should be.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{path} is a MATLAB file of version 7.3, which scipy can't read. "
            'Install what can with: pip install h5py') from error
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        with h5py.File(path, 'r') as file:
            arrays = {key: np.asarray(file[key], np.float64)
                      for key in ('annot2', 'annot3', 'valid_frame')}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is no annot_data.mat of MPI-INF-3DHP: '
                         f'{error}. Download it again') from error
    num = arrays['valid_frame'].size
    shapes = {key: value.shape for key, value in arrays.items()}
    for key, size in (('annot2', 2), ('annot3', 3)):
        if arrays[key].shape not in ((num, 1, 17, size), (num, 17, size)):
            raise ValueError(
                f'{path}: the shapes are {shapes}; as many frames of 17 key '
                'points as there are valid_frame are expected')
    valid = arrays['valid_frame'].reshape(num) == 1
    view = EvaluationView(arrays['annot2'].reshape(num, 17, 2),
                          arrays['annot3'].reshape(num, 17, 3), valid)
    if not (np.isfinite(view.keypoints[valid]).all()
            and np.isfinite(view.keypoints_3d[valid]).all()):
        raise ValueError(f'{path}: annot2 or annot3 of a valid frame has '
                         'numbers that are not finite')
    return view


def fit_intrinsics(view: EvaluationView) -> dict[str, np.ndarray]:
    """Fit a pinhole to a recording of the test set, which comes without one.

    Args:
        view: Its annotation.

    Returns:
        ``f`` (2,) and ``c`` (2,) in px: those that bring the key points of
        the valid frames nearest to their pixels, weighted by depth, as in
        MMPose's converter.
    """
    points = view.keypoints_3d[view.valid].reshape(-1, 3)
    pixels = view.keypoints[view.valid].reshape(-1, 2)
    fits = [np.linalg.lstsq(points[:, [axis, 2]],
                            pixels[:, axis] * points[:, 2], rcond=None)[0]
            for axis in range(2)]
    focal, center = np.array(fits).T
    return dict(f=focal, c=center)


def read_frame(path: Path) -> np.ndarray:
    """Read a picture (H, W, 3), BGR.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no picture {path}')
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f'{path} cannot be read as a picture')
    return image


class FrameReader:
    """Frames of one camera, from a video or from pictures, in their order.

    Args:
        folder: Folder of ``video_0.avi``, as it is downloaded, or of
            ``video_0/frame_000001.jpg``, as the authors' released code wants
            it.
        camera: Number of the camera.

    Raises:
        FileNotFoundError: If there is neither.
    """

    def __init__(self, folder: Path, camera: int) -> None:
        self.path = folder / f'video_{camera}'
        self._video: Any = None
        self._next = 1
        if not self.path.is_dir():
            self.path = folder / f'video_{camera}.avi'
            if not self.path.is_file():
                raise FileNotFoundError(
                    f'there is no video {self.path}, nor a folder video_'
                    f'{camera} of frame_000001.jpg and so on')
            self._video = cv2.VideoCapture(str(self.path))

    def read(self, number: int) -> np.ndarray:
        """Return a frame (H, W, 3), BGR.

        Args:
            number: Its number from 1, higher than the one before.

        Raises:
            FileNotFoundError: If the picture is missing.
            ValueError: If it cannot be read, or the video ends before it.
        """
        if self._video is None:
            return read_frame(self.path / f'frame_{number:06d}.jpg')
        while self._next < number and self._video.grab():
            self._next += 1
        read, image = self._video.read()
        if self._next < number or not read:
            raise ValueError(
                f'{self.path} has {self._next - 1} readable frames; frame '
                f'{number} is annotated. Download it again')
        self._next += 1
        return image
