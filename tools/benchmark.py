#!/usr/bin/env python
"""Time the parts that decide how long a training takes.

    python tools/benchmark.py                   all of them
    python tools/benchmark.py decode render --json speed.json
    python tools/benchmark.py step              a whole training iteration
    python tools/benchmark.py metrics           errors of 100 000 poses
    python tools/benchmark.py infer             from a picture to its poses
    python tools/benchmark.py export            ONNX and lower precision
    python tools/benchmark.py backbones         what each backbone costs
    python tools/benchmark.py --check docs/backbones.md

Every figure is the median of some repetitions on this machine. Nothing is
compared with a stored number: `ops` and `step` measure a naive twin of the
product, `step` and `infer` the bare network, in turns with it. Only
pytorch3d's rasterisers, which take seconds, run but once after a warm-up. With
one thread, times are those that the processor spent on this process: other
work beside it does not count. `step` takes two threads and the wall's time
unless --threads says otherwise; a busy machine makes it wrong. Its product is
configs/xas_h36m_s2.py, whose physique network sees smaller maps than the
twin's; the figures named `full_map` are of the product with the twin's size.
Times of `backbones` are the least of the repetitions.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import torch
from benchmarks.backbones import bench_backbones, drift_of, write_table
from benchmarks.export import bench_export
from benchmarks.infer import bench_infer
from benchmarks.metrics import bench_metrics
from benchmarks.ops import bench_decode, bench_mask, bench_ops
from benchmarks.render import bench_render
from benchmarks.step import bench_step
from threadpoolctl import threadpool_limits

BENCHMARKS = dict(decode=bench_decode, mask=bench_mask, render=bench_render,
                  ops=bench_ops, step=bench_step, metrics=bench_metrics,
                  infer=bench_infer, backbones=bench_backbones,
                  export=bench_export)

#: Threads and repetitions, unless the command line says otherwise: a whole
#: iteration is timed as it runs on a small machine, and takes long.
THREADS = dict(step=2)
REPEATS = dict(step=5, metrics=3, infer=5)


def set_threads(number: int) -> None:
    """Let PyTorch, OpenCV and numpy's BLAS use so many threads each."""
    torch.set_num_threads(number)
    cv2.setNumThreads(number)
    threadpool_limits(number, 'blas')  # it holds until the end


def main() -> None:
    """Run the benchmarks that were asked for and print their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help=f'which: {", ".join(BENCHMARKS)}')
    parser.add_argument('--threads', type=int,
                        help='default: 2 for step, else 1')
    parser.add_argument('--repeats', type=int,
                        help='default: 5 for step, 3 for metrics, '
                        'else 10')
    parser.add_argument('--quick', action='store_true',
                        help='small sizes, to see whether all runs')
    parser.add_argument('--json', type=Path, help='write the figures here')
    parser.add_argument('--page', type=Path, metavar='docs/backbones.md',
                        help='write the table of backbones into this page')
    parser.add_argument('--check', type=Path, metavar='docs/backbones.md',
                        help='measure nothing: say what of the table in this '
                        'page, but for what was measured, is not so (any '
                        'more)')
    args = parser.parse_args()
    if args.check:
        sys.exit('\n'.join(drift_of(args.check)) or 0)
    if args.page and 'backbones' not in (args.names or BENCHMARKS):
        parser.error('--page is for backbones')
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f'no benchmark {", ".join(sorted(unknown))}; there are '
                     f'{", ".join(BENCHMARKS)}')
    figures = {}
    for name in args.names or BENCHMARKS:
        set_threads(args.threads or THREADS.get(name, 1))
        torch.manual_seed(0)
        repeats = args.repeats or REPEATS.get(name, 10)
        for key, value in BENCHMARKS[name](repeats, args.quick):
            figures[key] = value
            shown = value if isinstance(value, str) else f'{value:12.4f}'
            print(f'{key:<46}{shown}', flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')
    if args.page:
        write_table(args.page, figures)


if __name__ == '__main__':
    main()
