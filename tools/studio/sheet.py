"""Contact sheets of studio sets."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.render.studio import StudioSettings
from xas_mmpose.render.studio.studio_set import ANNOTATIONS

#: Side of a picture on the contact sheet, px, and the sheet's columns.
TILE, COLUMNS = 150, 8


def write_sheet(path: Path, folder: Path, kind: type[StudioSettings]) -> None:
    """Write the contact sheet of a finished set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), contact_sheet(folder, kind),
                       [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise OSError(f'cannot write {path}')
    print(f'contact sheet: {path}')


def contact_sheet(folder: Path, kind: type[StudioSettings]) -> np.ndarray:
    """Draw one moment of each action, from all cameras, with key points.

    Args:
        folder: A finished set.
        kind: Which set it is.

    Returns:
        The sheet, BGR, uint8. Right limbs are orange, left ones blue.
    """
    rows: dict[str, dict[tuple, list]] = {}
    for split in ('train', 'test'):
        path = folder / ANNOTATIONS.format(split)
        if not path.is_file():
            continue
        with np.load(path) as arrays:
            for name, points in zip(arrays['imgname'], arrays['part']):
                sequence, camera_frame = Path(name).stem.split('.')
                subject, action, _ = sequence.split('_')
                moment = subject, camera_frame.split('_')[1]
                rows.setdefault(action, {}).setdefault(moment, []).append(
                    (str(name), points[:, :2]))
    cells = []
    for number, moments in enumerate(rows.values()):
        # Other subjects and times in every row.
        chosen = list(moments.values())[number * 5 % len(moments)]
        cells += [_cell(folder, kind, *picture) for picture in chosen]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    return np.concatenate([
        np.concatenate(cells[i:i + COLUMNS], 1)
        for i in range(0, len(cells), COLUMNS)])


def _cell(folder: Path, kind: type[StudioSettings], name: str,
          points: np.ndarray) -> np.ndarray:
    """Draw a picture's middle with its key points (K, 2)."""
    image = cv2.imread(str(folder / 'images' / name))
    scale = TILE / len(image) * 1.8
    center = (points.min(0) + points.max(0)) / 2
    affine = np.array([[scale, 0, TILE / 2 - scale * center[0]],
                       [0, scale, TILE / 2 - scale * center[1]]])
    cell = cv2.warpAffine(image, affine, (TILE, TILE), flags=cv2.INTER_AREA)
    pixels = np.rint(points @ affine[:, :2].T + affine[:, 2]).astype(int)
    colors = [info['color'][::-1] for info in
              kind.SKELETON.metainfo()['keypoint_info'].values()]
    links = kind.SKELETON.skeleton_links
    # Where the set lacks a key point, as Human3.6M the thorax, its first
    # child stands for it.
    place = [i if i < len(points)
             else next(child for parent, child in links if parent == i)
             for i in range(kind.SKELETON.num_keypoints)]
    for start, end in links:
        start, end = place[start], place[end]
        if start != end:
            cv2.line(cell, pixels[start].tolist(), pixels[end].tolist(),
                     colors[end], 1, cv2.LINE_AA)
    return cell
