"""Layers of a body, cut to size with clean edges."""
from __future__ import annotations

import numpy as np
from scipy import sparse


class GarmentMesh:
    """A face group around the body that garments are cut from.

    Args:
        faces: Faces of the layer (F, 3), vertices of the body.
        template: Vertices of the body at rest (V, 3).

    Attributes:
        faces: See above.
        vertices: Vertices that the layer uses (N,).
        points: Where they are at rest (N, 3), metres.
        normals: Unit normals of the layer there (N, 3), outwards.
    """

    def __init__(self, faces: np.ndarray, template: np.ndarray) -> None:
        self.faces = faces
        self.vertices, local = np.unique(faces, return_inverse=True)
        self._local = local.reshape(faces.shape)
        self.points = template[self.vertices].astype(np.float32)
        self.normals = _normals(self.points, self._local)
        sides = self._local[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        self._edges = np.unique(np.concatenate([sides, sides[:, ::-1]]),
                                axis=0)

    def cut(self, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cut along the line at which a function of the vertices is 0.

        Faces across the line are kept; their outer vertices move back along
        the edges until they lie on it.

        Args:
            inside: Positive at vertices that stay (N,).

        Returns:
            Whether each face stays (F,), and the motion of the vertices
            (N, 3) in metres.
        """
        stays = inside > 0
        start, end = self._edges.T
        crossing = stays[start] & ~stays[end]
        start, end = start[crossing], end[crossing]
        share = inside[start] / (inside[start] - inside[end])
        back = (1 - share)[:, None] * (self.points[start] - self.points[end])
        # A vertex at the end of several such edges: their mean.
        total = np.stack([np.bincount(end, part, len(stays))
                          for part in back.T], 1)
        count = np.bincount(end, minlength=len(stays))[:, None]
        a, b, c = self._local.T
        return (stays[a] | stays[b] | stays[c],
                (total / np.maximum(count, 1)).astype(np.float32))

    def welded(self, distance: float) -> np.ndarray:
        """Return the motion (N, 3) that closes gaps between loose plates.

        Args:
            distance: Vertices closer than this to each other meet in their
                middle, metres.
        """
        away = np.linalg.norm(self.points[:, None] - self.points, axis=-1)
        near = sparse.csr_matrix(away < distance)
        _, group = sparse.csgraph.connected_components(near, directed=False)
        count = np.bincount(group)[:, None]
        middle = np.stack([np.bincount(group, part)
                           for part in self.points.T], 1) / count
        return (middle[group] - self.points).astype(np.float32)


def _normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit vertex normals (N, 3) of faces (F, 3)."""
    a, b, c = points[faces].transpose(1, 0, 2)
    at_faces = np.cross(b - a, c - a)
    normals = np.stack([
        np.bincount(faces.ravel(), np.repeat(part, 3), len(points))
        for part in at_faces.T], 1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)
