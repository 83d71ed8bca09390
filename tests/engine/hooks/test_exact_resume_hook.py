"""What a model draws, and which batches it sees, after a resume."""
from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import DATASETS, TRANSFORMS
from torch import Tensor, nn

from xas_mmpose.engine.hooks import exact_resume_hook
from xas_mmpose.skeletons import HUMAN36M_18

RUNS = itertools.count()


@DATASETS.register_module(force=True)
class _Counted(BaseDataset):
    """Eight numbers with metainfo of key points."""

    METAINFO = dict(keypoint_id2name=dict(
        enumerate(HUMAN36M_18.keypoint_names)))
    asked = 0

    def load_data_list(self) -> list[dict]:
        return [dict(number=i) for i in range(8)]

    def get_data_info(self, idx: int) -> dict:
        _Counted.asked += 1
        return super().get_data_info(idx)


@TRANSFORMS.register_module(force=True)
class _Noise(BaseTransform):
    def transform(self, results: dict) -> dict:
        return dict(number=results['number'], noise=torch.rand(()).item())


class Model(BaseModel):
    """Notes what it is shown, and what it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple] = []

    def forward(self, number: list[int], noise: list[float],
                mode: str = 'tensor') -> dict[str, Tensor]:
        drawn = torch.rand(())
        self.seen.append((*number, *noise, float(drawn)))
        return dict(loss=(self.weight - drawn).square())


def train(work_dir: Path, length: int, by_epoch: bool = True,
          infinite: bool = True, hook: bool = True, num_workers: int = 0,
          save: dict | None = None, **kwargs: Any) -> Runner:
    """Train for some epochs of two iterations, or some iterations."""
    runner = Runner(
        model=Model(), work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=2, num_workers=num_workers,
            persistent_workers=num_workers > 0,
            sampler=dict(type='PairedSourceSampler', samples_per_source=[2],
                         num_batches=2, infinite=infinite and not by_epoch),
            dataset=dict(
                type='XasCombinedDataset', metainfo=HUMAN36M_18.metainfo(),
                datasets=[dict(type='_Counted')],
                pipeline=[dict(type='_Noise')]),
            collate_fn=dict(type='pseudo_collate')),
        train_cfg=(dict(by_epoch=True, max_epochs=length) if by_epoch else
                   dict(by_epoch=False, max_iters=length)),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='ExactResumeHook')] * hook,
        default_hooks=dict(logger=None, runtime_info=None, checkpoint=dict(
            type='CheckpointHook',
            **(save or dict(interval=1, by_epoch=by_epoch)))),
        default_scope='mmpose', log_level='ERROR',
        experiment_name=f'exact_resume_{next(RUNS)}', **kwargs)
    runner.train()
    return runner


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('hook', [True, False])
def test_a_resumed_model_draws_what_the_unbroken_one_would(
        tmp_path: Path, by_epoch: bool, hook: bool):
    options = dict(by_epoch=by_epoch, hook=hook, randomness=dict(seed=3))
    steps = 2 if by_epoch else 1
    whole = train(tmp_path / 'whole', 5, **options).model
    first = train(tmp_path / 'broken', 2, **options).model
    second = train(tmp_path / 'broken', 5, resume=True, **options).model
    assert len(whole.seen) == 5 * steps
    assert len({row[-1] for row in whole.seen}) == 5 * steps
    joined = first.seen + second.seen
    # Samples and what the pipeline draws need no hook.
    assert [row[:-1] for row in joined] == [row[:-1] for row in whole.seen]
    assert len({noise for row in joined for noise in row[2:4]}) == len(
        joined) * 2
    assert (joined == whole.seen) is hook
    assert torch.equal(second.weight, whole.weight) is hook


@pytest.mark.parametrize('infinite, num_workers', [
    (True, 0), (True, 1), (False, 0)])
def test_iterations_that_were_seen_are_passed_over(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, infinite: bool,
        num_workers: int):
    # MMEngine sleeps where a loader that ends begins again.
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    options = dict(by_epoch=False, infinite=infinite, randomness=dict(seed=3))
    whole = train(tmp_path / 'whole', 8, **options).model
    first = train(tmp_path / 'broken', 5, **options).model
    _Counted.asked = 0
    second = train(tmp_path / 'broken', 8, resume=True,
                   num_workers=num_workers, **options).model
    assert first.seen + second.seen == whole.seen
    if not num_workers:
        # A sampler that ends is gone through from the start, by MMEngine.
        assert _Counted.asked == 2 * (3 if infinite else 8)


def test_a_seed_that_no_config_names_is_kept(tmp_path: Path):
    def seed_of(runner: Runner) -> int:
        return runner.train_dataloader.batch_sampler.sampler.seed

    # MMEngine writes a resumed seed into its default argument.
    def start(folder: str, epochs: int, **options: Any) -> Runner:
        return train(tmp_path / folder, epochs, randomness=dict(seed=None),
                     **options)

    runner = start('broken', 2)
    resumed = start('broken', 4, resume=True)
    assert seed_of(resumed) == seed_of(runner)
    # Two epochs of two batches are a pass over the eight numbers.
    for model in (runner.model, resumed.model):
        numbers = [n for row in model.seen for n in row[:2]]
        assert sorted(numbers) == list(range(8))
    # One that starts from the weights has its own.
    other = start('other', 1, load_from=str(tmp_path / 'broken/epoch_2.pth'))
    assert seed_of(other) != seed_of(runner)


@pytest.mark.parametrize('by_epoch, save, warned', [
    (True, dict(by_epoch=False, interval=3), True),
    (True, dict(by_epoch=False, interval=4), False),  # each second epoch
    (True, dict(by_epoch=True, interval=1), False),
    (False, dict(by_epoch=False, interval=3), False)])
def test_checkpoints_in_the_midst_of_an_epoch_are_warned_of(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_epoch: bool,
        save: dict, warned: bool):
    said: list[tuple] = []
    monkeypatch.setattr(exact_resume_hook, 'print_log',
                        lambda *args: said.append(args))
    train(tmp_path, 1, by_epoch=by_epoch, save=save, randomness=dict(seed=3))
    assert [level for *_, level in said] == [logging.WARNING] * warned
    assert all('default_hooks.checkpoint.by_epoch=True' in text
               for text, *_ in said)
