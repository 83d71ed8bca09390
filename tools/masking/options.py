"""The command line of tools/make_masks.py."""
from __future__ import annotations

import argparse
from pathlib import Path

import torch

from xas_mmpose.datasets.masks import (
    BackgroundMethod,
    GrabCutMethod,
    MaskRcnnMethod,
    SamMethod,
    is_video,
)
from xas_mmpose.datasets.masks.mask_set import Method
from xas_mmpose.datasets.masks.segmenters import SAM_WEIGHTS

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


def make_parser(description: str) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        description: What the tool does.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, nargs='+',
                        help='a folder of pictures, or videos; with --truth '
                        'and no --method a folder of masks')
    parser.add_argument('--out', type=Path, help='folder of the masks')
    parser.add_argument('--method', choices=tuple(METHODS))
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    parser.add_argument('--set-aside', type=Path, metavar='FOLDER',
                        help='move pictures of which there is no mask here: '
                        'data sets want one for each picture')

    group = parser.add_argument_group('videos')
    group.add_argument('--frames-out', type=Path, metavar='FOLDER',
                       help='folder of pictures to write: FOLDER/NAME OF THE '
                       'VIDEO/000001.jpg and so on')
    group.add_argument('--every', type=int, metavar='N',
                       help='take the first, and then every N-th, frame')
    group.add_argument('--fps', type=float, metavar='N',
                       help='take N frames a second instead')
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
    group.add_argument('--truth', type=Path, metavar='PATH',
                       help='true masks to compare with: a folder, named as '
                       'the masks or the pictures, or COCO annotations; '
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


def check_options(parser: argparse.ArgumentParser,
                  args: argparse.Namespace) -> None:
    """Name what is missing, what is not heeded, and what makes no sense."""
    sheet = args.contact_sheet
    if sheet and sheet.suffix not in ('.jpg', '.png'):
        parser.error(f'the contact sheet {sheet} must end with .jpg or .png')
    if args.truth and not args.truth.exists():
        raise FileNotFoundError(f'there is no folder or file of true masks '
                                f'{args.truth}')
    if only_compares(args):
        given = [name for name, value in vars(args).items()
                 if name not in ('source', 'truth', 'workers')
                 and value is not None]
        if given or len(args.source) > 1 or not args.source[0].is_dir():
            parser.error('--truth without --method compares a folder of '
                         'masks that are there, and nothing else')
        return
    if not args.out or not args.method:
        parser.error('--out and --method are needed; --truth alone compares '
                     'masks that are there')
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
    _check_source(parser, args)


def only_compares(args: argparse.Namespace) -> bool:
    """Say whether masks are to be compared that are there."""
    return bool(args.truth and not args.method and not args.out)


def videos_of(args: argparse.Namespace) -> list[Path]:
    """Return the videos among the sources."""
    return [path for path in args.source
            if is_video(path) and not path.is_dir()]


def _check_source(parser: argparse.ArgumentParser,
                  args: argparse.Namespace) -> None:
    """Name what is wrong with videos and their options."""
    videos = videos_of(args)
    if not videos and len(args.source) == 1:
        for name in ('frames_out', 'every', 'fps', 'frame_side'):
            if getattr(args, name) is not None:
                parser.error(f'--{name.replace("_", "-")} is for videos')
        return
    if len(videos) < len(args.source):
        parser.error('give one folder of pictures, or videos')
    if not args.frames_out:
        parser.error('--frames-out is needed: the folder of pictures that '
                     'the frames become')
    if args.every and args.fps:
        parser.error('give --every or --fps')
    names = [video.stem for video in videos]
    if len(set(names)) < len(names):
        parser.error('two videos have one name, and so would their frames: '
                     'rename one')
