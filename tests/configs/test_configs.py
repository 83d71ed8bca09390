"""Every config: builds, and steps once in training and once in test."""
from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from xas_mmpose.engine import MeanTeacherHook
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18, Skeleton

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Single stages, EMA, other data and backbones have their own tests.
ENTRY_POINTS = sorted(path.name for path in CONFIGS.glob('*.py')
                      if path.stem.startswith(('xas_h36m', 'xas_mini'))
                      and not path.stem.endswith(
                          ('_s1', '_s2', '_ema', '_tiktok'))
                      and '_base_/any_' not in path.read_text())
LOSSES = ['loss_physique_mask', 'loss_prior', 'loss_skeleton_mask',
          'loss_symmetry', 'loss_synthetic', 'loss_synthetic_likelihood']


@pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26],
                         ids=lambda skeleton: skeleton.name)
def test_the_written_out_metainfo_is_that_of_the_skeleton(
        skeleton: Skeleton, plain: Callable[[object], object]) -> None:
    config = Config.fromfile(
        CONFIGS / f'_base_/datasets/{skeleton.name}.py')
    assert plain(config.dataset_info.to_dict()) == plain(skeleton.metainfo())


@pytest.mark.parametrize('name', ENTRY_POINTS)
def test_a_written_out_config_mirrors_the_same_key_points(
        name: str, tmp_path: Path, mini_root: Path, fake_h36m,
        fake_synthetic: Path, monkeypatch: pytest.MonkeyPatch):
    # MMEngine sorts keys as text: 0, 1, 10, 11, .., 2.
    monkeypatch.setenv('XAS_MINI_ROOT', str(mini_root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    config = Config.fromfile(CONFIGS / name)
    if 'h36m' in name:
        config.train_dataloader.dataset.datasets[0].update(fake_h36m.options)
    config.dump(tmp_path / 'written.py')
    written = Config.fromfile(tmp_path / 'written.py')
    keys = list(written.train_dataloader.dataset.metainfo.keypoint_info)
    assert keys[:3] == [0, 1, 10]
    dataset = DATASETS.build(written.train_dataloader.dataset)
    want = list(HUMAN36M_18.flip_indices)
    assert dataset.metainfo['flip_indices'] == want
    assert list(dataset[0]['data_samples'].flip_indices) == want


def shrink(config: Config) -> None:
    """Make a config quick to run; its structure stays."""
    config.model.backbone.init_cfg = None
    if config.model.backbone.depth == 50:
        config.model.backbone.update(base_channels=8, stem_channels=8)
        config.model.head.in_channels = 256
    head = config.model.head
    head.deconv_out_channels = [8] * len(head.deconv_out_channels)
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
    config.train_dataloader.sampler.samples_per_source = [2, 2]


@pytest.mark.parametrize('name', ENTRY_POINTS)
def test_one_step_of_training_and_of_test_with_crops_by_masks(
        name: str, mini_root: Path, fake_h36m, fake_synthetic: Path,
        build_model, check_prediction, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_CROP_RULE', 'mask')
    monkeypatch.setenv('XAS_MINI_ROOT', str(mini_root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    config = Config.fromfile(CONFIGS / name)
    shrink(config)
    if 'h36m' in name:
        config.train_dataloader.dataset.datasets[0].update(fake_h36m.options)
        config.test_dataloader.dataset.update(fake_h36m.options)
    model = build_model(config)
    batch = next(iter(Runner.build_dataloader(config.train_dataloader)))
    samples = batch['data_samples']
    assert {s.crop_rule for s in samples} == {'mask'}
    domains = [s.domain for s in samples]
    assert domains == ['target', 'target', 'synthetic', 'synthetic']
    assert all('keypoints_3d' not in s.gt_instances for s in samples[:2])
    teachers = [hook for hook in config.custom_hooks
                if hook.type == 'MeanTeacherHook']
    if teachers:
        hook = MeanTeacherHook()
        hook.teacher = copy.deepcopy(model)
        hook.before_train_iter(
            SimpleNamespace(model=model, seed=0, iter=0), 0, batch)
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    assert sorted(losses) == LOSSES + ['loss_teacher'] * len(teachers)
    total = sum(losses.values())
    total.backward()
    silent = [n for n, p in model.named_parameters()
              if p.grad is None or not torch.isfinite(p.grad).all()]
    assert silent == []
    sample = check_prediction(model, config)
    assert sample.gt_instances.keypoints_3d.shape == (1, 18, 3)
