"""The loss of marginals against a teacher's: numbers, gradients, edges."""
from __future__ import annotations

import pytest
import scipy.special
import torch

from xas_mmpose.models.losses import TeacherLoss
from xas_mmpose.ops import Marginals


def marginals(batch: int = 2, seed: int = 0) -> Marginals:
    """Return distributions of 5 key points over 8, 7 and 6 cells."""
    generator = torch.Generator().manual_seed(seed)
    return Marginals(*(
        torch.randn(batch, 5, size, generator=generator,
                    dtype=torch.float64).softmax(-1) for size in (8, 7, 6)))


def test_it_is_the_divergence_of_scipy():
    got, wanted = marginals(seed=0), marginals(seed=1)
    want = sum(scipy.special.rel_entr(w.numpy(), g.numpy()).sum()
               for g, w in zip(got, wanted)) / (2 * 5)
    loss = TeacherLoss(loss_weight=3.0)(got, wanted)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(3 * want, rel=1e-12)
    # And by hand: a certain teacher asks for -log of what it is given, a
    # half for each axis, log 2.
    half = torch.tensor([[[0.5, 0.5]]])
    sure = torch.tensor([[[1.0, 0.0]]])
    loss = TeacherLoss()(Marginals(half, half, half),
                         Marginals(sure, half, sure))
    assert loss.item() == pytest.approx(2 * 0.6931471805599453)


@pytest.mark.parametrize('weight', [0.0, 0.25])
def test_depth_counts_by_its_weight(weight: float):
    got, wanted = marginals(seed=0), marginals(seed=1)
    parts = [scipy.special.rel_entr(w.numpy(), g.numpy()).sum() / (2 * 5)
             for g, w in zip(got, wanted)]
    got = Marginals(*(m.requires_grad_() for m in got))
    loss = TeacherLoss(depth_weight=weight)(got, wanted)
    assert loss.item() == pytest.approx(
        parts[0] + parts[1] + weight * parts[2], rel=1e-12)
    loss.backward()
    # 0 times NaN is NaN: without a weight it is not looked at.
    assert (got.z.grad is not None) == bool(weight)
    assert got.x.grad.any()


def test_a_negative_weight_of_depth_is_refused():
    with pytest.raises(ValueError, match='depth_weight is negative: -1'):
        TeacherLoss(depth_weight=-1)


def test_at_the_teachers_it_is_zero_and_flat():
    wanted = marginals()
    logits = [m.log().requires_grad_() for m in wanted]
    loss = TeacherLoss()(Marginals(*(x.softmax(-1) for x in logits)), wanted)
    assert loss.item() == pytest.approx(0, abs=1e-15)
    loss.backward()
    for x in logits:
        assert x.grad.abs().max() < 1e-15


def test_the_gradient_is_what_there_is_too_much_of():
    wanted = marginals(seed=1)
    logits = [m.log().requires_grad_() for m in marginals(seed=0)]
    got = Marginals(*(x.softmax(-1) for x in logits))
    TeacherLoss(loss_weight=2.0)(got, wanted).backward()
    for x, g, w in zip(logits, got, wanted):
        torch.testing.assert_close(x.grad, 2 * (g.detach() - w) / 10)


def test_two_places_ask_for_two():
    # The mean of both would be neither.
    wanted = torch.tensor([[[0.5, 0.0, 0.0, 0.5]]])
    flat = torch.full((1, 1, 4), 0.25)
    losses = {}
    for name, z in (('both', wanted), ('mean', torch.tensor(
            [[[0.0, 0.5, 0.5, 0.0]]])), ('one', torch.tensor(
                [[[1.0, 0.0, 0.0, 0.0]]]))):
        losses[name] = TeacherLoss()(Marginals(flat, flat, z),
                                     Marginals(flat, flat, wanted)).item()
    assert losses['both'] == 0
    assert losses['mean'] > losses['one'] > 10


def test_a_place_without_probability_is_finite_and_learns():
    got = torch.tensor([[[0.0, 1.0]]], requires_grad=True)
    wanted = torch.tensor([[[1.0, 0.0]]])
    loss = TeacherLoss()(Marginals(got, got, got),
                         Marginals(wanted, wanted, wanted))
    loss.backward()
    assert loss.item() == pytest.approx(3 * 30 * 2.302585, rel=1e-5)
    assert torch.isfinite(got.grad).all()
    assert got.grad[0, 0, 0] < -1e20
    assert got.grad[0, 0, 1] == 0


def test_the_teachers_are_not_changed_and_learn_nothing():
    got, wanted = marginals(seed=0), marginals(seed=1)
    before = [m.clone() for m in (*got, *wanted)]
    got = Marginals(*(m.requires_grad_() for m in got))
    TeacherLoss()(got, wanted).backward()
    for now, old in zip((*got, *wanted), before):
        assert torch.equal(now, old)
    assert all(m.grad is None for m in wanted)
    assert all(m.grad.abs().sum() > 0 for m in got)


@pytest.mark.parametrize('teacher', [None, marginals(0)])
def test_an_empty_batch_has_a_loss_and_a_gradient(teacher: Marginals | None):
    # Other processes may have samples: theirs are averaged with these.
    got = Marginals(*(m.requires_grad_() for m in marginals(0)))
    loss = TeacherLoss()(got, teacher)
    assert loss.item() == 0
    loss.backward()
    assert all(m.grad is not None for m in got)
