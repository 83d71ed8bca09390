"""Training on MPI-INF-3DHP: the authors' numbers, people and stages."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

CONFIG = Path(__file__).resolve().parents[2] / 'configs/xas_mpi_inf_3dhp.py'


@pytest.fixture
def config(mpi_data: None, small: Callable[[Config], dict]) -> Config:
    """Return the config on four pictures, quick to run."""
    config = Config.fromfile(CONFIG)
    config.merge_from_dict(small(config))
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
        mpi_data: None, small: Callable[[Config], dict],
        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_CROP_RULE', 'mask')
    config = Config.fromfile(CONFIG)
    config.merge_from_dict(small(config))
    loader = Runner.build_dataloader(config.train_dataloader)
    info = loader.dataset.datasets[0].get_data_info(0)
    assert 'root_camera' not in info
    samples = next(iter(loader))['data_samples']
    assert {s.crop_rule for s in samples} == {'mask'}
