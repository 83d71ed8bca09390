#!/usr/bin/env python
"""Make XaS-Mini: a free multi-camera studio in Human3.6M's layout.

    python tools/make_xas_mini.py --out data/xas_mini --workers 2
    python tools/make_xas_mini.py --describe data/xas_mini

Then `XAS_H36M_ROOT=data/xas_mini` lets configs/xas_h36m.py run on it. A run
that was stopped goes on where it was; a finished folder is left as it is. The
same settings give the same checksum, whatever the number of workers. See
docs/xas_mini.md.
"""
from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.render.studio import XasMiniSettings, write_studio_set
from xas_mmpose.render.studio.statistics import describe_xas_mini
from xas_mmpose.render.studio.studio_set import ANNOTATIONS
from xas_mmpose.skeletons import HUMAN36M_18

#: Side of a picture on the contact sheet, px, and the sheet's columns.
TILE, COLUMNS = 150, 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, or describe, an XaS-Mini."""
    default = XasMiniSettings()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, help='folder to write')
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    parser.add_argument('--frames', type=int, default=default.frames,
                        help='pictures of each recording and camera '
                        '(default: %(default)s)')
    parser.add_argument('--seed', type=int, default=default.seed)
    parser.add_argument('--mask-quality', choices=('exact', 'segmenter'),
                        default=default.mask_quality,
                        help="exact masks, or a segmenter's: nearly right "
                        '(default: %(default)s)')
    parser.add_argument('--image-size', type=int, default=default.image_size,
                        metavar='PX', help='side of the pictures (default: '
                        '%(default)s)')
    parser.add_argument('--subjects', nargs='+', default=default.subjects,
                        help='some of %(default)s')
    parser.add_argument('--actions', nargs='+', default=default.actions,
                        help='some of %(default)s')
    parser.add_argument('--body', default=default.body,
                        help='a person: human, human_full or a model file '
                        '(default: %(default)s)')
    parser.add_argument('--contact-sheet', type=Path, metavar='FILE',
                        help='draw a moment of each action with its key '
                        'points, of the set in --out')
    parser.add_argument('--describe', type=Path, metavar='DIR',
                        help='print the statistics of a finished set')
    args = parser.parse_args(arguments)
    if args.describe:
        print(json.dumps(describe_xas_mini(args.describe), indent=1))
        return
    if args.out is None:
        parser.error('--out (or --describe) is needed')
    # Before the work of minutes, not after it.
    if args.contact_sheet and args.contact_sheet.suffix not in ('.jpg',
                                                                '.png'):
        raise ValueError(f'the contact sheet {args.contact_sheet} must end '
                         'with .jpg or .png')
    settings = XasMiniSettings(
        frames=args.frames, seed=args.seed, image_size=args.image_size,
        mask_quality=args.mask_quality, subjects=tuple(args.subjects),
        actions=tuple(args.actions), body=args.body)
    checksum = write_studio_set(args.out, settings, workers=args.workers)
    print(f'{4 * settings.num} pictures: {args.out}')
    print(f'checksum {checksum}')
    if args.contact_sheet:
        write_sheet(args.contact_sheet, args.out)


def write_sheet(path: Path, folder: Path) -> None:
    """Write the contact sheet of a finished set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), contact_sheet(folder),
                       [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise OSError(f'cannot write {path}')
    print(f'contact sheet: {path}')


def contact_sheet(folder: Path) -> np.ndarray:
    """Draw one moment of each action, from all cameras, with key points.

    Args:
        folder: A finished set.

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
        # Other people and times in every row.
        chosen = list(moments.values())[number * 5 % len(moments)]
        cells += [_cell(folder, *picture) for picture in chosen]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    return np.concatenate([
        np.concatenate(cells[i:i + COLUMNS], 1)
        for i in range(0, len(cells), COLUMNS)])


def _cell(folder: Path, name: str, points: np.ndarray) -> np.ndarray:
    """Draw a picture's middle with its key points (17, 2)."""
    image = cv2.imread(str(folder / 'images' / name))
    scale = TILE / len(image) * 1.8
    center = (points.min(0) + points.max(0)) / 2
    affine = np.array([[scale, 0, TILE / 2 - scale * center[0]],
                       [0, scale, TILE / 2 - scale * center[1]]])
    cell = cv2.warpAffine(image, affine, (TILE, TILE), flags=cv2.INTER_AREA)
    pixels = np.rint(points @ affine[:, :2].T + affine[:, 2]).astype(int)
    names = HUMAN36M_18.keypoint_names
    colors = [info['color'][::-1] for info in
              HUMAN36M_18.metainfo()['keypoint_info'].values()]
    # The thorax is none of the 17: its bones start at the neck here.
    neck, thorax = names.index('neck'), names.index('thorax')
    for start, end in HUMAN36M_18.skeleton_links:
        start, end = (neck if i == thorax else i for i in (start, end))
        if start != end:
            cv2.line(cell, pixels[start].tolist(), pixels[end].tolist(),
                     colors[end], 1, cv2.LINE_AA)
    return cell


if __name__ == '__main__':
    main()
