r"""Convert MPI-INF-3DHP from its download to MMPose's layout.

    python tools/dataset_converters/mpi_inf_3dhp.py mpi_inf_3dhp \
        --out data/mpi_inf_3dhp --workers 8

Reads ``S1/Seq1/{annot.mat, camera.calibration, imageSequence, FGmasks,
ChairMasks}`` and so on, and of the test set ``TS1/{annot_data.mat,
imageSequence}``, which takes h5py. The result is what MMPose's own converter
writes, which ``XasMpiInf3dhpDataset`` reads, with the authors' choice of
cameras and moments and with masks. The authors train with subjects 1 to 6 and
validate with 7 and 8; the common protocol trains with all and tests with TS1
to TS6. Both are ``subjects=[...]`` of the data set.

A run that was stopped goes on where it was.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from xas_mmpose.datasets.mpi_inf_3dhp_set import (
    MpiInf3dhpSettings,
    write_mpi_inf_3dhp,
)


def main() -> None:
    """Convert a download."""
    default = MpiInf3dhpSettings()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='folder of the download')
    parser.add_argument('--out', type=Path, required=True,
                        help='folder to write')
    parser.add_argument('--cameras', type=int, nargs='+',
                        default=default.cameras, metavar='CAMERA',
                        help="of the training set; the authors' by default")
    parser.add_argument('--interval', type=int, default=default.interval,
                        help='keep every so many frames of the training set')
    parser.add_argument('--no-filters', action='store_true',
                        help='keep moments that are cut off, behind the '
                        'chair or over-exposed')
    parser.add_argument('--no-masks', action='store_true',
                        help='write no masks')
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    args = parser.parse_args()
    counts = write_mpi_inf_3dhp(
        args.root, args.out,
        MpiInf3dhpSettings(
            cameras=tuple(args.cameras), interval=args.interval,
            filters=not args.no_filters, masks=not args.no_masks),
        workers=args.workers)
    for name, count in counts.items():
        said = ', '.join(f'{value} {key}' for key, value in count.items()
                         if key not in ('kept', 'pictures'))
        print(f'{name}: {count["pictures"]} pictures of {count["kept"]} '
              f'moments; left out: {said or "none"}')


if __name__ == '__main__':
    main()
