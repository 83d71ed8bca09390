"""The running mean of the weights, beside the prior and both stages."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

MOMENTUM = 0.25


class OwnMean(Hook):
    """Computes the mean by its definition, after each step."""

    def before_train(self, runner: Runner) -> None:
        self.mean: dict[str, Tensor] = {}

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        for name, value in runner.model.state_dict().items():
            if not value.is_floating_point():
                continue
            old = self.mean.get(name, value)
            self.mean[name] = old + MOMENTUM * (value - old)


@pytest.fixture
def make(load, tmp_path: Path):
    """Return a function that makes a runner over both stages."""

    def make(folder: str, epochs: int, resume: bool = False) -> Runner:
        config = load('xas_mini_ema')
        config.default_hooks.ema.momentum = MOMENTUM
        config.custom_hooks[-1].stages[1].begin = 1
        config.param_scheduler = None
        config.train_cfg.max_epochs = epochs
        config.train_dataloader.sampler.seed = 0
        config.work_dir, config.resume = str(tmp_path / folder), resume
        config.experiment_name = f'ema_{folder}_{epochs}'
        return Runner.from_cfg(config)

    return make


def read(path: Path) -> dict:
    return torch.load(path, weights_only=False)


def test_a_checkpoint_holds_the_mean_and_resumes_exactly(
        make, tmp_path: Path):
    own = OwnMean()
    runner = make('whole', 2)
    runner.register_hook(own)
    runner.train()
    whole = read(tmp_path / 'whole' / 'epoch_2.pth')
    last = runner.model.state_dict()
    differ = 0
    for name, value in own.mean.items():
        torch.testing.assert_close(whole['state_dict'][name], value)
        # What is trained lies beside it, for resuming.
        assert torch.equal(whole['ema_state_dict'][f'module.{name}'],
                           last[name])
        differ += not torch.equal(value, last[name])
    assert differ > 50
    # The statistics of batch norm are averaged like the weights.
    assert 'backbone.bn1.running_mean' in own.mean
    # The discriminator is no part of the mean, and learns as ever.
    assert whole['adversarial_prior']['steps'] == 2
    assert not any('discriminator' in name for name in whole['state_dict'])

    make('broken', 1).train()
    make('broken', 2, resume=True).train()
    broken = read(tmp_path / 'broken' / 'epoch_2.pth')
    for key in ('state_dict', 'ema_state_dict'):
        assert whole[key].keys() == broken[key].keys()
        for name, value in whole[key].items():
            assert torch.equal(value, broken[key][name]), name
    for key in ('optimizer', 'adversarial_prior'):
        assert str(whole[key]) == str(broken[key])


class Weights(Hook):
    """Notes the weights that a test is done with."""

    def after_test_epoch(self, runner: Runner, metrics: dict) -> None:
        self.weights = {name: value.clone() for name, value in
                        runner.model.state_dict().items()}


@pytest.mark.parametrize('name', ['xas_mini', 'xas_mini_ema'])
def test_the_mean_is_what_is_tested(
        name: str, make, load, fake_h36m, tmp_path: Path):
    make('whole', 1).train()
    path = tmp_path / 'whole' / 'epoch_1.pth'
    config = load(name)
    plain = Config.fromfile(
        Path(__file__).resolve().parents[2] / 'configs' / f'{name}.py')
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        config[key] = plain[key]
    config.test_dataloader.dataset = dict(
        type='XasHuman36mDataset', carry_labels=True, test_mode=True,
        pipeline=plain.test_pipeline, **fake_h36m.options)
    config.load_from = str(path)
    config.experiment_name = f'ema_test_{name}'
    seen = Weights()
    # First of the hooks: EMAHook puts the weights back after a test.
    runner = Runner.from_cfg(config)
    runner.register_hook(seen, priority='VERY_HIGH')
    errors = runner.test()
    assert errors['MPJPE/top1'] > 0
    mean = read(path)['state_dict']
    for key, value in seen.weights.items():
        assert torch.equal(value, mean[key]), key
