"""Marginals part by part: the same numbers, gradients, types, errors."""
from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from xas_mmpose.ops import marginals as module
from xas_mmpose.ops import projected_marginals, volume_marginals

BATCH, NUM_KEYPOINTS, NUM_BINS, HEIGHT, WIDTH, CHANNELS = 3, 5, 4, 6, 7, 8


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator,
                       dtype=torch.float64).requires_grad_()


def whole(volume: Tensor) -> tuple[Tensor, ...]:
    """Sum one softmax of everything up: the oracle."""
    probability = volume.flatten(2).softmax(-1).view(volume.shape)
    return tuple(probability.sum(dims) for dims in ((2, 3), (2, 4), (3, 4)))


def projection() -> tuple[Tensor, Tensor, Tensor]:
    return (random(BATCH, CHANNELS, HEIGHT, WIDTH),
            random(NUM_KEYPOINTS * NUM_BINS, CHANNELS, 1, 1, seed=1),
            random(NUM_KEYPOINTS * NUM_BINS, seed=2))


def scores(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(features, weight, bias).unflatten(
        1, (NUM_KEYPOINTS, NUM_BINS))


def gradients(marginals: tuple[Tensor, ...],
              inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return those of a sum in which every entry has its own weight."""
    total = sum((m * random(*m.shape, seed=9).detach()).sum()
                for m in marginals)
    return torch.autograd.grad(total, inputs)


# One key point at a time, some, a whole sample, two samples, everything.
@pytest.mark.parametrize('cells', [1, 400, 840, 1700, 10**6])
def test_parts_of_any_size_give_what_the_whole_gives(
        cells: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, 'CPU_CELLS', cells)
    volume = random(BATCH, NUM_KEYPOINTS, NUM_BINS, HEIGHT, WIDTH)
    inputs = projection()
    for got, want, of in (
        (volume_marginals(volume), whole(volume), (volume, )),
        (projected_marginals(*inputs, NUM_KEYPOINTS),
         whole(scores(*inputs)), inputs),
    ):
        torch.testing.assert_close(tuple(got), want)
        for ours, theirs in zip(gradients(got, of), gradients(want, of)):
            torch.testing.assert_close(ours, theirs)


def test_one_unused_marginal_leaves_the_gradient_of_the_others():
    volume = random(2, 3, 4, 5, 6)
    got = torch.autograd.grad(volume_marginals(volume).z[..., 1].sum(),
                              volume)
    want = torch.autograd.grad(whole(volume)[2][..., 1].sum(), volume)
    torch.testing.assert_close(got, want)


def test_a_volume_that_lies_channels_last_in_memory():
    volume = random(2, 3, 4, 5, 6).detach()
    moved = volume.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)
    moved.requires_grad_()
    assert not moved.is_contiguous()
    got = volume_marginals(moved)
    torch.testing.assert_close(tuple(got), whole(volume))
    volume.requires_grad_()
    torch.testing.assert_close(gradients(got, (moved, )),
                               gradients(whole(volume), (volume, )))


def test_no_bias_is_a_bias_of_zero():
    features, weight, _ = projection()
    torch.testing.assert_close(
        tuple(projected_marginals(features, weight, None, NUM_KEYPOINTS)),
        whole(scores(features, weight, None)))


def test_no_sample_gives_no_marginal_and_a_gradient_of_zero():
    _, weight, bias = projection()
    features = random(0, CHANNELS, HEIGHT, WIDTH)
    marginals = projected_marginals(features, weight, bias, NUM_KEYPOINTS)
    assert [m.shape for m in marginals] == [
        (0, NUM_KEYPOINTS, size) for size in (WIDTH, HEIGHT, NUM_BINS)]
    sum(m.sum() for m in marginals).backward()
    assert weight.grad.abs().sum() == 0
    assert volume_marginals(random(0, 2, 3, 4, 5)).x.shape == (0, 2, 5)


def test_half_precision_is_summed_in_single_precision():
    inputs = tuple(t.detach().bfloat16().requires_grad_()
                   for t in projection())
    marginals = projected_marginals(*inputs, NUM_KEYPOINTS)
    assert {m.dtype for m in marginals} == {torch.float32}
    torch.testing.assert_close(marginals.x.sum(-1),
                               torch.ones(BATCH, NUM_KEYPOINTS))
    assert [g.dtype for g in gradients(marginals, inputs)] == [
        torch.bfloat16] * 3


def test_autocast_projects_as_its_convolution_would():
    features, weight, bias = (t.detach().float() for t in projection())
    half = features.bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        got = projected_marginals(half, weight, bias, NUM_KEYPOINTS)
        want = volume_marginals(scores(half, weight, bias))
    assert got.z.dtype == torch.float32
    torch.testing.assert_close(tuple(got), tuple(want), rtol=0.02, atol=0.01)


@pytest.mark.parametrize(('channels', 'num_keypoints', 'match'), [
    (CHANNELS + 1, NUM_KEYPOINTS, 'the 8 channels of the weight'),
    (CHANNELS, NUM_KEYPOINTS + 1, 'no whole number of depth bins'),
])
def test_shapes_that_do_not_fit_are_named(channels: int, num_keypoints: int,
                                          match: str):
    _, weight, bias = projection()
    with pytest.raises(ValueError, match=match):
        projected_marginals(random(1, channels, 3, 3), weight, bias,
                            num_keypoints)
