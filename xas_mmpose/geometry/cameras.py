"""The coordinate frames, and every map between two of them.

========== ============================================== ==================
frame      axes                                           unit
========== ============================================== ==================
world      the data set's own                             mm
camera     x right, y down, z forward, origin at the lens mm
image      (u, v, depth): pixels of the full picture and  px, px, mm
           the camera frame's z
patch      (x, y, z): pixels of the crop and the depth    px, px, mm
           behind the root
normalised (x, y, z): -1..1 over the crop, and the depth  1
           behind the root over the cube's side
========== ============================================== ==================

Pixels. Integer coordinates are pixel *centres*: the top-left pixel's centre
is (0, 0) and a picture that is W wide covers x from -0.5 to W - 0.5, as in
OpenCV and MMPose.

Crop. The crop shows a metric cube around the root. The box of the cube, as
the camera sees it at the root's depth, has a centre and a size in image
pixels; its centre goes to patch pixel S / 2 and its size to S pixels. That is
MMPose's own (not the UDP) crop, so ``TopdownPoseEstimator`` maps predictions
back without help. Hence ``x_normalised = x_patch / S * 2 - 1``: the root sits
at 0 exactly, and with a cube of 2000 mm one unit is one metre at the root's
depth.

Heatmap. Cell i of W cells covers patch pixels i S/W - 0.5 to (i+1) S/W - 0.5;
its centre is patch pixel (i + 0.5) S/W - 0.5. A picture that is mirrored
pixel by pixel then has mirrored cells. Depth bin d of D covers the cube's
depth from front to back; its centre is at z = (d + 0.5) / D - 0.5.

All functions take numpy arrays or torch tensors alike and return what they
were given; leading dimensions broadcast. They do not know about joints.
"""
from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar('Array', np.ndarray, Tensor)


def world_to_camera(points: Array, R: Array, T: Array) -> Array:
    """Map world points to the camera frame, ``R @ x + T``.

    Args:
        points: World points (..., 3) in mm.
        R: World-to-camera rotation (3, 3), or (..., 3, 3) with the leading
            dimensions of ``points`` less the last one.
        T: World-to-camera translation (..., 3) in mm, ``-R @ camera_centre``.

    Returns:
        Camera points (..., 3) in mm.
    """
    return points @ _transpose(R) + _rows(T)


def camera_to_world(points: Array, R: Array, T: Array) -> Array:
    """Invert :func:`world_to_camera`.

    Args:
        points: Camera points (..., 3) in mm.
        R: World-to-camera rotation, see :func:`world_to_camera`.
        T: World-to-camera translation in mm.

    Returns:
        World points (..., 3) in mm.
    """
    return (points - _rows(T)) @ R


def camera_to_image(points: Array,
                    f: Array,
                    c: Array,
                    k: Array | None = None,
                    p: Array | None = None) -> Array:
    """Project camera points into the picture.

    Args:
        points: Camera points (..., 3) in mm, in front of the lens.
        f: Focal lengths (2,) in px, or anything that broadcasts.
        c: Principal point (2,) in px.
        k: Radial lens terms (3,), None for a pinhole. Human3.6M's own model,
            see :func:`distort`.
        p: Tangential lens terms (2,), None for none.

    Returns:
        Image points (..., 3): u, v in px and the depth in mm.
    """
    rays = points[..., :2] / points[..., 2:]
    if k is not None or p is not None:
        rays = distort(rays, k, p)
    return _cat(rays * f + c, points[..., 2:])


def image_to_camera(points: Array,
                    f: Array,
                    c: Array,
                    k: Array | None = None,
                    p: Array | None = None) -> Array:
    """Invert :func:`camera_to_image`.

    Args:
        points: Image points (..., 3): u, v in px and the depth in mm.
        f: Focal lengths (2,) in px.
        c: Principal point (2,) in px.
        k: Radial lens terms (3,) or None.
        p: Tangential lens terms (2,) or None.

    Returns:
        Camera points (..., 3) in mm.
    """
    rays = (points[..., :2] - c) / f
    if k is not None or p is not None:
        rays = undistort(rays, k, p)
    return _cat(rays * points[..., 2:], points[..., 2:])


def distort(rays: Array, k: Array | None, p: Array | None) -> Array:
    """Apply Human3.6M's lens model to pinhole rays.

    ``ray * (1 + k0 r2 + k1 r2^2 + k2 r2^3 + p1 x + p0 y) + r2 (p1, p0)``:
    the tangential term stands there once. OpenCV, and MMPose's
    ``SimpleCamera``, count it twice, which is up to 0.2 px off the set's own
    pixels.

    Args:
        rays: Pinhole rays (..., 2): x / z, y / z.
        k: Radial terms (3,) or None.
        p: Tangential terms (2,) or None.

    Returns:
        Distorted rays (..., 2).
    """
    x, y = rays[..., :1], rays[..., 1:]
    r2 = x * x + y * y
    scale = 1 + 0 * r2
    if k is not None:
        scale = scale + r2 * (k[0] + r2 * (k[1] + r2 * k[2]))
    if p is None:
        return rays * scale
    scale = scale + p[1] * x + p[0] * y
    return rays * scale + _cat(r2 * p[1], r2 * p[0])


def undistort(rays: Array,
              k: Array | None,
              p: Array | None,
              iterations: int = 20) -> Array:
    """Invert :func:`distort` by fixed-point iteration.

    Args:
        rays: Distorted rays (..., 2).
        k: Radial terms (3,) or None.
        p: Tangential terms (2,) or None.
        iterations: Number of steps. Each shrinks the error by the lens
            model's slope, about 0.3 at Human3.6M's picture corners.

    Returns:
        Pinhole rays (..., 2).
    """
    pinhole = rays
    for _ in range(iterations):
        pinhole = pinhole + (rays - distort(pinhole, k, p))
    return pinhole


def crop_affine(center: np.ndarray,
                scale: np.ndarray,
                size: tuple[int, int],
                rotation: float = 0.0) -> np.ndarray:
    """Return the affine map from image pixels to patch pixels.

    Args:
        center: Centre of the crop's box (2,) in image px.
        scale: Width and height of the box (2,) in image px.
        size: Width and height of the patch in px.
        rotation: Degrees by which the box is turned in the picture, from x
            (right) towards y (down).

    Returns:
        Affine (2, 3): ``patch = A[:, :2] @ image + A[:, 2]``.

    Raises:
        ValueError: If the box has no area.
    """
    center = np.asarray(center, np.float64)
    scale = np.asarray(scale, np.float64)
    if not np.all(scale > 0):
        raise ValueError(f'the box of a crop needs a positive size, got '
                         f'{scale.tolist()}')
    angle = np.deg2rad(rotation)
    turn = np.array([[np.cos(angle), np.sin(angle)],
                     [-np.sin(angle), np.cos(angle)]])
    size_wh = np.asarray(size, np.float64)
    linear = np.diag(size_wh / scale) @ turn
    offset = size_wh / 2 - linear @ center
    return np.concatenate([linear, offset[:, None]], axis=1)


def invert_affine(affine: Array) -> Array:
    """Return the inverse of affine maps.

    Args:
        affine: Affine maps (..., 2, 3).

    Returns:
        Inverse maps (..., 2, 3).
    """
    linalg = torch.linalg if isinstance(affine, Tensor) else np.linalg
    inverse = linalg.inv(affine[..., :2])
    return _cat(inverse, -(inverse @ affine[..., 2:]))


def apply_affine(points: Array, affine: Array) -> Array:
    """Map the x and y of points; further columns stay as they are.

    Args:
        points: Points (..., K, 2) or (..., K, 3): x, y in px first.
        affine: Affine maps (..., 2, 3).

    Returns:
        Points of the same shape.
    """
    xy = (points[..., :2] @ _transpose(affine[..., :2])
          + _rows(affine[..., 2]))
    return _cat(xy, points[..., 2:]) if points.shape[-1] > 2 else xy


def image_to_patch(points: Array, affine: Array, root_depth: Array) -> Array:
    """Map image points into the crop.

    Args:
        points: Image points (..., K, 3): u, v in px and the depth in mm.
        affine: Image-to-patch affine (..., 2, 3).
        root_depth: Depth of the root (...) in mm.

    Returns:
        Patch points (..., K, 3): x, y in px, depth behind the root in mm.
    """
    points = apply_affine(points, affine)
    return _cat(points[..., :2], points[..., 2:] - _column(root_depth))


def patch_to_image(points: Array, affine: Array, root_depth: Array) -> Array:
    """Invert :func:`image_to_patch`.

    Args:
        points: Patch points (..., K, 3): x, y in px, relative depth in mm.
        affine: Image-to-patch affine (..., 2, 3), as for the way there.
        root_depth: Depth of the root (...) in mm.

    Returns:
        Image points (..., K, 3): u, v in px and the depth in mm.
    """
    points = apply_affine(points, invert_affine(affine))
    return _cat(points[..., :2], points[..., 2:] + _column(root_depth))


def patch_to_normalised(points: Array,
                        size: tuple[int, int],
                        cube_size: Array | float = 2000.0,
                        reference_scale: bool = False) -> Array:
    """Map patch points to the normalised frame.

    Args:
        points: Patch points (..., K, 3), or (..., K, 2) without depth: x, y
            in px, depth behind the root in mm.
        size: Width and height of the patch in px.
        cube_size: Side of the cube in mm, a number or (...).
        reference_scale: Divide by ``size - 1`` as the authors' evaluation
            does: 251 of 252 px, and 1992 mm per unit of depth at 256 px.
            Off by default: it disagrees with their own labels.

    Returns:
        Normalised points of the same shape.
    """
    width, height = size
    shrink = 1 if reference_scale else 0
    x = points[..., 0:1] / (width - shrink) * 2 - 1
    y = points[..., 1:2] / (height - shrink) * 2 - 1
    if points.shape[-1] == 2:
        return _cat(x, y)
    depth_scale = width / (width - shrink)
    return _cat(x, y, points[..., 2:] / _column(cube_size) * depth_scale)


def normalised_to_patch(points: Array,
                        size: tuple[int, int],
                        cube_size: Array | float = 2000.0,
                        reference_scale: bool = False) -> Array:
    """Invert :func:`patch_to_normalised`.

    Args:
        points: Normalised points (..., K, 3) or (..., K, 2).
        size: Width and height of the patch in px.
        cube_size: Side of the cube in mm, a number or (...).
        reference_scale: See :func:`patch_to_normalised`.

    Returns:
        Patch points: x, y in px, depth behind the root in mm.
    """
    width, height = size
    shrink = 1 if reference_scale else 0
    x = (points[..., 0:1] + 1) / 2 * (width - shrink)
    y = (points[..., 1:2] + 1) / 2 * (height - shrink)
    if points.shape[-1] == 2:
        return _cat(x, y)
    depth_scale = (width - shrink) / width
    return _cat(x, y, points[..., 2:] * depth_scale * _column(cube_size))


def mirror_patch(points: Array, width: int,
                 flip_indices: tuple[int, ...] | list[int]) -> Array:
    """Mirror a pose with its picture.

    Args:
        points: Patch or image points (..., K, 2 or more): x in px first.
        width: Width of the picture in px; pixel x goes to width - 1 - x.
        flip_indices: Mirror partner of each key point (K).

    Returns:
        Points of the same shape, left and right exchanged.
    """
    swapped = points[..., list(flip_indices), :]
    return _cat(width - 1 - swapped[..., :1], swapped[..., 1:])


def cube_box(root: Array,
             f: Array,
             c: Array,
             cube_size: float = 2000.0,
             k: Array | None = None,
             p: Array | None = None) -> tuple[Array, Array]:
    """Return the picture box of a cube around the root (crop rule ``root``).

    Args:
        root: Root (..., 3) in the camera frame, mm.
        f: Focal lengths (2,) in px.
        c: Principal point (2,) in px.
        cube_size: Side of the cube in mm.
        k: Radial lens terms (3,) or None. They move the centre only: the
            size stays that of a pinhole, so that it gives back the depth.
        p: Tangential lens terms (2,) or None.

    Returns:
        Centre (..., 2) and size (..., 2) of the box in image px.
    """
    center = camera_to_image(root, f, c, k, p)[..., :2]
    return center, f * cube_size / root[..., 2:]


def mask_box(mask: np.ndarray,
             padding: float = 1.25) -> tuple[np.ndarray, np.ndarray]:
    """Return a square box around a mask (crop rule ``mask``).

    Args:
        mask: Foreground mask (H, W), non-zero inside.
        padding: Side of the square over the longer side of the mask.

    Returns:
        Centre (2,) and size (2,) of the box in image px. Pixels are areas:
        a mask of one pixel at (0, 0) has its centre there and a side of 1.

    Raises:
        ValueError: If the mask is empty.
    """
    columns, = np.nonzero(mask.any(axis=0))
    rows, = np.nonzero(mask.any(axis=1))
    if len(columns) == 0:
        raise ValueError('the mask is empty: no pixel of it is foreground')
    center = np.array([columns[0] + columns[-1], rows[0] + rows[-1]]) / 2
    side = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    return center, np.full(2, side * padding, np.float64)


def box_root_depth(scale: Array,
                   f: Array,
                   cube_size: Array | float = 2000.0) -> Array:
    """Return the depth at which a cube fills a box.

    With crop rule ``root`` it is the annotated root depth; with ``mask`` it
    is what the mask's size suggests, without any annotation.

    Args:
        scale: Size (..., 2) of the box in image px.
        f: Focal lengths (2,) in px.
        cube_size: Side of the cube in mm.

    Returns:
        Depth (...) in mm; the mean of the two axes' answers.
    """
    return (f / scale).mean(-1) * cube_size


def _cat(*parts: Array) -> Array:
    """Concatenate along the last axis; leading dimensions broadcast."""
    lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    shapes = [(*lead, part.shape[-1]) for part in parts]
    if isinstance(parts[0], Tensor):
        return torch.cat(
            [part.expand(shape) for part, shape in zip(parts, shapes)], -1)
    return np.concatenate(
        [np.broadcast_to(part, shape) for part, shape in zip(parts, shapes)],
        -1)


def _transpose(matrix: Array) -> Array:
    """Exchange the last two axes."""
    return (matrix.transpose(-1, -2) if isinstance(matrix, Tensor)
            else np.swapaxes(matrix, -1, -2))


def _rows(vector: Array) -> Array:
    """Let a vector (..., C) broadcast over the rows of (..., K, C)."""
    return vector[..., None, :] if vector.ndim > 1 else vector


def _column(value: Array | float) -> Array | float:
    """Let a value per pose (...) broadcast over (..., K, 1)."""
    return value[..., None, None] if getattr(value, 'ndim', 0) else value
