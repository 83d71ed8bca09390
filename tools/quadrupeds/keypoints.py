"""Animal3D's 26 key points as mixtures of a SMAL-format body's vertices.

A key point that a surface vertex stands for lies on the outline of the mask
half the time. Here they are centroids of cross-sections, so that they lie
inside the limb, and as mixtures of vertices they bend with the skin.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from .smal_rig import NAMES

#: Axes of SMAL: x front, y left, z up.
FRONT, LEFT, UP = np.eye(3)

#: Height above the ground at which paws and hooves are cut, in units.
PAW_HEIGHT = 0.02


@dataclass
class RestBody:
    """What key points are found on.

    Args:
        vertices: Rest pose (V, 3), SMAL axes.
        faces: Corners (F, 3).
        joints: Rest joints (35, 3).
        weights: Skinning weights (V, 35).
        eyes: True at the vertices (V,) of the eyes.
        bare: True at vertices (V,) that are no horn and no mane.
    """

    vertices: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    eyes: np.ndarray
    bare: np.ndarray

    def joint(self, name: str) -> np.ndarray:
        """Return a joint's rest position (3,)."""
        return self.joints[NAMES.index(name)]

    def share(self, *names: str) -> np.ndarray:
        """Return the summed weights (V,) of joints."""
        return self.weights[:, [NAMES.index(n)
                                for n in names]].sum(1)

    def mean(self, chosen: np.ndarray) -> np.ndarray:
        """Return the row (V,) that averages the chosen vertices."""
        row = np.zeros(len(self.vertices))
        row[chosen] = 1
        return row / row.sum()


def section(body: RestBody, field: np.ndarray, level: float,
            members: np.ndarray) -> np.ndarray:
    """Return a point well inside the curve on which a field has a value.

    It is the centroid, unless that is outside (cupped ears, cloven hooves)
    or close to the skin: then it is the middle of two points of the curve.

    Args:
        body: The mesh.
        field: A number for each vertex (V,), linear within faces.
        level: The value.
        members: True at the vertices (V,) that may take part.

    Returns:
        Weights of the vertices (V,), sum 1.

    Raises:
        ValueError: If no face of the members crosses the level.
    """
    faces = body.faces[members[body.faces].all(1)]
    above = field[faces] > level
    faces = faces[above.any(1) & ~above.all(1)]
    if not len(faces):
        raise ValueError('no face crosses the section')
    start, end = faces, np.roll(faces, -1, 1)
    low, high = field[start], field[end]
    crosses = (low > level) != (high > level)  # two edges of each face
    start, end = start[crosses], end[crosses]
    share = (level - low[crosses]) / (high[crosses] - low[crosses])
    rows = np.zeros((len(start), len(body.vertices)))
    rows[np.arange(len(rows)), start] = 1 - share
    rows[np.arange(len(rows)), end] += share
    points = rows @ body.vertices
    length = np.linalg.norm(points[::2] - points[1::2], axis=1).repeat(2)
    centroid = length @ rows / length.sum()
    some = rows[::max(1, len(rows) // 24)]
    first, second = np.triu_indices(len(some), 1)
    candidates = np.concatenate(
        [centroid[None], (some[first] + some[second]) / 2])
    places = candidates @ body.vertices
    skin = np.concatenate([
        points, body.vertices, body.vertices[body.faces].mean(1)])
    depth = cKDTree(skin).query(places)[0]
    depth *= winding_number(places, body.vertices[body.faces]) > 0.5
    best = depth.argmax()
    return centroid if depth[0] > 0.75 * depth[best] else candidates[best]


def winding_number(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return how often a closed mesh surrounds points: 1 inside, 0 outside.

    Args:
        points: (N, 3).
        triangles: (F, 3, 3), counter-clockwise from outside.

    Returns:
        Solid angle of the mesh over the whole sphere (N,).
    """
    total = np.empty(len(points))
    for i, point in enumerate(points):
        a, b, c = (triangles - point).transpose(1, 0, 2)
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        over = (a * np.cross(b, c)).sum(1)
        under = (la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la
                 + (c * a).sum(1) * lb)
        total[i] = np.arctan2(over, under).sum() / (2 * np.pi)
    return total


def keypoint_regressors(body: RestBody, names: tuple[str, ...],
                        elbow_in_trunk: bool
                        ) -> tuple[np.ndarray, np.ndarray]:
    """Return key points as shares of posed vertices and joints.

    Args:
        body: The body.
        names: Animal3D's key points, K.
        elbow_in_trunk: Whether the elbow is that of an animal whose front
            legs leave the trunk below it.

    Returns:
        Shares of the vertices (K, V) and of the joints (K, 35); the rows of
        both together sum to 1.
    """
    rows = {**_head(body), **_legs(body), **_tail(body), 'neck': _neck(body),
            'tail_base': np.zeros(len(body.vertices))}
    on_joints = np.zeros((len(names), len(NAMES)))
    on_joints[names.index('tail_base'), NAMES.index('Tail1')] = 1
    deep = {'left_shoulder': 'LLeg1'}
    if elbow_in_trunk:
        deep['left_front_thigh'] = 'LLeg2'
    for name, joint in deep.items():
        rows[name] = 0.4 * _skin_beside(body, joint)
        for side in (name, name.replace('left', 'right')):
            joint = side[0].upper() + joint[1:]
            on_joints[names.index(side), NAMES.index(joint)] = 0.6
    # The right side is the mirror image of the left.
    _, mirror = cKDTree(body.vertices).query(body.vertices * (1, -1, 1))
    for name, row in list(rows.items()):
        other = np.zeros(len(mirror))
        np.add.at(other, mirror, row)
        if name.startswith('left_'):
            rows[name.replace('left', 'right')] = other
        elif 'tail' not in name:  # tails may curl to a side
            rows[name] = (row + other) / 2
    return np.stack([rows[name] for name in names]), on_joints


def _skin_beside(body: RestBody, joint: str) -> np.ndarray:
    """Return the mean of the three vertices to the left of a joint."""
    place = body.joint(joint)
    across = np.linalg.norm((body.vertices - place)[:, [0, 2]], axis=1)
    across[body.vertices @ LEFT < place @ LEFT] = np.inf
    return body.mean(np.argsort(across, kind='stable')[:3])


def _head(body: RestBody) -> dict[str, np.ndarray]:
    """Return nose and chin, and the left eye, ear and corner of the mouth."""
    points = body.vertices
    face = (body.share('Head') > 0.5) & body.bare
    start = body.joint('Head')
    middle = face & (np.abs(points @ LEFT) < 1e-3)
    tip = points[middle][(points[middle] @ FRONT).argmax()]
    axis = (tip - start) / np.linalg.norm(tip - start)
    down = axis * (axis @ UP) - UP
    along = (points - start) @ axis
    length = along[face].max()
    tip_row = body.mean(face & (np.linalg.norm(points - tip, axis=1) < 1e-4))
    jaw = face & (np.abs(points @ LEFT) < 0.02) & (along > 0.75 * length)
    depth = np.where(jaw & (along < 0.97 * length), points @ down, -np.inf)
    chin = depth.argmax()
    side = points @ LEFT
    corner = np.nonzero(face)[0][
        (side - np.abs(along - 0.78 * length))[face].argmax()]
    return {
        'nose': 0.5 * tip_row + 0.5 * section(
            body, along, 0.9 * length, face),
        'mouth_mid': 0.6 * body.mean(np.array([chin])) + 0.4 * section(
            body, along, along[chin], face),
        'left_mouth': 0.6 * body.mean(np.array([corner])) + 0.4 * section(
            body, along, along[corner], face),
        'left_eye': 0.85 * body.mean(body.eyes & (side > 0)) + 0.15 * section(
            body, along, 0.5 * length, face),
        'left_ear': _ear(body),
    }


def _ear(body: RestBody) -> np.ndarray:
    """Return the middle of the left ear."""
    far = np.linalg.norm(body.vertices - body.joint('Head'), axis=1)
    far[body.share('LEar') < 0.8] = 0  # the brow may follow the ear a little
    tip = body.vertices[far.argmax()]
    length = np.linalg.norm(tip - body.joint('LEar'))
    return section(body, np.linalg.norm(body.vertices - tip, axis=1),
                   0.5 * length,
                   (body.share('LEar', 'Head') > 0.5) & body.bare)


def _neck(body: RestBody) -> np.ndarray:
    """Return the middle of the neck."""
    start, end = body.joint('Neck'), body.joint('Head')
    axis = (end - start) / np.linalg.norm(end - start)
    members = body.share('spine2', 'spine3', 'Neck', 'Head') > 0.9
    return section(body, (body.vertices - start) @ axis,
                   0.6 * np.linalg.norm(end - start), members & body.bare)


def _legs(body: RestBody) -> dict[str, np.ndarray]:
    """Return elbow, knees, hock and paws of the left side."""
    rows = {}
    height = body.vertices @ UP
    for end, suffix in (('front', ''), ('back', 'Back')):
        upper, middle, lower = (f'LLeg{suffix}{i}' for i in (1, 2, 3))
        foot = f'LFoot{suffix}'
        leg = body.share(upper, middle, lower, foot) > 0.5
        # Across the limb: along the mean of the bones above and below.
        for key, above, here, below in (('thigh', upper, middle, lower),
                                        ('knee', middle, lower, foot)):
            axis = body.joint(below) - body.joint(above)
            field = (body.vertices - body.joint(here)) @ axis
            rows[f'left_{end}_{key}'] = section(body, field, 0, leg)
        rows[f'left_{end}_paw'] = section(
            body, height, height[leg].min() + PAW_HEIGHT, leg)
    return rows


def _tail(body: RestBody) -> dict[str, np.ndarray]:
    """Return the points halfway down the tail and at its end."""
    tail = body.share(*(f'Tail{i}' for i in range(1, 8))) > 0.5
    start = body.joint('Tail1')
    edges = body.faces[tail[body.faces].all(1)][:, [0, 1, 1, 2, 2, 0]]
    a, b = edges.reshape(-1, 2).T
    size = len(body.vertices)
    graph = coo_matrix(
        (np.linalg.norm(body.vertices[a] - body.vertices[b], axis=1) / 2,
         (a, b)), (size, size)).tocsr()
    graph = graph.maximum(graph.T)
    # Along the skin, since a tail may curl back to where it began.
    near = np.nonzero(tail)[0]
    near = near[np.argsort(np.linalg.norm(
        body.vertices[near] - start, axis=1), kind='stable')[:4]]
    along = dijkstra(graph, indices=near, min_only=True)
    along[~np.isfinite(along)] = 0
    length = along.max()
    return {'tail_mid': section(body, along, 0.5 * length, tail),
            'tail_end': section(body, along, 0.9 * length, tail)}
