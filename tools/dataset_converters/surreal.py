"""Convert SURREAL's clips into training pairs.

    python tools/dataset_converters/surreal.py SURREAL --out data/surreal

Layout ``surreal_h36m_pose`` (the default) is that of the authors' released
code, which ``SurrealPoseDataset`` reads; ``coco`` keeps the whole pictures
with their camera for ``SyntheticPairDataset``. SURREAL and the SMPL bodies
come under licences of their own. With J_regressor_h36m.npy beside the SMPL
files key points are the authors'. Without an SMPL file the joints of the clips
are taken, and the free human lends nose and top of the head.

A run that was stopped goes on where it was.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from xas_mmpose.body_models import load_body
from xas_mmpose.datasets.surreal import SurrealKeypoints
from xas_mmpose.datasets.surreal_set import (
    SurrealSetSettings,
    write_surreal_set,
)


def main() -> None:
    """Convert a folder of clips."""
    default = SurrealSetSettings()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path,
                        help='folder of the clips: .mp4, _info.mat, '
                        '_segm.mat')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder to write')
    parser.add_argument('--layout', choices=('surreal_h36m_pose', 'coco'),
                        default=default.layout)
    parser.add_argument('--seed', type=int, default=default.seed)
    parser.add_argument('--max-clips', type=int, default=default.max_clips,
                        help='clips to draw')
    parser.add_argument('--frames', type=int, default=default.frames,
                        help='frames to draw from a clip, at most')
    parser.add_argument('--female-body', type=Path,
                        help='SMPL file of the female body')
    parser.add_argument('--male-body', type=Path,
                        help='SMPL file of the male body')
    parser.add_argument('--neutral-body', type=Path,
                        help='SMPL file that stands in for one of those two')
    parser.add_argument('--reference', action='store_true',
                        help="crop as the authors' code does, with its shift "
                        'of a quarter of a pixel')
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    args = parser.parse_args()
    bodies = {gender: load_body(path) for gender, path in
              (('female', args.female_body), ('male', args.male_body),
               ('neutral', args.neutral_body))
              if path}
    num = write_surreal_set(
        args.root, args.out,
        SurrealSetSettings(
            layout=args.layout, seed=args.seed, max_clips=args.max_clips,
            frames=args.frames, reference=args.reference),
        SurrealKeypoints(bodies), workers=args.workers)
    print(f'{num} pairs: {args.out}')


if __name__ == '__main__':
    main()
