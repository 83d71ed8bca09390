"""The discriminator: what it learns, what it leaves alone, how it resumes."""
from __future__ import annotations

import copy
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.structures import InstanceData, PixelData
from mmpose.models.builder import build_pose_estimator
from mmpose.structures import PoseDataSample

from xas_mmpose.engine import AdversarialPriorHook
from xas_mmpose.models import PriorGeneratorLoss
from xas_mmpose.models.heads.pretext_losses import PretextLosses, PriorPoses
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
SMALL = dict(type='GCNPoseDiscriminator', channels=8, header_channels=16)
#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


def sample(domain: str, seed: int) -> PoseDataSample:
    rng = np.random.default_rng(seed)
    result = PoseDataSample(metainfo=dict(domain=domain))
    result.gt_instance_labels = InstanceData(
        keypoint_labels=torch.from_numpy(
            rng.uniform(-.4, .4, (1, 18, 3)).astype(np.float32)),
        keypoint_weights=torch.full((1, 18), float(domain == 'synthetic')))
    result.gt_fields = PixelData(masks=torch.from_numpy(
        rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)))
    return result


def dataset(domains: tuple[str, ...] = ('target', 'synthetic')
            ) -> list[dict]:
    """Return 8 samples, of the domains in turn."""
    rng = np.random.default_rng(5)
    return [dict(inputs=torch.from_numpy(
                     rng.integers(0, 256, (3, 64, 64), dtype=np.uint8)),
                 data_samples=sample(domains[i % len(domains)], i))
            for i in range(8)]


def model_cfg(**losses: Any) -> dict:
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor',
                               mean=[0, 0, 0], std=[255, 255, 255]),
        backbone=dict(type='ResNet', depth=18, base_channels=8,
                      stem_channels=8, init_cfg=None),
        head=dict(
            type='MultiHypothesisHead', in_channels=64, metainfo=METAINFO,
            deconv_out_channels=(8, 8, 8), deconv_kernel_sizes=(4, 4, 4),
            decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                         heatmap_size=(16, 16, 8), window=3),
            **{'loss_prior': dict(type='PriorGeneratorLoss'), **losses}))


def make_runner(work_dir: Path, epochs: int, hook: dict | None = None,
                data: list | None = None, model: dict | None = None,
                **kwargs: Any) -> Runner:
    hooks = [dict(type='AdversarialPriorHook', **{
        **dict(discriminator=SMALL, param_scheduler=[
            dict(type='MultiStepLR', milestones=[3], gamma=0.1,
                 by_epoch=False)]), **hook})] if hook is not None else []
    return Runner(
        model=model or model_cfg(), work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=data or dataset(), batch_size=4, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
        custom_hooks=hooks, default_hooks=dict(logger=None),
        default_scope='mmpose', log_level='ERROR', randomness=dict(seed=0),
        experiment_name=f'prior_{next(RUNS)}', **kwargs)


def the_hook(runner: Runner) -> AdversarialPriorHook:
    return next(h for h in runner.hooks
                if isinstance(h, AdversarialPriorHook))


def ready_hook(model: Any = None, **kwargs: Any) -> AdversarialPriorHook:
    """Return a hook as it is when training starts."""
    hook = AdversarialPriorHook(**{**dict(discriminator=SMALL), **kwargs})
    runner = SimpleNamespace(
        model=model or build_pose_estimator(model_cfg()),
        _train_loop=Mock(spec=EpochBasedTrainLoop),
        train_dataloader=range(2), hooks=())
    hook.before_run(runner)
    hook.before_train(runner)
    return hook


def poses(real: int, fake: int, seed: int = 0) -> PriorPoses:
    generator = torch.Generator().manual_seed(seed)
    return PriorPoses(torch.rand(fake, 3, 18, 3, generator=generator),
                      torch.rand(real, 18, 3, generator=generator))


def assert_equal(a: Any, b: Any, where: str = '') -> int:
    """Compare nested states bit by bit; return how many tensors there were."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
        return 1
    if isinstance(a, dict):
        assert list(a) == list(b), where
        return sum(assert_equal(a[k], b[k], f'{where}.{k}') for k in a)
    if isinstance(a, list | tuple):
        assert len(a) == len(b), where
        return sum(assert_equal(x, y, f'{where}.{i}')
                   for i, (x, y) in enumerate(zip(a, b)))
    assert a == b, where
    return 0


def test_a_resumed_training_goes_on_as_the_unbroken_one(tmp_path: Path):
    whole = make_runner(tmp_path / 'whole', 2, hook={})
    whole.train()
    make_runner(tmp_path / 'broken', 1, hook={}).train()
    resumed = make_runner(tmp_path / 'broken', 2, hook={}, resume=True)
    resumed.train()
    want, got = (torch.load(tmp_path / name / 'epoch_2.pth',
                            weights_only=False)
                 for name in ('whole', 'broken'))
    first = torch.load(tmp_path / 'broken' / 'epoch_1.pth',
                       weights_only=False)
    for key in ('state_dict', 'optimizer', 'adversarial_prior'):
        assert assert_equal(want[key], got[key], key) > 50
    state = want['adversarial_prior']
    assert state['steps'] == 4
    # The schedule's third step has come.
    assert state['optimizer']['param_groups'][0]['lr'] == pytest.approx(1e-5)
    # And all of it has moved.
    for a, b in zip(state['discriminator'].values(),
                    first['adversarial_prior']['discriminator'].values()):
        assert not torch.equal(a, b)
    # The detector is as it is saved without the prior.
    plain = build_pose_estimator(model_cfg(loss_prior=None))
    assert list(want['state_dict']) == list(plain.state_dict())
    # One forward pass an iteration: batch norm has seen four batches.
    assert want['state_dict']['backbone.bn1.num_batches_tracked'] == 4


def test_training_is_logged_and_leaves_no_trace(tmp_path: Path):
    runner = make_runner(tmp_path, 1, hook={})
    runner.train()
    scalars = runner.message_hub.log_scalars
    for name in ('loss_discriminator', 'accuracy_real', 'accuracy_fake'):
        value = scalars[f'train/prior/{name}'].current()
        assert 0 <= float(value) < 2
    assert 'train/loss_prior' in scalars
    assert runner.model.head.pretext.judge is None


def test_the_prior_changes_the_detector_and_its_hook_alone_does_not(
        tmp_path: Path):
    states = {}
    for name, hook, weight in (('without', None, 0), ('resting', {}, 0),
                               ('with', {}, 1)):
        runner = make_runner(tmp_path / name, 1, hook=hook, model=model_cfg(
            loss_prior=dict(type='PriorGeneratorLoss', loss_weight=weight)))
        runner.train()
        states[name] = runner.model.state_dict()
        if name == 'resting':
            assert the_hook(runner).steps == 0
            assert the_hook(runner).schedulers[0].last_step == 0
    assert_equal(states['without'], states['resting'])
    assert not torch.equal(states['with']['head.final_layer.weight'],
                           states['without']['head.final_layer.weight'])


def test_starting_from_a_checkpoint_takes_the_weights_alone(tmp_path: Path):
    make_runner(tmp_path / 'one', 1, hook={}).train()
    saved = torch.load(tmp_path / 'one' / 'epoch_1.pth', weights_only=False)
    runner = make_runner(tmp_path / 'two', 1, hook=dict(interval=100),
                         load_from=str(tmp_path / 'one' / 'epoch_1.pth'))
    runner.train()
    hook = the_hook(runner)
    assert_equal(saved['adversarial_prior']['discriminator'],
                 hook.discriminator.state_dict())
    assert hook.steps == 0
    assert hook.optimizer.state_dict()['state'] == {}


def test_interval_and_resuming_without_the_hooks_state(tmp_path: Path):
    runner = make_runner(tmp_path, 2, hook=dict(interval=3))
    runner.train()
    assert the_hook(runner).steps == 1
    path = tmp_path / 'epoch_2.pth'
    checkpoint = torch.load(path, weights_only=False)
    del checkpoint['adversarial_prior']
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match='without AdversarialPriorHook'):
        make_runner(tmp_path, 3, hook={}, resume=True).train()


@pytest.mark.parametrize('domain', ['target', 'synthetic'])
def test_without_one_kind_of_samples_the_discriminator_rests(
        tmp_path: Path, domain: str):
    runner = make_runner(tmp_path, 1, hook={}, data=dataset((domain, )))
    runner.train()
    assert the_hook(runner).steps == 0
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())


def test_gradients_are_kept_apart():
    model = build_pose_estimator(model_cfg())
    hook = ready_hook(model)
    inputs = torch.rand(4, 3, 64, 64,
                        generator=torch.Generator().manual_seed(0))
    samples = [sample(d, i) for i, d in enumerate(
        ('target', 'synthetic', 'target', 'synthetic'))]
    losses = model.loss(inputs, samples)
    losses['loss_prior'].backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    assert sum(float(g.abs().sum()) for g in grads.values()) > 0
    assert all(p.grad is None for p in hook.discriminator.parameters())
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    taken = []
    step = hook.optimizer.step
    hook.optimizer.step = lambda: (taken.extend(
        p.grad.clone() for p in hook.discriminator.parameters()), step())
    hook.step(model.head.pretext.take_prior_poses())
    assert sum(float(g.abs().sum()) for g in taken) > 0
    assert all(p.grad is None for p in hook.discriminator.parameters())
    assert_equal(grads, {n: p.grad for n, p in model.named_parameters()})
    assert_equal(buffers, dict(model.named_buffers()))
    # Nor do copies, optimizers and DDP meet the discriminator.
    ours = {id(p) for p in hook.discriminator.parameters()}
    copied = copy.deepcopy(model)
    assert copied.head.pretext.judge is model.head.pretext.judge
    assert not ours & {id(p) for p in model.parameters()}


def test_the_step_is_that_of_its_own_loss():
    hook = ready_hook(optimizer=dict(type='SGD', lr=1.0),
                      discriminator=dict(SMALL, dropout=0.0))
    before = [p.detach().clone() for p in hook.discriminator.parameters()]
    batch = poses(3, 2)
    twin = copy.deepcopy(hook.discriminator)
    loss = ((twin(batch.real) - 1).square().mean()
            + twin(batch.fake).square().mean()) / 2
    grads = torch.autograd.grad(loss, list(twin.parameters()))
    log = hook.step(batch)
    assert float(log['loss_discriminator']) == pytest.approx(
        float(loss.detach()), rel=1e-5)
    for p, start, grad in zip(hook.discriminator.parameters(), before,
                              grads):
        torch.testing.assert_close(p.detach(), start - grad, rtol=1e-5,
                                   atol=1e-6)
    # A step that follows starts from no gradient.
    again = torch.autograd.grad(
        ((hook.discriminator(batch.real) - 1).square().mean()
         + hook.discriminator(batch.fake).square().mean()) / 2,
        list(hook.discriminator.parameters()))
    before = [p.detach().clone() for p in hook.discriminator.parameters()]
    hook.step(batch)
    for p, start, grad in zip(hook.discriminator.parameters(), before,
                              again):
        torch.testing.assert_close(p.detach(), start - grad, rtol=1e-5,
                                   atol=1e-6)


def test_the_global_generators_are_left_alone_and_seeds_decide():
    model = build_pose_estimator(model_cfg())
    torch.manual_seed(3)
    state = torch.get_rng_state()
    hook = ready_hook(model)
    hook.step(poses(3, 2))
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(4)
    other, third = ready_hook(model), ready_hook(model, seed=1)
    other.step(poses(3, 2))
    assert_equal(hook.discriminator.state_dict(),
                 other.discriminator.state_dict())
    assert not torch.equal(hook.discriminator.out.weight,
                           third.discriminator.out.weight)


def test_autocast_changes_nothing():
    plain, mixed = ready_hook(), ready_hook()
    batch = poses(3, 2)
    plain.step(batch)
    with torch.autocast('cpu', torch.bfloat16):
        mixed.step(PriorPoses(batch.fake, batch.real))
    assert_equal(plain.discriminator.state_dict(),
                 mixed.discriminator.state_dict())
    model = build_pose_estimator(model_cfg())
    hook = ready_hook(model)
    with torch.autocast('cpu', torch.bfloat16):
        logits = model.head.pretext.judge(batch.fake)
    assert logits.dtype == torch.float32
    assert torch.equal(logits, hook.discriminator.score(batch.fake))


def test_a_prediction_that_overflowed_teaches_nothing():
    hook, other = ready_hook(), ready_hook()
    batch = poses(3, 4)
    broken = batch.fake.clone()
    broken[1, 2, 3, 0], broken[3] = torch.inf, torch.nan
    hook.step(PriorPoses(broken, batch.real))
    other.step(PriorPoses(batch.fake[[0, 2]], batch.real))
    assert_equal(hook.discriminator.state_dict(),
                 other.discriminator.state_dict())
    assert hook.step(PriorPoses(broken[[1, 3]], batch.real)) == {}


def test_the_prior_draws_depths_towards_real_poses():
    # Only the depth is free. Real poses have one depth per key point, the
    # free ones start flat.
    rng = np.random.default_rng(0)
    depth = rng.uniform(-.3, .3, 18)
    depth[0] = 0
    real = rng.normal(0, .02, (256, 18, 3))
    real[..., :2] += rng.uniform(-.4, .4, (18, 2))
    real[..., 2] += depth
    real = torch.from_numpy(real).float()
    free = torch.zeros(8, 2, 18, 1, requires_grad=True)
    model = build_pose_estimator(model_cfg())
    hook = ready_hook(
        model, discriminator=dict(SMALL, channels=16, num_blocks=1),
        optimizer=dict(type='Adam', lr=2e-3, betas=(0.5, 0.999)))
    pretext = PretextLosses(METAINFO, prior=dict(type='PriorGeneratorLoss'))
    pretext.judge = model.head.pretext.judge
    optimizer = torch.optim.Adam([free], lr=1e-2, betas=(0.5, 0.999))

    def error() -> float:
        relative = free.detach() - free.detach()[:, :1, :1]
        return float((relative[:, :, 1:, 0]
                      - torch.from_numpy(depth[1:])).abs().mean())

    start = error()
    for _ in range(200):
        shown = real[torch.from_numpy(rng.integers(0, 256, 16))]
        drawn = torch.cat([real[:8, None, :, :2].expand(-1, 2, -1, -1),
                           free], -1)
        loss = pretext(drawn, [], shown)['loss_prior']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hook.step(pretext.take_prior_poses())
    print(f'\nmean error of depth: {start:.4f} before, {error():.4f} after')
    assert start > 0.12
    assert error() < 0.4 * start


def test_bad_configs_are_named():
    with pytest.raises(ValueError, match='interval'):
        AdversarialPriorHook(interval=0)
    with pytest.raises(ValueError, match='loss_prior'):
        ready_hook(build_pose_estimator(model_cfg(loss_prior=None)))
    assert isinstance(build_pose_estimator(model_cfg()).head.loss_modules[
        'loss_prior'], PriorGeneratorLoss)
