#!/usr/bin/env python
"""Test a model: `python tools/test.py configs/xas_h36m.py epoch_10.pth`.

The arguments are those of MMPose's own tools/test.py, which tests our
configs just as well, and --protocol, which takes what is tested, and how,
from a file of configs/_base_/protocols (docs/protocols.md).
"""
from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import mmengine
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from xas_mmpose.engine.config_options import OptionsAction, merge_options
from xas_mmpose.engine.drawing_options import draw_as_asked
from xas_mmpose.evaluation.functional import ACTION_SETS

PROTOCOLS = (Path(__file__).resolve().parents[1] / 'configs' / '_base_' /
             'protocols')
#: Behind a number's key: itself, and means of it that are as short.
_MEANS = ('', '/per-action', *(f'/{name}' for name in ACTION_SETS))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--work-dir',
        help="where logs go (default: the config's own work_dir, else "
        'work_dirs/<name of the config>)')
    parser.add_argument(
        '--protocol', metavar='NAME',
        help='test by this protocol instead of the one of the config: '
        f'{", ".join(sorted(path.stem for path in PROTOCOLS.glob("*.py")))}, '
        'or a file like theirs')
    parser.add_argument('--out', help='write the metrics here (.json, .pkl)')
    parser.add_argument(
        '--dump', help='write the predictions here (.pkl)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, default={},
        metavar='KEY=VALUE',
        help='replace settings of the config, e.g. '
        'test_dataloader.batch_size=4; they stand last')
    parser.add_argument(
        '--show-dir', help='write pictures of predictions here')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--interval', type=int, default=1, help='draw every so many samples')
    parser.add_argument(
        '--wait-time', type=float, default=1,
        help='seconds that a window stays')
    parser.add_argument(
        '--badcase', action='store_true',
        help="collect the worst samples (MMPose's BadCaseAnalysisHook)")
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='what starts the processes of a distributed run')
    # Set by torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    if not Path(args.config).is_file():
        parser.error(f'there is no config file {args.config}')
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint file {args.checkpoint}')
    if args.protocol and not protocol_file(args.protocol).is_file():
        parser.error(f'there is no protocol {args.protocol}: '
                     f'{protocol_file(args.protocol)}')
    if args.out and not args.out.endswith(
            ('.json', '.yml', '.yaml', '.pkl', '.pickle')):
        parser.error(f'--out writes json, yaml or pickle files: {args.out} '
                     'should end in .json')
    if args.dump and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes pickle files: {args.dump} should end '
                     'in .pkl')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def protocol_file(name: str) -> Path:
    """Return the file of a protocol."""
    return Path(name) if name.endswith('.py') else PROTOCOLS / f'{name}.py'


def load_config(args: argparse.Namespace) -> Config:
    """Return the config with what the command line changes.

    Raises:
        ValueError: An option does not fit the config.
    """
    cfg = Config.fromfile(args.config)
    if args.protocol:
        cfg.merge_from_dict(
            Config.fromfile(protocol_file(args.protocol)).to_dict())
        cfg.protocol = args.protocol  # for tools/report.py
    cfg.launcher = args.launcher
    cfg.load_from = args.checkpoint
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)

    hooks = cfg.get('default_hooks', {})
    if args.show_dir or (args.show and not args.badcase):
        draw_as_asked(cfg, args, show=args.show and not args.badcase)
    if args.badcase:
        if 'badcase' not in hooks:
            raise ValueError('--badcase needs the config to have '
                             'default_hooks.badcase, e.g. '
                             'dict(type="BadCaseAnalysisHook")')
        hooks.badcase.update(enable=True, show=args.show,
                             interval=args.interval, wait_time=args.wait_time)
        by_loss = args.cfg_options.get(
            'default_hooks.badcase.metric_type',
            hooks.badcase.get('metric_type', 'loss')) == 'loss'
        if by_loss and 'loss' not in cfg.model.head:
            raise ValueError(
                '--badcase: bad cases by loss need a head with one loss, '
                f'which {cfg.model.head.type} is not; add --cfg-options '
                'default_hooks.badcase.metric_type=accuracy')
        if not hooks.badcase.get('metric'):
            hooks.badcase.metric = (cfg.model.head.loss if by_loss else
                                    cfg.test_evaluator)
    if args.dump:
        metrics = cfg.test_evaluator
        if not isinstance(metrics, (list, tuple)):
            metrics = [metrics]
        cfg.test_evaluator = [
            *metrics, dict(type='DumpResults', out_file_path=args.dump)]
    merge_options(cfg, args.cfg_options)
    return cfg


class FittingWeightsHook(Hook):
    """Refuses the checkpoint of another model.

    MMEngine leaves out what does not fit, and would test random weights.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes.

        Raises:
            ValueError: If a weight has another shape, or half of them lack.
        """
        model = runner.model
        ours = (model.module if is_model_wrapper(model) else
                model).state_dict()
        theirs = {name.removeprefix('module.'): value for name, value in
                  checkpoint.get('state_dict', checkpoint).items()}
        there = ours.keys() & theirs.keys()
        fitting = {name for name in there
                   if getattr(theirs[name], 'shape', None)
                   == ours[name].shape}
        if fitting != there or 2 * len(fitting) < len(ours):
            raise ValueError(
                f'{runner.cfg.load_from} holds the weights of another model '
                f'than the config: {len(fitting)} of {len(ours)} fit. Give '
                'the config that it was trained with')


class ProtocolLines(logging.Handler):
    """Keeps what metrics say of their rules, to be said at the end.

    Attributes:
        rules: Keys of numbers by the text that is true of them.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.rules: dict[str, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line ``Protocol of KEY ..: TEXT``."""
        start, found, text = record.getMessage().partition(': ')
        if found and start.startswith('Protocol of '):
            self.rules.setdefault(text, []).extend(start.split()[2:])

    def summary(self, metrics: Mapping[str, object]) -> str:
        """Return the numbers, each below the rules that it was made by."""
        lines = []
        for text, keys in self.rules.items():
            lines.append(text)
            shown = [key + mean for key in keys for mean in _MEANS]
            lines += [f'    {key}: {metrics[key]:.2f}' for key in shown
                      if isinstance(metrics.get(key), float)]
        return '\n'.join(lines)


def main() -> None:
    """Test."""
    args = parse_args()
    runner = Runner.from_cfg(load_config(args))
    runner.register_hook(FittingWeightsHook())
    protocols = ProtocolLines()
    MMLogger.get_current_instance().addHandler(protocols)
    metrics = runner.test()
    if not mmengine.dist.is_main_process():
        return
    if args.out:
        mmengine.dump(metrics, args.out)
    if protocols.rules:
        print(protocols.summary(metrics))


if __name__ == '__main__':
    main()
