"""Readers of the camera files that the data sets come with.

All return ``camera_param`` dictionaries: ``f`` (2,) and ``c`` (2,) in px,
``R`` (3, 3) and ``T`` (3,) with ``X_camera = R @ X_world + T`` in mm, the
picture's ``w`` and ``h``, and, where the lens model is asked for, its radial
terms ``k`` (3,) and tangential terms ``p`` (2,). Arrays are float64. The
files themselves disagree about units and about which way R and T lead.
"""
from __future__ import annotations

import os
from collections.abc import ItemsView, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xas_mmpose.body_models.array_pickle import load_array_pickle


def read_h36m_cameras(
        path: str | os.PathLike,
        lens: bool = False) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the ``cameras.pkl`` that MMPose's Human3.6M converter writes.

    The file holds camera-to-world rotations and the camera's place in
    metres; both are turned round here.

    Args:
        path: The file.
        lens: Whether ``k`` and ``p`` are kept.

    Returns:
        ``camera_param`` by (subject, camera id), as ``('S1', '54138969')``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of that form.
    """
    out = {}
    for key, camera in _load_cameras(path, '(subject, camera id)',
                                     'preprocess_h36m.py'):
        try:
            rotation = np.asarray(camera['R'], np.float64).reshape(3, 3).T
            place = np.asarray(camera['T'], np.float64).reshape(3) * 1000
            out[key] = camera_param(
                f=camera['f'], c=camera['c'], R=rotation,
                T=-rotation @ place, w=camera['w'], h=camera['h'],
                k=camera['k'] if lens else None,
                p=camera['p'] if lens else None)
        except (KeyError, TypeError, ValueError) as error:
            raise _misshaped(path, key, error) from error
    return out


def read_h36m_meta(
        path: str | os.PathLike,
        lens: bool = False) -> tuple[dict[str, Any], np.ndarray]:
    """Read a ``matlab_meta.txt`` of the authors' Human3.6M layout.

    Args:
        path: The file of one sequence and camera.
        lens: Whether ``k`` and ``p`` are kept.

    Returns:
        The ``camera_param``, and the 17 key points (N, 17, 3) of each of the
        N frames, world mm, chosen and ordered by the file's own list.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of that form.
    """
    lines = _read_lines(path)
    try:
        num_frames = int(lines[0])
        # The first word of every other line is a label.
        size, rot, place, f, c, k, p, ids, *poses = [
            np.array(line.split()[1:], np.float64) for line in lines[1:]
            if line.strip()]
        rotation = rot.reshape(3, 3).T  # MATLAB writes columns first
        camera = camera_param(
            f=f, c=c, R=rotation, T=-rotation @ place.reshape(3), w=size[0],
            h=size[1], k=k if lens else None, p=p if lens else None)
        world = np.stack(poses[:num_frames]).reshape(num_frames, 32, 3)
        if not np.isin(ids, np.arange(1, 33)).all():
            raise ValueError(f'its list of joints, {ids.tolist()}, has other '
                             'numbers than 1 to 32')
        return camera, world[:, ids.astype(int) - 1]
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f'{path} is no matlab_meta.txt of Human3.6M: '
                         f'{error}') from error


def read_mpi_inf_3dhp_calibration(
        path: str | os.PathLike) -> dict[int, dict[str, Any]]:
    """Read a ``camera.calibration`` of MPI-INF-3DHP.

    Args:
        path: The file of one sequence.

    Returns:
        ``camera_param`` by camera number. Its extrinsics are world-to-camera
        in mm already; its lens terms are 0 and left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of that form.
    """
    blocks: list[dict[str, list[str]]] = []
    for line in _read_lines(path)[1:]:
        label, *values = line.split() or ['']
        if label == 'name':
            blocks.append({})
        if label and blocks:
            blocks[-1][label] = values
    try:
        cameras = {}
        for block in blocks:
            inner = np.array(block['intrinsic'], np.float64).reshape(4, 4)
            outer = np.array(block['extrinsic'], np.float64).reshape(4, 4)
            cameras[int(block['name'][0])] = camera_param(
                f=inner[[0, 1], [0, 1]], c=inner[:2, 2], R=outer[:3, :3],
                T=outer[:3, 3], w=block['size'][0], h=block['size'][1])
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f'{path} is no camera.calibration of MPI-INF-3DHP: '
                         f'{error}') from error
    if not cameras:
        raise ValueError(f'{path} is no camera.calibration of MPI-INF-3DHP: '
                         'it names no camera')
    return cameras


def read_mpi_inf_3dhp_cameras(
        path: str | os.PathLike) -> dict[tuple[str, str], dict[str, Any]]:
    """Read a ``cameras_*.pkl`` of MMPose's MPI-INF-3DHP converter.

    Its extrinsics, in metres, are world-to-camera, unlike those of
    Human3.6M's file. The cameras of the test set have none.

    Args:
        path: The file.

    Returns:
        ``camera_param`` by (subject, camera): ``('S1', 'Seq1_Cam0')``, or
        ``('TS1', '')`` and without ``R`` and ``T``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of that form.
    """
    out = {}
    for key, camera in _load_cameras(
            path, 'sequence and camera', 'preprocess_mpi_inf_3dhp.py'):
        try:
            subject, _, name = key.partition('_')
            has_place = 'R' in camera or not subject.startswith('TS')
            # MMPose's converter loses a digit: 204 of 2048.
            height = 2048 if camera['h'] == 204 else camera['h']
            out[subject, name] = camera_param(
                f=camera['f'], c=camera['c'],
                R=camera['R'] if has_place else None,
                T=np.asarray(camera['T']) * 1000 if has_place else None,
                w=camera['w'], h=height)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _misshaped(path, key, error) from error
    return out


def camera_param(f: Any, c: Any, w: Any, h: Any, R: Any = None,
                 T: Any = None, k: Any = None,
                 p: Any = None) -> dict[str, Any]:
    """Return a ``camera_param`` in its types, without what is None.

    Args:
        f: Focal lengths, 2 of them, px.
        c: Principal point, 2 of them, px.
        w: Width of the picture, px.
        h: Height of the picture, px.
        R: Rotation (3, 3), world to camera.
        T: Translation, 3 of them, mm.
        k: Radial terms of the lens, 3 of them.
        p: Tangential terms of the lens, 2 of them.

    Raises:
        TypeError: If an argument is no number, or no array of them.
        ValueError: If one has another shape, is not finite, or no camera
            has it.
    """
    shapes = dict(f=(2,), c=(2,), R=(3, 3), T=(3,), k=(3,), p=(2,))
    values = dict(f=f, c=c, R=R, T=T, k=k, p=p)
    camera: dict[str, Any] = {
        key: np.asarray(value, np.float64).reshape(shapes[key])
        for key, value in values.items() if key in 'fc' or value is not None}
    camera.update(w=int(w), h=int(h))
    for key, value in camera.items():
        if not np.isfinite(value).all() or (
                key in ('f', 'w', 'h') and not np.all(value > 0)):
            raise ValueError(f'{key}: {np.asarray(value).tolist()} is not '
                             'finite, or not positive')
    if R is not None and not (
            np.allclose(camera['R'] @ camera['R'].T, np.eye(3), atol=1e-2)
            and np.linalg.det(camera['R']) > 0):
        raise ValueError(f'R: {camera["R"].tolist()} is no rotation, or '
                         'mirrors')
    return camera


def _read_lines(path: str | os.PathLike) -> list[str]:
    """Return the lines of a text file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        return Path(path).read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no text file: {error}. Copy it from the '
                         'download again') from error


def _load_cameras(path: str | os.PathLike, key: str,
                  converter: str) -> ItemsView[Any, Any]:
    """Read a file that one of MMPose's converters has written.

    Args:
        path: The file.
        key: What its entries are called by.
        converter: The converter's name.
    """
    cameras = load_array_pickle(path)
    if not isinstance(cameras, Mapping) or not cameras:
        raise ValueError(f'{path} holds no cameras: a dictionary by {key} is '
                         f"expected, as MMPose's {converter} writes it")
    return cameras.items()


def _misshaped(path: str | os.PathLike, key: Any,
               error: Exception) -> ValueError:
    """Return the error of an entry that is not as it should be."""
    return ValueError(f'{path}: the entry of camera {key} lacks or misshapes '
                      f'{error}')
