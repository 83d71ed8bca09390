r"""Choose the pictures of a split of Human3.6M or MPI-INF-3DHP.

    python tools/dataset_converters/make_split.py \
        data/h36m/annotation_body3d/fps50/h36m_test.npz valid

Splits are the authors' by name, drawn with a seed, and the usual ones. The
names of the pictures go to ``split_NAME.txt`` beside the annotation file, the
same bytes for the same seed, and a config takes them by an option::

    test_dataloader.dataset.split_file=annotation_body3d/fps50/split_valid.txt
"""
from __future__ import annotations

import argparse
from pathlib import Path

from xas_mmpose.datasets.human36m_meta import SPLITS
from xas_mmpose.datasets.split_files import write_split_file
from xas_mmpose.datasets.splits import MPI_INF_3DHP_SPLITS, draw_split


def main() -> None:
    """Draw a split."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ann_file', type=Path,
                        help="annotation file of MMPose's layout (.npz)")
    parser.add_argument(
        'split', metavar='SPLIT',
        choices=sorted({*SPLITS, *MPI_INF_3DHP_SPLITS}),
        help=f'Human3.6M: {", ".join(SPLITS)}; MPI-INF-3DHP: '
        f'{", ".join(MPI_INF_3DHP_SPLITS)}')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the splits that are drawn')
    parser.add_argument('--out', type=Path,
                        help='file to write (default: split_SPLIT.txt beside '
                        'the annotation file)')
    args = parser.parse_args()
    drawn = draw_split(args.ann_file, args.split, args.seed)
    out = args.out or args.ann_file.with_name(f'split_{args.split}.txt')
    write_split_file(
        out, drawn.imgnames,
        f'{args.split} of {args.ann_file.name}, seed {args.seed}: '
        f'{len(drawn.imgnames)} pictures of {drawn.instants} instants')
    print(f'{out}: {len(drawn.imgnames)} pictures of {drawn.instants} '
          f'instants of {drawn.recordings} recordings; passed over '
          f'{drawn.incomplete} instants that a camera lacks, or sees with a '
          'joint out of the picture')


if __name__ == '__main__':
    main()
