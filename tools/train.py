#!/usr/bin/env python
"""Train a model: `python tools/train.py configs/xas_h36m.py`.

The arguments are those of MMPose's own tools/train.py, which trains our
configs just as well.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from xas_mmpose.engine.config_options import OptionsAction, merge_options
from xas_mmpose.engine.drawing_options import draw_as_asked

#: What --tensorboard adds to a config.
TENSORBOARD = (Path(__file__).resolve().parents[1] / 'configs' / '_base_' /
               'visualization.py')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help="where checkpoints and logs go (default: the config's own "
        'work_dir, else work_dirs/<name of the config>)')
    parser.add_argument(
        '--resume', nargs='?', const='auto',
        help='go on from this checkpoint; without a value, from the latest '
        'one in the work dir')
    parser.add_argument(
        '--amp', action='store_true',
        help='train in mixed precision, which takes a GPU')
    parser.add_argument(
        '--no-validate', action='store_true',
        help='do not validate while training')
    parser.add_argument(
        '--auto-scale-lr', action='store_true',
        help='scale the learning rate with the real batch size')
    parser.add_argument(
        '--tensorboard', action='store_true',
        help='log numbers, and pictures of what is found, for TensorBoard, '
        'as configs/_base_/visualization.py says')
    parser.add_argument(
        '--show-dir', help='write pictures of predictions here')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--interval', type=int, default=1,
        help='draw every so many samples')
    parser.add_argument(
        '--wait-time', type=float, default=1,
        help='seconds that a window stays')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, default={},
        metavar='KEY=VALUE',
        help='replace settings of the config, e.g. '
        'train_dataloader.batch_size=4 model.backbone.init_cfg=None; '
        'they stand last')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='what starts the processes of a distributed run')
    # Set by torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    if not Path(args.config).is_file():
        parser.error(f'there is no config file {args.config}')
    if args.resume not in (None, 'auto') and not Path(args.resume).is_file():
        parser.error(f'there is no checkpoint {args.resume} to resume from')
    if args.tensorboard and (args.show or args.show_dir):
        parser.error('give --tensorboard, or --show and --show-dir: pictures '
                     'go to one place')
    if args.work_dir and Path(args.work_dir).is_file():
        parser.error(f'--work-dir {args.work_dir} is a file, not a folder')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def load_config(args: argparse.Namespace) -> Config:
    """Return the config with what the command line changes.

    Raises:
        ValueError: An option does not fit the config.
    """
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)

    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise ValueError(f"--amp does not go with the config's optimizer "
                             f'wrapper {kind}: leave --amp out')
        if get_device() in ('cpu', 'mps'):
            raise ValueError('--amp takes a GPU, and there is none: leave '
                             '--amp out')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if 'auto_scale_lr' not in cfg:
            raise ValueError('--auto-scale-lr needs the batch size that the '
                             'learning rate is meant for: set '
                             'auto_scale_lr = dict(base_batch_size=...) in '
                             'the config')
        cfg.auto_scale_lr.enable = True
    if args.tensorboard:
        cfg.merge_from_dict(Config.fromfile(TENSORBOARD).to_dict())
    if args.show or args.show_dir:
        draw_as_asked(cfg, args, args.show)
    merge_options(cfg, args.cfg_options)
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()
    Runner.from_cfg(load_config(args)).train()


if __name__ == '__main__':
    main()
