"""Masks on pictures: that of the foreground, and that of a found pose."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch

from xas_mmpose.ops import skeleton_mask
from xas_mmpose.skeletons import Skeleton, find_skeleton, mask_links_of

#: BGR of what a skeleton covers.
_COVERED = np.array([40, 190, 255])


def predicted_mask(keypoints: np.ndarray, size: tuple[int, int],
                   crop_size: float | tuple[float, float],
                   skeleton: Skeleton | Mapping[str, Any],
                   line_width: float = 0.003) -> np.ndarray:
    """Draw a pose as the mask loss does, Sec. 3.2 of arXiv 2411.13026.

    Args:
        keypoints: 2D pose (K, 2) in px of the picture.
        size: Width and height of the picture.
        crop_size: Side, or width and height, of what the network sees, px of
            the picture: widths are told in relation to it.
        skeleton: A skeleton, its metainfo, or MMPose's parsed form of it.
            The latter has lost which links are drawn: those of tables that
            are not of this package are the bones, at full width.
        line_width: As of :class:`~xas_mmpose.models.losses.SkeletonMaskLoss`.

    Returns:
        Mask (H, W), 0..1; 0 where a key point of a link is not finite.
    """
    links, widths = _mask_links(skeleton)
    keypoints = np.asarray(keypoints, np.float32)[:, :2]
    drawn = np.isfinite(keypoints).all(-1)
    kept = [i for i, (a, b) in enumerate(links) if drawn[a] and drawn[b]]
    if not kept:
        return np.zeros(size[::-1], np.float32)
    unit = np.prod(np.broadcast_to(crop_size, 2)) / 4 * line_width
    return skeleton_mask(
        torch.from_numpy(np.nan_to_num(keypoints))[None],
        [links[i] for i in kept], [widths[i] * unit for i in kept],
        size)[0, 0].numpy()


def _mask_links(
    skeleton: Skeleton | Mapping[str, Any]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Return the links of a skeleton mask, and their width factors."""
    if isinstance(skeleton, Skeleton):
        return mask_links_of(skeleton.metainfo())
    if 'keypoint_info' in skeleton:
        return mask_links_of(skeleton)
    table = find_skeleton(skeleton.get('dataset_name'))
    if table is not None:
        return mask_links_of(table.metainfo())
    links = [(int(a), int(b)) for a, b in skeleton['skeleton_links']]
    return links, [1.0] * len(links)


def covered_picture(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Dim a picture (H, W, 3), BGR, and light what a mask (H, W) covers."""
    share = np.asarray(mask, np.float32)[..., None]
    return (image * (0.4 - 0.25 * share) + _COVERED * (0.85 * share)).round(
        ).clip(0, 255).astype(np.uint8)


def mask_outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Return the closed outlines (N, 2) of a mask, in its pixels.

    Args:
        mask: Mask (H, W), bool, 0..1 or 0..255.
    """
    mask = np.asarray(mask)
    threshold = 127.5 if mask.dtype == np.uint8 and mask.max() > 1 else .5
    outlines, _ = cv2.findContours(
        (mask > threshold).astype(np.uint8), cv2.RETR_CCOMP,
        cv2.CHAIN_APPROX_NONE)
    return [np.concatenate([line, line[:1]])[:, 0] for line in outlines]
