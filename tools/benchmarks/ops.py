"""Decoding and drawing, and both against the naive twin."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xas_mmpose.ops import (
    depth_modes,
    expectation,
    skeleton_mask,
    volume_marginals,
)
from xas_mmpose.skeletons import HUMAN36M_18

from . import naive_twin
from .measuring import Figures, median_ms, medians_ms, peak_bytes

#: Width of a drawn line, in normalised units squared.
LINE_WIDTH = 0.003


def _decode(volume: Tensor) -> Tensor:
    """Return a number that depends on everything that is decoded."""
    x, y, z = volume_marginals(volume)
    return (expectation(x).sum() + expectation(y).sum()
            + depth_modes(z, 3).index.sum())


def bench_decode(repeats: int, quick: bool) -> Figures:
    """Time decoding, forward and backward, at the paper's size."""
    side = 16 if quick else 64
    volume = torch.randn(4, 18, side, side, side, requires_grad=True)
    yield ('decode_forward_ms_per_sample',
           median_ms(lambda: _decode(volume), repeats) / 4)
    yield ('decode_forward_backward_ms_per_sample',
           median_ms(lambda: _decode(volume).backward(), repeats) / 4)


def bench_mask(repeats: int, quick: bool) -> Figures:
    """Time the skeleton mask against one map per link left to autograd."""
    calls = _masks(4, 64 if quick else 256)
    times = medians_ms(calls, repeats)
    yield 'skeleton_mask_ms_per_sample', times['product'] / 4
    yield 'stacked_maps_ms_per_sample', times['naive'] / 4


def bench_ops(repeats: int, quick: bool) -> Figures:
    """Compare time and peak memory, forward and backward, with the twin.

    ``depth_modes_extra_volumes`` is the product's peak beyond the volume of
    scores and its gradient, in volumes (B * K * D * H * W * 4 bytes);
    ``naive_extra_volumes`` that of the twin. In
    ``skeleton_mask_memory_ratio`` both peaks count all but the poses.
    """
    side = 16 if quick else 64
    volume = torch.randn(4, 18, side, side, side, requires_grad=True)
    calls = dict(
        product=_with_gradient(lambda: _decode(volume), volume),
        naive=_with_gradient(
            lambda: naive_twin.decode(volume, 3, 15).sum(), volume))
    times = medians_ms(calls, repeats)
    yield 'depth_modes_speedup', times['naive'] / times['product']
    size = volume.numel() * volume.element_size()
    for name, key in (('product', 'depth_modes_extra_volumes'),
                      ('naive', 'naive_extra_volumes')):
        yield key, peak_bytes(calls[name]) / size - 1

    calls = _masks(*((4, 64) if quick else (32, 256)))
    times = medians_ms(calls, repeats)
    yield 'skeleton_mask_speedup', times['naive'] / times['product']
    peaks = {name: peak_bytes(call) for name, call in calls.items()}
    yield 'skeleton_mask_memory_ratio', peaks['product'] / peaks['naive']


def _masks(batch: int, side: int) -> dict[str, Callable[[], None]]:
    """Return calls that draw the same poses, and their gradient."""
    links = HUMAN36M_18.mask_links
    widths = torch.tensor(HUMAN36M_18.mask_link_widths) * LINE_WIDTH
    poses = torch.rand(batch, 18, 2) * 2 - 1
    poses.requires_grad_()
    unit = (side - 1) / 2
    return dict(
        product=_with_gradient(
            lambda: skeleton_mask((poses + 1) * unit, links,
                                  widths * unit**2, (side, side)).sum(),
            poses),
        naive=_with_gradient(
            lambda: naive_twin.draw(poses, links, widths, side).sum(),
            poses))


def _with_gradient(compute: Callable[[], Tensor],
                   leaf: Tensor) -> Callable[[], None]:
    """Return a call that goes forward and backward, from a fresh start."""

    def call() -> None:
        leaf.grad = None
        compute().backward()
        leaf.grad = None

    return call
