from __future__ import annotations

import itertools
import socket
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel, BaseModule
from mmengine.runner import Runner
from torch import nn

from xas_mmpose.engine.hooks import pretrained_weights_hook
from xas_mmpose.engine.hooks.pretrained_weights_hook import (
    PretrainedWeightsHook,
    pretrained_checkpoints,
)

#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


class Backbone(BaseModule):
    """One weight, 0 unless it is loaded."""

    def __init__(self, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.weight = nn.Parameter(torch.zeros(1))


class Model(BaseModel):
    """A model with a backbone, as in MMPose."""

    def __init__(self, init_cfg=None) -> None:
        super().__init__()
        self.backbone = Backbone(init_cfg)
        self.seen: list[float] = []

    def forward(self, x, mode='tensor'):
        self.seen.append(float(self.backbone.weight.detach()))
        y = self.backbone.weight * torch.stack(tuple(x))
        return dict(loss=y.sum() * 0) if mode == 'loss' else y


class Nothing:
    """An evaluator that has nothing to say."""

    dataset_meta = None

    def process(self, **kwargs) -> None:
        pass

    def evaluate(self, size: int) -> dict:
        return {}


def make_runner(work_dir: Path, init_cfg, **kwargs) -> Runner:
    def loader() -> dict:
        return dict(dataset=[dict(x=torch.ones(1))], batch_size=1,
                    sampler=dict(type='DefaultSampler'),
                    collate_fn=dict(type='default_collate'))

    return Runner(
        model=Model(init_cfg),
        work_dir=str(work_dir),
        train_dataloader=loader(),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        test_dataloader=loader(),
        test_cfg=dict(),
        test_evaluator=Nothing(),
        custom_hooks=[dict(type='PretrainedWeightsHook')],
        default_scope='mmpose',
        experiment_name=f'pretrained-{next(RUNS)}',
        **kwargs)


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    path = tmp_path / 'good.pth'
    torch.save(dict(state_dict=dict(weight=torch.tensor([7.]))), path)
    return path


@pytest.fixture
def closed_url() -> str:
    """Return a URL that nobody answers, without leaving this machine."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    return f'http://127.0.0.1:{port}/weights/resnet-0123abcd.pth'


def test_good_file_is_loaded(tmp_path, checkpoint):
    runner = make_runner(
        tmp_path, dict(type='Pretrained', checkpoint=str(checkpoint)))
    runner.train()
    assert runner.model.seen == [7.]


def test_missing_file_is_refused_before_training(tmp_path):
    path = tmp_path / 'missing.pth'
    runner = make_runner(tmp_path,
                         dict(type='Pretrained', checkpoint=str(path)))
    with pytest.raises(FileNotFoundError) as error:
        runner.train()
    assert runner.model.seen == []
    message = str(error.value)
    assert f'weights of model.backbone cannot be loaded from {path}' in message
    assert 'check the path' in message
    assert '--cfg-options model.backbone.init_cfg=None' in message


def test_host_out_of_reach_names_the_cache(tmp_path, closed_url, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    runner = make_runner(tmp_path,
                         dict(type='Pretrained', checkpoint=closed_url))
    with pytest.raises(FileNotFoundError) as error:
        runner.train()
    message = str(error.value)
    place = tmp_path / 'torch' / 'hub' / 'checkpoints' / 'resnet-0123abcd.pth'
    assert closed_url in message
    assert f'put the file at {place}' in message
    assert '--cfg-options model.backbone.init_cfg=None' in message

    # The cure works: the file in that place is found without the host.
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(weight=torch.tensor([5.])), place)
    runner = make_runner(tmp_path,
                         dict(type='Pretrained', checkpoint=closed_url))
    runner.train()
    assert runner.model.seen == [5.]


def test_torchvision_name_is_resolved_to_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))

    def offline(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr(
        pretrained_weights_hook.CheckpointLoader, 'load_checkpoint', offline)
    runner = make_runner(tmp_path, dict(type='Pretrained',
                                        checkpoint='torchvision://resnet50'))
    with pytest.raises(FileNotFoundError) as error:
        runner.train()
    assert f'{tmp_path}/hub/checkpoints/resnet50-' in str(error.value)
    assert 'no network' in str(error.value)


def test_unknown_torchvision_name_is_refused(tmp_path):
    runner = make_runner(tmp_path, dict(type='Pretrained',
                                        checkpoint='torchvision://resnet51'))
    with pytest.raises(FileNotFoundError, match='check its name'):
        runner.train()


def test_training_goes_without_when_told_so(tmp_path):
    runner = make_runner(tmp_path, None)
    runner.train()
    assert runner.model.seen == [0.]


@pytest.mark.parametrize('resume', [False, True])
def test_weights_from_a_checkpoint_need_no_others(tmp_path, checkpoint,
                                                  resume):
    init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    make_runner(tmp_path, init_cfg).train()
    checkpoint.unlink()
    runner = make_runner(tmp_path, init_cfg, resume=resume,
                         load_from=str(tmp_path / 'epoch_1.pth'))
    runner.train()
    assert float(runner.model.backbone.weight.detach()) == 7.
    assert runner.epoch == 1


def test_resuming_from_nothing_needs_the_weights(tmp_path):
    init_cfg = dict(type='Pretrained', checkpoint='/nowhere/at/all.pth')
    runner = make_runner(tmp_path, init_cfg, resume=True)
    with pytest.raises(FileNotFoundError, match=r'/nowhere/at/all\.pth'):
        runner.train()


def test_testing_reads_no_pretrained_weights(tmp_path):
    runner = make_runner(
        tmp_path, dict(type='Pretrained', checkpoint='/nowhere/at/all.pth'))
    runner.test()
    assert runner.model.seen == [0.]


def test_every_module_is_looked_at():
    good = dict(type='Pretrained', checkpoint='a.pth')
    model = Model([dict(type='Kaiming', layer='Conv2d'), good])
    model.head = Backbone(dict(type='Constant', val=1.))
    model.neck = Backbone(dict(type='Pretrained', checkpoint='b.pth'))
    model.init_cfg = dict(type='Pretrained', checkpoint='c.pth')
    assert list(pretrained_checkpoints(model)) == [
        ('', 'c.pth'), ('backbone', 'a.pth'), ('neck', 'b.pth')]


def test_hook_is_registered_with_mmpose():
    from mmpose.registry import HOOKS
    assert HOOKS.get('PretrainedWeightsHook') is PretrainedWeightsHook
