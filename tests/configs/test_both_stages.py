"""Both stages in one run do what they do one after the other."""
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from xas_mmpose.engine import AdversarialPriorHook
from xas_mmpose.models.heads.pretext_losses import is_on

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


@DATASETS.register_module(force=True)
class _Domain(BaseDataset):
    def __init__(self, domain: str, num: int, **kwargs: Any) -> None:
        self.domain, self.num = domain, num
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(domain=self.domain) for _ in range(self.num)]


class Step(NamedTuple):
    """What an iteration is trained with."""

    domains: list[str]
    rate: float
    prior_rate: float | None
    weights: dict[str, float]


class Notes(Hook):
    """Takes the place of all computing, and notes each step by epoch."""

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        self.epochs: list[list[Step]] = []
        self.prior = next((hook for hook in runner.hooks
                           if isinstance(hook, AdversarialPriorHook)), None)

        def train_step(data: dict, optim_wrapper: Any) -> dict:
            group, = optim_wrapper.param_groups
            losses = runner.model.head.loss_modules
            prior_rate = None
            if is_on(losses['loss_prior']):
                group_of_prior, = self.prior.optimizer.param_groups
                prior_rate = group_of_prior['lr']
            self.epochs[-1].append(Step(
                data['domain'], group['lr'], prior_rate,
                {name: module.loss_weight for name, module in losses.items()
                 if is_on(module)}))
            return {}

        runner.model.train_step = train_step

    def before_train_epoch(self, runner: Runner) -> None:
        self.epochs.append([])


def walk(name: str, work_dir: Path) -> list[list[Step]]:
    """Go through all epochs of a config, with its own hooks."""
    config = Config.fromfile(CONFIGS / f'{name}.py')
    # They look at pictures, of which there are none, and change no setting.
    config.custom_hooks = [hook for hook in config.custom_hooks
                           if hook not in config.get('target_hooks', [])]
    config.model.backbone.update(
        init_cfg=None, base_channels=8, stem_channels=8)
    config.model.head.update(
        in_channels=256 if config.model.backbone.depth == 50 else 64,
        deconv_out_channels=None, deconv_kernel_sizes=None)
    loader = config.train_dataloader
    loader.update(num_workers=0, persistent_workers=False,
                  collate_fn=dict(type='pseudo_collate'))
    # 144 labelled ones are 9 batches of 16, and 16 of 9; the warm-up of 50
    # batches ends within the 6 epochs of stage 1.
    loader.dataset = dict(
        type='CombinedDataset', metainfo=config.model.head.metainfo,
        datasets=[dict(type='_Domain', domain='target', num=50),
                  dict(type='_Domain', domain='synthetic', num=144)])
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator',
                'test_dataloader', 'test_cfg', 'test_evaluator'):
        config[key] = None
    config.update(
        work_dir=str(work_dir / name), load_from=None, log_level='ERROR',
        experiment_name=f'walk_{next(RUNS)}',
        default_hooks=dict(checkpoint=None, logger=None))
    notes = Notes()
    runner = Runner.from_cfg(config)
    runner.register_hook(notes)
    runner.train()
    return notes.epochs


@pytest.mark.parametrize('name, first, second', [
    ('xas_h36m', 'xas_h36m_s1', 'xas_h36m_s2'),
    ('xas_mini', 'xas_mini_s1', 'xas_mini_s2'),
    ('xas_mini_full', 'xas_mini_s1', 'xas_mini_full_s2'),
])
def test_every_step_is_that_of_the_stages_apart(
        name: str, first: str, second: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch):
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')
    whole = walk(name, tmp_path)
    first, second = walk(first, tmp_path), walk(second, tmp_path)
    apart = first + second
    assert [len(epoch) for epoch in whole] == [len(epoch) for epoch in apart]
    for number, (ours, theirs) in enumerate(zip(whole, apart, strict=True)):
        for a, b in zip(ours, theirs, strict=True):
            assert a.domains == b.domains, number
            assert a.weights == b.weights, number
            assert a.prior_rate == b.prior_rate, number
            assert a.rate == pytest.approx(b.rate, rel=1e-9), number

    # In stage 1 the physique network gets no gradient: DDP has to know.
    assert Config.fromfile(CONFIGS / f'{name}.py').find_unused_parameters

    # And what is equal is what it should be.
    synthetic = {'loss_synthetic', 'loss_synthetic_likelihood'}
    assert {frozenset(s.weights) for e in first for s in e} == {
        frozenset(synthetic)}
    pretext = {'loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
               'loss_prior'}
    if name == 'xas_mini_full':
        pretext.add('loss_teacher')
    assert all(synthetic | pretext == set(s.weights)
               for e in second for s in e)
    if name == 'xas_h36m':
        rates = [2e-4] * 40 + [2e-5] * 10 + [1e-4] * 15
        assert [e[0].rate for e in whole] == pytest.approx(rates)
        assert {s.prior_rate for e in whole[50:] for s in e} == {1e-4}
        shares = {s.domains.count('target') for e in whole for s in e}
        assert shares == {32}
    else:
        assert {len(epoch) for epoch in whole} == {9}
        config = Config.fromfile(CONFIGS / 'xas_mini_s2.py')
        for stage, count in ((first, 2),
                             (second, config.stage_2.samples_per_source[0])):
            shares = {s.domains.count('target') for e in stage for s in e}
            assert shares == {count}
        # Each stage begins anew and ends near 0.
        assert first[-1][-1].rate < 0.02 * first[2][0].rate
        assert second[0][0].rate == config.optim_wrapper.optimizer.lr
        assert second[-1][-1].rate < 0.1 * second[0][0].rate


def test_the_full_run_is_its_parts():
    whole, stage, plain = (
        Config.fromfile(CONFIGS / f'{name}.py')
        for name in ('xas_mini_full', 'xas_mini_full_s2', 'xas_mini'))
    # Of the same model, average and hooks: the stages differ, no more.
    assert whole.model == stage.model
    assert whole.default_hooks == stage.default_hooks
    for config in (whole, stage):
        kinds = [hook.type for hook in config.custom_hooks]
        assert kinds == [
            'SyncBuffersHook', 'AdversarialPriorHook', 'StageScheduleHook',
            'MeanTeacherHook', 'TargetStatisticsHook']
        assert config.default_hooks.ema.update_buffers
    assert whole.custom_hooks[3:] == stage.custom_hooks[3:]
    # The teacher comes with the pretext tasks, by the weight of stage 2.
    begun = next(hook for hook in whole.custom_hooks
                 if hook.type == 'StageScheduleHook').stages
    assert [s.loss_weights.loss_teacher for s in begun] == [0.0, None]
    for ours, theirs in zip(begun, plain.stages, strict=True):
        ours.loss_weights.pop('loss_teacher')
        assert ours == theirs
    # And all else is as in xas_mini.py.
    assert {key for key in plain if plain[key] != whole[key]} == {
        'model', 'default_hooks', 'custom_hooks', 'stages'}
    head = whole.model.head
    teacher = head.pop('loss_teacher')
    assert (teacher.loss_weight, teacher.depth_weight) == (2, 0)
    assert head.pop('bone_prior').type == 'BoneLengthPrior'
    assert head.pop('pose_ranker').first == 'mean'
    assert whole.model == plain.model
