#!/usr/bin/env python
r"""Make a page to turn 3D poses in, of what tools/infer.py found.

    python tools/make_viewer.py found/results.json --out page.html
    python tools/make_viewer.py found/results.json --out page.html \
        --truth configs/xas_mini.py

The page is one file that any browser of today opens, without a network: the
pictures with their 2D poses, the 3D poses to turn, true poses beside them
where --truth tells these, and how likely each depth of a joint is. The
pictures in it are as large as --max-mb allows. See docs/viewer.md.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tqdm import tqdm
from viewer.page import build_page
from viewer.pictures import encode, read_pictures
from viewer.truth import find_truth

from xas_mmpose.apis import PicturePoses, read_results
from xas_mmpose.render.resumable import write_whole


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the page."""
    args = parse_args(arguments)
    poses, meta = read_file(args.results)
    chosen = choose(poses, args)
    truth = find_truth(args.truth, chosen, meta) if args.truth else None
    images = [None if image is None else encode(image) for image in tqdm(
        read_pictures(chosen, args.images, args.allow_missing),
        total=len(chosen), unit='picture')]
    page, side = build_page(chosen, meta, images, truth,
                            args.title or args.results.resolve().parent.name,
                            args.max_mb * 1e6)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, page.encode('ascii'))
    tell(args, poses, chosen, images.count(None), truth)
    print(f'{args.out}: {len(page) / 1e6:.2f} MB, {len(chosen)} pictures, '
          f'at most {side} px')


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', type=Path, metavar='RESULTS.json',
                        help='what tools/infer.py wrote')
    parser.add_argument('--out', type=Path, required=True,
                        metavar='PAGE.html', help='the page')
    parser.add_argument('--truth', type=Path, metavar='FILE',
                        help='true poses: .json or .npz by the names of the '
                        'pictures, or a config .py whose test set has them')
    parser.add_argument('--only', nargs='+', metavar='PATTERN',
                        help='the pictures of these names, as S9/*')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='the first and then every n-th of these')
    parser.add_argument('--images', type=Path, metavar='FOLDER',
                        help='where the pictures lie by their names now, if '
                        'not where they were')
    parser.add_argument('--allow-missing', action='store_true',
                        help='draw without pictures that are gone')
    parser.add_argument('--max-mb', type=float, default=6, metavar='MB',
                        help='what the page may take (default: 6)')
    parser.add_argument('--title', help='heading (default: the folder of the '
                        'results)')
    args = parser.parse_args(arguments)
    if args.every < 1:
        parser.error('--every starts at 1')
    if args.out.suffix.lower() not in ('.html', '.htm'):
        parser.error(f'--out is a page, as page.html; got {args.out}')
    return args


def read_file(path: Path) -> tuple[list[PicturePoses], dict[str, Any]]:
    """Return what a file of results holds.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there are no results {path}: '
                                'tools/infer.py writes them (results.json)')
    try:
        poses, meta = read_results(json.loads(
            path.read_text(encoding='utf-8')))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is no results.json of tools/infer.py '
            f'({type(error).__name__}: {error})') from error
    return poses, {key: value for key, value in meta.items()
                   if key not in ('format', 'version', 'frame', 'units')}


def choose(poses: Sequence[PicturePoses],
           args: argparse.Namespace) -> list[PicturePoses]:
    """Return the pictures that the page shall show.

    Raises:
        ValueError: If none is left.
    """
    chosen = [one for one in poses if one.error is None and (
        args.only is None
        or any(fnmatchcase(one.name, pattern) for pattern in args.only))]
    if not chosen:
        used = sum(one.error is None for one in poses)
        raise ValueError(
            f'{args.results} has no picture to show: {len(poses)} were '
            f'looked at, {used} could be used' + (
                f', none of these is called {" or ".join(args.only)}; the '
                f'first is {poses[0].name}' if args.only and used else ''))
    return chosen[::args.every]


def tell(args: argparse.Namespace, poses: Sequence[PicturePoses],
         chosen: Sequence[PicturePoses], missing: int,
         truth: Sequence[Sequence[dict | None]] | None) -> None:
    """Say what the page does not show."""
    failed = sum(one.error is not None for one in poses)
    for count, why in (
            (failed, 'infer.py could not use them'),
            (len(poses) - failed - len(chosen), '--only and --every')):
        if count:
            print(f'left out {count} pictures: {why}')
    if missing:
        print(f'{missing} pictures are gone: their poses stand alone')
    if truth is not None:
        people = [one for picture in truth for one in picture]
        known = len(people) - people.count(None)
        print(f'{args.truth} knows {known} of {len(people)} people')


if __name__ == '__main__':
    sys.exit(main())
