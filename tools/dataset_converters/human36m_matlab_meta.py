r"""Put Human3.6M from the authors' layout into MMPose's.

    python tools/dataset_converters/human36m_matlab_meta.py hm36 \
        --masks sam_masks/hm36 --out data/h36m

The authors' layout has a ``matlab_meta.txt`` for each of the folders
``s_01_act_02_subact_01_ca_01``; ``XasHuman36mDataset`` reads MMPose's. Splits
are the authors' by name, drawn with a seed, and the usual ones; the frames of
each are written to ``annotation_body3d/split_NAME.json``. In a config::

    ann_file='annotation_body3d/h36m_train_selected.npz',
    camera_param_file='annotation_body3d/cameras.pkl',

A run that was stopped goes on where it was.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from xas_mmpose.datasets.human36m_meta import SPLITS, convert_human36m


def main() -> None:
    """Convert a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path,
                        help='folder that holds annot and images')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder to write')
    parser.add_argument('--masks', type=Path,
                        help='folder of the masks, sam_masks/hm36')
    parser.add_argument('--splits', nargs='+', choices=tuple(SPLITS),
                        default=['train_selected', 'valid'], metavar='SPLIT',
                        help=', '.join(SPLITS))
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the splits that are drawn')
    parser.add_argument('--copy', action='store_true',
                        help='copy pictures instead of linking to them')
    args = parser.parse_args()
    counts = convert_human36m(args.root, args.out, tuple(args.splits),
                              args.masks, args.seed, link=not args.copy)
    for name, count in counts.items():
        print(f'{count} pictures: '
              f'{args.out / "annotation_body3d" / f"h36m_{name}.npz"}')


if __name__ == '__main__':
    main()
