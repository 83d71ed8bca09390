"""Training on a folder of pictures and masks, without annotations."""
from __future__ import annotations

import itertools
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import DATASETS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'xas_custom.py'
RUNS = itertools.count()

#: Makes the config quick to run; its structure stays.
SMALL = [
    'model.backbone.init_cfg=None', 'model.backbone.base_channels=8',
    'model.backbone.stem_channels=8', 'model.head.in_channels=256',
    'model.head.deconv_out_channels=[8,8,8]',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=2',
    'train_dataloader.sampler.samples_per_source=[1,1]',
    # A step of each stage.
    'train_dataloader.sampler.num_batches=1', 'train_cfg.max_epochs=2',
    'custom_hooks.3.stages.1.begin=1',
    'custom_hooks.2.discriminator.channels=8',
    'custom_hooks.2.discriminator.header_channels=16',
    'model.head.loss_skeleton_mask.map_size=[32,32]',
    'model.head.loss_physique_mask.map_size=[32,32]',
    'train_cfg.val_interval=2',
    'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False', 'log_level=ERROR',
    'default_hooks.logger.interval=1',
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two pictures and their masks, and no more."""
    rng = np.random.default_rng(0)
    root = tmp_path / 'own'
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for i, (width, height) in enumerate([(80, 120), (120, 80)]):
        image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), np.uint8)
        mask[10:60, 20:50] = 255
        cv2.imwrite(str(root / f'images/{i}.jpg'), image)
        cv2.imwrite(str(root / f'masks/{i}.png'), mask)
    return root


def run(tool: str, monkeypatch: pytest.MonkeyPatch, *args: object) -> None:
    """Run a tool as from the command line."""
    path = ROOT / 'tools' / f'{tool}.py'
    name = f'custom-{next(RUNS)}'
    monkeypatch.setattr(sys, 'argv', [
        str(path), *map(str, args), '--cfg-options', *SMALL,
        # An earlier run's visualizer would write into its own work dir.
        f'experiment_name={name}', f'visualizer.name={name}'])
    monkeypatch.setenv('LOCAL_RANK', '0')
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')
    runpy.run_path(str(path), run_name='__main__')


def test_trains_and_tests_on_a_plain_folder(
        folder: Path, fake_synthetic: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_CUSTOM_ROOT', str(folder))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    work = tmp_path / 'work'
    run('train', monkeypatch, CONFIG, '--work-dir', work)
    weights = torch.load(work / 'epoch_2.pth', weights_only=False)
    assert weights['meta']['iter'] == 2
    assert all(torch.isfinite(value).all()
               for value in weights['state_dict'].values())
    scalars = next(work.rglob('scalars.json')).read_text().splitlines()
    first, second, score = map(json.loads, scalars)
    pretext = {'loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
               'loss_prior'}
    assert first['loss_synthetic'] > 0
    assert not pretext & set(first)
    assert all(second[loss] > 0 for loss in pretext)
    assert score['synthetic/MPJPE/top1'] > 0
    run('test', monkeypatch, CONFIG, work / 'epoch_2.pth', '--work-dir', work,
        '--out', tmp_path / 'metrics.json')
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert 0 < metrics['synthetic/MPJPE/top1'] < 3000


def test_nothing_of_a_target_picture_is_known_but_its_mask(
        folder: Path, fake_synthetic: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_CUSTOM_ROOT', str(folder))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    # Whatever is set for the other configs.
    monkeypatch.setenv('XAS_CROP_RULE', 'root')
    dataset = DATASETS.build(
        Config.fromfile(CONFIG).train_dataloader.dataset)
    # 2 pictures, and 4 pairs of the two bodies that are not held out.
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [s.domain for s in samples] == ['target'] * 2 + ['synthetic'] * 4
    assert {s.crop_rule for s in samples} == {'mask'}
    for sample in samples[:2]:
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert 'camera_param' not in sample
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
    for sample in samples[2:]:
        assert sample.gt_instance_labels.keypoint_weights.sum() == 18
