"""The naive twin computes what the product computes, and its gradients."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xas_mmpose.codecs import DepthModeVolume
from xas_mmpose.models.losses import (
    PriorDiscriminatorLoss,
    PriorGeneratorLoss,
    SkeletonMaskLoss,
    SymmetryLoss,
    WinnerTakesAllLoss,
)
from xas_mmpose.ops import skeleton_mask, volume_marginals
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
LINKS = HUMAN36M_18.mask_links
WIDTHS = torch.tensor(HUMAN36M_18.mask_link_widths) * 0.003
#: Width, height and depth of the volumes.
SIZE = (7, 6, 24)


@pytest.fixture(scope='module')
def twin(load: Callable) -> ModuleType:
    return load('naive_twin')


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(seed))


def with_gradient(function: Callable, inputs: Tensor) -> tuple:
    """Return an output and the gradient of its weighted sum."""
    inputs = inputs.detach().requires_grad_()
    out = function(inputs)
    (out * random(*out.shape, seed=5)).sum().backward()
    return out.detach(), inputs.grad


def volumes() -> Tensor:
    """Return scores with three clear modes of depth for each key point."""
    width, height, depth = SIZE
    bins = torch.arange(depth, dtype=torch.float64)
    modes = torch.tensor([[3.0, 11.0, 19.0]]) + random(18, 3).clamp(-1, 1)
    height_of = torch.tensor([3.0, 2.0, 2.5])
    profile = (height_of * torch.exp(
        -(bins[:, None, None] - modes)**2 / 2)).sum(-1).T
    return (3 * profile[None, :, :, None, None]
            + 0.1 * random(2, 18, depth, height, width, seed=1))


def test_decoding(twin: ModuleType):
    codec = DepthModeVolume(input_size=(64, 64), heatmap_size=SIZE,
                            window=5, reference=True)

    def product(volume: Tensor) -> Tensor:
        return codec.decode_marginals(volume_marginals(volume))[0]

    got = with_gradient(lambda v: twin.decode(v, 3, 5), volumes())
    want = with_gradient(product, volumes())
    torch.testing.assert_close(got, want)
    assert got[0].shape == (2, 3, 18, 3)
    assert got[1].abs().max() > 1e-3


def test_lines(twin: ModuleType):
    side = 24
    unit = (side - 1) / 2
    poses = random(3, 18, 2) * 0.5
    widths = WIDTHS.double()
    got = with_gradient(lambda p: twin.draw(p, LINKS, widths, side), poses)
    want = with_gradient(
        lambda p: skeleton_mask((p + 1) * unit, LINKS, widths * unit**2,
                                (side, side)), poses)
    for ours, theirs in zip(got, want):
        np.testing.assert_allclose(
            ours, theirs, rtol=0, atol=1e-6 * theirs.abs().max().item())


class _Judge(nn.Module):
    """A discriminator of one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(random(18, 3))

    def forward(self, poses: Tensor) -> Tensor:
        return (poses * self.weight).sum((-2, -1))


@pytest.fixture
def small(twin: ModuleType) -> tuple:
    """Return a twin of which pictures are volumes already, and a batch."""
    judge = _Judge()
    detector = nn.Identity()
    scale = nn.Parameter(torch.ones((), dtype=torch.float64))
    batch = twin.Batch(
        real=volumes(), synthetic=volumes().flip(0) * 0.9,
        masks=(random(2, 1, 16, 16) > 0).double(),
        poses=random(2, 18, 3) * 0.3)
    return twin.NaiveTwin(
        detector=detector, physique=lambda drawn: drawn * scale,
        discriminator=judge,
        optimizer=torch.optim.SGD([scale], 0.1),
        prior_optimizer=torch.optim.SGD(judge.parameters(), 0.1),
        links=LINKS, widths=WIDTHS.double(), num_hypotheses=3,
        window=5), batch


def test_the_sum_of_all_losses(twin: ModuleType, small: tuple):
    iteration, batch = small
    poses = twin.decode(batch.real, 3, 5)
    labelled = twin.decode(batch.synthetic, 3, 5)
    masks = SkeletonMaskLoss(METAINFO, reference_scale=True)
    symmetry = SymmetryLoss(
        METAINFO, bone_weight=0.1, midpoint_weight=0.1, reference=True,
        unit=(1, 1, 1), midpoints=[
            ('left_shoulder', 'right_shoulder', 'thorax'),
            ('left_hip', 'right_hip', 'root')])
    judge = iteration.discriminator
    total = (
        3 * WinnerTakesAllLoss('batch')(
            labelled, batch.poses, torch.ones(2, 18))
        # The flesh adds nothing here: the same loss twice.
        + 0.04 * masks(poses[:, 0, :, :2], batch.masks)
        + symmetry(poses)
        + 0.5 * PriorGeneratorLoss('best')(judge(poses - poses[:, :1])))
    torch.testing.assert_close(iteration.loss(batch), total, rtol=1e-6,
                               atol=0)
    torch.testing.assert_close(
        iteration.prior_loss(batch),
        PriorDiscriminatorLoss('reference')(judge(poses),
                                            judge(batch.poses)))


def test_an_iteration_steps_both_optimizers(small: tuple):
    iteration, batch = small
    seen = []
    forward = iteration.detector.forward
    iteration.detector.forward = lambda x: seen.append(len(x)) or forward(x)
    before = iteration.discriminator.weight.detach().clone()
    iteration.iterate(batch)
    # Target pictures for each of the two, then labelled ones.
    assert seen == [2, 2, 2]
    assert not torch.equal(iteration.discriminator.weight, before)
    assert iteration.optimizer.param_groups[0]['params'][0] != 1
