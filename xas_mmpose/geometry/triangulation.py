"""Points in space from their pixels in several calibrated views."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .cameras import Array


def projection_matrix(f: Array, c: Array, R: Array, T: Array) -> Array:
    """Return the pinhole projection from the world frame to the picture.

    Args:
        f: Focal lengths (..., 2) in px.
        c: Principal points (..., 2) in px.
        R: World-to-camera rotations (..., 3, 3).
        T: World-to-camera translations (..., 3) in mm.

    Returns:
        Matrices ``K [R | T]`` (..., 3, 4): they map (x, y, z, 1) in mm to
        (u, v, 1) times the depth in mm.
    """
    cat = torch.cat if isinstance(R, Tensor) else np.concatenate
    pose = cat([R, T[..., None]], -1)
    depth = pose[..., 2:, :]
    return cat([f[..., None] * pose[..., :2, :] + c[..., None] * depth,
                depth], -2)


def triangulate(points: Array,
                projections: Array,
                weights: Array | None = None) -> Array:
    """Triangulate points by the direct linear transform.

    Each view gives the rows ``w (u P3 - P1)`` and ``w (v P3 - P2)``; the
    right singular vector of the smallest singular value is the point.

    Args:
        points: Image points (..., N, K, 2) in px of the same K points in N
            views, lens distortion removed.
        projections: Projections (..., N, 3, 4) of the views, see
            :func:`projection_matrix`.
        weights: Weight (..., N, K) of each point in each view, 0 for a point
            that a view does not see; None weighs all alike.

    Returns:
        World points (..., K, 3) in mm. A point that fewer than two views see
        is NaN.

    Raises:
        ValueError: If there are fewer than two views, or the numbers of
            views differ.

    Note:
        A row's residual is the reprojection error in px times the depth, so
        far views already count more. The authors' released code also weighs
        each view by the depth in mm that it *predicts*: a wrong depth then
        moves the point. Pass those depths as ``weights`` for its numbers.
    """
    views = points.shape[-3] if points.ndim >= 3 else 0
    if views < 2 or projections.shape[-3:] != (views, 3, 4):
        raise ValueError(
            'triangulation needs points (..., N, K, 2) and projections '
            '(..., N, 3, 4) of N >= 2 views, got '
            f'{tuple(points.shape)} and {tuple(projections.shape)}')
    # (..., N, 1, 4): one row per view, the same for all of its points.
    first, second, third = (projections[..., i, :][..., None, :]
                            for i in range(3))
    rows = [points[..., 0:1] * third - first,
            points[..., 1:2] * third - second]
    if weights is not None:
        rows = [row * weights[..., None] for row in rows]
    if isinstance(points, Tensor):
        system = torch.cat(rows, -3).movedim(-3, -2)
        point = torch.linalg.svd(system, full_matrices=False)[2][..., -1, :]
    else:
        system = np.moveaxis(np.concatenate(rows, -3), -3, -2)
        point = np.linalg.svd(system, full_matrices=False)[2][..., -1, :]
    world = point[..., :3] / point[..., 3:]
    if weights is None:
        return world
    seen = ((weights != 0).sum(-2) >= 2)[..., None]
    if isinstance(points, Tensor):
        return torch.where(seen, world, torch.nan)
    return np.where(seen, world, np.nan)
