#!/usr/bin/env python
r"""Find 3D poses in pictures and videos.

    python tools/infer.py photos/ --masks masks/ --out found
    python tools/infer.py walk.mp4 --boxes people.json --mask-method grabcut \
        --camera camera.json --video --out found
    python tools/infer.py photos/ --out found --config configs/xas_h36m.py \
        --checkpoint work_dirs/xas_h36m/epoch_65.pth

OUT gets results.json (docs/inference.md describes it), for every picture a
drawing with the poses from the front and from the side, and with --video a
video of those of the frames. A picture that cannot be used is listed at the
end, and makes the exit status 1. A run that was stopped leaves a results.json
of what is done, and goes on when the command is typed again.
"""
from __future__ import annotations

import argparse
import glob
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
from inference.drawing import VideoFile, draw_poses, frame_rate
from inference.results_file import ResultsFile
from mmengine.config import DictAction
from tqdm import tqdm

from xas_mmpose.apis import MMDetector, PicturePoses, Pose3DInferencer
from xas_mmpose.apis.pictures import Picture, count_pictures, pictures_of
from xas_mmpose.datasets.masks import (
    GrabCutMethod,
    MaskRcnnMethod,
    SamMethod,
    read_people,
)

MASK_METHODS = dict(grabcut=GrabCutMethod, maskrcnn=MaskRcnnMethod,
                    sam=SamMethod)


def main(arguments: Sequence[str] | None = None) -> int:
    """Find poses; return the exit status."""
    args = parse_args(arguments)
    inferencer = Pose3DInferencer(
        args.config, args.checkpoint, args.device, detector(args),
        args.depth_profiles, args.cfg_options)
    hints = dict(
        boxes=read_people(args.boxes) if args.boxes else None,
        masks=masks(args),
        cameras=read_cameras(args.camera) if args.camera else None)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(args).items()}
    # A video cannot be gone on with.
    results = ResultsFile(args.out / 'results.json', inferencer.meta,
                          settings, resume=not args.video)
    drawings = Drawings(args, inferencer.model.dataset_meta)
    complete = False
    try:
        with tqdm(total=count_pictures(args.inputs), unit='picture',
                  initial=len(results.done)) as bar:
            for poses in inferencer(
                    left(args.inputs, results), **hints,
                    person_size=args.person_size,
                    batch_size=args.batch_size, keep_pictures=args.draw,
                    skip_broken=True):
                results.add(poses)
                drawings.add(poses)
                bar.update()
        complete = True
    except KeyboardInterrupt:
        print('stopped; the same command goes on', file=sys.stderr)
    finally:
        drawings.close()
        results.close(complete)
    for name, error in results.failed:
        print(f'failed: {name}: {error}', file=sys.stderr)
    print(f'{len(results.done) - len(results.failed)} pictures: '
          f'{results.path}')
    return 130 if not complete else int(bool(results.failed))


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', metavar='INPUT',
                        help='pictures, folders, patterns or videos')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder of the results')
    parser.add_argument('--config', default='xas_mini', help='config file, or '
                        'name of a model that comes with its weights '
                        '(default: xas_mini)')
    parser.add_argument('--checkpoint', help='its weights')
    parser.add_argument('--device', help="'cpu', 'cuda', 'cuda:1' (default: "
                        'CUDA where there is some)')
    parser.add_argument('--batch-size', type=int, default=8, metavar='N',
                        help='people that the network sees at once')
    parser.add_argument('--depth-profiles', action='store_true',
                        help='tell, and draw, how likely each depth is')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE',
                        help='replace settings of the config')

    group = parser.add_argument_group('what is known of the pictures')
    group.add_argument('--masks', '--mask-dir', metavar='FOLDER',
                       help='masks of the same names, a/b.png of a/b.jpg')
    group.add_argument('--mask-method', choices=tuple(MASK_METHODS),
                       help='make the masks; see tools/make_masks.py')
    group.add_argument('--mask-weights', metavar='FILE',
                       help='for maskrcnn and sam')
    group.add_argument('--boxes', type=Path, metavar='FILE',
                       help='where people are: any file that '
                       'tools/make_masks.py --people reads')
    group.add_argument('--camera', type=Path, metavar='FILE',
                       help='JSON: {"K": [[...], [...], [...]]} or {"f": '
                       '[..], "c": [..]}, or such a one for each picture by '
                       'its name')
    group.add_argument('--person-size', type=float, metavar='MM',
                       help='what the longer side of a box is long (default: '
                       "the model's assumption, 1600)")
    group.add_argument('--det-config', metavar='FILE',
                       help='config of a detector of MMDetection')
    group.add_argument('--det-weights', metavar='FILE', help='its weights')

    group = parser.add_argument_group('pictures of the results')
    group.add_argument('--draw', action=argparse.BooleanOptionalAction,
                       default=True, help='draw the poses')
    group.add_argument('--skeleton-masks', action='store_true',
                       help='draw what the 2D pose covers, too')
    group.add_argument('--video', action='store_true', help='make a video of '
                       "the frames' drawings")
    args = parser.parse_args(arguments)
    if args.batch_size < 1:
        parser.error('--batch-size starts at 1')
    if args.masks and args.mask_method:
        parser.error('give --masks or --mask-method')
    if args.mask_method == 'grabcut' and not (args.boxes or args.det_config):
        parser.error('--mask-method grabcut has to be shown where people are: '
                     'give --boxes, or --det-config and --det-weights')
    if bool(args.det_config) != bool(args.det_weights):
        parser.error('--det-config and --det-weights belong together')
    if args.video and not args.draw:
        parser.error('--video is made of what --no-draw leaves out')
    if args.skeleton_masks and not args.draw:
        parser.error('--skeleton-masks are part of what --no-draw leaves out')
    for lost in overwritten(args):
        parser.error(f'drawings would be written over the input {lost}: give '
                     'another --out')
    return args


def overwritten(args: argparse.Namespace) -> Iterator[str]:
    """Yield the inputs that lie where drawings are written."""
    out = args.out.resolve()
    for path in args.inputs if args.draw else ():
        for found in glob.glob(path, recursive=True) or [path]:
            place = Path(found).resolve()
            drawn = args.video and place == out / f'{place.stem}.mp4'
            if drawn or out / 'pictures' in (place, *place.parents):
                yield found


def detector(args: argparse.Namespace) -> MMDetector | None:
    """Return the detector that the command line asks for."""
    if not args.det_config:
        return None
    return MMDetector(args.det_config, args.det_weights, args.device or 'cpu')


def read_cameras(path: Path) -> Any:
    """Return what a JSON file says of the cameras."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON file: {error}') from error


def masks(args: argparse.Namespace) -> Any:
    """Return the masks, or what makes them."""
    if not args.mask_method:
        return args.masks
    if args.mask_method == 'grabcut':
        return GrabCutMethod()
    return MASK_METHODS[args.mask_method](
        weights=args.mask_weights or f'{args.mask_method}.pth',
        device=args.device or 'cpu')


def left(inputs: Sequence[str], results: ResultsFile) -> Iterator[Picture]:
    """Yield the pictures that are not done.

    What has the name of another picture, or is of a video that has the name
    of another video, is a broken one: boxes, masks and drawings go by names.
    """
    owners: dict[Path, str] = {}
    for picture in pictures_of(inputs):
        name = Path(picture.name).with_suffix('')
        # Of two such videos the longer one's end has no such frames.
        keys = [name] + [name.parent / '*'] * (picture.frame is not None)
        others = [owner for owner in (owners.setdefault(key, picture.path)
                                      for key in keys)
                  if owner != picture.path]
        if others:
            picture = picture._replace(
                problem=f'{others[0]} has the same name: give the folder '
                'above both, or find their poses one after the other')
        if (picture.path, picture.frame) not in results.done:
            yield picture


class Drawings:
    """The pictures and videos of a run.

    Args:
        args: The command line.
        skeleton: Metainfo of the key points.
    """

    def __init__(self, args: argparse.Namespace,
                 skeleton: dict[str, Any]) -> None:
        self.args = args
        self.skeleton = skeleton
        self.folder = args.out / 'pictures'
        self._videos: dict[str, VideoFile] = {}

    def add(self, poses: PicturePoses) -> None:
        """Draw the poses of a picture."""
        if poses.error is not None or not self.args.draw:
            return
        drawn = draw_poses(poses, self.skeleton, poses.name,
                           self.args.skeleton_masks)
        if poses.frame is not None and self.args.video:
            if poses.path not in self._videos:
                name = Path(poses.path).with_suffix('.mp4').name
                self._videos[poses.path] = VideoFile(
                    self.args.out / name, frame_rate(poses.path))
            self._videos[poses.path].add(drawn)
            return
        path = (self.folder / poses.name).with_suffix('.jpg')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode('.jpg', drawn)[1].tobytes())

    def close(self) -> None:
        """Finish the videos."""
        for video in self._videos.values():
            video.close()


if __name__ == '__main__':
    sys.exit(main())
