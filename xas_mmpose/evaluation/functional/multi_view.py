"""Poses in the world from several calibrated views of one instant."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xas_mmpose.geometry.cameras import camera_to_world
from xas_mmpose.geometry.triangulation import projection_matrix, triangulate


@dataclass(frozen=True)
class Views:
    """Pinhole cameras of C views of N frames.

    Args:
        f: Focal lengths (C, N, 2) in px.
        c: Principal points (C, N, 2) in px.
        R: World-to-camera rotations (C, N, 3, 3).
        T: World-to-camera translations (C, N, 3) in mm.

    Raises:
        ValueError: If the shapes do not fit.
    """

    f: np.ndarray
    c: np.ndarray
    R: np.ndarray
    T: np.ndarray

    def __post_init__(self) -> None:
        lead = self.f.shape[:-1]
        shapes = dict(f=(2, ), c=(2, ), R=(3, 3), T=(3, ))
        for name, shape in shapes.items():
            got = getattr(self, name).shape
            if len(lead) != 2 or got != (*lead, *shape):
                raise ValueError(f'{name} of C views of N frames must be '
                                 f'(C, N, {", ".join(map(str, shape))}), got '
                                 f'{got}')

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Map camera points (C, N, K, 3) in mm to the world, mm."""
        return camera_to_world(points, self.R, self.T)

    def triangulate(self, points: np.ndarray,
                    weights: np.ndarray | None = None) -> np.ndarray:
        """Return where the rays of all views meet.

        Args:
            points: Camera points (C, N, K, 3) in any unit: only their
                direction is read. Lens distortion is thereby removed, if the
                points were made with it.
            weights: Weight (C, N, K) of each view, see
                :func:`~xas_mmpose.geometry.triangulation.triangulate`.

        Returns:
            World points (N, K, 3) in mm; NaN where fewer than two views
            have weight.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if points.ndim != 4 or points.shape[:2] != self.f.shape[:2]:
            raise ValueError(f'points must be {self.f.shape[:2]} + (K, 3), '
                             f'got {points.shape}')
        pixels = (points[..., :2] / points[..., 2:]
                  * self.f[..., None, :] + self.c[..., None, :])
        projections = projection_matrix(self.f, self.c, self.R, self.T)
        return triangulate(
            pixels.swapaxes(0, 1), projections.swapaxes(0, 1),
            None if weights is None else weights.swapaxes(0, 1))
