#!/usr/bin/env python
r"""Render synthetic pairs of images and masks with 2D and 3D key points.

    python tools/synthesize.py --num 2000 --out data/synthetic --workers 2
    python tools/synthesize.py --num 2000 --out data/animals --body quadruped
    python tools/synthesize.py --body list

A run that was stopped goes on where it was; a finished folder is left as it
is. The same settings give the same bytes, whatever the number of workers and
of shards; --checksum proves it. A Slurm array fills one set with

    sbatch --array=1-8 --wrap 'python tools/synthesize.py --num 100000 \
        --out data/synthetic --shard $SLURM_ARRAY_TASK_ID/8'

Whichever shard finds all pairs made writes the list of them. Where one was
lost, run it again, or run the command without --shard: that makes what is
missing.
"""
from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xas_mmpose.body_models import SMAL_FAMILIES, body_names
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.authors_layout import AUTHORS_CUBE
from xas_mmpose.render.camera_effects import CameraEffects
from xas_mmpose.render.casting import ALL_FAMILIES, LOOKS, POSE_RULES
from xas_mmpose.render.fingerprint import set_checksum
from xas_mmpose.render.resumable import one_thread
from xas_mmpose.render.set_layouts import LAYOUTS
from xas_mmpose.render.synthetic_set import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.visualization import contact_sheet

#: Pairs on a contact sheet.
SHEET = 24
#: What the camera may do.
EFFECTS = dict(
    blur='share of the pictures that are blurred',
    blur_sigma="range of the blur's standard deviation, px",
    contrast='range of the factor on the contrast',
    saturation='range of the factor on the saturation',
    hue='largest turn of the hues, radians',
    tint="largest change of a channel's gain",
    gamma='range of the exponent; below 1 is lighter',
    noise='largest standard deviation of the noise, of 1')


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a folder of synthetic pairs."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    if args.body == 'list':
        print('\n'.join(body_names()))
        return
    if args.num is None or (args.out is None and args.contact_sheet is None):
        parser.error('--num and --out are needed (or --contact-sheet, for a '
                     'look without a set)')
    settings = read_settings(args)
    if args.contact_sheet:
        write_sheet(args.contact_sheet, settings)
    if not args.out:
        return
    path = write_synthetic_set(args.out, settings, workers=args.workers,
                               shard=args.shard)
    if path is None:
        print(f'shard {args.shard[0]}/{args.shard[1]} of {args.out} is done, '
              'others are not: the last one, or any call after it, lists the '
              'pairs')
        return
    print(f'{args.num} pairs: {path}')
    if args.checksum:
        print(f'checksum {set_checksum(args.out)}')


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    scene = SceneSettings()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group('the set')
    group.add_argument('--num', type=int, help='number of pairs')
    group.add_argument('--out', type=Path, help='folder to write')
    group.add_argument('--seed', type=int, default=0)
    group.add_argument('--workers', type=int, default=1,
                       help='number of processes')
    group.add_argument('--shard', type=shard, default=(1, 1), metavar='I/N',
                       help='make the I-th of N shares of the set; all may '
                       'run at the same time on a shared disk')
    group.add_argument('--layout', choices=tuple(LAYOUTS), default='coco',
                       help="surreal_h36m_pose is that of the authors' "
                       f'released code: {AUTHORS_CUBE:.0f} mm on 256 px, '
                       'people only')
    group.add_argument('--image-format', choices=('jpg', 'png'),
                       default='jpg')
    group.add_argument('--parts', action='store_true',
                       help='write maps of the body parts, too')
    group.add_argument('--depth', action='store_true',
                       help='write maps of the depth, too (mm, 16 bits)')
    group.add_argument('--checksum', action='store_true',
                       help='print a checksum of the finished set')
    group.add_argument('--contact-sheet', type=Path, metavar='FILE',
                       help=f'draw the first {SHEET} pairs with joints, '
                       'masks and parts; look at it')

    group = parser.add_argument_group('who is in the pictures')
    group.add_argument('--body', default='human', help='a name (--body list '
                       'prints them), "quadruped" (or "animals") for all '
                       'free animals, a model file in SMPL or SMAL format, or '
                       'several with commas between them (default: '
                       '%(default)s)')
    group.add_argument('--num-subjects', type=int, metavar='N',
                       help='number of bodies (default: every picture shows '
                       'another one)')
    group.add_argument('--look', choices=LOOKS, default='auto',
                       help='painted clothes, loose clothes (human_full), an '
                       "animal's coat, one colour per part, or texture "
                       'pictures (default: what suits the body)')
    group.add_argument('--textures', metavar='FOLDER',
                       help='texture pictures to take the looks from')
    group.add_argument('--uv-template', metavar='FILE',
                       help='.obj or .pkl with the texture coordinates, for '
                       'bodies that have none, or "sides": pictures show an '
                       'animal from its left and from its right, side by '
                       'side')
    group.add_argument('--family', choices=(*SMAL_FAMILIES, ALL_FAMILIES),
                       help='family of animals to draw shapes from, for '
                       'SMAL files')
    group.add_argument('--family-data', metavar='FILE',
                       help="SMAL's file of the families' shapes, "
                       'smal_CVPR2017_data.pkl')
    group.add_argument('--poses', nargs='+', metavar='PATH',
                       default=(), help='pose files, folders of them, an '
                       'animal that lends its clips, "clips" (those that '
                       'came with the body), "ranges" (per joint), or a .pkl '
                       'of mean_pose and cov; of several kinds each is as '
                       'likely; people in files stand in a world with z up, '
                       "as AMASS's do (default: clips where the body has "
                       'some, else ranges)')
    group.add_argument('--pose-step', type=int, metavar='N', default=1,
                       help='take every N-th pose of each file: motion '
                       'capture has up to 120 a second')
    group.add_argument('--pose-rule', choices=tuple(POSE_RULES),
                       default='default', help="ranges of people's poses: "
                       'the usual ones, those of negative samples, or the '
                       "usual ones drawn as the authors' released code does")
    group.add_argument('--keep-crossing', action='store_true',
                       help='keep poses in which the body runs through '
                       'itself')

    group = parser.add_argument_group(
        'the pictures', 'Measures are for people: those of animals scale '
        'with their size.')
    group.add_argument('--image-size', type=int, metavar='PX',
                       help='side of the square pictures (default: '
                       f"{scene.image_size}; 256 in the authors' layout)")
    group.add_argument('--extent', type=float, metavar='MM',
                       help='what that side measures at the body (default: '
                       f'{scene.extent:.0f}; {AUTHORS_CUBE:.0f} in the '
                       "authors' layout)")
    group.add_argument('--distance', type=float, nargs=2, metavar='MM',
                       help='range of the distance to the camera (default: '
                       f'{scene.distance[0]:.0f} {scene.distance[1]:.0f})')
    for name, text in (('yaw', 'angle from which it looks, 0 from the front'),
                       ('elevation', 'height angle, positive looks down')):
        low, high = map(math.degrees, getattr(scene, name))
        group.add_argument(
            f'--{name}', type=float, nargs=2, metavar='DEG',
            help=f"range of the camera's {text} (default: {low:.0f} "
            f'{high:.0f})')
    group.add_argument('--off-axis', type=float, default=scene.off_axis,
                       metavar='TAN', help='how far from the optical axis '
                       'the body may be, as a tangent')
    group.add_argument('--truncation', type=float, metavar='SHARE',
                       default=scene.truncation, help='how far the body may '
                       'be from the middle, as a share of the side')
    group.add_argument('--occlusion', type=float, metavar='SHARE',
                       default=scene.occlusion, help='share of the pictures '
                       'in which something stands before the body')
    group.add_argument('--backgrounds', metavar='FOLDER',
                       help='photographs to put behind the bodies (default: '
                       'painted backgrounds)')
    group.add_argument('--supersampling', type=int, metavar='N',
                       default=scene.supersampling,
                       help='samples per pixel and axis')

    group = parser.add_argument_group('what the camera does to them')
    for field in dataclasses.fields(CameraEffects):
        ends = np.atleast_1d(getattr(scene.effects, field.name))
        group.add_argument(
            f'--{field.name.replace("_", "-")}', type=float,
            nargs=2 if len(ends) == 2 else None,
            metavar='X', help=f'{EFFECTS[field.name]} (default: '
            f'{" ".join(map(str, ends))})')
    return parser


def read_settings(args: argparse.Namespace) -> SyntheticSetSettings:
    """Return the settings of a set from the command line."""
    chosen: dict[str, Any] = (
        dict(image_size=256, extent=AUTHORS_CUBE)
        if args.layout == 'surreal_h36m_pose' else {})
    # What is not given keeps its default to the last bit.
    for key, unit in (('image_size', None), ('extent', None),
                      ('distance', float), ('yaw', math.radians),
                      ('elevation', math.radians)):
        value = getattr(args, key)
        if value is not None:
            chosen[key] = tuple(map(unit, value)) if unit else value
    effects = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in dataclasses.fields(CameraEffects)
        if (value := getattr(args, field.name)) is not None}
    scene = SceneSettings(
        **chosen,
        effects=CameraEffects(**effects),
        off_axis=args.off_axis,
        truncation=args.truncation,
        occlusion=args.occlusion,
        supersampling=args.supersampling)
    return SyntheticSetSettings(
        num=args.num, seed=args.seed, num_subjects=args.num_subjects,
        body=args.body, look=args.look, textures=args.textures,
        uv_template=args.uv_template, family=args.family,
        family_data=args.family_data, poses=tuple(args.poses),
        pose_step=args.pose_step, pose_rule=args.pose_rule,
        reject_crossing=not args.keep_crossing,
        backgrounds=args.backgrounds, scene=scene, layout=args.layout,
        image_format=args.image_format, parts=args.parts, depth=args.depth)


def write_sheet(path: Path, settings: SyntheticSetSettings) -> None:
    """Draw the first pairs of a set."""
    if path.suffix not in ('.jpg', '.png'):
        raise ValueError(f'the contact sheet {path} must end with .jpg or '
                         '.png')
    with one_thread():
        generator = SyntheticSetGenerator(settings)
        samples = [generator.sample(i)
                   for i in range(min(SHEET, settings.num))]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(samples, generator.skeleton)
    if not cv2.imwrite(str(path), sheet):
        raise OSError(f'cannot write {path}')
    print(f'contact sheet: {path}')


def shard(text: str) -> tuple[int, int]:
    """Read a share of the set, such as ``2/8``."""
    try:
        number, count = map(int, text.split('/'))
    except ValueError:
        number, count = 0, 0
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no share like 2/8, from 1/8 to 8/8')
    return number, count


if __name__ == '__main__':
    main()
