"""Samples with their masks and joints on one sheet, to look at."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .pictures import read_mask, read_picture

_TILE, _TEXT, _GAP, _COLUMNS = 256, 30, 6, 6
_OUTLINE, _BROKEN, _SUSPICIOUS = (0, 255, 255), (0, 0, 220), (0, 140, 255)


def chosen(records: Sequence[Mapping[str, Any]],
           number: int) -> list[Mapping[str, Any]]:
    """Choose the samples of a sheet.

    Args:
        records: All records of a source.
        number: How many; up to half of them are those about which there is
            something to tell, the others are evenly spread.

    Returns:
        Records, by their index.
    """
    told = [r for r in records if r['broken'] or r['suspicious']]
    told = _spread(told, number // 2)
    others = [r for r in records if not (r['broken'] or r['suspicious'])]
    kept = [*told, *_spread(others, number - len(told))]
    return sorted(kept, key=lambda record: record['index'])


def write_sheet(dataset: Any, records: Sequence[Mapping[str, Any]],
                path: Path) -> None:
    """Draw samples: their masks' outlines, and joints where they carry any.

    A red frame marks a broken sample, an orange one a suspicious one.

    Args:
        dataset: The samples' data set.
        records: Their records.
        path: The sheet, ``.jpg``.

    Raises:
        OSError: If it cannot be written.
    """
    tiles = [_tile(dataset, record) for record in records]
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    step = np.array(tiles[0].shape[:2]) + _GAP
    sheet = np.full((*(step * (rows, columns) + _GAP), 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = step * divmod(number, columns) + _GAP
        sheet[top:top + tile.shape[0], left:left + tile.shape[1]] = tile
    if not cv2.imwrite(str(path), sheet):
        raise OSError(f'cannot write {path}')


def _spread(items: list, number: int) -> list:
    """Return some items, evenly spread."""
    if len(items) <= number:
        return items
    return [items[i * len(items) // number] for i in range(number)]


def _tile(dataset: Any, record: Mapping[str, Any]) -> np.ndarray:
    """Draw one sample with its name below."""
    try:
        info = dataset.get_data_info(record['index'])
        picture = info.get('img')
        if picture is None:
            picture = read_picture(info['img_path'])
    except (OSError, ValueError, KeyError):
        info, picture = {}, np.full((_TILE, _TILE, 3), 90, np.uint8)
    try:
        mask = read_mask(info, picture)
    except (OSError, ValueError):
        mask = None
    view = _view(picture, mask, info)
    tile = cv2.warpAffine(picture, view, (_TILE, _TILE),
                          flags=cv2.INTER_AREA)
    if mask is not None:
        _draw_outline(tile, mask, view)
    if info.get('keypoints') is not None:
        _draw_joints(tile, dataset.metainfo, info, view)
    words = [*record['broken'], *record['suspicious']]
    if words:
        cv2.rectangle(tile, (0, 0), (_TILE - 1, _TILE - 1),
                      _BROKEN if record['broken'] else _SUSPICIOUS, 5)
    text = np.full((_TEXT, _TILE, 3), 255, np.uint8)
    lines = Path(record['name']).name[-46:], '; '.join(words)[:46]
    for number, line in enumerate(lines):
        cv2.putText(text, line, (2, 11 + 14 * number),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([tile, text])


def _view(picture: np.ndarray, mask: np.ndarray | None,
          info: Mapping[str, Any]) -> np.ndarray:
    """Return the affine map to a tile that shows the person."""
    parts = []
    if mask is not None:
        rows, columns = np.nonzero(mask)
        parts.append(np.stack([columns, rows], 1)[[*np.argsort(rows)[[0, -1]],
                                                   *np.argsort(columns)[
                                                       [0, -1]]]])
    if info.get('keypoints') is not None:
        parts.append(_seen(info))
    elif mask is None and info.get('bbox') is not None:
        parts.append(np.reshape(info['bbox'], (-1, 2)))
    points = np.concatenate(parts) if parts else np.empty((0, 2))
    if not len(points):
        points = np.array([[0, 0], picture.shape[1::-1]])
    low, high = points.min(0), points.max(0)
    scale = _TILE / max(1.2 * (high - low).max(), 8)
    shift = (_TILE - 1) / 2 - scale * (low + high) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _seen(info: Mapping[str, Any]) -> np.ndarray:
    """Return the visible key points (n, 2) of all people."""
    points = np.asarray(info['keypoints'], np.float64)[..., :2]
    seen = np.asarray(info['keypoints_visible']).reshape(
        *points.shape[:2], -1)[..., 0] > 0
    return points[seen & np.isfinite(points).all(-1)]


def _draw_outline(tile: np.ndarray, mask: np.ndarray,
                  view: np.ndarray) -> None:
    """Draw the edge of a mask."""
    shown = cv2.warpAffine(mask.astype(np.uint8) * 255, view, (_TILE, _TILE))
    outlines, _ = cv2.findContours((shown > 127).astype(np.uint8),
                                   cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tile, outlines, -1, _OUTLINE, 1)


def _draw_joints(tile: np.ndarray, meta: Mapping[str, Any],
                 info: Mapping[str, Any], view: np.ndarray) -> None:
    """Draw links and visible key points in the colours of their table."""
    points = np.asarray(info['keypoints'], np.float64)[..., :2]
    seen = np.asarray(info['keypoints_visible']).reshape(
        *points.shape[:2], -1)[..., 0] > 0
    points = points @ view[:, :2].T + view[:, 2]
    links = meta.get('skeleton_links', ())
    colors = np.asarray(meta['keypoint_colors'])[:, ::-1].tolist()
    for person, known in zip(points, seen & np.isfinite(points).all(-1)):
        spots = np.where(known[:, None], person, 0)
        spots = np.rint(spots.clip(-9999, 9999)).astype(int).tolist()
        for start, end in links:
            if known[start] and known[end]:
                cv2.line(tile, spots[start], spots[end], colors[end], 2,
                         cv2.LINE_AA)
        for spot, color, drawn in zip(spots, colors, known):
            if drawn:
                cv2.circle(tile, spot, 4, (255, 255, 255), -1, cv2.LINE_AA)
                cv2.circle(tile, spot, 3, color, -1, cv2.LINE_AA)
