"""The soft shadow that a body casts on the floor."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from xas_mmpose.geometry.triangulation import projection_matrix

#: A cell of the floor, mm.
_CELL = 25.0
#: Share of light that is lost where the body touches the floor, and where it
#: stands between floor and lamp.
_CONTACT, _CAST = 0.55, 0.3


class FloorShadow:
    """The shadow of one posed body, for any camera.

    Args:
        vertices: The body (V, 3), world mm.
        lamp: Direction towards the lamp (3,), world frame, from above.
        size: Side of the square of the floor that it may fall on, mm.
    """

    def __init__(self, vertices: np.ndarray, lamp: np.ndarray,
                 size: float = 3600.0) -> None:
        middle = vertices[:, :2].mean(0)
        self._cells = round(size / _CELL)
        self._corner = middle - self._cells * _CELL / 2
        height = vertices[:, 2:].clip(0)
        contact = self._splat(vertices[:, :2],
                              np.exp(-height[:, 0] / 130), 3)
        cast = self._splat(vertices[:, :2] - height * lamp[:2] / lamp[2],
                           np.ones(len(vertices)), 2)
        # The further from what casts it, the softer.
        self.light = (1 - _CONTACT * cv2.GaussianBlur(contact, (0, 0), 2.2)
                      ) * (1 - _CAST * cv2.GaussianBlur(cast, (0, 0), 3.0))

    def _splat(self, points: np.ndarray, weights: np.ndarray,
               radius: int) -> np.ndarray:
        """Return the greatest weight near each cell of the floor.

        Args:
            points: Points on the floor (N, 2), mm.
            weights: Their weights (N,), 0..1.
            radius: How far a point reaches, cells.
        """
        floor = np.zeros((self._cells, self._cells), np.float32)
        cells = ((points - self._corner) / _CELL).astype(int)
        inside = ((cells >= 0) & (cells < self._cells)).all(1)
        np.maximum.at(floor, (cells[inside, 1], cells[inside, 0]),
                      weights[inside])
        shape = cv2.getStructuringElement(
            cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        return cv2.dilate(floor, shape)

    def put_on(self, image: np.ndarray, floor: np.ndarray,
               camera: Mapping[str, Any]) -> None:
        """Darken the floor in a picture.

        Args:
            image: Picture (H, W, 3), float32; changed in place.
            floor: How much of each pixel is floor (H, W), 0..1.
            camera: ``camera_param``.
        """
        projection = projection_matrix(*(np.asarray(camera[key], np.float64)
                                         for key in ('f', 'c', 'R', 'T')))
        # Cell to world on the floor, z = 0, to picture.
        x, y = self._corner + _CELL / 2
        cell = np.array([[_CELL, 0, x], [0, _CELL, y], [0, 0, 0], [0, 0, 1]])
        light = cv2.warpPerspective(
            self.light, projection @ cell, (camera['w'], camera['h']),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=1.0)
        image *= (1 - floor * (1 - light))[..., None]
