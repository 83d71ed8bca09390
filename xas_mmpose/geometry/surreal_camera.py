"""SURREAL's camera, and how its people are turned in the world.

SURREAL's numbers are metres in a world whose up is -y: its people are turned
there out of motion capture's world, where z is up. Its world-to-camera matrix
is a reflection (determinant -1): the pictures are mirrored, and SMPL's left
arm shows as the right arm of the person that one sees. Camera points that
come out of :func:`surreal_extrinsics` are those of the mirrored person in an
ordinary camera (x right, y down, z forward), so that
:func:`~xas_mmpose.geometry.cameras.camera_to_image` projects them; only the
names of left and right have to be exchanged.
"""
from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from .cameras import cube_box

#: Blender's lens and sensor width of SURREAL, mm.
_LENS, _SENSOR = 60.0, 32.0

#: World to camera; a reflection.
_AXES = np.array([[0.0, 0, -1], [0, 1, 0], [-1, 0, 0]])


def surreal_intrinsics(
        size: tuple[int, int] = (320, 240),
        reference: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the focal lengths and the principal point.

    The optical axis goes through the middle of the picture, which is
    ``size / 2 - 0.5`` where whole numbers are pixel centres.

    Args:
        size: Width and height of the pictures in px.
        reference: Put the principal point at ``size / 2`` as the authors'
            released code does, half a pixel to the lower right.

    Returns:
        Focal lengths (2,) and principal point (2,) in px.
    """
    center = np.asarray(size, np.float64) / 2
    return (np.full(2, _LENS * size[0] / _SENSOR),
            center if reference else center - 0.5)


def surreal_extrinsics(
        cam_loc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the map from the world to the camera, ``R @ x + T``.

    Args:
        cam_loc: Where the camera stands (3,), world, m: ``camLoc`` of an
            ``_info.mat``.

    Returns:
        R (3, 3), whose determinant is -1, and T (3,) in m.
    """
    location = np.asarray(cam_loc, np.float64).reshape(3)
    return _AXES.copy(), -_AXES @ location


def surreal_orientation(root_orient: np.ndarray,
                        zrot: np.ndarray | float) -> np.ndarray:
    """Return the orientation of a body in SURREAL's world.

    After its motion has turned a body, SURREAL turns it about motion
    capture's vertical, z, and takes that to its own, -y:
    ``Rx(90 deg) Rz(zrot) R(root)``.

    Args:
        root_orient: First three numbers of ``pose`` (..., 3), axis angle,
            radians; zero is allowed.
        zrot: ``zrot`` of an ``_info.mat`` (...), radians.

    Returns:
        ``global_orient`` (..., 3) in the world, axis angle, radians.
    """
    root_orient = np.asarray(root_orient, np.float64)
    angle = np.broadcast_to(np.asarray(zrot, np.float64),
                            root_orient.shape[:-1]).reshape(-1)
    turned = (Rotation.from_rotvec([np.pi / 2, 0, 0])
              * Rotation.from_rotvec(angle[:, None] * [0.0, 0, 1])
              * Rotation.from_rotvec(root_orient.reshape(-1, 3)))
    return turned.as_rotvec().reshape(root_orient.shape)


def surreal_box(root: np.ndarray, f: np.ndarray, c: np.ndarray,
                cube_size: float = 2.0,
                truncate: bool = False) -> np.ndarray:
    """Return the corners of the box around the root.

    It is what a cube around the root measures at the root's depth; the
    authors project the root moved by 1 m along the world's y and z, which
    are the picture's axes.

    Args:
        root: Root (3,), camera frame, m.
        f: Focal lengths (2,) in px.
        c: Principal point (2,) in px.
        cube_size: Side of the cube in m.
        truncate: Cut the decimals off, as the authors' released code does.

    Returns:
        Left, top, right, bottom (4,) in px, float64.
    """
    center, size = cube_box(np.asarray(root, np.float64), f, c, cube_size)
    corners = np.concatenate([center - size / 2, center + size / 2])
    return np.trunc(corners) if truncate else corners
