"""Which pretext loss sees what, teaches what, and when it is left out."""
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from xas_mmpose.engine import AdversarialPriorHook
from xas_mmpose.models import GCNPoseDiscriminator, PriorGeneratorLoss
from xas_mmpose.models.heads import multi_hypothesis_head
from xas_mmpose.models.heads.pretext_losses import (
    PretextLosses,
    isotropic,
    root_centred,
)
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
Build = Callable[..., torch.nn.Module]
NAMES = ['loss_synthetic', 'loss_synthetic_likelihood', 'loss_skeleton_mask',
         'loss_physique_mask', 'loss_symmetry', 'loss_prior']


def discriminator() -> GCNPoseDiscriminator:
    torch.manual_seed(1)
    return GCNPoseDiscriminator(METAINFO, channels=8, header_channels=16)


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


def batch(*domains: str) -> tuple[torch.Tensor, list[PoseDataSample]]:
    rng = np.random.default_rng(3)
    inputs = torch.from_numpy(
        rng.random((len(domains), 3, 64, 64), np.float32))
    return inputs, [sample(d, 10 + i) for i, d in enumerate(domains)]


def size(loss: torch.Tensor, tensors: Any) -> float:
    """Return the sum of a loss' absolute gradients."""
    grads = torch.autograd.grad(loss, list(tensors), retain_graph=True,
                                allow_unused=True)
    return sum(float(g.abs().sum()) for g in grads if g is not None)


def test_which_loss_teaches_what_in_which_step(
        monkeypatch: pytest.MonkeyPatch, build_detector: Build):
    model = build_detector()
    hook = AdversarialPriorHook(dict(
        type='GCNPoseDiscriminator', channels=8, header_channels=16))
    runner = SimpleNamespace(
        model=model, _train_loop=Mock(spec=EpochBasedTrainLoop),
        train_dataloader=(), hooks=())
    hook.before_run(runner)
    hook.before_train(runner)
    seen = []

    def marginals(*args: Any) -> Any:
        seen.append(projected_marginals(*args))
        for marginal in seen[-1]:
            marginal.retain_grad()
        return seen[-1]

    projected_marginals = multi_hypothesis_head.projected_marginals
    monkeypatch.setattr(multi_hypothesis_head, 'projected_marginals',
                        marginals)
    losses = model.loss(*batch('target', 'synthetic', 'target'))
    assert list(losses) == NAMES
    columns = {
        'x, y': seen[0][:2],
        'depth': seen[0][2:],
        'backbone': model.backbone.parameters(),
        'physique': model.head.pretext.physique_mask.parameters(),
        'discriminator': hook.discriminator.parameters(),
    }
    columns = {name: list(tensors) for name, tensors in columns.items()}
    table = {name: {c: size(loss, t) for c, t in columns.items()}
             for name, loss in losses.items()}

    for marginal in seen[0]:
        marginal.grad = None

    # The discriminator's step: gradients as its optimizer finds them.
    def note() -> None:
        table["discriminator's"] = {
            c: sum(float(t.grad.abs().sum()) for t in tensors
                   if t.grad is not None)
            for c, tensors in columns.items()}

    monkeypatch.setattr(hook.optimizer, 'step', note)
    hook.step(model.head.pretext.take_prior_poses())
    print(f'\n{"sum of |gradient|":26}', *(f'{c:>13}' for c in columns))
    for name, row in table.items():
        if name == NAMES[0]:
            print("detector's step:")
        elif name not in losses:
            print("discriminator's step:")
        print(f'{name:26}', *(f'{value:13.3g}' for value in row.values()))
    reaches = {name: [c for c, value in row.items() if value > 0]
               for name, row in table.items()}
    assert reaches == {
        'loss_synthetic': ['x, y', 'depth', 'backbone'],
        'loss_synthetic_likelihood': ['x, y', 'depth', 'backbone'],
        'loss_skeleton_mask': ['x, y', 'backbone'],
        'loss_physique_mask': ['x, y', 'backbone', 'physique'],
        'loss_symmetry': ['x, y', 'depth', 'backbone'],
        'loss_prior': ['x, y', 'depth', 'backbone'],
        "discriminator's": ['discriminator'],
    }
    assert np.isfinite([list(r.values()) for r in table.values()]).all()


def test_the_judge_sees_root_centred_poses_in_one_unit(pretext_cfg: dict):
    pretext = PretextLosses(METAINFO, prior=pretext_cfg['loss_prior'])
    seen = []

    def judge(poses: torch.Tensor) -> torch.Tensor:
        seen.append(poses)
        return poses.sum((2, 3))

    pretext.judge = judge
    hypotheses = torch.zeros(1, 2, 18, 3)
    hypotheses[..., :] = torch.tensor([.1, .2, .3])
    hypotheses[0, 0, 5] = torch.tensor([.2, .4, .1])
    hypotheses[0, 1, 5] = torch.tensor([.2, .4, .5])
    hypotheses[0, 1, 0, 2] = .9  # another mode of the root
    real = torch.full((1, 18, 3), 7.)
    real[0, 5] = torch.tensor([7.1, 7.2, 6.8])
    pretext(hypotheses, [], real)
    want = torch.zeros(1, 2, 18, 3)
    want[0, 0, 5] = torch.tensor([.1, .2, -.4])
    want[0, 1, 5] = torch.tensor([.1, .2, .4])
    torch.testing.assert_close(seen[0], want, rtol=0, atol=1e-6)
    poses = pretext.take_prior_poses()
    assert torch.equal(poses.fake, seen[0])
    want = torch.zeros(1, 18, 3)
    want[0, 5] = torch.tensor([.1, .2, -.4])
    torch.testing.assert_close(poses.real, want, rtol=0, atol=2e-6)
    assert pretext.take_prior_poses() is None  # once


def test_what_is_kept_for_the_discriminator_has_no_graph(
        build_detector: Build):
    model = build_detector()
    model.head.pretext.judge = discriminator().score
    inputs, samples = batch('target', 'synthetic', 'synthetic', 'target')
    samples[1].gt_instance_labels.keypoint_weights[0, 4] = 0
    model.loss(inputs, samples)
    poses = model.head.pretext.take_prior_poses()
    assert not poses.fake.requires_grad
    assert poses.fake.shape == (2, 3, 18, 3)
    # A pose with an unknown key point is no example.
    truth = samples[2].gt_instance_labels.keypoint_labels
    torch.testing.assert_close(
        poses.real, isotropic(root_centred(truth[:, None], 0))[:, 0])


def test_two_mask_losses_share_a_drawing_only_if_it_is_the_same(
        monkeypatch: pytest.MonkeyPatch, build_detector: Build):
    inputs, samples = batch('target', 'target')
    drawings = []
    model = build_detector(loss_prior=None)
    pretext = model.head.pretext
    draw = type(pretext.skeleton_mask).draw

    def count(self: Any, *args: Any) -> torch.Tensor:
        drawings.append(self)
        return draw(self, *args)

    monkeypatch.setattr(type(pretext.skeleton_mask), 'draw', count)
    model.eval()
    shared = model.loss(inputs, samples)
    assert len(drawings) == 1
    keypoints = model.head.decoder.decode_marginals(
        model.head.marginals(model.extract_feat(inputs)))[0][:, 0, :, :2]
    masks = torch.stack([s.gt_fields.masks for s in samples]) / 255
    for name, module in (('loss_skeleton_mask', pretext.skeleton_mask),
                         ('loss_physique_mask', pretext.physique_mask)):
        torch.testing.assert_close(shared[name], module(keypoints, masks),
                                   rtol=1e-6, atol=0)
    pretext.physique_mask.widths *= 2
    drawings.clear()
    model.loss(inputs, samples)
    assert len(drawings) == 2


def test_weights_of_pixels_reach_both_mask_losses(build_detector: Build):
    model = build_detector(loss_prior=None).eval()
    inputs, samples = batch('target', 'target')
    plain = model.loss(inputs, samples)
    for data_sample in samples:
        data_sample.gt_fields.mask_weights = torch.full((1, 64, 64), 3.0)
    weighted = model.loss(inputs, samples)
    for name in ('loss_skeleton_mask', 'loss_physique_mask'):
        torch.testing.assert_close(weighted[name], 3 * plain[name])


def test_labels_of_target_samples_change_nothing(build_detector: Build):
    model = build_detector().eval()
    model.head.pretext.judge = discriminator().score
    inputs, samples = batch('target', 'synthetic')
    before = model.loss(inputs, samples)
    poses = model.head.pretext.take_prior_poses()
    samples[0].gt_instance_labels.keypoint_labels.fill_(torch.nan)
    after = model.loss(inputs, samples)
    assert list(before) == NAMES
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert all(map(torch.equal, poses, model.head.pretext.take_prior_poses()))


def test_a_loss_of_weight_zero_is_not_computed_and_poisons_nothing(
        pretext_cfg: dict):
    pretext = PretextLosses(
        METAINFO, *(dict(cfg, loss_weight=0) for cfg in pretext_cfg.values()))
    # Neither a mask nor a judge is there, and the poses are no numbers.
    assert pretext(torch.full((1, 3, 18, 3), torch.nan), [object()],
                   torch.zeros(0, 18, 3)) == {}
    assert pretext.take_prior_poses() is None


def test_a_batch_without_target_samples_costs_nothing_and_has_gradients(
        build_detector: Build):
    model = build_detector()
    model.head.pretext.judge = discriminator().score
    losses = model.loss(*batch('synthetic', 'synthetic'))
    assert list(losses) == NAMES
    assert all(losses[name].item() == 0 for name in NAMES[2:])
    assert all(losses[name].requires_grad for name in NAMES)
    assert len(model.head.pretext.take_prior_poses().fake) == 0


def test_a_batch_without_synthetic_samples_has_no_real_poses(
        build_detector: Build):
    model = build_detector()
    model.head.pretext.judge = discriminator().score
    losses = model.loss(*batch('target'))
    assert losses['loss_prior'] > 0
    assert model.head.pretext.take_prior_poses().real.shape == (0, 18, 3)


def test_a_prior_without_discriminator_is_named(build_detector: Build):
    with pytest.raises(ValueError, match='AdversarialPriorHook'):
        build_detector().loss(*batch('target'))


def test_the_physique_network_is_saved_and_nothing_else(
        build_detector: Build, pretext_cfg: dict):
    plain = build_detector(**dict.fromkeys(pretext_cfg))
    full = build_detector()
    added = set(full.state_dict()) - set(plain.state_dict())
    network = full.head.pretext.physique_mask.network
    assert added == {f'head.pretext.physique_mask.network.{key}'
                     for key in network.state_dict()}
    # The head's own initialisation must not overwrite the network's.
    assert 0 < float(network.out.weight.detach().std()) < 0.02
    other = build_detector()
    with torch.no_grad():
        network.out.weight.fill_(3)
    other.load_state_dict(full.state_dict())
    weight = other.head.pretext.physique_mask.network.out.weight
    assert float(weight.detach().min()) == 3


def test_pretext_losses_survive_autocast(build_detector: Build):
    model = build_detector()
    model.head.pretext.judge = discriminator().score
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(*batch('target', 'synthetic'))
    for name, loss in losses.items():
        assert loss.dtype == torch.float32, name
        assert torch.isfinite(loss), name
    sum(losses.values()).backward()
    assert isinstance(model.head.loss_modules['loss_prior'],
                      PriorGeneratorLoss)
