"""Left and right: what tells whether labels have them the right way round.

Neither cue asks the labels which way the person looks: knees bend forward,
and whoever shows nose and both eyes looks towards the camera.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_SIDE = re.compile(r'^(l|left|r|right)[_ ]', re.IGNORECASE)
#: A knee tells something when it stands off the line from hip to ankle by
#: this share of the leg.
_BEND = 0.1
#: How well it must point forward or backward then (cosine).
_CLEAR = 0.5
#: The nose must stand off the line through the eyes by this share of their
#: distance.
_FRONTAL = 0.3


def plain_names(names: Sequence[str]) -> list[str]:
    """Return names in small letters, with ``left_`` and ``right_`` spelt out.

    Args:
        names: As ``L_Eye`` or ``left_eye``.
    """
    return [_SIDE.sub(lambda match: ('left_' if match[1][0] in 'lL'
                                     else 'right_'), name).lower()
            for name in names]


def knee_votes(keypoints_3d: np.ndarray, visible: np.ndarray,
               names: Sequence[str]) -> tuple[int, int]:
    """Count the knees of a person that bend forward, and backward.

    Forward is where somebody looks whose left hip is on the left: exchanged
    labels, or a mirrored camera, turn it round.

    Args:
        keypoints_3d: Key points (K, 3) in a right-handed frame.
        visible: Which are known (K,).
        names: Their plain names.

    Returns:
        The knees that bend forward, and those that bend backward; straight
        ones, and those that lead sideways, count for neither.
    """
    point = _finder(keypoints_3d, visible, names)
    hips = [point(f'{side}_hip') for side in ('left', 'right')]
    neck = point('neck', 'thorax', 'upper_neck')
    if neck is None or any(hip is None for hip in hips):
        return 0, 0
    forward = np.cross(hips[0] - hips[1], neck - (hips[0] + hips[1]) / 2)
    counts = [0, 0]
    for side, hip in zip(('left', 'right'), hips):
        knee, ankle = point(f'{side}_knee'), point(f'{side}_ankle')
        if knee is None or ankle is None:
            continue
        leg = ankle - hip
        bend = knee - hip
        length = np.linalg.norm(bend) + np.linalg.norm(ankle - knee)
        bend = bend - leg * (bend @ leg) / max(leg @ leg, 1e-9)
        size = np.linalg.norm(bend) * np.linalg.norm(forward)
        if np.linalg.norm(bend) < _BEND * length or size == 0:
            continue
        cosine = bend @ forward / size
        counts[0] += bool(cosine > _CLEAR)
        counts[1] += bool(cosine < -_CLEAR)
    return counts[0], counts[1]


def face_votes(keypoints: np.ndarray, visible: np.ndarray,
               names: Sequence[str],
               keypoints_3d: np.ndarray | None = None,
               visible_3d: np.ndarray | None = None) -> tuple[int, int]:
    """Say whether the eyes of a face that is seen are on their sides.

    Args:
        keypoints: Key points (K, 2) in px.
        visible: Which are known (K,).
        names: Their plain names.
        keypoints_3d: The same (K, 3) in the camera's frame, or relative to
            any point of it. None where they are not known: all that have a
            place in the picture count as seen then.
        visible_3d: Which of these are known (K,).

    Returns:
        (1, 0) if they are, (0, 1) if they are exchanged, (0, 0) where there
        is no face or it is seen from the side or from behind.
    """
    point = _finder(keypoints, visible, names)
    left, right, nose = (point(name)
                         for name in ('left_eye', 'right_eye', 'nose'))
    if left is None or right is None or nose is None:
        return 0, 0
    across, up = left - right, (left + right) / 2 - nose
    # y leads down: with the left eye on the right of the picture, and the
    # eyes above the nose, this is negative.
    turn = across[0] * up[1] - across[1] * up[0]
    if abs(turn) < _FRONTAL * (across @ across) or not across.any():
        return 0, 0
    if keypoints_3d is not None and not _shows_face(keypoints_3d, visible_3d,
                                                    names):
        return 0, 0
    return (1, 0) if turn < 0 else (0, 1)


def _shows_face(keypoints_3d: np.ndarray, visible: np.ndarray,
                names: Sequence[str]) -> bool:
    """Say whether a face is turned to the camera, whichever eye is which.

    Its outer side is the one that the rest of the body is not on.
    """
    point = _finder(keypoints_3d, visible, names)
    face = [point(name) for name in ('left_eye', 'right_eye', 'nose')]
    if any(corner is None for corner in face):
        return False
    left, right, nose = face
    normal = np.cross(left - nose, right - nose)
    outwards = normal @ (nose - keypoints_3d[visible].mean(0))
    # The line of sight; along z where depths do not count from the camera.
    known = (keypoints_3d[visible, 2] > 0).all()
    sight = normal @ (nose if known else [0, 0, 1])
    return bool(sight * outwards < 0)


def bone_pairs(links: Sequence[tuple[int, int]],
               flip_indices: Sequence[int]
               ) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the bones that have a mirror partner, each pair once.

    Args:
        links: Bones (start, end).
        flip_indices: Mirror partner of each key point.
    """
    there = {frozenset(link) for link in links}
    pairs = []
    for start, end in links:
        other = flip_indices[start], flip_indices[end]
        if (frozenset(other) in there and (start, end) < other
                and set(other) != {start, end}):
            pairs.append(((start, end), other))
    return pairs


def asymmetries(keypoints_3d: np.ndarray, visible: np.ndarray,
                pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]
                ) -> list[float | None]:
    """Return by how much the lengths of paired bones differ.

    Args:
        keypoints_3d: Key points (K, 3).
        visible: Which are known (K,).
        pairs: Pairs of bones.

    Returns:
        Difference over mean of each pair; None where an end is unknown.
    """
    values: list[float | None] = []
    for pair in pairs:
        if not all(visible[i] for bone in pair for i in bone):
            values.append(None)
            continue
        first, second = (np.linalg.norm(keypoints_3d[a] - keypoints_3d[b])
                         for a, b in pair)
        mean = (first + second) / 2
        values.append(float(abs(first - second) / mean) if mean else 0.0)
    return values


def _finder(points: np.ndarray, visible: np.ndarray, names: Sequence[str]):
    """Return what looks up the first known key point of some names."""
    def point(*wanted: str) -> np.ndarray | None:
        for name in wanted:
            if name in names and visible[names.index(name)]:
                return points[names.index(name)]
        return None
    return point
