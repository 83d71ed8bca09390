"""What a renderer asks of the looks of a body, and what it tells them."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Surface:
    """The surface points that are seen at N covered samples of a picture.

    Args:
        faces: Face at each sample (N,), an index into the appearance's
            ``faces``.
        corners: Its vertices (N, 3).
        bary: Barycentric coordinates of the point in it (N, 3).
        template: Vertices of the mean shape at rest (V, 3), metres, the
            body's own frame.
        vertex_parts: Part of each vertex (V,).
    """

    faces: np.ndarray
    corners: np.ndarray
    bary: np.ndarray
    template: np.ndarray
    vertex_parts: np.ndarray

    @cached_property
    def points(self) -> np.ndarray:
        """The same points on the mean shape at rest (N, 3), metres."""
        return self.interpolate(self.template)

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Return values at the points (N, C) from those at vertices (V, C)."""
        return self._weights @ values

    @cached_property
    def _weights(self) -> sparse.csr_matrix:
        """Weight of each vertex at each point (N, V): three in a row."""
        num = len(self.corners)
        return sparse.csr_matrix(
            (self.bary.reshape(-1), self.corners.reshape(-1),
             np.arange(0, 3 * num + 1, 3)), shape=(num, len(self.template)))

    @cached_property
    def parts(self) -> np.ndarray:
        """Part of each point (N,): that of the nearest corner."""
        nearest = self.bary.argmax(1)[:, None]
        return self.vertex_parts[
            np.take_along_axis(self.corners, nearest, 1)[:, 0]]


class Appearance(Protocol):
    """How one body looks.

    Attributes:
        faces: What is drawn (F, 3), int64.
        two_sided: Whether each face (F,) is seen from behind, too, as thin
            cloth is; None if none is.
        offsets: Displacement of the vertices at rest (V, 3), float32,
            metres; None for none.
    """

    faces: np.ndarray
    two_sided: np.ndarray | None
    offsets: np.ndarray | None

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""


class Wardrobe(Protocol):
    """Draws how bodies of one model look."""

    def draw(self, rng: np.random.Generator) -> Appearance:
        """Dress one body at random."""
