"""The teacher: what it sees and says, and what the detector is shown."""
from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from mmpose.models.builder import build_pose_estimator
from torch import Tensor, nn

from xas_mmpose.engine import MeanTeacherHook
from xas_mmpose.engine.hooks import mean_teacher_hook
from xas_mmpose.skeletons import HUMAN36M_18

MOMENTUM = 0.25
EMA = dict(type='EMAHook', ema_type='ExponentialMovingAverage',
           momentum=MOMENTUM, update_buffers=True)
TEACHER = dict(type='TeacherLoss', loss_weight=2.0)


@pytest.fixture
def model(detector: Callable[..., dict]) -> nn.Module:
    """Return a detector whose batch norm has seen something, in training."""
    torch.manual_seed(0)
    model = build_pose_estimator(detector(loss_teacher=TEACHER))
    model.init_weights()
    for name, buffer in model.named_buffers():
        if 'running' in name:
            buffer.uniform_(0.5, 2)
    return model.train()


def ready(model: nn.Module, **kwargs: Any) -> MeanTeacherHook:
    """Return a hook as it is when training has started."""
    hook = MeanTeacherHook(**kwargs)
    hook.teacher = copy.deepcopy(model)
    return hook


def a_runner(model: nn.Module, seed: int = 3, iter: int = 7
             ) -> SimpleNamespace:
    """Return what the hook asks of a runner before an iteration."""
    return SimpleNamespace(model=model, seed=seed, iter=iter)


def by_hand(model: nn.Module, inputs: list[Tensor],
            seen: dict[str, list[tuple[Tensor, Tensor]]] | None = None
            ) -> list[Tensor]:
    """Return what a model says of pictures, by statistics of its pictures.

    Args:
        model: The model.
        inputs: The pictures.
        seen: Mean and variance of what each layer was given so far; those of
            these pictures are added. None for nothing so far.

    Returns:
        Mean marginals of the straight and of the mirrored pictures.
    """
    model = copy.deepcopy(model).eval()
    seen = {} if seen is None else seen

    def normalise(name: str) -> Callable[..., Tensor]:
        def hook(layer: nn.Module, args: tuple, _: Tensor) -> Tensor:
            x, = args
            rows = x.transpose(0, 1).flatten(1)
            seen.setdefault(name, []).append((rows.mean(1), rows.var(1)))
            mean, var = (torch.stack(each).mean(0)[:, None, None]
                         for each in zip(*seen[name]))
            weight, bias = (p[:, None, None]
                            for p in (layer.weight, layer.bias))
            return (x - mean) / (var + layer.eps).sqrt() * weight + bias

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(normalise(name))
    images = torch.stack(inputs).float() / 255
    said = []
    with torch.no_grad():
        features = [model.backbone(batch)
                    for batch in (images, images.flip(-1))]
        for feats in features:
            scores = model.head.forward(feats)
            heat = scores.flatten(2).softmax(-1).view_as(scores)
            said.append([heat.sum((2, 3)), heat.sum((2, 4)),
                         heat.sum((3, 4))])
    swap = list(HUMAN36M_18.flip_indices)
    assert swap != list(range(18))
    (x, y, z), mirrored = said
    mx, my, mz = (m[:, swap] for m in mirrored)
    return [(x + mx.flip(-1)) / 2, (y + my) / 2, (z + mz) / 2]


class OwnMean(Hook):
    """Computes the average by its definition, and what it says by hand.

    Pairs of that with what the loss is given are noted. It comes before the
    hook, to see the pictures as they are.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        # Before the first step MMEngine's average has weights of its own.
        average = next(hook.ema_model.module for hook in runner.hooks
                       if isinstance(hook, EMAHook))
        self.mean: dict[str, Tensor] = {
            name: value.clone()
            for name, value in average.state_dict().items()}
        self.steps = 0
        self.seen: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self.pairs: list[tuple[list[Tensor], list[Tensor]]] = []
        pretext = runner.model.head.pretext
        loss = pretext.teacher.forward

        def forward(marginals: Any, teacher: Any) -> Tensor:
            self.pairs[-1][1].extend(m.clone() for m in teacher)
            return loss(marginals, teacher)

        pretext.teacher.forward = forward

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        twin = copy.deepcopy(runner.model)
        twin.load_state_dict(self.mean)
        targets = [picture for picture, sample in zip(
            data_batch['inputs'], data_batch['data_samples'])
            if sample.domain == 'target']
        assert len(targets) == 2
        self.pairs.append((by_hand(twin, targets, self.seen), []))

    def after_train_iter(self, runner: Runner, *args: Any,
                         **kwargs: Any) -> None:
        for name, value in runner.model.state_dict().items():
            # MMEngine's average is the weights themselves after one step.
            factor = MOMENTUM if self.steps else 1
            if value.is_floating_point():
                self.mean[name] += factor * (value - self.mean[name])
        self.steps += 1


def test_the_teacher_is_the_average_of_the_weights_so_far(
        make_runner: Callable[..., Runner], detector: Callable[..., dict]):
    own = OwnMean()
    runner = make_runner(detector(loss_teacher=TEACHER), [
        dict(type='MeanTeacherHook'), EMA, own], epochs=2)
    runner.train()
    assert len(own.pairs) == 4
    for want, said in own.pairs:
        assert len(said) == 3
        for a, b in zip(want, said):
            torch.testing.assert_close(b, a, rtol=2e-4, atol=1e-6)
            torch.testing.assert_close(b.sum(-1), torch.ones(2, 18))
    # It is not the detector's own opinion: that has moved on.
    now = by_hand(runner.model, [
        runner.train_dataloader.dataset[i]['inputs'] for i in (4, 6)])
    assert (now[2] - own.pairs[-1][1][2]).abs().max() > 1e-3
    # And it has been used up.
    assert runner.model.head.pretext.teacher_marginals is None


def test_of_many_batches_the_last_ones_count(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    hook = ready(model, momentum=0.4)
    first = model.backbone.conv1
    means = []
    for seed in range(4):
        batch = pseudo_collate(pictures(2, ('target', ), seed=seed))
        hook.ask(batch['inputs'], batch['data_samples'])
        images = torch.stack(batch['inputs']).float() / 255
        with torch.no_grad():
            means += [first(x).mean((0, 2, 3))
                      for x in (images, images.flip(-1))]
    want = means[0]
    # Shares 1/2, then 0.4 and no longer 1/3 to 1/8.
    for share, mean in zip([0.5] + [0.4] * 6, means[1:], strict=True):
        want = want + share * (mean - want)
    torch.testing.assert_close(hook.statistics['backbone.bn1'].mean, want,
                               rtol=1e-4, atol=1e-6)


def test_what_it_says_is_of_target_pictures_alone(
        model: nn.Module, pictures: Callable[..., list[dict]]):
    batch = pseudo_collate(pictures(4))
    inputs = list(batch['inputs'])
    hook = ready(model)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)  # not the detector, which does not count
    hook.before_train_iter(a_runner(model), 0, batch)
    said = model.head.pretext.teacher_marginals
    want = by_hand(hook.teacher, [inputs[0], inputs[2]])
    for a, b in zip(said, want, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=1e-6)
        assert not a.requires_grad
    # In other company batch norm would have said something else.
    other = by_hand(hook.teacher, inputs)
    assert (other[2][[0, 2]] - said.z).abs().max() > 1e-3
    # The detector sees them disturbed, and labelled ones as they are.
    assert batch['inputs'][1] is inputs[1]
    assert batch['inputs'][3] is inputs[3]
    for i in (0, 2):
        now = batch['inputs'][i]
        assert (now.shape, now.dtype) == (inputs[i].shape, inputs[i].dtype)
        assert (now != inputs[i]).float().mean() > 0.1
    # What the data set may hold on to is not written to.
    for one, i in zip(pictures(4), range(4)):
        assert torch.equal(one['inputs'], inputs[i])


def test_no_process_waits_for_another_to_ask(
        model: nn.Module, pictures: Callable[..., list[dict]],
        monkeypatch: pytest.MonkeyPatch):
    batch = pseudo_collate(pictures(2, ('target', )))
    want = ready(model).ask(batch['inputs'], batch['data_samples'])
    hook = ready(nn.SyncBatchNorm.convert_sync_batchnorm(model))
    assert isinstance(hook.teacher.backbone.bn1, nn.SyncBatchNorm)
    # The layer gathers from all processes; others may have no target.
    monkeypatch.setattr(nn.SyncBatchNorm, 'forward', None)
    said = hook.ask(batch['inputs'], batch['data_samples'])
    for a, b in zip(said, want, strict=True):
        torch.testing.assert_close(a, b)


def test_looking_changes_nothing(
        model: nn.Module, pictures: Callable[..., list[dict]],
        global_states: Callable[[], tuple]):
    hook = ready(model)
    modes = {name: module.training
             for name, module in model.named_modules()}
    states = [{k: v.clone() for k, v in m.state_dict().items()}
              for m in (model, hook.teacher)]
    assert 'backbone.bn1.running_mean' in states[1]
    before = global_states()
    hook.before_train_iter(a_runner(model), 0, pseudo_collate(pictures(4)))
    for m, state in zip((model, hook.teacher), states):
        for name, value in m.state_dict().items():
            assert torch.equal(value, state[name]), name
        for module in m.modules():
            assert getattr(module, 'track_running_stats', True)
            assert 'forward' not in vars(module)
    assert {name: module.training
            for name, module in model.named_modules()} == modes
    assert global_states() == before


def test_colours_stay_within_the_gain():
    hook = MeanTeacherHook(gain=0.3, holes=0)
    generator = torch.Generator().manual_seed(0)
    grey = torch.full((3, 9, 5), 100, dtype=torch.uint8)
    seen = torch.stack([hook.disturb(grey, generator) for _ in range(500)])
    assert seen.dtype == torch.uint8
    # One factor for all pixels of a colour, each its own.
    assert (seen == seen[..., :1, :1]).all()
    factors = seen[..., 0, 0]
    assert 69 <= factors.min() <= 72
    assert 128 <= factors.max() <= 130
    assert (factors[:, 0] != factors[:, 1]).float().mean() > 0.9
    assert float(factors.float().mean()) == pytest.approx(99.5, abs=2)
    # Nothing is brighter than white, and nothing wraps around.
    white = torch.full((3, 9, 5), 255, dtype=torch.uint8)
    seen = torch.stack([hook.disturb(white, generator) for _ in range(100)])
    assert (seen == 255).any()
    assert seen.min() >= 178


def test_holes_are_boxes_of_the_size_that_is_said():
    hook = MeanTeacherHook(gain=0, holes=1, hole_size=(0.1, 0.5))
    generator = torch.Generator().manual_seed(0)
    picture = torch.full((3, 40, 20), 9, dtype=torch.uint8)
    boxes = []
    for _ in range(300):
        hole = hook.disturb(picture, generator) == 0
        assert (hole == hole[:1]).all()  # in all colours
        rows, columns = (hole[0].any(axis).nonzero()[:, 0]
                         for axis in (1, 0))
        top, bottom = rows[0].item(), rows[-1].item()
        left, right = columns[0].item(), columns[-1].item()
        size = (bottom - top + 1, right - left + 1)
        assert hole[0].sum() == size[0] * size[1]
        boxes.append((*size, top, left, bottom, right))
    low, high = np.min(boxes, 0), np.max(boxes, 0)
    assert low[:4].tolist() == [4, 2, 0, 0]
    assert high[[0, 1, 4, 5]].tolist() == [20, 10, 39, 19]
    assert (picture == 9).all()
    # As many as are said, and without any the picture as it was.
    hook = MeanTeacherHook(gain=0, holes=50, hole_size=(0.1, 0.1))
    assert (hook.disturb(picture, generator) == 0).float().mean() > 0.2
    hook = MeanTeacherHook(gain=0, holes=0)
    assert torch.equal(hook.disturb(picture, generator), picture)


def test_the_disturbance_is_a_function_of_seed_iteration_and_process(
        model: nn.Module, monkeypatch: pytest.MonkeyPatch,
        pictures: Callable[..., list[dict]]):
    hook = ready(model)
    one = pictures(1)[0]

    def shown(seed: int = 3, iter: int = 7, rank: int = 0) -> Tensor:
        monkeypatch.setattr(mean_teacher_hook, 'get_rank', lambda: rank)
        torch.rand(5)  # nothing of the global generator
        batch = pseudo_collate([one, one])
        hook.before_train_iter(a_runner(model, seed, iter), 0, batch)
        return torch.stack(batch['inputs'])

    first = shown()
    assert torch.equal(first, shown())
    assert not torch.equal(first[0], first[1])
    for other in (shown(seed=4), shown(iter=8), shown(rank=1)):
        assert not torch.equal(other, first)
    # A training without a seed of its own has one, too.
    assert torch.equal(shown(seed=None), shown(seed=0))


@pytest.mark.parametrize('weight, domain', [(0.0, 'target'),
                                            (1.0, 'synthetic')])
def test_it_rests_where_nobody_learns(
        model: nn.Module, pictures: Callable[..., list[dict]],
        weight: float, domain: str):
    hook = ready(model)
    hook.ask = None
    model.head.pretext.teacher.loss_weight = weight
    batch = pseudo_collate(pictures(4, (domain, )))
    inputs = batch['inputs']
    hook.before_train_iter(a_runner(model), 0, batch)
    assert batch['inputs'] is inputs
    assert model.head.pretext.teacher_marginals is None
    data = model.data_preprocessor(batch, True)
    with torch.no_grad():
        losses = model.loss(**data)
    assert ('loss_teacher' in losses) is bool(weight)
    assert float(losses.get('loss_teacher', torch.zeros(()))) == 0


class Notes(Hook):
    """Notes losses and inputs."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        self.losses: list[dict[str, float]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Any = None, outputs: Any = None) -> None:
        self.losses.append({k: float(v.detach())
                            for k, v in outputs.items()})


def stage(weights: tuple[float, float]) -> dict:
    """Return a hook that gives the loss a weight for each of two epochs."""
    return dict(type='StageScheduleHook', stages=[
        dict(begin=i, loss_weights=dict(loss_teacher=weight))
        for i, weight in enumerate(weights)])


def test_it_begins_with_its_stage(
        make_runner: Callable[..., Runner], detector: Callable[..., dict]):
    states = {}
    for name, weights, hooks in (
            ('without', (0.0, 0.0), []),
            ('resting', (0.0, 0.0), [dict(type='MeanTeacherHook')]),
            ('second', (0.0, 2.0), [dict(type='MeanTeacherHook')])):
        notes = Notes()
        runner = make_runner(
            detector(loss_teacher=TEACHER),
            [*hooks, EMA, stage(weights), notes], epochs=2)
        runner.train()
        states[name] = runner.model.state_dict()
        logged = [step.get('loss_teacher', 0.0) > 0 for step in notes.losses]
        assert logged == [False, False] + [name == 'second'] * 2
    for key, value in states['without'].items():
        assert torch.equal(value, states['resting'][key]), key
    moved = [key for key, value in states['without'].items()
             if not torch.equal(value, states['second'][key])]
    assert 'head.final_layer.weight' in moved


def test_no_label_of_a_target_picture_is_looked_at(
        make_runner: Callable[..., Runner], detector: Callable[..., dict],
        pictures: Callable[..., list[dict]]):
    results = []
    for label in (0.0, float('nan')):
        notes = Notes()
        runner = make_runner(
            detector(loss_teacher=TEACHER,
                     loss_skeleton_mask=dict(type='SkeletonMaskLoss')),
            [dict(type='MeanTeacherHook'), EMA, notes], epochs=2,
            data=pictures(label=label))
        runner.train()
        results.append((notes.losses, runner.model.state_dict()))
    (losses, state), (nan_losses, nan_state) = results
    assert len(losses) == 4
    assert losses == nan_losses
    assert all(step['loss_teacher'] > 0 for step in losses)
    for key, value in state.items():
        assert torch.equal(value, nan_state[key]), key


def test_a_resumed_training_goes_on_as_the_unbroken_one(
        make_runner: Callable[..., Runner], detector: Callable[..., dict],
        tmp_path: Path):
    def train(folder: str, epochs: int, **kwargs: Any) -> dict:
        make_runner(
            detector(loss_teacher=TEACHER),
            [dict(type='MeanTeacherHook'),
             dict(type='TargetStatisticsHook', num_pictures=3), EMA],
            epochs, folder=folder, **kwargs).train()
        return torch.load(tmp_path / folder / f'epoch_{epochs}.pth',
                          weights_only=False)

    whole = train('whole', 3)
    first = train('broken', 1)
    broken = train('broken', 3, resume=True)
    for part in ('state_dict', 'ema_state_dict'):
        assert list(whole[part]) == list(broken[part])
        for key, value in whole[part].items():
            assert torch.equal(value, broken[part][key]), key
            if value.is_floating_point():
                assert not torch.equal(value, first[part][key]), key
    assert str(whole['optimizer']) == str(broken['optimizer'])


@pytest.mark.parametrize('options, message', [
    (dict(momentum=0.0), 'momentum is above 0 and at most 1, got 0.0'),
    (dict(momentum=1.5), 'momentum is above 0 and at most 1, got 1.5'),
    (dict(gain=-0.1), 'gain goes from 0 to 1, got -0.1'),
    (dict(gain=1.5), 'gain goes from 0 to 1, got 1.5'),
    (dict(holes=-1), 'holes must not be negative.* got -1'),
    (dict(hole_size=(0.0, 0.5)), 'two rising numbers from above 0'),
    (dict(hole_size=(0.5, 0.2)), 'two rising numbers from above 0'),
    (dict(hole_size=(0.5, 1.2)), 'two rising numbers from above 0'),
])
def test_wrong_numbers_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        MeanTeacherHook(**options)


def test_what_is_missing_is_named(
        make_runner: Callable[..., Runner], detector: Callable[..., dict]):
    hook = dict(type='MeanTeacherHook')
    for losses, hooks, message in (
            (dict(loss_teacher=TEACHER), [hook],
             r"default_hooks\.ema=dict\(type='EMAHook'"),
            ({}, [hook, EMA], r'model\.head\.loss_teacher=dict'),
            (dict(loss_teacher=TEACHER), [],
             r"dict\(type='MeanTeacherHook'\) to custom_hooks")):
        runner = make_runner(detector(**losses), hooks)
        with pytest.raises(ValueError, match=message):
            runner.train()
