"""Training on MPI-INF-3DHP: the authors' numbers, people and stages."""
from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from xas_mmpose.datasets.mmpose_layout import write_annotations

CONFIG = Path(__file__).resolve().parents[2] / 'configs/xas_mpi_inf_3dhp.py'
SIZE = 120


@pytest.fixture
def config(tmp_path: Path, fake_synthetic: Path,
           monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the config on four pictures, quick to run."""
    rng = np.random.default_rng(0)
    names = [f'S{i}_Seq1_Cam0_000001.jpg' for i in (1, 6, 7, 8)]
    cameras = {name[:12]: dict(
        R=np.eye(3), T=np.zeros((3, 1)), f=np.full((2, 1), 150.0),
        c=np.full((2, 1), 60.0), w=SIZE, h=SIZE, name='x') for name in names}
    points = rng.uniform([-700, -700, 3900], [700, 700, 4100], (4, 17, 3))
    root = tmp_path / 'mpi'
    for folder in ('images', 'masks', 'annotations'):
        (root / folder).mkdir(parents=True)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[30:90, 40:80] = 255
    for name in names:
        image = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
        cv2.imwrite(str(root / 'images' / name), image)
        cv2.imwrite(str(root / 'masks' / f'{name[:-4]}.png'), mask)
    write_annotations(
        root / 'annotations/mpi_inf_3dhp_train.npz', names,
        points[..., :2] / points[..., 2:] * 150 + 60, points,
        np.ones((4, 17)))
    (root / 'annotations/cameras_train.pkl').write_bytes(
        pickle.dumps(cameras, 2))
    monkeypatch.setenv('XAS_MPI_INF_3DHP_ROOT', str(root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')
    config = Config.fromfile(CONFIG)
    config.work_dir = str(tmp_path / 'work')
    config.log_level = 'ERROR'
    config.experiment_name = tmp_path.name
    config.model.backbone.init_cfg = None
    config.model.backbone.update(base_channels=8, stem_channels=8)
    config.model.head.update(in_channels=256, deconv_out_channels=[8, 8, 8])
    for loss in ('loss_skeleton_mask', 'loss_physique_mask'):
        config.model.head[loss].map_size = (32, 32)
    config.custom_hooks[2].discriminator.update(
        channels=8, header_channels=16)
    for loader in (config.train_dataloader, config.val_dataloader,
                   config.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False, batch_size=2)
    config.train_dataloader.sampler.update(
        samples_per_source=[1, 1], num_batches=1)
    return config


def test_the_authors_numbers():
    config = Config.fromfile(CONFIG)
    head = config.model.head
    assert head.loss_synthetic.loss_weight == 3
    assert head.loss_skeleton_mask.loss_weight == 0.02
    assert head.loss_physique_mask.loss_weight == 0.02
    symmetry = head.loss_symmetry
    assert (symmetry.bone_weight, symmetry.midpoint_weight,
            symmetry.midpoint_2d_weight) == (0.05, 0.05, 0)
    assert head.loss_prior.loss_weight == 1
    prior, schedule = config.custom_hooks[-2:]
    assert prior.loss.loss_weight == 1
    assert prior.optimizer.lr == 1e-4
    first, second = schedule.stages
    assert first.loss_weights.pop('loss_synthetic') == 1
    assert len(first.loss_weights) == 4
    assert set(first.loss_weights.values()) == {0}
    assert second.begin == 80
    assert set(second.loss_weights.values()) == {None}
    assert config.train_cfg.max_epochs == 80 + 10
    assert config.optim_wrapper.optimizer.lr == 2e-4
    assert config.optim_wrapper.optimizer.lr * second.lr_factor == 1e-4
    assert config.param_scheduler[0].milestones == [70]


def test_train_and_validation_are_the_authors_people(config: Config):
    loader = Runner.build_dataloader(config.train_dataloader)
    people = loader.dataset.datasets[0]
    assert [people.get_data_info(i)['subject'] for i in range(len(people))
            ] == ['S1', 'S6']
    assert 'keypoints_3d' not in people.get_data_info(0)
    target, synthetic = next(iter(loader))['data_samples']
    assert (target.domain, synthetic.domain) == ('target', 'synthetic')
    assert 'keypoints_3d' not in target.gt_instances
    people = Runner.build_dataloader(config.val_dataloader).dataset
    assert [people.get_data_info(i)['subject'] for i in range(len(people))
            ] == ['S7', 'S8']


def test_the_mask_may_place_the_crops(
        config: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_CROP_RULE', 'mask')
    config = Config.fromfile(CONFIG)
    config.train_dataloader.update(num_workers=0, persistent_workers=False,
                                   batch_size=2)
    config.train_dataloader.sampler.samples_per_source = [1, 1]
    loader = Runner.build_dataloader(config.train_dataloader)
    info = loader.dataset.datasets[0].get_data_info(0)
    assert 'root_camera' not in info
    samples = next(iter(loader))['data_samples']
    assert {s.crop_rule for s in samples} == {'mask'}


def test_both_stages_and_the_scores(config: Config):
    config.custom_hooks[-1].stages[1].begin = 1
    config.train_cfg.update(max_epochs=2, val_interval=2)
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.optim_wrapper.param_groups[0]['lr'] == 1e-4
    assert runner.model.head.loss_modules[
        'loss_synthetic'].loss_weight == 3
    scalars = runner.message_hub.log_scalars
    for name in ('loss_synthetic', 'loss_skeleton_mask', 'loss_prior',
                 'loss_symmetry', 'loss_physique_mask'):
        value = float(scalars[f'train/{name}'].current())
        assert np.isfinite(value), name
        assert value > 0, name
    for name in ('MPJPE/top1', 'P-MPJPE/oracle'):
        assert float(scalars[f'val/{name}'].current()) > 0
    for name in ('3DPCK@150/top1', 'AUC/oracle'):
        assert 0 <= float(scalars[f'val/{name}'].current()) <= 100
    saved = torch.load(Path(config.work_dir) / 'epoch_2.pth',
                       weights_only=False)
    assert saved['adversarial_prior']['steps'] == 1
