"""Rotations: axis-angle vectors and turns about the vertical."""
from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .cameras import Array

#: Coefficients of sin(t) / t and (1 - cos(t)) / t^2 as series in t^2.
_SINE = [(-1)**n / math.factorial(2 * n + 1) for n in range(6)]
_COSINE = [(-1)**n / math.factorial(2 * n + 2) for n in range(6)]
#: Below this t^2 the series stand in: exact to the last digit there, and,
#: unlike the closed forms, free of 0 / 0 in values and gradients.
_SMALL = 1e-2


def axis_angle_to_matrix(axis_angle: Array) -> Array:
    """Return rotation matrices by Rodrigues' formula.

    Args:
        axis_angle: Rotation vectors (..., 3): the axis times the angle in
            radians, smplx's way of writing a pose. Zero is allowed, its
            gradient too.

    Returns:
        Rotation matrices (..., 3, 3) for column vectors: ``R @ x``.

    Raises:
        ValueError: If the last dimension is not 3.
    """
    if axis_angle.shape[-1:] != (3, ):
        raise ValueError('axis_angle needs 3 numbers per rotation, got the '
                         f'shape {tuple(axis_angle.shape)}')
    x, y, z = (axis_angle[..., i] for i in range(3))
    square = x * x + y * y + z * z
    small = square < _SMALL
    if isinstance(axis_angle, Tensor):
        angle = torch.where(small, 1.0, square).sqrt()
        sine = torch.where(small, _series(square, _SINE),
                           angle.sin() / angle)
        cosine = torch.where(small, _series(square, _COSINE),
                             2 * ((angle / 2).sin() / angle)**2)
        zero, stack = torch.zeros_like(x), torch.stack
        eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    else:
        angle = np.sqrt(np.where(small, 1.0, square))
        sine = np.where(small, _series(square, _SINE), np.sin(angle) / angle)
        cosine = np.where(small, _series(square, _COSINE),
                          2 * (np.sin(angle / 2) / angle)**2)
        zero, stack = np.zeros_like(x), np.stack
        eye = np.eye(3, dtype=axis_angle.dtype)
    cross = stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    cross = cross.reshape((*x.shape, 3, 3))
    return (eye + sine[..., None, None] * cross
            + cosine[..., None, None] * (cross @ cross))


def rotate_about_z(points: Array, angle: Array | float) -> Array:
    """Turn poses about the z axis, as the authors' released code does.

    ``x' = x cos + y sin``, ``y' = -x sin + y cos``: seen with z towards the
    viewer, a positive angle turns clockwise. The axis goes through the
    origin, so centre poses on their roots first.

    Args:
        points: Poses (..., K, 3), any unit, world frame with z up.
        angle: Angle per pose (...) in radians, or one number for all.

    Returns:
        Turned poses (..., K, 3).
    """
    if isinstance(points, Tensor):
        angle = torch.as_tensor(angle, dtype=points.dtype,
                                device=points.device)[..., None]
        cos, sin, stack = angle.cos(), angle.sin(), torch.stack
    else:
        angle = np.asarray(angle, points.dtype)[..., None]
        cos, sin, stack = np.cos(angle), np.sin(angle), np.stack
    x, y, z = (points[..., i] for i in range(3))
    return stack([x * cos + y * sin, y * cos - x * sin, z], -1)


def random_rotation_about_z(points: Tensor,
                            limit: float = math.pi / 4,
                            generator: torch.Generator | None = None
                            ) -> Tensor:
    """Turn each pose about the z axis by an angle of its own.

    Args:
        points: Poses (..., K, 3), any unit, world frame with z up, roots at
            the origin.
        limit: The angles are uniform in (-limit, limit), in radians.
        generator: Source of the angles, on the device of ``points``; None
            for torch's own.

    Returns:
        Turned poses (..., K, 3), see :func:`rotate_about_z`.
    """
    uniform = torch.rand(points.shape[:-2], generator=generator,
                         dtype=points.dtype, device=points.device)
    return rotate_about_z(points, (2 * uniform - 1) * limit)


def _series(square: Array, coefficients: list[float]) -> Array:
    """Evaluate a polynomial in the squared angle by Horner's rule."""
    value = 0 * square + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * square + coefficient
    return value
