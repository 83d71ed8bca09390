"""Losses of the prior: optima, who is trained, the released code."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.models.losses import (
    PriorDiscriminatorLoss,
    PriorGeneratorLoss,
)


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(seed))


def test_optima_are_zero():
    assert PriorGeneratorLoss()(torch.ones(2, 3)).item() == 0
    assert PriorDiscriminatorLoss()(torch.zeros(2, 3),
                                    torch.ones(4)).item() == 0
    # Without a clue a discriminator says 1/2 and pays a quarter.
    assert PriorDiscriminatorLoss()(torch.full((2, 3), 0.5),
                                    torch.full((4, ), 0.5)).item() == 0.25


def test_which_hypotheses_the_generator_trains():
    fake = torch.tensor([[0.2, 0.9, 2.0], [-1.0, 0.0, 3.5]])
    want = {
        'all': ((fake - 1)**2).mean().item(),
        'best': (0.1**2 + 1.0) / 2,
        'reference': (0.1**2 + 1.0) / 2,
    }
    for hypotheses, value in want.items():
        logit = fake.clone().requires_grad_()
        loss = PriorGeneratorLoss(hypotheses, loss_weight=2.0)(logit)
        loss.backward()
        assert loss.item() == pytest.approx(2 * value)
        trained = (logit.grad != 0).int().tolist()
        assert trained == ([[1, 1, 1]] * 2 if hypotheses == 'all' else
                           [[0, 1, 0]] * 2)


def test_which_hypotheses_the_discriminator_learns_from():
    fake = torch.tensor([[0.2, 0.9, 2.0], [-1.0, -0.5, 0.75]])
    real = torch.tensor([0.5, 1.0])
    want = {'all': (fake**2).mean().item(),
            'best': (0.9**2 + 0.75**2) / 2,
            'reference': (0.2**2 + 0.5**2) / 2}
    rows = {'all': [[1, 1, 1], [1, 1, 1]], 'best': [[0, 1, 0], [0, 0, 1]],
            'reference': [[1, 0, 0], [0, 1, 0]]}
    for hypotheses, value in want.items():
        logit = fake.clone().requires_grad_()
        loss = PriorDiscriminatorLoss(hypotheses)(logit, real)
        loss.backward()
        assert loss.item() == pytest.approx((value + 0.125) / 2)
        assert (logit.grad != 0).int().tolist() == rows[hypotheses]


@pytest.mark.parametrize('hypotheses', ['all', 'best', 'reference'])
def test_gradients_are_those_of_finite_differences(hypotheses):
    fake, real = logits(3, 2), logits(4, seed=1)
    assert torch.autograd.gradcheck(PriorGeneratorLoss(hypotheses),
                                    fake.requires_grad_())
    assert torch.autograd.gradcheck(PriorDiscriminatorLoss(hypotheses),
                                    (fake, real.requires_grad_()))


@pytest.mark.parametrize('hypotheses', ['all', 'best', 'reference'])
def test_empty_sides_are_zero_with_a_gradient(hypotheses):
    fake, real = logits(3, 2).requires_grad_(), logits(4).requires_grad_()
    nothing = (PriorGeneratorLoss(hypotheses)(fake[:0]) +
               PriorDiscriminatorLoss(hypotheses)(fake[:0], real[:0]))
    nothing.backward()
    assert nothing.item() == 0
    assert (fake.grad == 0).all()
    assert (real.grad == 0).all()
    half = PriorDiscriminatorLoss(hypotheses)(fake[:0], real)
    assert half.item() == pytest.approx(((real - 1)**2).mean().item() / 2)


def test_unknown_rule():
    for loss in (PriorGeneratorLoss, PriorDiscriminatorLoss):
        with pytest.raises(ValueError, match='hypotheses'):
            loss('worst')


def test_goldens_of_the_released_code(goldens: Path):
    with np.load(goldens / '03_losses.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    fake, real = ({n: golden[f'logit_{side}_{n}d'].squeeze(-1) for n in (2, 3)}
                  for side in ('fake', 'real'))
    generator = PriorGeneratorLoss('reference')
    discriminator = PriorDiscriminatorLoss('reference')
    assert generator(fake[2][:, None]).item() == pytest.approx(
        golden['gen_2d'].item(), rel=1e-6)
    for a in (2, 3):
        for b in (2, 3):
            got = discriminator(fake[a] if a == 3 else fake[a][:, None],
                                real[b])
            assert got.item() == pytest.approx(
                golden[f'disc_{a}d_{b}d'].item(), rel=1e-6)
    fake, real = fake[3].requires_grad_(), real[2].requires_grad_()

    def check(got: torch.Tensor, name: str) -> None:
        np.testing.assert_allclose(got, golden[name].squeeze(-1), rtol=0,
                                   atol=1e-6 * golden[name].abs().max().item())

    loss = generator(fake)
    check(loss.detach(), 'gen_3d')
    check(torch.autograd.grad(loss, fake)[0], 'gen_3d_grad_fake')
    grads = torch.autograd.grad(discriminator(fake, real), (fake, real))
    check(grads[0], 'disc_3d_2d_grad_fake')
    check(grads[1], 'disc_3d_2d_grad_real')
