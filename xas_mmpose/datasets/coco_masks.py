"""Masks from what files of COCO's form call ``segmentation``."""
from __future__ import annotations

from typing import Any

import numpy as np
from xtcocotools import mask as coco_mask


def run_lengths(code: dict[str, Any], height: int, width: int) -> np.ndarray:
    """Return the runs of a run-length code, checked.

    COCO's own decoder writes beyond its memory where they are too long.

    Args:
        code: ``counts``: numbers, or the text that COCO packs them in.
        height: Height of the picture in px.
        width: Width of the picture in px.

    Returns:
        Lengths of the runs, int64, from the picture's first column down;
        the first is of background.

    Raises:
        ValueError: If they are not as long as the picture is large.
    """
    counts = code.get('counts')
    if isinstance(counts, bytes):
        counts = counts.decode('latin-1')
    try:
        runs = np.array(_unpacked(counts) if isinstance(counts, str)
                        else counts, np.int64)
    except (IndexError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f'a run-length code of no numbers: {error}'
                         ) from error
    if runs.ndim != 1 or (runs < 0).any() or (
            runs.sum(dtype=object) != height * width):
        raise ValueError('a run-length code of another picture than one of '
                         f'{width}x{height} px')
    return runs


def fill_segmentation(segmentation: list | dict, height: int,
                      width: int) -> np.ndarray:
    """Draw a segmentation.

    Args:
        segmentation: Polygons (x, y, x, y, ... in px), or a run-length code.
        height: Height of the picture in px.
        width: Width of the picture in px.

    Returns:
        Mask (H, W) uint8, 0 or 255.

    Raises:
        ValueError: If it is a run-length code of another picture.
    """
    if isinstance(segmentation, dict):
        runs = run_lengths(segmentation, height, width)
        values = (np.arange(len(runs)) % 2 * 255).astype(np.uint8)
        return np.ascontiguousarray(
            np.repeat(values, runs).reshape(width, height).T)
    outlines = coco_mask.frPyObjects(segmentation, height, width)
    return coco_mask.decode(coco_mask.merge(outlines)) * np.uint8(255)


def _unpacked(text: str) -> list[int]:
    """Return the numbers that COCO packs into a text.

    Each has groups of 5 bits, the lowest first, in a character from '0' on,
    whose bit 5 says that another group follows; from the fourth on it is the
    difference from the last but one.
    """
    numbers: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1f) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value = shift = 0
    return numbers
