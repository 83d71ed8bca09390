"""Render synthetic pairs of images and masks with 2D and 3D key points.

    python tools/synthesize.py --num 2000 --out data/synthetic --workers 2

A run that was stopped goes on where it was; a finished folder is left as it
is. The same settings give the same bytes, whatever the number of workers.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from xas_mmpose.render import SceneSettings
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)


def main() -> None:
    """Write a folder of synthetic pairs."""
    scene = SceneSettings()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num', type=int, required=True,
                        help='number of pairs')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder to write')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--image-size', type=int, default=scene.image_size,
                        help='side of the square pictures in px')
    parser.add_argument('--extent', type=float, default=scene.extent,
                        help='what that side measures at the person, in mm')
    parser.add_argument('--num-subjects', type=int,
                        help='number of people (default: every picture '
                        'shows another one)')
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    parser.add_argument('--image-format', choices=('jpg', 'png'),
                        default='jpg')
    parser.add_argument('--supersampling', type=int,
                        default=scene.supersampling,
                        help='samples per pixel and axis')
    parser.add_argument('--body', help='body model, an .npz in SMPL format '
                        '(default: the free human)')
    args = parser.parse_args()
    path = write_synthetic_set(
        args.out,
        SyntheticSetSettings(
            num=args.num, seed=args.seed, num_subjects=args.num_subjects,
            image_format=args.image_format, body=args.body,
            scene=SceneSettings(image_size=args.image_size,
                                extent=args.extent,
                                supersampling=args.supersampling)),
        workers=args.workers)
    print(f'{args.num} pairs: {path}')


if __name__ == '__main__':
    main()
