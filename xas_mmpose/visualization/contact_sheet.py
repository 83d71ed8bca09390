"""Many synthetic samples on one sheet, to look at before one trains."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from xas_mmpose.render import Sample
from xas_mmpose.render.part_colors import part_palette
from xas_mmpose.skeletons import Skeleton

_FRAME, _GAP = 2, 6


def contact_sheet(samples: Sequence[Sample], skeleton: Skeleton,
                  columns: int = 4, tile: int = 256) -> np.ndarray:
    """Draw each sample twice: with its pose, and with its mask and parts.

    Left, right (the body's own) and middle have the skeleton's colours. Key
    points that the picture shows are dots, hidden ones rings; the others
    lie outside. The second picture is dark where the mask is not, and tinted
    by body part.

    Args:
        samples: Samples of square pictures.
        skeleton: Their key points.
        columns: Samples in a row.
        tile: Side of a picture on the sheet, px.

    Returns:
        The sheet, BGR uint8.

    Raises:
        ValueError: If there is no sample.
    """
    if not samples:
        raise ValueError('a contact sheet needs samples')
    cells = [np.concatenate([_with_pose(sample, skeleton, tile),
                             _with_parts(sample, tile)], axis=1)
             for sample in samples]
    step = np.array(cells[0].shape[:2]) + _GAP
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = np.full((*(step * (rows, columns) + _GAP), 3), 255, np.uint8)
    for i, cell in enumerate(cells):
        top, left = step * divmod(i, columns) + _GAP
        sheet[top:top + cell.shape[0], left:left + cell.shape[1]] = cell
    return sheet


def _with_pose(sample: Sample, skeleton: Skeleton, tile: int) -> np.ndarray:
    """Draw the links and key points over the picture."""
    size = len(sample.image)
    picture = cv2.resize(sample.image, (tile, tile),
                         interpolation=cv2.INTER_CUBIC)
    # Pixels are areas around whole numbers.
    points = (sample.keypoints + 0.5) * (tile / size) - 0.5
    points = np.rint(points).astype(int).tolist()
    colors = [info['color'][::-1] for info in
              skeleton.metainfo()['keypoint_info'].values()]
    for parent, child in skeleton.skeleton_links:
        cv2.line(picture, points[parent], points[child], colors[child], 1,
                 cv2.LINE_AA)
    for point, color, seen in zip(points, colors, sample.keypoints_visible):
        if seen:
            cv2.circle(picture, point, 3, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(picture, point, 2, color, -1 if seen == 2 else 1,
                       cv2.LINE_AA)
    return _framed(picture)


def _with_parts(sample: Sample, tile: int) -> np.ndarray:
    """Tint the body by its parts, and dim what the mask leaves out."""
    picture = cv2.resize(sample.image, (tile, tile),
                         interpolation=cv2.INTER_CUBIC)
    parts, mask = (
        cv2.resize(layer, (tile, tile), interpolation=cv2.INTER_NEAREST)
        for layer in (sample.parts, sample.mask))
    palette = part_palette(int(parts.max()))[:, ::-1] * 255
    picture[mask == 0] //= 3
    body = parts > 0
    picture[body] = (0.4 * picture[body]
                     + 0.6 * palette[parts[body].astype(int) - 1])
    return _framed(picture)


def _framed(picture: np.ndarray) -> np.ndarray:
    """Put a thin frame around a picture."""
    return cv2.copyMakeBorder(picture, *[_FRAME] * 4, cv2.BORDER_CONSTANT,
                              value=(60, 60, 60))
