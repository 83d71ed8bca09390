"""The two stages: their numbers, and a training through both."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SYNTHETIC = ['loss_synthetic', 'loss_synthetic_likelihood']
PRETEXT = ['loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
           'loss_prior']


def test_the_papers_numbers_stand_in_the_configs():
    stage_1, stage_2 = (Config.fromfile(CONFIGS / f'xas_h36m_s{i}.py')
                        for i in (1, 2))
    for config, lr, epochs in ((stage_1, 2e-4, 50), (stage_2, 1e-4, 15)):
        head = config.model.head
        assert head.loss_synthetic.loss_weight == 3
        optimizer = config.optim_wrapper.optimizer
        assert optimizer == dict(
            type='Adam', lr=lr, betas=(0.5, 0.999), fused=True)
        assert config.train_cfg.max_epochs == epochs
        assert config.param_scheduler == [dict(
            type='MultiStepLR', milestones=[40], gamma=0.1, by_epoch=True)]
        assert config.train_dataloader.sampler.samples_per_source == [32, 32]
    head = stage_1.model.head
    assert head.loss_skeleton_mask.loss_weight == 0
    assert not {'loss_physique_mask', 'loss_symmetry',
                'loss_prior'} & set(head)
    head = stage_2.model.head
    assert head.loss_skeleton_mask.loss_weight == 0.02
    assert head.loss_physique_mask.loss_weight == 0.02
    symmetry = head.loss_symmetry
    assert (symmetry.bone_weight, symmetry.midpoint_weight,
            symmetry.midpoint_2d_weight) == (0.1, 0.1, 0)
    assert head.loss_prior.loss_weight == 0.5
    hook = stage_2.custom_hooks[-1]
    assert hook.loss.loss_weight == 0.5
    assert hook.optimizer == stage_2.optim_wrapper.optimizer
    assert hook.param_scheduler == stage_2.param_scheduler
    for mask in (head.loss_skeleton_mask, head.loss_physique_mask):
        assert mask.line_width == 0.003
    # The authors' size but for the network's, which is that of the volumes.
    assert head.loss_skeleton_mask.get('map_size') is None
    assert head.loss_physique_mask.map_size == (64, 64)
    # The second starts from the first one's last epoch.
    assert stage_2.load_from == 'work_dirs/xas_h36m_s1/epoch_50.pth'


@pytest.mark.parametrize('stage', [1, 2])
@pytest.mark.parametrize('name', ['xas_h36m', 'xas_mini'])
def test_every_weight_of_the_detector_learns(
        load, build_model, name: str, stage: int):
    config = load(f'{name}_s{stage}')
    model = build_model(config)
    batch = next(iter(Runner.build_dataloader(config.train_dataloader)))
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    assert list(losses) == SYNTHETIC + PRETEXT * (stage == 2)
    sum(losses.values()).backward()
    silent = [n for n, p in model.named_parameters()
              if p.grad is None or not torch.isfinite(p.grad).all()]
    assert silent == []


@pytest.mark.parametrize('name', ['xas_h36m', 'xas_mini'])
def test_stage_2_goes_on_from_stage_1(load, name: str):
    config = load(f'{name}_s1')
    config.train_cfg.max_epochs = 1
    Runner.from_cfg(config).train()
    saved = Path(config.work_dir) / 'epoch_1.pth'
    assert 'adversarial_prior' not in torch.load(saved, weights_only=False)
    config = load(f'{name}_s2')
    config.load_from = str(saved)
    config.train_cfg.max_epochs = 1
    config.optim_wrapper.optimizer.lr = 0.0
    runner = Runner.from_cfg(config)
    runner.train()
    # At no speed the detector is the one of stage 1.
    weights = torch.load(saved, weights_only=False)['state_dict']
    for key, value in runner.model.named_parameters():
        if 'physique' not in key:
            assert torch.equal(value, weights[key]), key
    state = torch.load(Path(config.work_dir) / 'epoch_1.pth',
                       weights_only=False)['adversarial_prior']
    assert state['steps'] == 2
    scalars = runner.message_hub.log_scalars
    for loss in (*SYNTHETIC, *PRETEXT, 'prior/loss_discriminator'):
        assert float(scalars[f'train/{loss}'].current()) > 0, loss


def test_both_stages_in_one_run_and_resumed_between_them(
        load, tmp_path: Path):
    def train(folder: str, epochs: int, resume: bool = False) -> Runner:
        config = load('xas_mini')
        schedule, = [hook for hook in config.custom_hooks
                     if hook.type == 'StageScheduleHook']
        schedule.stages[0].samples_per_source = [1, 3]
        schedule.stages[1].update(begin=1, samples_per_source=[3, 1])
        config.param_scheduler = None
        config.train_cfg.max_epochs = epochs
        config.train_dataloader.sampler.seed = 0
        config.work_dir, config.resume = str(tmp_path / folder), resume
        config.experiment_name = f'{folder}_{epochs}'
        runner = Runner.from_cfg(config)
        runner.train()
        return runner

    train('whole', 2)
    train('broken', 1)
    runner = train('broken', 2, resume=True)
    whole, broken, first = (
        torch.load(tmp_path / file, weights_only=False)
        for file in ('whole/epoch_2.pth', 'broken/epoch_2.pth',
                     'broken/epoch_1.pth'))
    for key, value in whole['state_dict'].items():
        assert torch.equal(value, broken['state_dict'][key]), key
    assert str(whole['optimizer']) == str(broken['optimizer'])
    assert (str(whole['adversarial_prior'])
            == str(broken['adversarial_prior']))
    # In stage 1 the prior and the physique network rested.
    assert first['adversarial_prior']['steps'] == 0
    assert whole['adversarial_prior']['steps'] == 2
    moments = first['optimizer']['state']
    names = [name for name, _ in runner.model.named_parameters()]
    rested = {name for i, name in enumerate(names) if i not in moments}
    assert rested == {name for name in names if 'physique' in name}
    assert len(broken['optimizer']['state']) == len(names)
    group, = broken['optimizer']['param_groups']
    assert group['lr'] == pytest.approx(
        load('xas_mini_s2').optim_wrapper.optimizer.lr)
