"""The physique mask loss: closed form, gradients, what is left out."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.models.losses import PhysiqueMaskLoss, SkeletonMaskLoss
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
SMALL = dict(type='PhysiqueNetwork', channels=(4, 8))


def pose(batch: int, num_keypoints: int = 18, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, num_keypoints, 2, generator=generator) - 0.5


def masks(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(9)
    return (torch.rand(shape, generator=generator) > 0.5).float()


@pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26])
def test_is_the_squared_error_of_the_fleshed_out_drawing(skeleton):
    loss = PhysiqueMaskLoss(skeleton.metainfo(), SMALL, loss_weight=3.0)
    loss.eval()
    keypoints, truth = pose(2, skeleton.num_keypoints), masks(2, 1, 32, 32)
    drawn = SkeletonMaskLoss(skeleton.metainfo()).draw(
        keypoints, (32, 32), (32, 32))
    error = (loss.network(drawn) - truth).square()
    assert loss(keypoints, truth).item() == pytest.approx(
        3 * error.mean().item(), rel=1e-6)
    weight = torch.linspace(0, 2, 32 * 32).view(1, 1, 32, 32)
    assert loss(keypoints, truth, weight).item() == pytest.approx(
        3 * (error * weight).mean().item(), rel=1e-6)
    # A drawing at hand is not made again.
    assert loss(keypoints + 9, truth, drawn=drawn).item() == pytest.approx(
        3 * error.mean().item(), rel=1e-6)


def test_gradient_reaches_key_points_and_network():
    loss = PhysiqueMaskLoss(METAINFO, SMALL, map_size=(16, 16))
    keypoints = pose(2).requires_grad_()
    loss(keypoints, masks(2, 1, 64, 64)).backward()
    assert (keypoints.grad != 0).all(-1).any(1).all()
    weights = [p for n, p in loss.named_parameters() if 'conv.bias' not in n]
    # Batch norm takes away what a bias before it adds.
    assert all((p.grad != 0).any() for p in weights)


def test_gradient_is_that_of_finite_differences():
    loss = PhysiqueMaskLoss(METAINFO, SMALL).double().eval()
    truth = masks(1, 1, 16, 16).double()
    assert torch.autograd.gradcheck(
        lambda k: loss(k, truth), pose(1).double().requires_grad_())


def test_learns_the_silhouette():
    torch.manual_seed(0)
    loss = PhysiqueMaskLoss(METAINFO, SMALL)
    keypoints = pose(2)
    drawn = loss.draw(keypoints, (16, 16), (16, 16))
    truth = (drawn > 0.2).float()
    optimizer = torch.optim.Adam(loss.parameters(), 0.02)
    first = loss(keypoints, truth).item()
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(keypoints, truth, drawn=drawn)
        value.backward()
        optimizer.step()
    assert value.item() < 0.2 * first


def test_empty_batch_is_zero_and_every_gradient_is_there():
    loss = PhysiqueMaskLoss(METAINFO, SMALL)
    keypoints = pose(3).requires_grad_()
    value = loss(keypoints[:0], masks(0, 1, 32, 32))
    value.backward()
    assert value.item() == 0
    assert (keypoints.grad == 0).all()
    assert all((p.grad == 0).all() for p in loss.parameters())


def test_autocast_gives_a_float32_loss_near_the_exact_one():
    loss = PhysiqueMaskLoss(METAINFO, SMALL).eval()
    keypoints, truth = pose(2).requires_grad_(), masks(2, 1, 32, 32)
    exact = loss(keypoints, truth)
    with torch.autocast('cpu', torch.bfloat16):
        rough = loss(keypoints, truth)
    rough.backward()
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)
    assert np.isfinite(keypoints.grad).all()
