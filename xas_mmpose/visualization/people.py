"""The people of a picture, one below the other."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from xas_mmpose.skeletons import Skeleton

from .hypotheses import draw_hypotheses
from .mask_picture import predicted_mask

#: Side of what is shown of the picture over the longer side of the box.
_AROUND = 1.4
#: Side of what networks see over that, as MMPose's ``GetBBoxCenterScale``.
_SEEN = 1.25


@dataclass
class DrawnPerson:
    """Somebody in a picture.

    Attributes:
        box: x1, y1, x2, y2 (4,), px.
        keypoints: 2D pose (K, 2), px.
        hypotheses_3d: Poses (M, K, 3), mm, relative to the root.
        scores: Confidences (M, K).
        mask: Foreground (H, W) of the whole picture.
        target_3d: True pose (K, 3), as the poses.
        depth_profiles: Depths (D,), mm, and probabilities (K, D).
        ranking: What has ordered the poses, where a ``PoseRanker`` has.
    """

    box: np.ndarray
    keypoints: np.ndarray
    hypotheses_3d: np.ndarray
    scores: np.ndarray
    mask: np.ndarray | None = None
    target_3d: np.ndarray | None = None
    depth_profiles: tuple[np.ndarray, np.ndarray] | None = None
    ranking: Mapping[str, Any] | None = None


def draw_people(image: np.ndarray, people: Sequence[DrawnPerson],
                skeleton: Skeleton | Mapping[str, Any], title: str = '',
                skeleton_masks: bool = False,
                panel_size: int = 384) -> np.ndarray:
    """Draw people below each other, each with its part of the picture.

    Args:
        image: Picture (H, W, 3), BGR uint8.
        people: They.
        skeleton: See
            :func:`~xas_mmpose.visualization.draw_hypotheses`.
        title: Words above the first.
        skeleton_masks: Whether a panel shows what the 2D pose covers.
        panel_size: Height of the panels, px.

    Returns:
        Picture BGR uint8; the image itself where there is nobody.
    """
    if not people:
        return image
    rows = []
    for number, person in enumerate(people):
        part, corner = _around(person.box, image.shape[:2])
        keypoints = person.keypoints[:, :2] - corner
        shown = image[part]
        covered = None
        if skeleton_masks:
            covered = predicted_mask(
                keypoints, shown.shape[1::-1],
                _SEEN * (person.box[2:] - person.box[:2]).max(), skeleton)
        rows.append(draw_hypotheses(
            shown, None if person.mask is None else person.mask[part],
            keypoints, person.hypotheses_3d, person.scores, skeleton,
            target_3d=person.target_3d,
            title=title if number == 0 else f'person {number + 1}',
            panel_size=panel_size, skeleton_mask=covered,
            depth_profiles=person.depth_profiles,
            ranking=person.ranking))
    width = max(row.shape[1] for row in rows)
    return np.concatenate([
        cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1],
                           cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for row in rows])


def _around(box: np.ndarray, shape: tuple[int, int]
            ) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the part of a picture around a box, and its corner (2,)."""
    low, high = np.asarray(box[:2]), np.asarray(box[2:])
    reach = (high - low).max() * _AROUND / 2
    middle = (low + high) / 2
    limits = np.array(shape[::-1])
    # A box may lie outside: some of the picture is shown all the same.
    left, top = np.floor(middle - reach).astype(int).clip(0, limits - 1)
    right, bottom = np.ceil(middle + reach).astype(int).clip(
        (left + 1, top + 1), limits)
    return np.s_[top:bottom, left:right], np.array([left, top])
