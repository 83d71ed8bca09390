#!/usr/bin/env python
r"""Write a trained model as an ONNX file, and compare the two.

    python tools/export_onnx.py configs/xas_mini_full.py \
        weights/xas_mini_full-e8cfa7b2_20261122.pth --out model.onnx
    python tools/export_onnx.py CONFIG CKPT --out model.onnx \
        --images photos/ --masks masks/

The file takes pixels of crops and gives 2D and several 3D poses with their
probabilities: normalisation, network, decoding and ranking are inside
(docs/export.md). It is run by onnxruntime on pictures, and the largest
deviations from PyTorch are printed. The exit status is 1 if they are above
0.01 px or 0.1 mm. OUT is left where it is then, to be looked at.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from xas_mmpose.apis import (
    OPSET,
    TOLERANCES,
    ExportableDetector,
    Pose3DInferencer,
    check_onnx,
    export_onnx,
    is_same,
    needed_package,
)

#: Numbers of crops that the file is given at a time.
BATCHES = (1, 2, 7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Export and compare; return the exit status."""
    args = parse_args(arguments)
    needed_package('onnx')
    needed_package('onnxruntime')
    # They need what was just looked for.
    from exporting import comparison
    from exporting.pictures import pictures
    from onnx_runner import OnnxPoses
    shown = list(pictures(args.images, args.masks))
    torch.set_num_threads(args.threads)
    inferencer = load(args)
    if args.checkpoint:
        comparison.check_weights(inferencer.model, args.checkpoint)
    path = export_onnx(inferencer.model, args.out, args.flip_test,
                       args.depth_profiles, args.opset, args.checkpoint)
    print(f'{path}: {path.stat().st_size / 2**20:.1f} MiB, opset '
          f'{args.opset}')
    detector = ExportableDetector(inferencer.model, args.flip_test,
                                  args.depth_profiles)
    # The inferencer asks the model, and the graph has it inside.
    inferencer.model.test_cfg = dict(inferencer.model.test_cfg or {},
                                     flip_test=detector.flip_test)
    runner = OnnxPoses(path, args.threads)
    crops = comparison.crops_of(runner, shown)
    same = report(
        f'{len(crops)} crops, {" or ".join(map(str, BATCHES))} at a time',
        check_onnx(path, detector, crops, BATCHES))
    same &= report(
        f'{len(shown)} pictures, tools/onnx_runner.py against '
        'Pose3DInferencer, without and with a camera',
        comparison.compare_poses(inferencer, runner, shown))
    if args.repeats:
        print(f'CPU, {args.threads} thread(s), median of {args.repeats}, '
              'from crops to poses:')
        for batch, times in comparison.latencies(
                path, detector, crops, args.repeats).items():
            print(f'  batch {batch:2d}: ' + ', '.join(
                f'{name} {value:.1f} ms' for name, value in times.items()))
    if not same:
        print('they differ by more than '
              f'{TOLERANCES["keypoints"]} px or '
              f'{TOLERANCES["hypotheses_3d"]} mm', file=sys.stderr)
    return int(not same)


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='its weights')
    parser.add_argument('--out', type=Path, required=True,
                        help='the ONNX file')
    parser.add_argument('--random-weights', action='store_true',
                        help='instead of a checkpoint, to see whether a '
                        'network can be exported')
    parser.add_argument('--images', nargs='+', metavar='INPUT',
                        help='pictures, folders or patterns to compare by '
                        '(default: pictures that are made)')
    parser.add_argument('--masks', type=Path, metavar='FOLDER',
                        help='masks of the same names, anywhere below')
    parser.add_argument('--flip-test', action=argparse.BooleanOptionalAction,
                        help='average with the mirrored crop (default: as '
                        "the config's test_cfg says)")
    parser.add_argument('--depth-profiles', action='store_true',
                        help='tell how likely each depth is')
    parser.add_argument('--opset', type=int, default=OPSET,
                        help=f'17 or higher (default: {OPSET})')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=5, metavar='N',
                        help='rounds of timing, 0 for none')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE',
                        help='replace settings of the config')
    args = parser.parse_args(arguments)
    if bool(args.checkpoint) == args.random_weights:
        parser.error('give the checkpoint, or --random-weights')
    if args.threads < 1 or args.repeats < 0:
        parser.error('--threads starts at 1, --repeats at 0')
    if args.masks and not args.images:
        parser.error('--masks are those of --images')
    if args.masks and not args.masks.is_dir():
        parser.error(f'there is no folder {args.masks}')
    if not args.out.resolve().parent.is_dir():
        parser.error(f'there is no folder {args.out.parent}')
    return args


def load(args: argparse.Namespace) -> Pose3DInferencer:
    """Load the model."""
    if args.checkpoint:
        return Pose3DInferencer(args.config, args.checkpoint, 'cpu',
                                cfg_options=args.cfg_options)
    from mmpose.apis import init_model
    torch.manual_seed(0)
    return Pose3DInferencer(init_model(
        Config.fromfile(args.config), None, 'cpu',
        cfg_options=args.cfg_options), device='cpu')


def report(title: str, deviations: Mapping[str, float]) -> bool:
    """Print deviations; say whether they are small."""
    units = dict(keypoints=' px', hypotheses_3d=' mm')
    print(f'{title}; largest deviations:')
    for name, value in deviations.items():
        print(f'  {name:<18}{value:.2e}{units.get(name, "")}')
    return is_same(deviations)


if __name__ == '__main__':
    sys.exit(main())
