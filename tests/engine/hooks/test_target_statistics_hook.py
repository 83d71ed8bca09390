"""Batch norm's statistics: of which pictures, in which layers, and when."""
from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.models.builder import build_pose_estimator
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset

from xas_mmpose.engine import TargetStatisticsHook
from xas_mmpose.engine.hooks import target_statistics_hook

PHYSIQUE = dict(
    type='PhysiqueMaskLoss', map_size=(16, 16),
    network=dict(type='PhysiqueNetwork', channels=(4, 8)))
EMA = dict(type='EMAHook', ema_type='ExponentialMovingAverage',
           momentum=0.25, update_buffers=True)


def ready(hook: TargetStatisticsHook, model: nn.Module, dataset: Any,
          hooks: tuple[Any, ...] = (), seed: int = 0, iter: int = 4
          ) -> SimpleNamespace:
    """Return all that a hook asks of a runner, when training has started."""
    runner = SimpleNamespace(
        model=model, hooks=hooks, seed=seed, iter=iter,
        train_loop=Mock(spec=EpochBasedTrainLoop),
        train_dataloader=SimpleNamespace(dataset=dataset))
    hook.before_train(runner)
    return runner


@pytest.fixture
def model(detector: Callable[..., dict]) -> nn.Module:
    """Return a detector that has been trained for three steps, as it says."""
    torch.manual_seed(0)
    model = build_pose_estimator(detector(loss_physique_mask=PHYSIQUE))
    model.init_weights()
    for name, buffer in model.named_buffers():
        if 'running' in name:
            buffer.uniform_(0.5, 2)
        elif 'num_batches' in name:
            buffer.fill_(3)
    return model.train()


def moments(model: nn.Module, inputs: list[Tensor]
            ) -> tuple[Tensor, Tensor]:
    """Return mean and variance of what the first batch norm is given."""
    with torch.no_grad():
        first = model.backbone.conv1(torch.stack(inputs).float() / 255)
    return first.mean((0, 2, 3)), first.var((0, 2, 3))


def kept(model: nn.Module) -> tuple[Tensor, Tensor]:
    """Return what the first batch norm remembers."""
    layer = model.backbone.bn1
    return layer.running_mean.clone(), layer.running_var.clone()


def assert_close(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> None:
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-6)


def test_statistics_are_the_moments_of_the_target_pictures(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    targets = pictures(6, ('target', ))
    dataset = ConcatDataset([pictures(5, ('synthetic', ), seed=1), targets])
    inputs = [one['inputs'] for one in targets]
    hook = TargetStatisticsHook(num_pictures=100, batch_size=100)
    runner = ready(hook, model, dataset)
    hook.renew(runner)
    assert_close(kept(model), moments(model, inputs))
    # Again the same, whatever was remembered.
    hook.renew(runner)
    assert_close(kept(model), moments(model, inputs))
    # Of several batches the mean; they are as even as can be: 2 + 2 + 2.
    hook = TargetStatisticsHook(num_pictures=100, batch_size=2)
    hook.renew(ready(hook, model, dataset))
    parts = [moments(model, inputs[i::3]) for i in (0, 1, 2)]
    assert_close(kept(model), tuple(
        torch.stack(part).mean(0) for part in zip(*parts)))
    torch.testing.assert_close(kept(model)[0], moments(model, inputs)[0])
    # And not 5 + 1, where one picture would count like five.
    hook = TargetStatisticsHook(num_pictures=100, batch_size=5)
    hook.renew(ready(hook, model, dataset))
    torch.testing.assert_close(kept(model)[0], moments(model, inputs)[0])


def test_batches_are_as_different_as_the_set(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    # As sets are: one recording behind the other, each of one brightness.
    dark, light = pictures(4, ('target', )), pictures(4, ('target', ))
    for i, one in enumerate(dark + light):
        one['inputs'] = (one['inputs'] // 8 + 128 * (i // 4)).to(torch.uint8)
    inputs = [one['inputs'] for one in dark + light]
    whole = moments(model, inputs)[1]
    apart = torch.stack([moments(model, inputs[:4])[1],
                         moments(model, inputs[4:])[1]]).mean(0)
    # Most that varies does so from one recording to the other.
    assert apart.sum() < 0.2 * whole.sum()
    hook = TargetStatisticsHook(num_pictures=100, batch_size=4)
    hook.renew(ready(hook, model, ConcatDataset([dark, light])))
    torch.testing.assert_close(kept(model)[1], whole, rtol=0.05, atol=1e-4)


def test_nothing_but_the_detectors_statistics_is_changed(
        model: nn.Module, pictures: Callable[..., list[dict]],
        global_states: Callable[[], tuple]):
    model.backbone.layer1.eval()  # as a frozen stage
    model.backbone.bn1.momentum = 0.03
    modes = {name: m.training for name, m in model.named_modules()}
    momenta = {name: getattr(m, 'momentum', None)
               for name, m in model.named_modules()}
    assert set(modes.values()) == {True, False}
    before = {k: v.clone() for k, v in model.state_dict().items()}
    states = global_states()
    hook = TargetStatisticsHook()
    hook.renew(ready(hook, model, pictures(4, ('target', ))))
    assert global_states() == states
    assert {n: m.training for n, m in model.named_modules()} == modes
    assert {n: getattr(m, 'momentum', None)
            for n, m in model.named_modules()} == momenta
    changed = {k for k, v in model.state_dict().items()
               if not torch.equal(v, before[k])}
    assert changed == {k for k in before
                       if 'running' in k and 'physique' not in k
                       and 'layer1' not in k}
    assert len(changed) > 30
    assert any('physique' in k for k in before if 'running' in k)
    assert all(p.grad is None and p.requires_grad
               for p in model.parameters())


def test_all_is_as_before_if_the_model_fails(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    before = {k: v.clone() for k, v in model.state_dict().items()}

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError('out of memory')

    model.backbone.forward = fail
    hook = TargetStatisticsHook()
    with pytest.raises(RuntimeError, match='out of memory'):
        hook.renew(ready(hook, model, pictures(4, ('target', ))))
    assert all(m.training for m in model.modules())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_the_average_gets_its_own(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    targets = pictures(4, ('target', ))
    average = EMAHook(momentum=0.25, update_buffers=True)
    average.before_run(SimpleNamespace(model=model))
    mean = average.ema_model.module
    with torch.no_grad():
        for parameter in mean.parameters():
            parameter.mul_(1.5)
    hook = TargetStatisticsHook()
    hook.renew(ready(hook, model, targets, (average, )))
    inputs = [one['inputs'] for one in targets]
    assert_close(kept(model), moments(model, inputs))
    assert_close(kept(mean), moments(mean, inputs))
    # Weights 1.5 times as large make 1.5 times the mean.
    torch.testing.assert_close(kept(mean)[0], 1.5 * kept(model)[0],
                               rtol=1e-4, atol=1e-6)
    assert mean.training


def test_frozen_stages_of_the_average_stay_too(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    average = EMAHook(momentum=0.25, update_buffers=True)
    average.before_run(SimpleNamespace(model=model))
    mean = average.ema_model.module
    # As norm_eval does, when training begins; nobody tells the average.
    model.backbone.layer1.eval()
    before = {k: v.clone() for k, v in mean.state_dict().items()}
    hook = TargetStatisticsHook()
    hook.renew(ready(hook, model, pictures(4, ('target', )), (average, )))
    after = mean.state_dict()
    for key in before:
        assert torch.equal(after[key], before[key]) is not (
            'running' in key and 'layer1' not in key
            and 'physique' not in key), key


class Drawn(Dataset):
    """Pictures of which any generator draws the brightness."""

    def __init__(self, pictures: list[dict]) -> None:
        self.pictures = pictures
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict:
        self.asked.append(index)
        noise = (random.random() + np.random.rand()  # noqa: NPY002
                 + torch.rand(()).item())
        return dict(self.pictures[index], inputs=(
            self.pictures[index]['inputs'] * noise / 3).to(torch.uint8))


def test_what_is_drawn_depends_on_seed_and_iteration_alone(
        model: nn.Module, pictures: Callable[..., list[dict]],
        monkeypatch: pytest.MonkeyPatch):
    dataset = Drawn(pictures(3, ('target', )))
    hook = TargetStatisticsHook()

    def renewed(**options: int) -> Tensor:
        torch.rand(1)
        runner = ready(hook, model, dataset, **options)
        dataset.asked.clear()
        hook.renew(runner)
        assert dataset.asked == [0, 1, 2]
        return kept(model)[0]

    first = renewed()
    assert torch.equal(renewed(), first)
    assert not torch.equal(renewed(seed=1), first)
    assert not torch.equal(renewed(iter=5), first)
    # Another process, whose own seed is another one.
    monkeypatch.setattr(target_statistics_hook, 'broadcast',
                        lambda seed: seed.fill_(0))
    assert torch.equal(renewed(seed=1), first)


def test_pictures_are_evenly_spaced_over_each_unlabelled_set(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    target, synthetic = pictures(1, ('target', )), pictures(
        1, ('synthetic', ))
    sets = [target * 7, synthetic * 5, target * 100, target * 2]

    def chosen(dataset: Any, num: int) -> list[int]:
        hook = TargetStatisticsHook(num_pictures=num)
        ready(hook, model, dataset)
        return hook.indices

    # 4 of each: 0 2 4 6, none, 12 + (0 33 66 99), and both.
    assert chosen(ConcatDataset(sets), 12) == [
        0, 2, 4, 6, 12, 45, 78, 111, 112, 113]
    # Rather one more than one less.
    assert len(chosen(ConcatDataset(sets[:3]), 7)) == 8
    # A single data set, whole or in part.
    assert chosen(target * 3, 256) == [0, 1, 2]
    assert chosen(target * 101, 3) == [0, 50, 100]
    assert chosen(target * 9, 1) == [0]


def test_it_needs_target_pictures_and_numbers_from_1_on(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    with pytest.raises(ValueError, match='no target pictures among the'):
        ready(TargetStatisticsHook(), model,
              ConcatDataset([pictures(2, ('synthetic', ))]))
    for name in ('num_pictures', 'batch_size', 'interval'):
        with pytest.raises(ValueError, match=f'{name} starts at 1, got 0'):
            TargetStatisticsHook(**{name: 0})


def test_epochs_cannot_be_counted_where_there_are_none(
        make_runner: Callable[..., Runner], detector: Callable[..., dict]):
    runner = make_runner(detector(), [dict(type='TargetStatisticsHook')],
                         train_cfg=dict(by_epoch=False, max_iters=2))
    with pytest.raises(ValueError, match='TargetStatisticsHook by_epoch=Fal'):
        runner.train()


@pytest.mark.parametrize('by_epoch', [True, False])
def test_when_it_is_time(
        make_runner: Callable[..., Runner], detector: Callable[..., dict],
        pictures: Callable[..., list[dict]], by_epoch: bool,
        monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(TargetStatisticsHook, 'renew', lambda _, runner:
                        seen.append((runner.epoch, runner.iter)))
    # Two iterations an epoch.
    options = {} if by_epoch else dict(
        train_cfg=dict(by_epoch=False, max_iters=5))
    make_runner(
        detector(), [dict(type='TargetStatisticsHook', interval=2,
                          by_epoch=by_epoch, num_pictures=2)],
        3, pictures(), **options).train()
    # Counted from 0 on: each second one, and the last.
    if by_epoch:
        assert seen == [(1, 4), (2, 6)]
    else:
        assert [iteration for _, iteration in seen] == [1, 3, 4]


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_checkpoint_holds_the_new_statistics(
        make_runner: Callable[..., Runner], detector: Callable[..., dict],
        pictures: Callable[..., list[dict]], tmp_path: Path,
        by_epoch: bool):
    data = ConcatDataset([pictures(4, ('target', )),
                          pictures(4, ('synthetic', ), seed=1)])
    options = {} if by_epoch else dict(
        train_cfg=dict(by_epoch=False, max_iters=2),
        default_hooks=dict(
            logger=None, runtime_info=None, checkpoint=dict(
                type='CheckpointHook', interval=2, by_epoch=False)))
    states = {}
    for name, hooks in (('plain', []), ('renewed', [
            dict(type='TargetStatisticsHook', by_epoch=by_epoch)])):
        make_runner(detector(), [*hooks, EMA], 1, data, folder=name,
                    **options).train()
        states[name] = torch.load(
            tmp_path / name / ('epoch_1.pth' if by_epoch else 'iter_2.pth'),
            weights_only=False)
    inputs = [data[i]['inputs'] for i in range(4)]
    for part, prefix in (('state_dict', ''), ('ema_state_dict', 'module.')):
        plain, renewed = (state[part] for state in states.values())
        # The training went the same way.
        for key, value in plain.items():
            assert torch.equal(value, renewed[key]) is not (
                'running' in key), key
        model = build_pose_estimator(detector())
        model.load_state_dict({
            key.removeprefix(prefix): value
            for key, value in renewed.items() if key != 'steps'})
        assert_close(kept(model), moments(model, inputs))
