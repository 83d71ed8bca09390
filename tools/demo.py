#!/usr/bin/env python
"""The whole method in minutes, on any machine: `make demo`.

Renders labelled people from the free body and XaS-Mini, the free benchmark,
trains configs/xas_mini.py on the first and on the unlabelled pictures of
XaS-Mini's training subjects, tests, and writes a table and pictures of test
frames. Everything lies in --out; a run that was stopped goes on, and what is
there already is not made again.

Where real Human3.6M frames are given or found (--h36m-root, XAS_H36M_ROOT, or
data/h36m) they serve as target pictures, too, and are tested on.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, load_checkpoint, set_random_seed
from mmengine.utils import track_iter_progress
from mmpose.registry import DATASETS, MODELS
from mmpose.utils import register_all_modules

import xas_mmpose
from xas_mmpose.evaluation.functional import mean_pose_baseline, pose_errors
from xas_mmpose.geometry.alignment import center_on_root
from xas_mmpose.geometry.cameras import apply_affine
from xas_mmpose.render.studio import XasMiniSettings, write_xas_mini
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.visualization import draw_hypotheses

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'xas_mini.py'
#: What MMPose's converter writes, and the few frames of MMPose's own tests.
H36M_ANN_FILES = (
    ('annotation_body3d/fps10/h36m_test.npz', 'images'),
    ('annotation_body3d/fps50/h36m_test.npz', 'images'),
    ('test_h36m_body3d.npz', ''),
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'),
                        help='folder of everything the demo makes')
    parser.add_argument('--num-synthetic', type=int, default=5000,
                        help='labelled pairs to render')
    parser.add_argument('--mini-frames', type=int,
                        default=XasMiniSettings.frames,
                        help="frames of each of XaS-Mini's sequences "
                        '(default: the benchmark as it is)')
    parser.add_argument('--epochs', type=int,
                        help="epochs of training (default: the config's)")
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
    parser.add_argument('--num-h36m', type=int, default=200,
                        help='at most so many frames of it, evenly spaced')
    args = parser.parse_args()
    for name in ('num_pictures', 'num_h36m'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} starts at 1')
    return args


def find_h36m(root: Path, masks: Path | None, num: int) -> dict | None:
    """Return the data set config of real frames, or None without any.

    Args:
        root: Where Human3.6M may lie.
        masks: Its masks, or None for ``root/masks``.
        num: Number of frames that are taken at most, evenly spaced.

    Raises:
        FileNotFoundError: Frames are there but no cameras or masks.
    """
    found = [(ann_file, images) for ann_file, images in H36M_ANN_FILES
             if (root / ann_file).is_file()]
    if not found:
        return None
    ann_file, images = found[0]
    cameras = Path(ann_file).parent.parent / 'cameras.pkl'
    masks = (masks or root / 'masks').resolve()
    for path, cure in ((root / cameras, 'it comes with the annotations'),
                       (masks, 'say where they are: --h36m-masks')):
        if not path.exists():
            raise FileNotFoundError(
                f'{root} has frames of Human3.6M but {path} is missing; '
                f'{cure}')
    with np.load(root / ann_file) as arrays:
        total = len(arrays['imgname'])
    chosen = np.linspace(0, total - 1, min(num, total)).round()
    return dict(
        type='XasHuman36mDataset',
        data_root=str(root.resolve()),
        ann_file=ann_file,
        camera_param_file=str(cameras),
        data_prefix=dict(img=images, mask=str(masks)),
        # All files are looked for, which would take long for the whole set.
        check_files=total <= num,
        indices=chosen.astype(int).tolist())


def render(data: Path, args: argparse.Namespace) -> None:
    """Render the labelled pairs and the benchmark."""
    write_synthetic_set(data / 'synthetic',
                        SyntheticSetSettings(num=args.num_synthetic),
                        workers=args.workers)
    write_xas_mini(data / 'xas_mini',
                   XasMiniSettings(frames=args.mini_frames),
                   workers=args.workers)


def make_config(args: argparse.Namespace, data: Path,
                h36m: dict | None) -> Config:
    """Return configs/xas_mini.py with the demo's data."""
    os.environ['XAS_SYNTHETIC_ROOT'] = str(data.resolve() / 'synthetic')
    os.environ['XAS_MINI_ROOT'] = str(data.resolve() / 'xas_mini')
    cfg = Config.fromfile(CONFIG)
    if args.epochs:
        cfg.train_cfg.max_epochs = args.epochs
        cfg.param_scheduler[-1].end = args.epochs
    if h36m:
        loader = cfg.train_dataloader
        loader.dataset.datasets.append(
            dict(h36m, carry_root=cfg.crop_rule == 'root'))
        counts = loader.sampler.samples_per_source
        loader.sampler.samples_per_source = [*counts, counts[0]]
        loader.batch_size += counts[0]
    return cfg


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


def predict(model: torch.nn.Module, cfg: Config,
            dataset_cfg: dict) -> tuple[Any, list]:
    """Return a test data set and the model's answers to it."""
    loader_cfg = dict(cfg.test_dataloader, dataset=dataset_cfg,
                      num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(loader_cfg)
    samples = []
    with torch.no_grad():
        for batch in loader:
            samples += [(image, sample) for image, sample in zip(
                batch['inputs'], model.test_step(batch))]
    return loader.dataset, samples


def score(cfg: Config, dataset: Any, samples: list) -> dict[str, float]:
    """Return the metrics of a test set's answers."""
    evaluator = Evaluator([cfg.test_evaluator])
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process([sample for _, sample in samples], None)
    return evaluator.evaluate(len(samples))


def load_model(cfg: Config, checkpoint: Path | None) -> torch.nn.Module:
    """Build the model, with a checkpoint's weights or with random ones."""
    set_random_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    if checkpoint:
        load_checkpoint(model, str(checkpoint), map_location='cpu')
    return model.to(get_device()).eval()


def stack_truth(samples: Iterable, key: str) -> np.ndarray:
    """Return what is true of answers: (N, K, 3) poses, or (N, K)."""
    return np.concatenate(
        [sample.gt_instances[key] for _, sample in samples])


def synthetic_of(cfg: Config) -> dict:
    """Return the data set config of the labelled pairs."""
    return next(d for d in cfg.train_dataloader.dataset.datasets
                if d.type == 'SyntheticPairDataset')


def training_poses(cfg: Config) -> np.ndarray:
    """Return the labelled training poses (N, K, 3), camera frame, mm."""
    dataset = DATASETS.build(dict(synthetic_of(cfg), pipeline=[]))
    return np.concatenate(
        [dataset.get_data_info(i)['keypoints_3d']
         for i in range(len(dataset))])


def draw(folder: Path, samples: list, metainfo: dict,
         num: int) -> None:
    """Write pictures of test frames, evenly spaced."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.linspace(0, len(samples) - 1, min(num, len(samples)))
    for image, sample in track_iter_progress(
            [samples[int(i)] for i in chosen.round()]):
        pred, truth = sample.pred_instances, sample.gt_instances
        # The patch, not the picture: there is what the network has seen.
        points = apply_affine(pred.keypoints[0], sample.crop_affine)
        target = center_on_root(truth.keypoints_3d[0],
                                metainfo['root_index'])
        error = pose_errors(pred.keypoints_3d, truth.keypoints_3d,
                            truth.keypoints_3d_visible)
        picture = draw_hypotheses(
            image.permute(1, 2, 0).numpy(),
            sample.gt_fields.masks[0].cpu().numpy(),
            points, pred.hypotheses_3d[0],
            pred.hypothesis_scores[0], metainfo, target_3d=target,
            title=Path(sample.img_path).stem,
            errors={'MPJPE/top1': float(error[0])})
        name = f'{Path(sample.img_path).stem}.png'
        if not cv2.imwrite(str(folder / name), picture):
            raise OSError(f'could not write {folder / name}')


def print_table(rows: list[tuple[str, dict[str, float]]],
                title: str) -> list[str]:
    """Print, and return, the lines of one test set's table."""
    columns = ('MPJPE/top1', 'N-MPJPE/top1', 'P-MPJPE/top1',
               'MPJPE/oracle', 'MPJPE/oracle-joint')
    lines = [title, '| mm |' + '|'.join(f' {c} ' for c in columns) + '|',
             '| --- |' + ' ---: |' * len(columns)]
    for name, values in rows:
        cells = [f'{values[c]:.1f}' if c in values else '-'
                 for c in columns]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    print('\n'.join(lines), flush=True)
    return lines


def main() -> None:
    """Run the demo."""
    args = parse_args()
    start = time.monotonic()

    def announce(step: int, what: str) -> None:
        print(f'\n[{step}/5] {what}  ({time.monotonic() - start:.0f} s)',
              flush=True)

    h36m = find_h36m(args.h36m_root, args.h36m_masks, args.num_h36m)
    args.out.mkdir(parents=True, exist_ok=True)
    data = args.out / 'data'
    announce(1, f'render {args.num_synthetic} labelled pictures and '
             'XaS-Mini')
    render(data, args)
    register_all_modules()
    cfg = make_config(args, data, h36m)
    announce(2, f'train configs/xas_mini.py for {cfg.train_cfg.max_epochs} '
             'epochs')
    checkpoint = train(cfg, args.out)

    announce(3, 'test')
    mini = dict(cfg.test_dataloader.dataset)
    tests = {
        'held-out synthetic subjects': dict(
            synthetic_of(cfg), split='heldout', test_mode=True,
            pipeline=mini['pipeline']),
        "XaS-Mini's test subjects": mini,
    }
    if h36m:
        tests['real Human3.6M frames'] = dict(
            h36m, carry_labels=True, test_mode=True,
            pipeline=mini['pipeline'])
    models = {'untrained': load_model(cfg, None),
              'trained': load_model(cfg, checkpoint)}
    poses = training_poses(cfg)
    results: dict[str, dict] = {}
    answers = {}
    for test, dataset_cfg in tests.items():
        rows = {}
        for name, model in models.items():
            dataset, answers[test] = predict(model, cfg, dataset_cfg)
            rows[name] = score(cfg, dataset, answers[test])
        mean = mean_pose_baseline(
            poses, stack_truth(answers[test], 'keypoints_3d'),
            stack_truth(answers[test], 'keypoints_3d_visible'))
        rows['mean pose'] = {f'{k}/top1': v for k, v in mean.items()}
        results[test] = dict(frames=len(answers[test]), **rows)

    announce(4, 'draw')
    for test, samples in answers.items():
        folder = args.out / 'pictures' / test.split()[0].removesuffix("'s")
        draw(folder, samples, Config.fromfile(CONFIG).dataset_info,
             args.num_pictures)
        print(f'\n{folder}', flush=True)

    announce(5, 'results')
    report(args.out, results, cfg, bool(h36m))


def report(out: Path, results: dict[str, dict], cfg: Config,
           real: bool) -> None:
    """Print the tables with their protocol and write them down."""
    lines = []
    for test, result in results.items():
        rows = [(name, result[name])
                for name in ('untrained', 'mean pose', 'trained')]
        lines += print_table(rows, f'{result["frames"]} frames: {test}')
        print()
        lines.append('')
    protocol = ('Root-centred, mm. top1: the most confident hypothesis; '
                'oracle: the best whole pose of the hypotheses; oracle-joint: '
                'the best hypothesis of each joint, which mixes poses. No '
                f'left/right exchange. The crop is placed by the '
                f'{cfg.crop_rule}. Training seed {cfg.randomness.seed}.')
    if real:
        protocol += (' The real frames were target pictures of the training, '
                     'too: image and mask, no joints.')
    print(protocol)
    (out / 'results.md').write_text('\n'.join([*lines, protocol, '']))
    (out / 'results.json').write_text(
        json.dumps(dict(results, protocol=protocol), indent=2) + '\n')
    print(f'tables: {out / "results.md"}, pictures: {out / "pictures"}')


if __name__ == '__main__':
    main()
