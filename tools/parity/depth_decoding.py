"""Golden 01: from volumes to x, y and several depths."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xas_mmpose.ops import depth_modes, expectation, volume_marginals

from .registry import Comparison, component

TOLERANCE = 5e-7
WINDOWS = (15, 5)


def _keypoints(x: Tensor, y: Tensor, index: Tensor,
               size: tuple[int, int, int]) -> Tensor:
    """Return hypotheses (B, M, K, 3) in the authors' scale.

    Args:
        x: Column expectations (B, K) in bins.
        y: Row expectations (B, K) in bins.
        index: Depths (B, K, M) in bins.
        size: Depth, height and width of the volume. The authors divide x by
            the height and y by the width.
    """
    depth, height, width = size
    return torch.stack([
        (x / height)[..., None].expand_as(index),
        (y / width)[..., None].expand_as(index), index / depth
    ], -1).transpose(1, 2) * 2 - 1


@component('depth decoding', '01_depth_decode.npz')
def check(c: Comparison) -> None:
    """Compare volumes of both shapes, hand-made profiles and gradients."""
    _check_cube(c)
    _check_box(c)
    for name in ('sp_small_', 'sp_large_'):
        _check_profiles(c, name)
    _check_gradient(c)


def _check_cube(c: Comparison) -> None:
    volume = c.golden.tensor('cube_logits')
    size = tuple(volume.shape[2:])
    x, y, z = volume_marginals(volume)
    x, y = expectation(x), expectation(y)
    c.close('cube_x_index', x[..., None], TOLERANCE)
    c.close('cube_y_index', y[..., None], TOLERANCE)
    c.close('cube_depth_profile', z, TOLERANCE)
    # Theirs hands out that of the first sample.
    c.close('cube_depth_prob_map', z[0], TOLERANCE)
    c.close('cube_single_depth_prob_map', z[0], TOLERANCE)
    c.close('cube_single_kps',
            _keypoints(x, y, expectation(z)[..., None], size), TOLERANCE)
    where = c.golden['cube_determined']
    count = where.shape[-1]
    for window in WINDOWS:
        modes = depth_modes(z, count, window, reference=True)
        c.equal('cube_peak_index', modes.peak, where=where)
        c.close('cube_peak_value', modes.confidence, TOLERANCE, where=where)
        c.close(f'cube_z_index_nb{window}', modes.index, TOLERANCE,
                where=where)
        c.close(f'cube_kps_nb{window}',
                _keypoints(x, y, modes.index, size), TOLERANCE,
                where=where.transpose(0, 2, 1))
    for count in (1, 5):
        modes = depth_modes(z, count, WINDOWS[0], reference=True)
        where = c.golden[f'cube_hypo{count}_determined']
        c.close(f'cube_kps_hypo{count}',
                _keypoints(x, y, modes.index, size), TOLERANCE,
                where=where.transpose(0, 2, 1))


def _check_box(c: Comparison) -> None:
    x, y, z = volume_marginals(c.golden.tensor('box_logits'))
    c.close('box_x_index', expectation(x)[..., None], TOLERANCE)
    c.close('box_y_index', expectation(y)[..., None], TOLERANCE)
    c.close('box_single_z_index', expectation(z)[..., None], TOLERANCE)
    c.close('box_depth_prob_map', z[0], TOLERANCE)
    where = c.golden['box_determined']
    for window in WINDOWS:
        modes = depth_modes(z, where.shape[-1], window, reference=True)
        c.equal('box_peak_index', modes.peak, where=where)
        c.close(f'box_z_index_nb{window}', modes.index, TOLERANCE,
                where=where)


def _check_profiles(c: Comparison, prefix: str) -> None:
    profile = c.golden.tensor(prefix + 'profile')
    where = c.golden[prefix + 'determined']
    as_set = c.golden[prefix + 'set_determined']
    peaks = c.golden[prefix + 'peak_index']
    for window in WINDOWS:
        modes = depth_modes(profile, where.shape[-1], window, reference=True)
        c.equal(prefix + 'peak_index', modes.peak, where=where)
        c.equal(prefix + 'peak_index', np.sort(modes.peak.numpy(), -1),
                want=np.sort(peaks, -1), where=as_set)
        # Theirs is NaN where a window has no mass.
        name = f'{prefix}z_index_nb{window}'
        c.close(name, modes.index, TOLERANCE,
                where=where & np.isfinite(c.golden[name]))


def _check_gradient(c: Comparison) -> None:
    flat = c.golden.tensor('grad_logits_in').double().requires_grad_()
    weight = c.golden.tensor('grad_weight')
    _, count, num_keypoints, _ = weight.shape
    volume = flat.unflatten(1, (num_keypoints, -1))
    size = tuple(volume.shape[2:])
    x, y, z = volume_marginals(volume)
    modes = depth_modes(z, count, WINDOWS[1], reference=True)
    keypoints = _keypoints(expectation(x), expectation(y), modes.index, size)
    where = c.golden['grad_determined']
    c.equal('grad_peak_index', modes.peak, where=where)
    c.close('grad_kps', keypoints, TOLERANCE, where=where.transpose(0, 2, 1))
    (keypoints * weight).sum().backward()
    # A key point with an undetermined mode has an arbitrary gradient.
    c.close('grad_out', flat.grad, TOLERANCE,
            where=where.all(-1).repeat(size[0], axis=1))
