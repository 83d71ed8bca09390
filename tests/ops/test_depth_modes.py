"""Decoding of volumes: closed forms, goldens, gradients, bad input."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from xas_mmpose.ops import depth_modes, expectation, volume_marginals


def gaussian(centers: list[float], heights: list[float], num_bins: int,
             sigma: float = 1.0) -> Tensor:
    bins = torch.arange(num_bins, dtype=torch.float64)
    profile = sum(h * torch.exp(-(bins - c)**2 / 2 / sigma**2)
                  for c, h in zip(centers, heights))
    return profile / profile.sum()


def test_marginals_of_a_non_cubic_volume_are_the_softmax_sums():
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(2, 3, 4, 5, 6, generator=generator)
    probability = volume.flatten(2).softmax(-1).view(2, 3, 4, 5, 6)
    marginals = volume_marginals(volume)
    for got, dims in zip(marginals, ((2, 3), (2, 4), (3, 4))):
        torch.testing.assert_close(got, probability.sum(dims))
    assert [m.shape[-1] for m in marginals] == [6, 5, 4]


def test_marginals_stay_finite_for_huge_scores():
    volume = torch.zeros(1, 1, 4, 4, 4)
    volume[0, 0, 1, 2, 3] = 1e4
    x, y, z = volume_marginals(volume)
    assert x[0, 0].tolist() == [0, 0, 0, 1]
    assert y[0, 0].tolist() == [0, 0, 1, 0]
    assert z[0, 0].tolist() == [0, 1, 0, 0]
    modes = depth_modes(z, 3)
    assert modes.index[0, 0].tolist() == [1, 1, 1]
    assert modes.confidence[0, 0].tolist() == [1, 0, 0]


def test_half_precision_volumes_are_summed_in_single_precision():
    volume = torch.randn(1, 2, 8, 8, 8,
                         generator=torch.Generator().manual_seed(1))
    marginals = volume_marginals(volume.bfloat16())
    assert marginals.z.dtype == torch.float32
    torch.testing.assert_close(marginals.z.sum(-1), torch.ones(1, 2))


def test_two_separate_gaussians_are_found_in_the_order_of_their_height():
    profile = gaussian([10.3, 40.2], [1.0, 2.0], 64)
    modes = depth_modes(profile, 2, window=11)
    np.testing.assert_allclose(modes.index, [40.2, 10.3], atol=1e-4)
    assert modes.peak.tolist() == [40, 10]
    np.testing.assert_allclose(modes.confidence, profile[[40, 10]])


def test_close_peaks_do_not_share_mass():
    profile = torch.zeros(32, dtype=torch.float64)
    profile[[13, 17, 21]] = torch.tensor([.3, .4, .3], dtype=torch.float64)
    modes = depth_modes(profile, 3, window=15)
    assert sorted(modes.index.tolist()) == [13, 17, 21]
    drawn = depth_modes(profile, 3, window=15, reference=True).index
    assert sorted(drawn.tolist())[0] > 13.5


def test_masses_share_the_profile_out():
    profile = torch.zeros(32, dtype=torch.float64)
    profile[[12, 13, 14, 20, 21]] = torch.tensor(
        [.1, .4, .1, .1, .3], dtype=torch.float64)
    modes = depth_modes(profile, 3, window=15)
    np.testing.assert_allclose(modes.mass, [0.6, 0.4, 0], atol=1e-12)
    np.testing.assert_allclose(modes.confidence, [0.4, 0.3, 0])


@pytest.mark.parametrize('border', [0, 15])
def test_border_bins_can_be_peaks(border: int):
    profile = torch.full((16, ), 0.01, dtype=torch.float64)
    profile[border] = 0.85
    modes = depth_modes(profile, 1, window=3)
    assert modes.peak.item() == border
    assert modes.index.item() == pytest.approx(
        abs(border - 0.01 / 0.86), abs=1e-9)
    assert depth_modes(profile, 1, reference=True).peak.item() != border


def test_a_plateau_is_one_peak_and_a_flat_profile_one_at_the_middle():
    profile = torch.tensor([0, .1, .3, .3, .3, 0, 0])
    modes = depth_modes(profile, 3, window=3)
    assert modes.peak[0].item() == 3
    assert (modes.confidence > 0).tolist() == [True, False, False]
    flat = depth_modes(torch.full((9, ), 1 / 9), 3)
    assert flat.index.tolist() == pytest.approx([4, 4, 4])
    assert (flat.confidence > 0).tolist() == [True, False, False]


def test_missing_modes_repeat_the_first_with_confidence_zero():
    modes = depth_modes(gaussian([8.0], [1.0], 32), 5)
    np.testing.assert_allclose(modes.index, [8.0] * 5, atol=1e-9)
    assert (modes.confidence[1:] == 0).all()
    assert modes.confidence[0] > 0


def test_ripples_are_no_modes():
    profile = gaussian([8.0, 20.0], [1.0, 0.02], 32)
    index = depth_modes(profile, 2, window=5).index
    np.testing.assert_allclose(index, [8.0, 20.0], atol=1e-2)
    ripple = gaussian([8.0, 20.0], [1.0, 0.002], 32)
    assert (depth_modes(ripple, 2, window=5).confidence > 0).tolist() == [
        True, False]
    assert depth_modes(ripple, 2, 5, min_height=0).confidence[1] > 0
    assert depth_modes(ripple, 2, 5, reference=True).confidence[1] > 0


def test_gradient_of_the_refined_depth_is_that_of_its_window():
    profile = gaussian([5.0, 20.0], [1.0, 0.8], 32).requires_grad_()

    def index(p: Tensor) -> Tensor:
        return depth_modes(p, 2, window=5).index

    assert torch.autograd.gradcheck(index, (profile, ), eps=1e-9,
                                    atol=1e-4)
    index(profile)[0].backward()
    touched = profile.grad.nonzero().flatten().tolist()
    # The window is 3..7; its centre bin has no lever.
    assert set(touched) <= {3, 4, 5, 6, 7}
    assert {3, 4, 6, 7} <= set(touched)


def test_expectation_is_the_mean_bin():
    assert expectation(torch.tensor([0.25, 0.0, 0.75])).item() == 1.5


@pytest.mark.parametrize(('kwargs', 'match'), [
    (dict(num_hypotheses=0), 'num_hypotheses'),
    (dict(num_hypotheses=9), 'num_hypotheses'),
    (dict(num_hypotheses=2, window=4), 'odd'),
    (dict(num_hypotheses=2, min_height=1.5), 'min_height'),
])
def test_bad_arguments_are_named(kwargs: dict, match: str):
    with pytest.raises(ValueError, match=match):
        depth_modes(torch.full((8, ), 1 / 8), **kwargs)


def test_a_volume_without_five_dimensions_is_refused():
    with pytest.raises(ValueError, match=r'\(B, K, D, H, W\)'):
        volume_marginals(torch.zeros(1, 4, 4, 4))


# --- against the authors' released code ---------------------------------


@pytest.fixture(scope='module')
def golden(goldens: Path) -> dict[str, np.ndarray]:
    with np.load(goldens / '01_depth_decode.npz') as file:
        return dict(file)


def assert_near(got: Tensor, want: np.ndarray, where: np.ndarray) -> None:
    """Compare where the reference is determined, 5e-7 of the range."""
    got = got.detach().numpy()
    scale = np.abs(want[where]).max()
    np.testing.assert_allclose(got[where], want[where], rtol=0,
                               atol=5e-7 * scale)


@pytest.mark.parametrize('window', [15, 5])
def test_golden_cube(golden: dict, window: int):
    x, y, z = volume_marginals(torch.from_numpy(golden['cube_logits']))
    modes = depth_modes(z, 3, window, reference=True)
    determined = golden['cube_determined']
    everywhere = np.ones(z.shape[:2], bool)
    assert_near(expectation(x)[..., None], golden['cube_x_index'],
                everywhere)
    assert_near(expectation(y)[..., None], golden['cube_y_index'],
                everywhere)
    assert_near(z, golden['cube_depth_profile'],
                np.ones(z.shape, bool))
    assert (modes.peak.numpy() == golden['cube_peak_index'])[determined].all()
    assert_near(modes.confidence, golden['cube_peak_value'], determined)
    assert_near(modes.index, golden[f'cube_z_index_nb{window}'], determined)
    # The whole chain in the reference's scale, index / size * 2 - 1.
    size = z.shape[-1]
    keypoints = torch.stack([
        expectation(x)[..., None].expand_as(modes.index),
        expectation(y)[..., None].expand_as(modes.index), modes.index
    ], -1).transpose(1, 2) / size * 2 - 1
    assert_near(keypoints, golden[f'cube_kps_nb{window}'],
                determined.transpose(0, 2, 1))


@pytest.mark.parametrize('num_hypotheses', [1, 5])
def test_golden_cube_with_other_numbers_of_hypotheses(
        golden: dict, num_hypotheses: int):
    z = volume_marginals(torch.from_numpy(golden['cube_logits'])).z
    index = depth_modes(z, num_hypotheses, 15, reference=True).index
    want = golden[f'cube_kps_hypo{num_hypotheses}'][..., 2]
    assert_near((index / z.shape[-1] * 2 - 1).transpose(1, 2), want,
                golden[f'cube_hypo{num_hypotheses}_determined'].transpose(
                    0, 2, 1))


def test_golden_single_hypothesis(golden: dict):
    z = volume_marginals(torch.from_numpy(golden['cube_logits'])).z
    want = golden['cube_single_kps'][:, 0, :, 2]
    assert_near(expectation(z) / z.shape[-1] * 2 - 1, want,
                np.ones(want.shape, bool))


def test_golden_non_cubic_volume(golden: dict):
    x, y, z = volume_marginals(torch.from_numpy(golden['box_logits']))
    everywhere = np.ones(z.shape[:2], bool)
    assert_near(expectation(x)[..., None], golden['box_x_index'], everywhere)
    assert_near(expectation(y)[..., None], golden['box_y_index'], everywhere)
    assert_near(expectation(z)[..., None], golden['box_single_z_index'],
                everywhere)
    for window in (15, 5):
        modes = depth_modes(z, 3, window, reference=True)
        assert_near(modes.index, golden[f'box_z_index_nb{window}'],
                    golden['box_determined'])


@pytest.mark.parametrize('size', ['small', 'large'])
@pytest.mark.parametrize('window', [15, 5])
def test_golden_hand_made_profiles(golden: dict, size: str, window: int):
    prefix = f'sp_{size}_'
    profile = torch.from_numpy(golden[prefix + 'profile'])
    modes = depth_modes(profile, 3, window, reference=True)
    determined = golden[prefix + 'determined']
    want = golden[f'{prefix}z_index_nb{window}']
    assert determined.sum() > 20
    assert (modes.peak.numpy() == golden[prefix + 'peak_index']
            )[determined].all()
    assert_near(modes.index, want, determined & np.isfinite(want))
    as_set = golden[prefix + 'set_determined']
    np.testing.assert_array_equal(
        np.sort(modes.peak.numpy(), -1)[as_set],
        np.sort(golden[prefix + 'peak_index'], -1)[as_set])
    assert torch.isfinite(modes.index).all()


def test_golden_gradient(golden: dict):
    volume = torch.from_numpy(golden['grad_logits_in']).double()
    volume.requires_grad_()
    batch, channels, height, width = volume.shape
    num_keypoints = golden['grad_weight'].shape[2]
    depth = channels // num_keypoints
    x, y, z = volume_marginals(
        volume.view(batch, num_keypoints, depth, height, width))
    modes = depth_modes(z, 3, 5, reference=True)
    keypoints = torch.stack([
        (expectation(x) / height)[..., None].expand_as(modes.index),
        (expectation(y) / width)[..., None].expand_as(modes.index),
        modes.index / depth
    ], -1).transpose(1, 2) * 2 - 1
    weight = torch.from_numpy(golden['grad_weight'])
    (keypoints * weight).sum().backward()
    # A key point with an undetermined mode has an arbitrary gradient.
    use = golden['grad_determined'].all(-1).repeat(depth, axis=1)
    assert use.any()
    assert_near(volume.grad, golden['grad_out'], use)
