from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.datasets import CombinedDataset
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
)

from xas_mmpose.datasets.samplers import PairedSourceSampler
from xas_mmpose.engine.hooks.dataset_epoch_hook import (
    DatasetEpochHook,
    epoch_datasets,
)
from xas_mmpose.skeletons import HUMAN36M_18

#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


class Noting(Dataset):
    """Notes the epochs it is told."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, idx: int) -> dict:
        return dict(img=np.ones((2, 2)))


class Model(BaseModel):
    """Notes the samples that it sees, and learns their brightness."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[str] = []
        self.losses: list[float] = []

    def forward(self, img, keypoints_3d=(), mode='tensor', **_):
        self.seen += [hashlib.sha256(picture.tobytes()).hexdigest()
                      for picture in img]
        mean = float(sum(picture.mean() for picture in img))
        loss = (self.weight - mean / 1000).square().sum()
        self.losses.append(float(loss.detach()))
        return dict(loss=loss)


#: The indices of the first have no epoch, those of the second know it.
SAMPLERS = [dict(type='DefaultSampler', shuffle=True, seed=0),
            dict(type='PairedSourceSampler', samples_per_source=[1, 1],
                 seed=0)]


def train(work_dir: Path, epochs: int, num_workers: int = 0,
          sampler: dict = SAMPLERS[0], hook: bool = True,
          resume: bool = False) -> Model:
    """Train on pairs made online beside another set of them."""
    online = dict(type='OnlineSyntheticPairDataset', num=4,
                  settings=dict(scene=dict(image_size=16)))
    runner = Runner(
        model=Model(), work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=dict(
                type='XasCombinedDataset', metainfo=HUMAN36M_18.metainfo(),
                datasets=[online, dict(online, seed=1)]),
            collate_fn=dict(type='pseudo_collate'), batch_size=2,
            num_workers=num_workers, persistent_workers=num_workers > 0,
            sampler=sampler),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='DatasetEpochHook')] * hook,
        default_hooks=dict(logger=None, runtime_info=None),
        default_scope='mmpose', log_level='ERROR', resume=resume,
        randomness=dict(seed=0), experiment_name=f'epoch_hook_{next(RUNS)}')
    runner.train()
    return runner.model


@pytest.mark.parametrize('sampler, hook, num_workers', [
    (SAMPLERS[0], True, 0), (SAMPLERS[0], True, 2), (SAMPLERS[1], True, 0),
    (SAMPLERS[1], False, 2)])
def test_a_resumed_training_goes_on_as_the_unbroken_one(
        tmp_path: Path, sampler: dict, hook: bool,
        num_workers: int) -> None:
    options = dict(sampler=sampler, hook=hook)
    whole = train(tmp_path / 'whole', 3, **options)
    assert len(set(whole.seen)) == 3 * 8  # no picture comes twice
    broken = tmp_path / 'broken'
    first = train(broken, 1, **options)
    second = train(broken, 3, num_workers, resume=True, **options)
    assert first.seen + second.seen == whole.seen
    assert first.losses + second.losses == whole.losses
    assert len(set(whole.losses)) == 12


def test_wrappers_are_seen_through() -> None:
    one, other = Noting(), Noting()
    tree = ConcatDataset([Subset(one, [0]), [1, 2], Subset(other, [1])])
    assert list(epoch_datasets(tree)) == [one, other]
    assert list(epoch_datasets([1, 2])) == []


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_training_without_epochs_is_warned_of(
        tmp_path: Path, caplog: pytest.LogCaptureFixture,
        by_epoch: bool) -> None:
    cfg = dict(by_epoch=True, max_epochs=2) if by_epoch else dict(
        by_epoch=False, max_iters=1)
    runner = Runner(
        model=Model(), work_dir=str(tmp_path),
        train_dataloader=dict(
            dataset=Noting(), batch_size=2, num_workers=0,
            sampler=dict(type='DefaultSampler'),
            collate_fn=dict(type='pseudo_collate')),
        train_cfg=cfg, optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='DatasetEpochHook')],
        default_hooks=dict(logger=None, runtime_info=None, checkpoint=None),
        default_scope='mmpose', experiment_name=f'epoch_hook_{next(RUNS)}')
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert runner.train_dataloader.dataset.epochs == (
        [0, 1] if by_epoch else [0])
    warned = 'Noting has 2 samples, and this training no epochs'
    assert (warned in caplog.text) is not by_epoch


def test_a_sampler_that_numbers_its_draws_needs_no_epochs(
        monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr('xas_mmpose.engine.hooks.dataset_epoch_hook.'
                        'print_log', lambda *args: said.append(args))
    dataset = CombinedDataset(HUMAN36M_18.metainfo(), [
        dict(type='OnlineSyntheticPairDataset', num=3)])
    for sampler, warnings in (
            (PairedSourceSampler(dataset, [1], seed=0), 0),
            (SequentialSampler(dataset), 1)):
        DatasetEpochHook().before_train(SimpleNamespace(
            train_loop=None,
            train_dataloader=DataLoader(dataset, sampler=sampler)))
        assert len(said) == warnings
