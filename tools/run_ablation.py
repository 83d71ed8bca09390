#!/usr/bin/env python
"""Train and test the rows of an ablation, and write its table.

    python tools/run_ablation.py [--rows NAME ...] [--seeds 0 1 2]

Each row of --config is a training; those of stage 2 share the stage-1 runs
of their seeds. Runs lie in folders named after their settings, data, seed and
the package's version, so a finished one is skipped, a broken one goes on where
it stopped, and a changed row is trained anew. Changed code of the same version
is not seen: the table says which commit each row's trainings began with. For
new ones take another --out. Ctrl-C stops; the next call goes on.

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

import numpy as np
from ablation.plan import (
    ROOT,
    Checksum,
    Run,
    Table,
    data_roots,
    labelled_datasets,
    needed,
    plan,
    read_table,
)
from ablation.report import format_page, make_report
from ablation.runs import Trainer, current_commit
from mmengine.config import DictAction
from mmpose.utils import register_all_modules

import xas_mmpose
from xas_mmpose.datasets.annotated_poses import annotated_poses
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


def command_of(args: argparse.Namespace) -> str:
    """Return the command that makes the same table on any machine."""
    words = ['python', 'tools/run_ablation.py']
    default = ROOT / 'configs' / 'ablation' / 'xas_mini.py'
    if args.config.resolve() != default:
        words += ['--config', os.path.relpath(args.config, ROOT)]
    words += ['--seeds', *map(str, args.seeds)]
    if args.cfg_options:
        words += ['--cfg-options',
                  *(f'{k}={v}' for k, v in args.cfg_options.items())]
    return shlex.join(words)


def write_report(args: argparse.Namespace, table: Table, runs: list[Run],
                 checksum: Checksum) -> None:
    """Write the table as JSON and Markdown."""
    register_all_modules()
    cfg = runs[0].cfg
    training = np.concatenate(
        [annotated_poses(dataset)[0] for dataset in labelled_datasets(cfg)])
    test = cfg.test_dataloader.dataset
    truth, visible = annotated_poses(test)
    page, numbers = (args.report.with_name(args.report.name + ending)
                     for ending in ('.md', '.json'))
    settings = dict(
        command=command_of(args),
        json=numbers.name,
        seeds=args.seeds,
        test_split=test.ann_file,
        test_pictures=len(truth),
        crop_rule=cfg.crop_rule,
        labelled_training_pictures=len(training),
        version=xas_mmpose.__version__,
        commit=current_commit(),
        checksums={Path(root).name: checksum(Path(root))
                   for root in data_roots(cfg)})
    # As the metrics do, which read it of the metainfo.
    root_index = cfg.get('dataset_info', {}).get('root_index', 0)
    baseline = mean_pose_baseline(training, truth, visible, root_index)
    report = make_report(table, runs, baseline, settings)
    args.report.parent.mkdir(parents=True, exist_ok=True)
    numbers.write_text(json.dumps(report, indent=1) + '\n')
    page.write_text(format_page(report))
    print(page.read_text())
    print(f'table: {page}, {numbers}', flush=True)


def main() -> int:
    """Run the ablation.

    Raises:
        ValueError: If a row that is asked for is not in the table.
    """
    args = parse_args()
    table = read_table(args.config)
    names = [row.name for row in table.rows]
    unknown = set(args.rows or ()) - set(names)
    if unknown:
        raise ValueError(f'{args.config} has no row {sorted(unknown)}; it '
                         f'has {names}')
    checksum = functools.cache(set_checksum)
    runs = plan(table.rows, args.seeds, args.out.resolve(), checksum,
                args.cfg_options)
    failures = []
    if not args.report_only:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            failures = Trainer(args.jobs, args.threads).run(
                needed(runs, args.rows or names))
        except KeyboardInterrupt:
            print('stopped; the same command goes on', flush=True)
            return 130
    write_report(args, table, runs, checksum)
    for failure in failures:
        print(f'failed: {failure}', flush=True)
    return 1 if failures else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Take a polite request to end for Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == '__main__':
    sys.exit(main())
