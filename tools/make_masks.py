#!/usr/bin/env python
r"""Make foreground masks of a folder of pictures, or of a video.

    python tools/make_masks.py data/custom/images --out data/custom/masks \
        --method grabcut --people detections.json
    python tools/make_masks.py walk.mp4 --frames-out data/custom/images \
        --out data/custom/masks --method median --set-aside data/custom/empty

Methods:
  median, mog2  what moves before a camera that stands still: a video, or
                pictures that differ in the number at the end of their names
  grabcut       colours around key points or in a box (--people)
  maskrcnn      torchvision's Mask R-CNN, from a file of its weights
  sam           Segment Anything with key points or a box (--people), from
                the package segment_anything and a file of its weights

The mask of images/a/b.jpg is masks/a/b.png, as large as the picture, 255 =
person: where the data sets look for it. masks/masks.json says what made each.
A run that was stopped goes on where it was; a mask that is there is not made
again. It exits with 1 where a picture is broken, or no mask could be made.

    python tools/make_masks.py data/custom/masks --truth TRUE_MASKS

compares masks that are there with true ones. See docs/own_data.md.
"""
from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from masking.options import (
    SHEET,
    check_options,
    make_method,
    make_parser,
    only_compares,
    videos_of,
)
from masking.quality import compare, print_quality, read_mask

from xas_mmpose.datasets.datasets.masked_folder import pictures_below
from xas_mmpose.datasets.masks import (
    extract_frames,
    read_people,
    read_picture,
    write_masks,
)
from xas_mmpose.datasets.masks.mask_set import REPORT
from xas_mmpose.render.resumable import SETTINGS, write_whole
from xas_mmpose.visualization.mask_sheet import mask_sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Make masks, look at them, and compare them with true ones."""
    parser = make_parser(__doc__)
    args = parser.parse_args(arguments)
    check_options(parser, args)
    if only_compares(args):
        compare_folder(args.source[0], args.truth)
        return
    # Before the frames of a long video: a wrong option should say so now.
    method = make_method(args)
    people = (read_people(args.people, args.category or 'person')
              if args.people else None)
    images = find_images(args)
    report = write_masks(images, args.out, method, people,
                         'each' if args.each else 'main', args.workers)
    masks = report['masks']
    made = [name for name, facts in masks.items() if 'share' in facts]
    print(f'{len(made)} masks of {len(masks)}: {args.out}')
    if args.truth:
        report['quality'] = quality = compare(
            args.out, args.truth, masks, bool(args.each))
        write_whole(args.out / REPORT, json.dumps(report, indent=1).encode())
        print_quality(quality)
    if args.contact_sheet:
        write_sheet(args.contact_sheet, images, args.out, report)
    settle_empty(images, masks, args.set_aside)
    if not made or any('broken' in facts for facts in masks.values()):
        raise SystemExit(1)


def find_images(args: argparse.Namespace) -> Path:
    """Return the folder of pictures; videos become one first."""
    videos = videos_of(args)
    for video in videos:
        extract_frames(video, args.frames_out, args.every or 1,
                       args.frame_side, fps=args.fps)
    return args.frames_out if videos else args.source[0]


def compare_folder(masks: Path, truth: Path) -> None:
    """Compare masks, whoever made them, and print how good they are."""
    names = [str(Path(folder) / name)
             for folder, files in pictures_below(str(masks))
             for name in files]
    if not names:
        raise FileNotFoundError(f'there is no mask in {masks}')
    # Ours say whether a_0.png is a picture of its own or one of a's people.
    settings = masks / SETTINGS
    each = settings.is_file() and json.loads(settings.read_text(
        encoding='utf-8')).get('which') == 'each'
    print_quality(compare(masks, truth, names, each))


def write_sheet(path: Path, images: Path, out: Path, report: dict) -> None:
    """Draw some of the masks, spread over all."""
    names = [name for name, facts in report['masks'].items()
             if 'broken' not in facts]
    if not names:
        print('no contact sheet: no picture can be read')
        return
    chosen = np.unique(np.linspace(0, len(names) - 1, min(SHEET, len(names)))
                       .round().astype(int))
    sheet = mask_sheet(_cells(images, out, report,
                              [names[i] for i in chosen]))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), sheet):
        raise OSError(f'cannot write {path}')
    print(f'contact sheet: {path}')


def settle_empty(images: Path, masks: dict[str, dict],
                 set_aside: Path | None) -> None:
    """Name the pictures without a mask, and move them where asked to."""
    # Broken pictures first: these are nobody's choice.
    without = {facts['picture']: facts['reason'] for facts in sorted(
        masks.values(), key=lambda facts: 'broken' not in facts)
               if 'reason' in facts}
    having = {facts['picture'] for facts in masks.values()
              if 'share' in facts}
    for name, reason in list(without.items())[:5]:
        print(f'no mask of {name}: {reason}')
    if len(without) > 5:
        print(f'... and of {len(without) - 5} more: see {REPORT}')
    moved = 0
    for name in without.keys() - having if set_aside else ():
        if (images / name).is_file():
            target = set_aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(images / name, target)
            moved += 1
    if moved:
        print(f'{moved} pictures without a mask are in {set_aside} now')
    elif without and not set_aside:
        print('data sets want a mask for each picture: --set-aside FOLDER '
              'moves these away')


def _cells(images: Path, out: Path, report: dict, names: list[str]
           ) -> Iterator[tuple[np.ndarray, np.ndarray | None, str]]:
    """Yield pictures, masks and texts for the contact sheet."""
    each: dict[str, Any] = report.get('quality', {}).get('each', {})
    for name in names:
        image = read_picture(images / report['masks'][name]['picture'])
        mask = (read_mask(out / name) if (out / name).is_file() else None)
        text = name.removesuffix('.png')
        if name in each:
            text += f' {each[name]["IoU"]:.0f}%'
        yield image, mask, text


if __name__ == '__main__':
    main()
