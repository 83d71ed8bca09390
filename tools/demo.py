#!/usr/bin/env python
"""The whole method in minutes, on any machine: `make demo`.

Shows the weights that come with the repository at work on XaS-Mini, the free
benchmark. Then it renders labelled people from the free body, trains
configs/xas_mini_full.py on them and on the unlabelled pictures of XaS-Mini's
training subjects, tests, and writes a table and pictures of test frames.
Everything lies in --out; a run that was stopped goes on, and what is there
already is not made again.

    python tools/demo.py --shipped-only

stops before the training: about a minute.

Where real Human3.6M frames are given or found (--h36m-root, XAS_H36M_ROOT, or
data/h36m) they serve as target pictures, too, and are tested on. Those of
MPI-INF-3DHP (--mpi-root) are tested on only. XAS_CROP_RULE=mask in front has
the mask place every crop, instead of the annotated root.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from demonstration.real_frames import find_h36m, find_mpi_inf_3dhp
from demonstration.report import Report, TestSet
from demonstration.testing import stack_truth
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmpose.utils import register_all_modules

import xas_mmpose
from xas_mmpose.apis.zoo import Model, find_model
from xas_mmpose.datasets.annotated_poses import annotated_poses
from xas_mmpose.evaluation.functional import mean_pose_baseline
from xas_mmpose.render.studio import XasMiniSettings, write_studio_set
from xas_mmpose.render.studio.recording import TEST_SUBJECTS
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'xas_mini_full.py'
MINI = "XaS-Mini's test subjects"
HELDOUT = 'held-out synthetic subjects'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'),
                        help='folder of everything the demo makes')
    parser.add_argument('--shipped-only', action='store_true',
                        help='show the weights that come with the '
                        'repository, and train nothing')
    parser.add_argument('--weights', type=Path,
                        help='show this checkpoint of '
                        'configs/xas_mini_full.py in their place')
    parser.add_argument('--num-synthetic', type=int, default=5000,
                        help='labelled pairs to render')
    parser.add_argument('--mini-frames', type=int,
                        default=XasMiniSettings.frames,
                        help="frames of each of XaS-Mini's sequences "
                        '(default: the benchmark as it is)')
    parser.add_argument('--epochs', type=int,
                        help='train for so many epochs, for a quick look: '
                        "the config's schedule is squeezed into them; at "
                        'least one for each stage')
    parser.add_argument('--workers', type=int,
                        default=min(8, os.cpu_count() or 1),
                        help='processes that render')
    parser.add_argument('--num-pictures', type=int, default=200,
                        help='at most so many pictures of each test set, '
                        'evenly spaced')
    parser.add_argument(
        '--h36m-root', type=Path,
        default=Path(os.environ.get('XAS_H36M_ROOT', 'data/h36m')),
        help='Human3.6M as MMPose lays it out, or a few frames of it')
    parser.add_argument('--h36m-masks', type=Path,
                        help='its masks (default: masks in its folder)')
    parser.add_argument('--mpi-root', type=Path,
                        default=Path('data/mpi_inf_3dhp'),
                        help='MPI-INF-3DHP as MMPose lays it out, or a few '
                        'frames of it')
    parser.add_argument('--mpi-masks', type=Path,
                        help='its masks (default: masks in its folder)')
    parser.add_argument('--num-h36m', '--num-real', type=int, default=200,
                        dest='num_real',
                        help='at most so many real frames of each file, '
                        'evenly spaced')
    args = parser.parse_args()
    for name in ('num_pictures', 'num_real'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} starts at 1')
    if args.epochs is not None:
        fewest = len(borders(Config.fromfile(CONFIG))) - 1
        if args.epochs < fewest:
            parser.error(f'--epochs starts at {fewest}: one for each of the '
                         f'{fewest} stages of configs/{CONFIG.name}')
    if args.weights and not args.weights.is_file():
        parser.error(f'there is no checkpoint {args.weights}')
    return args


def render_mini(data: Path, args: argparse.Namespace) -> Path:
    """Render XaS-Mini, or what of it is enough to test the shipped weights.

    Returns:
        Its folder.
    """
    folder = data / 'xas_mini'
    settings = XasMiniSettings(frames=args.mini_frames)
    if args.shipped_only and not (folder / 'checksum.txt').is_file():
        folder = data / 'xas_mini_small'
        settings = XasMiniSettings(frames=min(2, args.mini_frames),
                                   subjects=TEST_SUBJECTS)
    write_studio_set(folder, settings, workers=args.workers)
    return folder


def load_config(path: Path, data: Path, mini: Path) -> Config:
    """Return a config with the demo's data."""
    os.environ['XAS_SYNTHETIC_ROOT'] = str(data.resolve() / 'synthetic')
    os.environ['XAS_MINI_ROOT'] = str(mini.resolve())
    return Config.fromfile(path)


def epoch_schedules(cfg: Config) -> list[dict]:
    """Return a config's schedules that count epochs."""
    return [schedule for schedule in cfg.param_scheduler if schedule.by_epoch]


def stages_of(cfg: Config) -> list[dict]:
    """Return a config's stages."""
    return [stage for hook in cfg.get('custom_hooks', [])
            for stage in hook.get('stages', [])]


def borders(cfg: Config) -> list[int]:
    """Return the epochs where a schedule or a stage begins or ends."""
    found = {0, cfg.train_cfg.max_epochs}
    for schedule in epoch_schedules(cfg):
        found |= {schedule.begin, schedule.end}
    return sorted(found | {stage.begin for stage in stages_of(cfg)})


def squeeze(cfg: Config, epochs: int) -> None:
    """Make a schedule of epochs shorter, or longer, in proportion.

    Args:
        cfg: The config.
        epochs: How long it shall be; every part of it stays, so there must
            be one less than it has :func:`borders`.
    """
    old = borders(cfg)
    factor = epochs / cfg.train_cfg.max_epochs
    new = {0: 0}
    for i in range(1, len(old)):
        # Behind the one before, and with an epoch for each part to come.
        new[old[i]] = min(max(round(old[i] * factor), new[old[i - 1]] + 1),
                          epochs - (len(old) - 1 - i))
    for schedule in epoch_schedules(cfg):
        schedule.update(begin=new[schedule.begin], end=new[schedule.end])
    for stage in stages_of(cfg):
        stage.begin = new[stage.begin]
    cfg.train_cfg.max_epochs = epochs


def add_targets(cfg: Config, h36m: list[dict]) -> None:
    """Let real frames be target pictures of the training, too."""
    loader = cfg.train_dataloader
    loader.dataset.datasets.extend(
        dict(frames, carry_root=cfg.crop_rule == 'root') for frames in h36m)
    # As many of each file as of XaS-Mini, in every stage.
    mixes = [loader.sampler] + [stage for stage in stages_of(cfg)
                                if 'samples_per_source' in stage]
    for mix in mixes:
        counts = list(mix.samples_per_source)
        mix.samples_per_source = counts + counts[:1] * len(h36m)
    loader.batch_size = sum(loader.sampler.samples_per_source)


def train(cfg: Config, out: Path) -> Path:
    """Train with tools/train.py, going on where an earlier run stopped."""
    text = cfg.pretty_text
    # Each setting trains in a folder of its own: going on from another's
    # checkpoint would mix the two.
    parts = [text, xas_mmpose.__version__] + [
        (out / 'data' / name / 'settings.json').read_text()
        for name in ('synthetic', 'xas_mini')]
    key = hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:8]
    cfg.work_dir = str(out / f'train_{key}')
    finished = Path(cfg.work_dir) / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    # MMEngine writes this once the checkpoint is whole.
    latest = Path(cfg.work_dir) / 'last_checkpoint'
    if latest.is_file() and Path(latest.read_text()).name == finished.name:
        print(f'found {finished}: not trained again', flush=True)
        return finished
    config = out / f'xas_mini_{key}.py'
    config.write_text(text)
    command = [sys.executable, str(ROOT / 'tools' / 'train.py'),
               str(config), '--work-dir', cfg.work_dir, '--resume']
    print('$ python ' + ' '.join(os.path.relpath(c) if os.path.exists(c)
                                 else c for c in command[1:]), flush=True)
    subprocess.run(command, check=True)
    return finished


def synthetic_of(cfg: Config) -> dict:
    """Return the data set config of the labelled pairs."""
    return next(d for d in cfg.train_dataloader.dataset.datasets
                if d.type == 'SyntheticPairDataset')


def main() -> None:
    """Run the demo."""
    args = parse_args()
    start = time.monotonic()
    # MMEngine would list how every untrained weight was drawn, and more.
    MMLogger.get_instance('xas_demo', log_level='ERROR')

    def announce(step: int, what: str) -> None:
        print(f'\n[{step}/5] {what}  ({time.monotonic() - start:.0f} s)',
              flush=True)

    shipped, no_weights = None, ''
    try:
        shipped = (Model(CONFIG, args.weights) if args.weights
                   else find_model('xas_mini', ROOT))
    except ValueError as error:
        no_weights = f'no weights are shipped: {error}'
    if args.shipped_only and not shipped:
        raise SystemExit(f'{no_weights}; show others with --weights')
    h36m = find_h36m(args.h36m_root, args.h36m_masks, args.num_real)
    mpi = find_mpi_inf_3dhp(args.mpi_root, args.mpi_masks, args.num_real)
    args.out.mkdir(parents=True, exist_ok=True)
    data = args.out / 'data'
    register_all_modules()

    announce(1, 'render XaS-Mini')
    mini = render_mini(data, args)
    cfg = load_config(CONFIG, data, mini)
    tests = [TestSet(MINI, 'XaS-Mini', [cfg.test_dataloader.dataset])]
    for title, frames in (('Human3.6M', h36m), ('MPI-INF-3DHP', mpi)):
        if frames:
            tests.append(TestSet(f'real {title} frames', title, [
                dict(part, carry_labels=True, test_mode=True)
                for part in frames]))
    report = Report(args.out, args.num_pictures)

    announce(2, 'the weights that come with the repository')
    if shipped:
        print(shipped.checkpoint)
        report.test('untrained', cfg, None, tests, pictures=False)
        report.test('shipped', load_config(shipped.config, data, mini),
                    shipped.checkpoint, tests, pictures=True)
        report.write(cfg, targets=False)
    else:
        print(no_weights)
    if args.shipped_only:
        return

    announce(3, f'render {args.num_synthetic} labelled pictures')
    write_synthetic_set(data / 'synthetic',
                        SyntheticSetSettings(num=args.num_synthetic),
                        workers=args.workers)
    if args.epochs:
        squeeze(cfg, args.epochs)
    add_targets(cfg, h36m)
    announce(4, f'train configs/{CONFIG.name} for '
             f'{cfg.train_cfg.max_epochs} epochs')
    checkpoint = train(cfg, args.out)

    announce(5, 'test')
    heldout = TestSet(HELDOUT, 'held-out', [
        dict(synthetic_of(cfg), split='heldout', test_mode=True)])
    report.test('untrained', cfg, None,
                [heldout] if shipped else [*tests, heldout], pictures=False)
    answers = report.test('trained', cfg, checkpoint, [*tests, heldout],
                          pictures=True)
    poses = annotated_poses(synthetic_of(cfg))[0]
    for test, found in answers.items():
        mean = mean_pose_baseline(
            poses, stack_truth(found, 'keypoints_3d'),
            stack_truth(found, 'keypoints_3d_visible'))
        report.add(test, 'mean pose',
                   {f'{metric}/top1': value
                    for metric, value in mean.items()})
    report.write(cfg, targets=bool(h36m))


if __name__ == '__main__':
    main()
