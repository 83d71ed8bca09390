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
again. See docs/own_data.md.
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
import torch

from xas_mmpose.datasets.masks import (
    BackgroundMethod,
    GrabCutMethod,
    MaskRcnnMethod,
    SamMethod,
    extract_frames,
    is_video,
    read_people,
    write_masks,
)
from xas_mmpose.datasets.masks.mask_set import REPORT, Method
from xas_mmpose.datasets.masks.segmenters import SAM_WEIGHTS
from xas_mmpose.evaluation.functional.mask_overlap import (
    MASK_SCORES,
    mask_scores,
)
from xas_mmpose.render.resumable import write_whole
from xas_mmpose.visualization.mask_sheet import mask_sheet

#: Methods, and the options that each understands.
METHODS = dict(
    median=('threshold', 'background_frames', 'shadows', 'clip'),
    mog2=('threshold', 'background_frames', 'shadows', 'clip'),
    grabcut=('people', 'each', 'prompt', 'iterations', 'max_side'),
    maskrcnn=('people', 'each', 'weights', 'category', 'min_score',
              'device'),
    sam=('people', 'each', 'prompt', 'weights', 'network', 'device'))
#: Pictures on the contact sheet.
SHEET = 24


def main(arguments: Sequence[str] | None = None) -> None:
    """Make masks, look at them, and compare them with true ones."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    _refuse_foreign_options(parser, args)
    if args.contact_sheet and args.contact_sheet.suffix not in ('.jpg',
                                                                '.png'):
        parser.error(f'the contact sheet {args.contact_sheet} must end with '
                     '.jpg or .png')
    if args.truth and not args.truth.is_dir():
        raise FileNotFoundError(f'there is no folder of true masks '
                                f'{args.truth}')
    # Before the frames of a long video: a wrong option should say so now.
    method = make_method(args)
    people = (read_people(args.people, args.category or 'person')
              if args.people else None)
    images = find_images(parser, args)
    report = write_masks(images, args.out, method, people,
                         'each' if args.each else 'main', args.workers)
    masks = report['masks']
    made = [name for name, facts in masks.items() if 'share' in facts]
    print(f'{len(made)} masks of {len(masks)}: {args.out}')
    if args.truth:
        report['quality'] = quality = compare(args.out, args.truth, masks)
        write_whole(args.out / REPORT, json.dumps(report, indent=1).encode())
        print_quality(quality)
    if args.contact_sheet:
        write_sheet(args.contact_sheet, images, args.out, report)
    settle_empty(images, masks, args.set_aside)
    if not made:
        raise SystemExit(1)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, nargs='+',
                        help='a folder of pictures, or videos')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder of the masks')
    parser.add_argument('--method', choices=tuple(METHODS), required=True)
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    parser.add_argument('--set-aside', type=Path, metavar='FOLDER',
                        help='move pictures of which there is no mask here: '
                        'data sets want one for each picture')

    group = parser.add_argument_group('videos')
    group.add_argument('--frames-out', type=Path, metavar='FOLDER',
                       help='folder of pictures to write: FOLDER/NAME OF THE '
                       'VIDEO/000001.jpg and so on')
    group.add_argument('--every', type=int, default=1, metavar='N',
                       help='take the first, and then every N-th, frame')
    group.add_argument('--frame-side', type=int, metavar='PX',
                       help='reduce larger frames to this side')

    group = parser.add_argument_group('median and mog2')
    group.add_argument('--threshold', type=float,
                       help='what is foreground: difference in grey levels '
                       '(median; default: 15), squared standard deviations '
                       '(mog2; default: 25)')
    group.add_argument('--background-frames', type=int, metavar='N',
                       help='frames to learn the background from (default: '
                       '60)')
    group.add_argument('--shadows', action='store_true', default=None,
                       help='take shadows for foreground')

    group.add_argument('--clip', metavar='REGEX', help='pictures share a '
                       'background whose names have the same groups (...) '
                       '(default: the name without the number at its end)')

    group = parser.add_argument_group('grabcut, maskrcnn and sam')
    group.add_argument('--people', type=Path, metavar='FILE',
                       help='where people are: COCO annotations, a list of '
                       "detections, MPII's list or .mat, an .npz of MMPose's "
                       'converters')
    group.add_argument('--each', action='store_true', default=None,
                       help='a mask for each person, a/b_0.png and so on, as '
                       'MPII has it, instead of one of the main person')
    group.add_argument('--prompt', choices=('auto', 'keypoints', 'box'),
                       help='what of it is used (default: auto)')
    group.add_argument('--iterations', type=int,
                       help='rounds of GrabCut (default: 5)')
    group.add_argument('--max-side', type=int, metavar='PX',
                       help='GrabCut reduces larger people to this side '
                       '(default: 500)')
    group.add_argument('--weights', metavar='FILE',
                       help='weights of Mask R-CNN or Segment Anything')
    group.add_argument('--network', choices=tuple(SAM_WEIGHTS),
                       help="Segment Anything's network (default: read from "
                       "the file's name)")
    group.add_argument('--category', help="COCO's name of whom to find "
                       '(default: person)')
    group.add_argument('--min-score', type=float,
                       help='how sure Mask R-CNN must be (default: 0.5)')
    group.add_argument('--device', help='where networks run (default: cuda '
                       'if there is one)')

    group = parser.add_argument_group('a look')
    group.add_argument('--contact-sheet', type=Path, metavar='FILE',
                       help=f'draw {SHEET} of the pictures with their masks; '
                       'look at it')
    group.add_argument('--truth', type=Path, metavar='FOLDER',
                       help='true masks to compare with, named as the masks; '
                       'there may be fewer')
    return parser


def make_method(args: argparse.Namespace) -> Method:
    """Return the method that the command line asks for."""
    options = {name: getattr(args, name) for name in METHODS[args.method]
               if name not in ('people', 'each')
               and getattr(args, name) is not None}
    if 'background_frames' in options:
        options['num_frames'] = options.pop('background_frames')
    if args.method in ('median', 'mog2'):
        return BackgroundMethod(args.method, **options)
    if args.method == 'grabcut':
        return GrabCutMethod(**options)
    options.setdefault('device',
                       'cuda' if torch.cuda.is_available() else 'cpu')
    # The message about a missing file names the place of the weights.
    options.setdefault('weights', f'{args.method}.pth')
    return (MaskRcnnMethod if args.method == 'maskrcnn' else SamMethod)(
        **options)


def find_images(parser: argparse.ArgumentParser,
                args: argparse.Namespace) -> Path:
    """Return the folder of pictures; videos become one first."""
    videos = [path for path in args.source if is_video(path)
              and not path.is_dir()]
    if not videos and len(args.source) == 1:
        if args.frames_out:
            parser.error('--frames-out is for videos')
        return args.source[0]
    if len(videos) < len(args.source):
        parser.error('give one folder of pictures, or videos')
    if not args.frames_out:
        parser.error('--frames-out is needed: the folder of pictures that '
                     'the frames become')
    names = [video.stem for video in videos]
    if len(set(names)) < len(names):
        parser.error('two videos have one name, and so would their frames: '
                     'rename one')
    for video in videos:
        extract_frames(video, args.frames_out, args.every, args.frame_side)
    return args.frames_out


def compare(out: Path, truth: Path, masks: dict[str, dict]) -> dict:
    """Compare masks with true ones.

    Args:
        out: Folder of the masks.
        truth: Folder of the true ones: of the same names below it, or all in
            it.
        masks: What is known of each mask.

    Returns:
        ``count``, the ``mean`` of each score and the scores of ``each`` mask
        that has a truth, in per cent; a mask that was not made scores 0.
    """
    each = {}
    for name in masks:
        path = next((p for p in (truth / name, truth / Path(name).name)
                     if p.is_file()), None)
        if path is None:
            continue
        target = _read_mask(path)
        mask = (_read_mask(out / name) if (out / name).is_file()
                else np.zeros_like(target))
        try:
            scores = mask_scores(mask, target)
        except ValueError as error:
            raise ValueError(f'{out / name} and {path}: {error}') from error
        each[name] = {key: round(value, 2) for key, value in scores.items()}
    if not each:
        raise FileNotFoundError(
            f'{truth} has a true mask of none of the pictures: it should '
            f'have the same names, such as {next(iter(masks))}')
    mean = {key: round(float(np.mean([s[key] for s in each.values()])), 2)
            for key in MASK_SCORES}
    return dict(truth=str(truth), count=len(each), mean=mean, each=each)


def print_quality(quality: dict) -> None:
    """Print the mean scores, and the worst masks."""
    print(f'{quality["count"]} masks compared with {quality["truth"]}, %')
    print(f'| | {" | ".join(MASK_SCORES)} |')
    print(f'| --- |{" ---: |" * len(MASK_SCORES)}')
    worst = sorted(quality['each'].items(), key=lambda pair: pair[1]['IoU'])
    for name, scores in [('mean', quality['mean']), *worst[:5]]:
        numbers = ' | '.join(f'{scores[key]:.1f}' for key in MASK_SCORES)
        print(f'| {name} | {numbers} |')


def write_sheet(path: Path, images: Path, out: Path, report: dict) -> None:
    """Draw some of the masks, spread over all."""
    names = list(report['masks'])
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
    without = {facts['picture']: facts['reason']
               for facts in masks.values() if 'reason' in facts}
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


def _refuse_foreign_options(parser: argparse.ArgumentParser,
                            args: argparse.Namespace) -> None:
    """Name options that the method would not heed, or lacks."""
    own = METHODS[args.method]
    for name in {name for names in METHODS.values() for name in names}:
        if name not in own and getattr(args, name) is not None:
            # GrabCut reads boxes of one category of a COCO file.
            if name == 'category' and args.people:
                continue
            parser.error(f'--{name.replace("_", "-")} means nothing to '
                         f'--method {args.method}')
    if args.method in ('grabcut', 'sam') and not args.people:
        parser.error(f'--method {args.method} needs --people: a file of '
                     'boxes or key points')


def _cells(images: Path, out: Path, report: dict, names: list[str]
           ) -> Iterator[tuple[np.ndarray, np.ndarray | None, str]]:
    """Yield pictures, masks and texts for the contact sheet."""
    each: dict[str, Any] = report.get('quality', {}).get('each', {})
    for name in names:
        image = cv2.imread(str(images / report['masks'][name]['picture']))
        if image is None:
            continue
        mask = (_read_mask(out / name) if (out / name).is_file() else None)
        text = name.removesuffix('.png')
        if name in each:
            text += f' {each[name]["IoU"]:.0f}%'
        yield image, mask, text


def _read_mask(path: Path) -> np.ndarray:
    """Read a mask (H, W), uint8, 0 or 255; it may be one of 0 and 1."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f'{path} cannot be read as a picture')
    return (mask > (0 if mask.max() == 1 else 127)).astype(np.uint8) * 255


if __name__ == '__main__':
    main()
