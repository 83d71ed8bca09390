"""The command line of the tools that make studio sets."""
from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from xas_mmpose.render.studio import StudioSettings, write_studio_set
from xas_mmpose.render.studio.statistics import describe_studio_set

from .sheet import write_sheet


def run(kind: type[StudioSettings], description: str,
        arguments: Sequence[str] | None = None,
        more: Mapping[str, str] | None = None) -> None:
    """Write, or describe, a set.

    Args:
        kind: Which.
        description: What ``--help`` says of the tool.
        arguments: The command line; None for that of this process.
        more: Settings that only this kind has, and the help on each.
    """
    default = kind()
    parser = argparse.ArgumentParser(
        description=description,
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
    for name, text in (more or {}).items():
        parser.add_argument(f'--{name}', default=getattr(default, name),
                            help=f'{text} (default: %(default)s)')
    parser.add_argument('--contact-sheet', type=Path, metavar='FILE',
                        help='draw a moment of each action with its key '
                        'points, of the set in --out')
    parser.add_argument('--describe', type=Path, metavar='DIR',
                        help='print the statistics of a finished set')
    args = parser.parse_args(arguments)
    if args.describe:
        print(json.dumps(describe_studio_set(args.describe), indent=1))
        return
    if args.out is None:
        parser.error('--out (or --describe) is needed')
    # Before the work of minutes, not after it.
    if args.contact_sheet and args.contact_sheet.suffix not in ('.jpg',
                                                                '.png'):
        raise ValueError(f'the contact sheet {args.contact_sheet} must end '
                         'with .jpg or .png')
    settings = kind(
        frames=args.frames, seed=args.seed, image_size=args.image_size,
        mask_quality=args.mask_quality, subjects=tuple(args.subjects),
        actions=tuple(args.actions),
        **{name: getattr(args, name) for name in more or ()})
    checksum = write_studio_set(args.out, settings, workers=args.workers)
    print(f'{4 * settings.num} pictures: {args.out}')
    print(f'checksum {checksum}')
    if args.contact_sheet:
        write_sheet(args.contact_sheet, args.out, kind)
