"""Texture coordinates for animals that come without: seen from both sides."""
from __future__ import annotations

import numpy as np

from xas_mmpose.body_models import ParametricBody

#: The word for these coordinates where a template's file may stand.
SIDES = 'sides'


def side_coordinates(body: ParametricBody) -> tuple[np.ndarray, np.ndarray]:
    """Project a texture onto both sides of the body at rest.

    The left half of a picture covers the body's left side as one who stands
    there sees it, head to the left, the right half the other side, head to
    the right. Each half is stretched to the body: a mirror-symmetric picture
    gives a symmetric animal. On back and belly, which neither sees, the
    picture is drawn out.

    Args:
        body: The body.

    Returns:
        Coordinates (2 V, 2), u to the right and v up, 0..1, and those of the
        corners of each face (F, 3).
    """
    # y up, z front, x left
    points = body.v_template.double().numpy() @ body.axes.T
    low, high = points.min(0), points.max(0)
    _, up, front = ((points - low) / (high - low)).T
    coordinates = np.concatenate([
        np.column_stack([(1 - front) / 2, up]),
        np.column_stack([(1 + front) / 2, up])])
    faces = body.faces.numpy()
    a, b, c = (points[corner] for corner in faces.T)
    right = np.cross(b - a, c - a)[:, 0] < 0
    return (coordinates.astype(np.float32),
            faces + len(points) * right[:, None])
