"""Skeleton masks: closed forms, an autograd oracle, goldens, bad input."""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from xas_mmpose.ops import skeleton_mask
from xas_mmpose.skeletons import HUMAN36M_18

# The package's attribute of that name is the function.
module = sys.modules[skeleton_mask.__module__]


def stacked_maps(keypoints: Tensor, links: list, widths: Tensor,
                 size: tuple[int, int]) -> Tensor:
    """Draw every link into its own map, left to autograd: the oracle."""
    width, height = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width),
                          indexing='ij')
    grid = torch.stack([x, y], -1).to(keypoints.dtype)
    maps = []
    for (start, end), line_width in zip(links, widths):
        a = keypoints[:, None, None, start]
        ray = keypoints[:, None, None, end] - a
        t = (((grid - a) * ray).sum(-1) /
             (ray.square().sum(-1) + 1e-12)).clamp(0, 1)
        gap = grid - a - t[..., None] * ray
        maps.append(torch.exp(-gap.square().sum(-1) / line_width))
    return torch.stack(maps, 1)


def test_a_horizontal_line_fades_with_the_squared_distance():
    pose = torch.tensor([[[2.0, 3.0], [6.0, 3.0]]])
    mask = skeleton_mask(pose, [(0, 1)], [4.0], (9, 7))
    assert mask.shape == (1, 1, 7, 9)
    np.testing.assert_allclose(mask[0, 0, 3, 2:7], 1.0)
    np.testing.assert_allclose(mask[0, 0, 5, 4], np.exp(-1), rtol=1e-6)
    # Beyond the ends distance is to the end.
    np.testing.assert_allclose(mask[0, 0, 2, 8], np.exp(-5 / 4), rtol=1e-6)


# A sample at a time, two, all three.
@pytest.mark.parametrize('pixels', [1, 2 * 24 * 32, 2**16])
def test_maximum_and_gradient_equal_those_of_stacked_maps(
        pixels: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, 'CPU_PIXELS', pixels)
    generator = torch.Generator().manual_seed(0)
    pose = torch.rand(3, 18, 2, generator=generator,
                      dtype=torch.float64) * 40 - 4
    links = list(HUMAN36M_18.mask_links)
    widths = torch.tensor(HUMAN36M_18.mask_link_widths,
                          dtype=torch.float64) * 3
    weight = torch.rand(3, 1, 24, 32, generator=generator,
                        dtype=torch.float64)
    ours = pose.clone().requires_grad_()
    oracle = pose.clone().requires_grad_()
    got = skeleton_mask(ours, links, widths, (32, 24))
    want = stacked_maps(oracle, links, widths,
                        (32, 24)).max(1, keepdim=True).values
    torch.testing.assert_close(got, want)
    (got * weight).sum().backward()
    (want * weight).sum().backward()
    torch.testing.assert_close(ours.grad, oracle.grad)


def test_no_pose_gives_no_map():
    pose = torch.zeros(0, 2, 2, requires_grad=True)
    mask = skeleton_mask(pose, [(0, 1)], [1.0], (5, 4))
    assert mask.shape == (0, 1, 4, 5)
    mask.sum().backward()
    assert pose.grad.shape == (0, 2, 2)


def test_gradcheck():
    pose = torch.tensor([[[1.3, 2.1], [6.2, 3.4], [4.4, 6.1]]],
                        dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda p: skeleton_mask(p, [(0, 1), (1, 2)], [2.0, 1.0], (8, 8)),
        (pose, ), eps=1e-7, atol=1e-5)


def test_a_link_without_length_is_a_dot_with_finite_gradient():
    pose = torch.tensor([[[3.0, 3.0], [3.0, 3.0]]], requires_grad=True)
    mask = skeleton_mask(pose, [(0, 1)], [2.0], (7, 7))
    np.testing.assert_allclose(mask.detach()[0, 0, 3, 5], np.exp(-2),
                               rtol=1e-6)
    mask[0, 0, 3, 5].backward()
    assert torch.isfinite(pose.grad).all()
    # Both ends together move the dot: d/dx exp(-(5-x)^2/2) = 2 exp(-2).
    np.testing.assert_allclose(pose.grad.sum((0, 1)), [2 * np.exp(-2), 0],
                               rtol=1e-5, atol=1e-7)


def test_half_precision_poses_give_single_precision_maps():
    pose = torch.tensor([[[0.0, 0.0], [250.0, 250.0]]]).half()
    mask = skeleton_mask(pose, [(0, 1)], [50.0], (256, 256))
    assert mask.dtype == torch.float32
    assert mask[0, 0, 100, 100] == 1


@pytest.mark.parametrize(('links', 'widths', 'match'), [
    ([(0, 2)], [1.0], 'key point 2'),
    ([(0, 1)], [1.0, 2.0], 'as many widths'),
    ([], [], '1 to 255 links'),
])
def test_bad_links_are_named(links: list, widths: list, match: str):
    with pytest.raises(ValueError, match=match):
        skeleton_mask(torch.zeros(1, 2, 2), links, widths, (4, 4))


def test_keypoints_with_depth_are_refused():
    with pytest.raises(ValueError, match=r'\(B, K, 2\)'):
        skeleton_mask(torch.zeros(1, 2, 3), [(0, 1)], [1.0], (4, 4))


# --- against the authors' released code ---------------------------------


@pytest.fixture(scope='module')
def golden(goldens: Path) -> dict[str, np.ndarray]:
    with np.load(goldens / '02_draw_lines.npz') as file:
        return dict(file)


def test_golden_links_are_those_of_the_skeleton(golden: dict):
    want = list(zip(golden['links_ext_parent'], golden['links_ext_child']))
    assert list(HUMAN36M_18.mask_links) == [tuple(map(int, w)) for w in want]
    bones = list(zip(golden['links_parent'], golden['links_child']))
    assert list(HUMAN36M_18.skeleton_links) == [
        tuple(map(int, b)) for b in bones
    ]


@pytest.mark.parametrize('size', ['small', 'large'])
@pytest.mark.parametrize('kind', ['ext', 'plain'])
def test_golden_maxima_and_gradients(golden: dict, size: str, kind: str):
    side = int(golden[f'{size}_size'])
    # The reference's grid is linspace(-1, 1, S): normalised 1 unit is
    # (S - 1) / 2 px.
    unit = (side - 1) / 2
    normalised = torch.from_numpy(golden['keypoints']).double()
    normalised.requires_grad_()
    extended = kind == 'ext'
    links = (HUMAN36M_18.mask_links
             if extended else HUMAN36M_18.skeleton_links)
    factor = torch.tensor(HUMAN36M_18.mask_link_widths if extended else
                          [1.0] * len(links))
    widths = factor * float(golden['body_width']) * unit**2
    mask = skeleton_mask((normalised + 1) * unit, links, widths,
                         (side, side))
    np.testing.assert_allclose(mask.detach(), golden[f'{size}_{kind}_max'],
                               rtol=0, atol=2e-6)
    if extended:
        mask.sum().backward()
        want = golden[f'{size}_ext_grad_max']
        np.testing.assert_allclose(normalised.grad, want, rtol=0,
                                   atol=1e-5 * np.abs(want).max())
