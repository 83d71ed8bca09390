"""Stages: weights, learning rates and batches change where they should."""
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS
from torch import nn

from xas_mmpose.engine import StageScheduleHook
from xas_mmpose.models import PriorGeneratorLoss, WinnerTakesAllLoss
from xas_mmpose.skeletons import HUMAN36M_18

#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()
STAGES = [
    dict(begin=0, loss_weights=dict(loss_synthetic=3.0, loss_prior=0.0)),
    dict(begin=2, loss_weights=dict(loss_prior=0.5), lr_factor=0.5,
         samples_per_source=[1, 1]),
    dict(begin=4, loss_weights=dict(loss_synthetic=None)),
]


@DATASETS.register_module(force=True)
class _Sources(BaseDataset):
    def __init__(self, source: int, **kwargs: Any) -> None:
        self.source = source
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(source=self.source, number=i) for i in range(10)]


class Head(nn.Module):
    """Two losses, as MultiHypothesisHead lists them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.loss_modules = dict(
            loss_synthetic=WinnerTakesAllLoss(loss_weight=7.0),
            loss_prior=PriorGeneratorLoss(loss_weight=7.0), loss_symmetry=None)


class Model(BaseModel):
    """Notes what it is trained with."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        self.other = nn.Parameter(torch.ones(1))
        self.seen: list[tuple] = []
        self.runner: Runner | None = None

    def rate_of(self, parameter: nn.Parameter) -> float:
        group, = (g for g in self.runner.optim_wrapper.param_groups
                  if any(p is parameter for p in g['params']))
        return group['lr']

    def forward(self, source, number, mode='tensor', **_):
        losses = self.head.loss_modules
        self.seen.append((
            losses['loss_synthetic'].loss_weight,
            losses['loss_prior'].loss_weight,
            *(round(self.rate_of(p), 10)
              for p in (self.head.weight, self.other)),
            ''.join(map(str, source)), tuple(number)))
        scale = losses['loss_synthetic'].loss_weight + sum(number)
        return dict(loss=(self.head.weight * scale + self.other).sum())


def make_runner(work_dir: Path, epochs: int, stages: list[dict] = STAGES,
                by_epoch: bool = True, paired: bool = True,
                train_cfg: dict | None = None, **kwargs: Any) -> Runner:
    dataset = CombinedDataset(
        metainfo=HUMAN36M_18.metainfo(),
        datasets=[dict(type=_Sources, source=i, serialize_data=False)
                  for i in range(2)])
    loader = dict(
        dataset=dataset, batch_size=4, num_workers=0,
        sampler=dict(type='PairedSourceSampler', samples_per_source=[3, 1],
                     num_batches=2, seed=0),
        collate_fn=dict(type='pseudo_collate'))
    if paired:
        loader['batch_sampler'] = dict(type='PairedBatchSampler')
    model = Model()
    model.runner = runner = Runner(
        model=model, work_dir=str(work_dir), train_dataloader=loader,
        train_cfg=train_cfg or dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(
            optimizer=dict(type='Adam', lr=0.1),
            paramwise_cfg=dict(custom_keys={'other': dict(lr_mult=0.1)})),
        # Without end it would end with the shorter training.
        param_scheduler=dict(type='MultiStepLR', milestones=[1, 3],
                             gamma=0.1, by_epoch=True, end=100),
        custom_hooks=[dict(type='StageScheduleHook', stages=stages,
                           by_epoch=by_epoch)],
        default_hooks=dict(logger=None), default_scope='mmpose',
        log_level='ERROR', randomness=dict(seed=0),
        experiment_name=f'stages_{next(RUNS)}', **kwargs)
    return runner


def test_each_stage_sets_what_it_says_and_leaves_the_rest(tmp_path: Path):
    runner = make_runner(tmp_path, 5)
    runner.train()
    seen = runner.model.seen
    assert len(seen) == 10  # an epoch keeps its two batches
    assert [row[:2] for row in seen[::2]] == [
        (3.0, 0.0), (3.0, 0.0), (3.0, 0.5), (3.0, 0.5), (7.0, 0.5)]
    # The schedule divides at epochs 1 and 3; stage 2 sets half the first.
    # The second parameter keeps a tenth of it.
    rates = [0.1, 0.01, 0.05, 0.005, 0.005]
    assert [row[2] for row in seen[::2]] == rates
    assert [row[3] for row in seen[::2]] == pytest.approx(
        [rate / 10 for rate in rates])
    assert [row[4] for row in seen] == ['0001'] * 4 + ['01'] * 6


@pytest.mark.parametrize('stop', [1, 2, 3])
def test_a_resumed_training_goes_on_as_the_unbroken_one(
        tmp_path: Path, stop: int):
    # Before a stage's border, on it, and within the stage.
    whole = make_runner(tmp_path / 'whole', 5)
    whole.train()
    first = make_runner(tmp_path / 'broken', stop)
    first.train()
    second = make_runner(tmp_path / 'broken', 5, resume=True)
    second.train()
    assert first.model.seen + second.model.seen == whole.model.seen
    for a, b in zip(whole.model.parameters(), second.model.parameters()):
        assert torch.equal(a, b)


def test_stages_by_iteration(tmp_path: Path):
    stages = [{k: v for k, v in s.items() if k != 'samples_per_source'}
              for s in STAGES]
    runner = make_runner(
        tmp_path, 0, stages, by_epoch=False,
        train_cfg=dict(by_epoch=False, max_iters=5))
    runner.train()
    assert [row[:2] for row in runner.model.seen] == [
        (3.0, 0.0), (3.0, 0.0), (3.0, 0.5), (3.0, 0.5), (7.0, 0.5)]
    assert runner.model.seen[2][2] == 0.05


@pytest.mark.parametrize('stages, message', [
    ([], 'rise from 0'),
    ([dict(begin=1)], 'rise from 0'),
    ([dict(begin=0), dict(begin=0)], 'rise from 0'),
    ([dict(loss_weights={})], 'rise from 0'),
    ([dict(begin=0, lr=1e-4)], r"unknown settings \['lr'\]"),
])
def test_wrong_stages_are_named(stages: list[dict], message: str):
    with pytest.raises(ValueError, match=message):
        StageScheduleHook(stages)


def test_stages_that_do_not_fit_the_run_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match='between epochs only'):
        StageScheduleHook(STAGES, by_epoch=False)
    for stage, message in (
            (dict(loss_weights=dict(loss_symmetry=1.0)),
             r'loss_symmetry, which the head has not; .*model\.head\.'),
            (dict(samples_per_source=[1, 2, 3]), 'each of the 2 data sets')):
        runner = make_runner(tmp_path, 1, [dict(stage, begin=0)])
        with pytest.raises(ValueError, match=message):
            runner.train()
    with pytest.raises(ValueError, match='PairedBatchSampler'):
        make_runner(tmp_path, 1, paired=False).train()
    runner = make_runner(tmp_path, 1, [dict(begin=0)],
                         train_cfg=dict(by_epoch=False, max_iters=1))
    with pytest.raises(ValueError, match='counts iterations'):
        runner.train()
    runner = make_runner(tmp_path, 1)
    runner.model.head = nn.Linear(1, 1)
    with pytest.raises(ValueError, match='MultiHypothesisHead'):
        runner.train()
