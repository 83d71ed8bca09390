"""The mixed training: Human3.6M, MPII, TikTok and synthetic pairs."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from xas_mmpose.datasets.datasets.tiktok import TIKTOK_SPLITS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAME = 'xas_h36m_mpii_tiktok.py'


def save_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def config(fake_h36m, fake_synthetic: Path, tmp_path: Path,
           monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the config on small sets, quick to run."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (100, 60, 3), dtype=np.uint8)
    mask = np.zeros((100, 60), np.uint8)
    mask[20:80, 20:45] = 255
    people = []
    for i in range(2):
        save_picture(tmp_path / f'mpii/images/{i}.jpg', image)
        save_picture(tmp_path / f'mpii/masks/{i}.png', mask)
        people.append(dict(
            image=f'{i}.jpg', center=[30.0, 50.0], scale=0.4,
            joints=rng.uniform(20, 60, (16, 2)).tolist(),
            joints_vis=[1] * 16))
    (tmp_path / 'mpii/annotations').mkdir()
    (tmp_path / 'mpii/annotations/mpii_train.json').write_text(
        json.dumps(people))
    # One frame is left of each of the authors' videos.
    data = {name: cv2.imencode('.png', picture)[1].tobytes()
            for name, picture in (('images', image), ('masks', mask))}
    for video in TIKTOK_SPLITS['train']:
        for name, content in data.items():
            folder = tmp_path / f'tiktok/{video:05d}/{name}'
            folder.mkdir(parents=True)
            for frame in range(1, 42):
                (folder / f'{frame:04d}.png').write_bytes(content)
    for name, folder in (('MPII', 'mpii'), ('TIKTOK', 'tiktok'),
                         ('SYNTHETIC', 'synthetic')):
        monkeypatch.setenv(f'XAS_{name}_ROOT', str(tmp_path / folder))
    config = Config.fromfile(CONFIGS / NAME)
    config.model.backbone.init_cfg = None
    config.model.backbone.update(base_channels=8, stem_channels=8)
    config.model.head.update(in_channels=256, deconv_out_channels=[8, 8, 8])
    for loss in ('loss_skeleton_mask', 'loss_physique_mask'):
        config.model.head[loss].map_size = (32, 32)
    loader = config.train_dataloader
    loader.update(num_workers=0, persistent_workers=False, batch_size=5)
    loader.sampler.samples_per_source = [1, 1, 1, 2]
    loader.dataset.datasets[0].update(fake_h36m.options)
    return config


def test_each_source_is_cropped_by_what_is_known_of_it(
        config: Config, build_model: Callable[[Config], nn.Module]):
    loader = Runner.build_dataloader(config.train_dataloader)
    assert [len(part) for part in loader.dataset.datasets] == [6, 2, 41, 6]
    batch = next(iter(loader))
    samples = batch['data_samples']
    assert [s.domain for s in samples] == ['target'] * 3 + ['synthetic'] * 2
    assert [s.crop_rule for s in samples] == [
        'root', 'mask', 'mask', 'root', 'root']
    for sample in samples[:3]:
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
        assert (sample.gt_fields.masks > 127).any()
    # 60 px are the longer side of the masks.
    for sample in samples[1:3]:
        assert sample.gt_instances.bbox_scales.tolist() == [[75.0, 75.0]]
    assert {tuple(image.shape) for image in batch['inputs']} == {
        (3, 256, 256)}
    model = build_model(config)
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    assert set(losses) == {
        'loss_synthetic', 'loss_synthetic_likelihood', 'loss_skeleton_mask',
        'loss_physique_mask', 'loss_symmetry', 'loss_prior'}
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())


def test_it_differs_in_its_pictures_alone(config: Config):
    mixed = Config.fromfile(CONFIGS / NAME)
    plain = Config.fromfile(CONFIGS / 'xas_h36m.py')
    for key in ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg',
                'custom_hooks', 'val_dataloader', 'val_evaluator'):
        assert mixed[key] == plain[key], key
    loader = mixed.train_dataloader
    assert sum(loader.sampler.samples_per_source) == loader.batch_size == 64
    first, *_, last = loader.dataset.datasets
    for ours, theirs in zip((first, last),
                            plain.train_dataloader.dataset.datasets):
        assert ours.pipeline + loader.dataset.pipeline == (
            plain.train_pipeline)
        assert {k: v for k, v in ours.items() if k != 'pipeline'} == theirs
