"""Pictures with their masks on one sheet, to look at."""
from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

#: Colour of the outline, BGR, and of pictures without a mask.
_OUTLINE, _MISSING = (60, 220, 60), (40, 40, 230)
_GAP, _TEXT = 4, 16


def mask_sheet(
        cells: Iterable[tuple[np.ndarray, np.ndarray | None, str]],
        columns: int = 6, tile: int = 240) -> np.ndarray:
    """Draw pictures with their masks.

    The foreground has its colours and an outline, the rest is dim. A picture
    without a mask is crossed out. What is shown is a square around the
    foreground.

    Args:
        cells: Picture (H, W, 3), BGR uint8, mask (H, W), uint8, or None, and
            what stands below.
        columns: Pictures in a row.
        tile: Side of a picture on the sheet, px.

    Returns:
        The sheet, BGR uint8.

    Raises:
        ValueError: If there is no picture.
    """
    drawn = [_cell(*cell, tile) for cell in cells]
    if not drawn:
        raise ValueError('a contact sheet needs pictures')
    columns = min(columns, len(drawn))
    rows = -(-len(drawn) // columns)
    step = np.array(drawn[0].shape[:2]) + _GAP
    sheet = np.full((*(step * (rows, columns) + _GAP), 3), 255, np.uint8)
    for i, cell in enumerate(drawn):
        top, left = step * divmod(i, columns) + _GAP
        sheet[top:top + cell.shape[0], left:left + cell.shape[1]] = cell
    return sheet


def _cell(image: np.ndarray, mask: np.ndarray | None, text: str,
          tile: int) -> np.ndarray:
    """Draw a picture with its mask and text."""
    size = np.array(image.shape[1::-1], float)
    center, side = size / 2, size.max()
    if mask is not None and mask.any():
        x, y, width, height = cv2.boundingRect(mask)
        center = np.array([x + width / 2, y + height / 2])
        side = min(1.4 * max(width, height), side)
    scale = tile / side
    affine = np.hstack([np.eye(2) * scale,
                        (tile / 2 - scale * center)[:, None]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cell = cv2.warpAffine(image, affine, (tile, tile), flags=flags,
                          borderValue=(60, 60, 60))
    if mask is None:
        cv2.line(cell, (0, 0), (tile, tile), _MISSING, 2)
        cv2.line(cell, (0, tile), (tile, 0), _MISSING, 2)
    else:
        inside = cv2.warpAffine(mask, affine, (tile, tile)) > 127
        cell[~inside] //= 3
        outlines, _ = cv2.findContours(
            inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(cell, outlines, -1, _OUTLINE, 1)
    strip = np.full((_TEXT, tile, 3), 255, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX, 0.33
    width = cv2.getTextSize(text, *font, 1)[0][0]
    # The end of a name tells more than its beginning.
    cv2.putText(strip, text, (min(2, tile - width - 2), _TEXT - 4), *font,
                (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([cell, strip])
