"""What every raw mask goes through, and what tells that there is none."""
from __future__ import annotations

import cv2
import numpy as np


class NoMaskError(ValueError):
    """A picture whose mask cannot be made; says why."""


def clean_mask(mask: np.ndarray,
               keep: float = 0.1,
               hole: float = 0.01) -> np.ndarray:
    """Remove specks, and fill small holes.

    Args:
        mask: Foreground (H, W), bool or uint8, not 0 is foreground.
        keep: Pieces smaller than this share of the largest one go: a person
            whom something hides in part has several large ones.
        hole: Holes smaller than this share of what is left are filled; the
            others may be the gap between an arm and the body.

    Returns:
        Foreground (H, W), uint8, 0 or 255.
    """
    mask = (np.asarray(mask) > 0).astype(np.uint8)
    # Four neighbours: diagonal threads do not hold specks together.
    labels, areas = _pieces(mask)
    if not len(areas):
        return mask
    kept = np.concatenate([[False], areas >= keep * areas.max()])[labels]
    labels, areas = _pieces((~kept).astype(np.uint8))
    small = np.concatenate([[False], areas < hole * kept.sum()])
    # What the frame's edge closes is no hole.
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        small[edge] = False
    return (kept | small[labels]).astype(np.uint8) * 255


def mask_facts(mask: np.ndarray) -> dict:
    """Return the share and the box of a mask.

    Args:
        mask: Foreground (H, W), uint8, 0 or 255.

    Returns:
        ``share`` of the picture that is foreground, and its ``bbox``: x, y,
        width and height in px.
    """
    return dict(share=round(float((mask > 0).mean()), 5),
                bbox=list(map(int, cv2.boundingRect(mask))))


def _pieces(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the label of each pixel (H, W), 0 outside, and the areas."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask, connectivity=4)
    return labels, stats[1:, cv2.CC_STAT_AREA]
