"""The mixed training: Human3.6M, MPII, TikTok and synthetic pairs."""
from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import DATASETS
from torch import nn

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAME = 'xas_h36m_mpii_tiktok.py'


@pytest.fixture
def config(wild_data: None, small: Callable[[Config], dict]) -> Config:
    """Return the config on small sets, quick to run."""
    config = Config.fromfile(CONFIGS / NAME)
    config.merge_from_dict(small(config))
    return config


def test_each_source_is_cropped_by_what_is_known_of_it(
        config: Config, build_model: Callable[[Config], nn.Module]):
    # Two synthetic pairs in the batch.
    config.train_dataloader.batch_size = 5
    config.train_dataloader.sampler.samples_per_source = [1, 1, 1, 2]
    loader = Runner.build_dataloader(config.train_dataloader)
    assert [len(part) for part in loader.dataset.datasets] == [4, 2, 41, 6]
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


def test_colours_of_tiktok_alone_are_changed(config: Config):
    parts = [copy.deepcopy(part)
             for part in config.train_dataloader.dataset.datasets]
    kinds = [[step.type for step in part.pipeline] for part in parts]
    assert kinds[2] == [*kinds[1], 'RandomColorChange']
    for part in parts[1:3]:
        part.indices = 1
        dataset = DATASETS.build(part)
        plain = cv2.imread(dataset.get_data_info(0)['img_path'])
        np.random.seed(0)  # noqa: NPY002  as MMEngine seeds a training
        changed = sum(not np.array_equal(dataset[0]['img'], plain)
                      for _ in range(50))
        assert changed == 0 if part is parts[1] else 20 < changed < 40


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
