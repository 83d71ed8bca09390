#!/usr/bin/env python
"""Train and test the rows of an ablation, and write its table.

    python tools/run_ablation.py [--rows NAME ...] [--seeds 0 1 2]

Each row of --config is a training; those of stage 2 share the stage-1 runs
of their seeds. Runs lie in folders named after all that decides them, so a
finished one is skipped, a broken one goes on where it stopped, and a changed
row is trained anew. Ctrl-C stops; the next call goes on.

On two cores, `--jobs 2 --threads 1` gets more done than one run at a time.
"""
from __future__ import annotations

import argparse
import functools
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType

from ablation.plan import ROOT, Row, Run, data_roots, needed, plan, read_rows
from ablation.poses import annotated_poses, synthetic_of
from ablation.report import format_page, make_report
from ablation.runs import Trainer, current_commit
from mmengine.config import DictAction
from mmpose.utils import register_all_modules

import xas_mmpose
from xas_mmpose.evaluation.functional import mean_pose_baseline
from xas_mmpose.render.fingerprint import set_checksum


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--config', type=Path,
        default=ROOT / 'configs' / 'ablation' / 'xas_mini.py',
        help='the table of rows')
    parser.add_argument('--rows', nargs='+', metavar='NAME',
                        help='train these rows, and those they start from '
                        '(default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2],
                        help='seeds of each row')
    parser.add_argument('--out', type=Path,
                        default=Path('work_dirs/ablation'),
                        help='folder of the runs')
    parser.add_argument('--jobs', type=int, default=1,
                        help='runs at a time')
    parser.add_argument('--threads', type=int,
                        help='threads of each (default: the cores shared '
                        'among the jobs)')
    parser.add_argument('--report', type=Path,
                        help='the table, without its ending (default: '
                        'docs/ablation_<name of the config>)')
    parser.add_argument('--report-only', action='store_true',
                        help='train nothing, write what there is')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='replace settings of all rows')
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error('--jobs starts at 1')
    if args.threads is None:
        args.threads = max(1, (os.cpu_count() or 1) // args.jobs)
    if args.threads < 1:
        parser.error('--threads starts at 1')
    if len(set(args.seeds)) < len(args.seeds):
        parser.error('--seeds names a seed twice')
    if args.report is None:
        args.report = ROOT / 'docs' / f'ablation_{args.config.stem}'
    return args


def write_report(args: argparse.Namespace, rows: list[Row], runs: list[Run],
                 comparisons: list[tuple[str, str]],
                 checksum: functools._lru_cache_wrapper) -> None:
    """Write the table as JSON and Markdown."""
    register_all_modules()
    cfg = runs[0].cfg
    training, _ = annotated_poses(synthetic_of(cfg))
    truth, visible = annotated_poses(cfg.test_dataloader.dataset)
    page, numbers = (args.report.with_name(args.report.name + ending)
                     for ending in ('.md', '.json'))
    settings = dict(
        benchmark='XaS-Mini',
        command=shlex.join(['python', 'tools/run_ablation.py',
                            *sys.argv[1:]]),
        json=numbers.name,
        seeds=args.seeds,
        test_pictures=len(truth),
        labelled_training_pairs=len(training),
        crop_rule=cfg.get('crop_rule'),
        left_right_rule='none',
        version=xas_mmpose.__version__,
        commit=current_commit(),
        data={Path(root).name: checksum(Path(root))
              for root in data_roots(cfg)})
    report = make_report(rows, runs, comparisons,
                         mean_pose_baseline(training, truth, visible),
                         settings)
    args.report.parent.mkdir(parents=True, exist_ok=True)
    numbers.write_text(json.dumps(report, indent=1) + '\n')
    page.write_text(format_page(report))
    print(page.read_text())
    print(f'table: {page}, {numbers}')


def main() -> int:
    """Run the ablation."""
    args = parse_args()
    rows, comparisons = read_rows(args.config)
    names = args.rows or [row.name for row in rows]
    unknown = set(names) - {row.name for row in rows}
    if unknown:
        raise ValueError(f'{args.config} has no row {sorted(unknown)}; it '
                         f'has {[row.name for row in rows]}')
    checksum = functools.cache(set_checksum)
    runs = plan(rows, args.seeds, args.out.resolve(), checksum,
                args.cfg_options)
    failures = []
    if not args.report_only:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            failures = Trainer(args.jobs, args.threads).run(
                list(needed(runs, names)))
        except KeyboardInterrupt:
            print('stopped; the same command goes on', flush=True)
            return 130
    write_report(args, rows, runs, comparisons, checksum)
    for failure in failures:
        print(f'failed: {failure}')
    return 1 if failures else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Take a polite request to end for Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == '__main__':
    sys.exit(main())
