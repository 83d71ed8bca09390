"""Losses: optima, closed forms, gradients, goldens of the released code."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.models.losses import (
    MarginalLikelihoodLoss,
    PhysiqueMaskLoss,
    SkeletonMaskLoss,
    WinnerTakesAllLoss,
)
from xas_mmpose.ops import Marginals, skeleton_mask
from xas_mmpose.skeletons import HUMAN36M_18


def poses(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed),
                      dtype=torch.float64)


# --- winner takes all ----------------------------------------------------


def test_each_joint_chooses_its_own_winner():
    target = torch.zeros(2, 2, 3)
    hypotheses = torch.ones(2, 2, 2, 3)
    # Sample 0: joint 0 right in hypothesis 0, joint 1 in hypothesis 1.
    hypotheses[0, 0, 0] = 0
    hypotheses[0, 1, 1] = 0
    # Sample 1: both joints right in hypothesis 1.
    hypotheses[1, 1] = 0
    weight = torch.ones(2, 2)
    values = {
        winner: WinnerTakesAllLoss(winner)(hypotheses, target, weight).item()
        for winner in ('joint', 'sample', 'batch')
    }
    assert values == {'joint': 0.0, 'sample': 0.25, 'batch': 0.25}
    # The batch rule cannot serve samples that want different hypotheses.
    hypotheses[0] = torch.tensor([0.0, 1.0])[:, None, None]
    values = {
        winner: WinnerTakesAllLoss(winner)(hypotheses, target, weight).item()
        for winner in ('joint', 'sample', 'batch')
    }
    assert values == {'joint': 0.0, 'sample': 0.0, 'batch': 0.5}


def test_only_the_winner_gets_a_gradient():
    hypotheses = torch.tensor([[[[0.1, 0, 0]], [[0.5, 0, 0]]]],
                              requires_grad=True)
    loss = WinnerTakesAllLoss(loss_weight=6.0)(
        hypotheses, torch.zeros(1, 1, 3), torch.ones(1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(6 * 0.01 / 3)
    np.testing.assert_allclose(hypotheses.grad[0, :, 0, 0],
                               [6 * 0.2 / 3, 0], rtol=1e-6)


def test_joints_without_label_do_not_count_even_if_nan():
    target = torch.zeros(1, 2, 3)
    target[0, 1] = torch.nan
    hypotheses = torch.full((1, 2, 2, 3), 0.5, requires_grad=True)
    loss = WinnerTakesAllLoss()(hypotheses, target,
                                torch.tensor([[1.0, 0.0]]))
    loss.backward()
    assert loss.item() == 0.25
    assert (hypotheses.grad[:, :, 1] == 0).all()


def test_no_label_at_all_is_zero_not_nan():
    loss = WinnerTakesAllLoss()(torch.ones(1, 2, 2, 3),
                                torch.zeros(1, 2, 3), torch.zeros(1, 2))
    assert loss.item() == 0


def test_unknown_winner():
    with pytest.raises(ValueError, match='winner'):
        WinnerTakesAllLoss('best')


def test_golden_synthetic_loss_of_the_released_code(goldens: Path):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        golden = dict(file)
    names = [k for k in golden if k.endswith('/smpl_pseudo_img')]
    assert names
    loss = WinnerTakesAllLoss('batch')
    per_camera = [
        loss(torch.from_numpy(p), torch.from_numpy(t),
             torch.ones(t.shape[:2])).item()
        for p, t in zip(golden['pseudo_pred'], golden['pseudo_gt'])
    ]
    for name in names:
        # The factor is the config's own weight of the loss.
        factor = golden[name] / sum(per_camera)
        assert min(abs(factor - w) for w in (1, 3)) < 1e-5


# --- likelihood ----------------------------------------------------------


def gaussian(place: float, size: int) -> torch.Tensor:
    cells = torch.arange(size, dtype=torch.float64)
    return (-(cells - place)**2 / 2).softmax(-1)


def test_likelihood_is_zero_at_its_optimum_and_positive_off_it():
    target = torch.tensor([[[3.2, 5.0, 7.9]]], dtype=torch.float64)
    best = Marginals(gaussian(3.2, 16)[None, None],
                     gaussian(5.0, 12)[None, None],
                     gaussian(7.9, 20)[None, None])
    loss = MarginalLikelihoodLoss()
    weight = torch.ones(1, 1, dtype=torch.float64)
    assert loss(best, target, weight).item() == pytest.approx(0, abs=1e-12)
    flat = Marginals(*(torch.full_like(m, 1 / m.shape[-1]) for m in best))
    want = np.mean([
        (g * (g.clip(1e-300).log() + np.log(len(g)))).sum().item()
        for g in (gaussian(3.2, 16), gaussian(5.0, 12), gaussian(7.9, 20))
    ])
    assert loss(flat, target, weight).item() == pytest.approx(want)


def test_likelihood_leaves_out_axes_on_which_truth_is_outside():
    marginals = Marginals(*(poses(1, 2, 8, seed=s).softmax(-1)
                            .requires_grad_() for s in range(3)))
    target = torch.tensor([[[3.0, 3.0, 9.0], [-1.0, 3.0, 3.0]]],
                          dtype=torch.float64)
    weight = torch.ones(1, 2, dtype=torch.float64)
    MarginalLikelihoodLoss()(marginals, target, weight).backward()
    assert (marginals.z.grad[0, 0] == 0).all()
    assert (marginals.z.grad[0, 1] != 0).any()
    assert (marginals.x.grad[0, 1] == 0).all()
    assert (marginals.y.grad != 0).any(-1).all()


def test_likelihood_gradient_at_the_scores_is_prediction_minus_truth():
    scores = poses(1, 1, 10).requires_grad_()
    p = scores.softmax(-1)
    target = torch.full((1, 1, 3), 4.0, dtype=torch.float64)
    loss = MarginalLikelihoodLoss()(Marginals(p, p, p), target,
                                    torch.ones(1, 1, dtype=torch.float64))
    loss.backward()
    np.testing.assert_allclose(scores.grad[0, 0],
                               (p[0, 0] - gaussian(4.0, 10)).detach(),
                               atol=1e-12)


def test_likelihood_still_pulls_where_the_prediction_is_zero():
    scores = torch.zeros(1, 1, 8)
    scores[..., 0] = 60.0
    scores.requires_grad_()
    p = scores.softmax(-1)
    MarginalLikelihoodLoss()(Marginals(p, p, p),
                             torch.full((1, 1, 3), 6.0),
                             torch.ones(1, 1)).backward()
    assert scores.grad[0, 0, 6] < -0.3


def test_likelihood_ignores_nan_without_weight():
    p = torch.full((1, 1, 4), 0.25)
    loss = MarginalLikelihoodLoss()(Marginals(p, p, p),
                                    torch.full((1, 1, 3), torch.nan),
                                    torch.zeros(1, 1))
    assert loss.item() == 0


def test_sigma_must_be_positive():
    with pytest.raises(ValueError, match='sigma'):
        MarginalLikelihoodLoss(sigma=0)


# --- skeleton mask -------------------------------------------------------

METAINFO = HUMAN36M_18.metainfo()


def test_mask_loss_is_zero_where_the_mask_is_the_drawn_skeleton():
    loss = SkeletonMaskLoss(METAINFO)
    keypoints = poses(2, 18, 2).float() - 0.5
    drawn = loss.draw(keypoints, (64, 64), (64, 64))
    assert drawn.max() <= 1
    assert loss(keypoints, drawn).item() == 0
    assert loss(keypoints + 0.1, drawn).item() > 0.01


def test_lines_are_drawn_at_the_key_points_pixels_and_metric_width():
    metainfo = dict(dataset_name='stick', keypoint_info={
        0: dict(name='a', id=0), 1: dict(name='b', id=1)},
        skeleton_info={0: dict(link=('a', 'b'), id=0)})
    loss = SkeletonMaskLoss(metainfo, line_width=0.01)
    # Patch pixel 32 of 64 is normalised 0; both ends there.
    dot = loss.draw(torch.zeros(1, 2, 2), (64, 64), (64, 64))[0, 0]
    assert divmod(dot.argmax().item(), 64) == (32, 32)
    # 0.1 units are 3.2 px; exp(-(3 / 32)^2 / 0.01).
    assert dot[32, 35].item() == pytest.approx(
        np.exp(-(3 / 32)**2 / 0.01), rel=1e-5)
    # At half size map pixel 16 covers patch pixels 32 and 33: the dot lies
    # a quarter of a map pixel left of its centre.
    half = loss.draw(torch.zeros(1, 2, 2), (64, 64), (32, 32))[0, 0]
    assert half[16, 16].item() == pytest.approx(
        np.exp(-2 * (0.25 / 16)**2 / 0.01), rel=1e-5)


def test_mask_loss_at_a_smaller_map_averages_the_mask():
    loss = SkeletonMaskLoss(METAINFO, map_size=(8, 8), loss_weight=2.0)
    masks = poses(1, 1, 32, 32).float()
    far = torch.full((1, 18, 2), 50.0)
    want = masks.view(1, 1, 8, 4, 8, 4).mean((3, 5)).square().mean() * 2
    assert loss(far, masks).item() == pytest.approx(want.item(), rel=1e-5)


def test_weights_of_the_patch_are_averaged_down_with_the_mask():
    masks, weight = poses(1, 1, 32, 32).float(), poses(1, 1, 32, 32, seed=1)
    far = torch.full((1, 18, 2), 50.0)
    small = [i.float().view(1, 1, 8, 4, 8, 4).mean((3, 5))
             for i in (masks, weight)]
    want = (small[0].square() * small[1]).mean().item()
    loss = SkeletonMaskLoss(METAINFO, map_size=(8, 8))
    for given in (weight.float(), small[1]):
        assert loss(far, masks, given).item() == pytest.approx(want, rel=1e-5)


def test_mask_gradient_pulls_a_limb_into_the_mask():
    loss = SkeletonMaskLoss(METAINFO)
    pose = torch.zeros(1, 18, 2)
    pose[0, :, 1] = torch.linspace(-0.5, 0.5, 18)
    masks = loss.draw(pose + torch.tensor([0.1, 0.0]), (64, 64), (64, 64))
    pose.requires_grad_()
    loss(pose, masks).backward()
    assert (pose.grad[..., 0].sum() < 0).item()


def test_golden_mask_losses(goldens: Path):
    with np.load(goldens / '03_losses.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    drawn = golden['mask_pred']

    class Fixed(SkeletonMaskLoss):
        """Stand-in whose picture is the golden one."""

        def draw(self, *args: object) -> torch.Tensor:
            return drawn

    def value(clip: float | None, weight: torch.Tensor | None) -> float:
        return Fixed(METAINFO, clip=clip)(
            torch.zeros(1, 18, 2), golden['mask_gt'], weight).item()

    weight = golden['mask_weight']
    assert value(None, None) == pytest.approx(
        golden['mask_loss_plain'].item(), rel=1e-6)
    assert value(None, weight) == pytest.approx(
        golden['mask_loss_weight'].item(), rel=1e-6)
    assert value(0.1, weight) == pytest.approx(
        golden['mask_loss_weight_clip'].item(), rel=1e-6)
    ones = torch.ones_like(drawn)
    assert value(0.1, None) == pytest.approx(value(0.1, ones), rel=1e-6)


@pytest.mark.parametrize('name, options', [
    ('plain', dict()),
    ('clip', dict(clip=0.1, reference_clip=True)),
    ('weight', dict(clip=None)),
    ('weight_clip', dict(clip=0.1)),
    ('weight_clip', dict(clip=0.1, reference_clip=True)),
])
def test_golden_mask_comparison_and_its_gradient(name, options, goldens):
    with np.load(goldens / '03_losses.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    drawn = golden['mask_pred'].clone().requires_grad_()
    weight = golden['mask_weight'] if 'weight' in name else None
    loss = SkeletonMaskLoss(METAINFO, **options).compare(
        drawn, golden['mask_gt'], weight)
    loss.backward()
    assert loss.item() == pytest.approx(
        golden[f'mask_loss_{name}'].item(), rel=1e-6)
    want = golden[f'mask_grad_{name}']
    np.testing.assert_allclose(drawn.grad, want, rtol=0,
                               atol=1e-6 * want.abs().max().item())


def test_clip_of_the_released_code_needs_a_value():
    with pytest.raises(ValueError, match='reference_clip'):
        SkeletonMaskLoss(METAINFO, reference_clip=True)


def test_mask_loss_of_no_sample_is_zero_with_a_gradient():
    keypoints = poses(2, 18, 2).requires_grad_()
    loss = SkeletonMaskLoss(METAINFO)(keypoints[:0], torch.ones(0, 1, 8, 8))
    loss.backward()
    assert loss.item() == 0
    assert (keypoints.grad == 0).all()


@pytest.mark.parametrize('winner', ['joint', 'sample', 'batch'])
def test_winner_of_no_sample_is_zero_with_a_gradient(winner):
    hypotheses = poses(2, 3, 4, 3).requires_grad_()
    loss = WinnerTakesAllLoss(winner)(hypotheses[:0], torch.ones(0, 4, 3),
                                      torch.ones(0, 4))
    loss.backward()
    assert loss.item() == 0
    assert (hypotheses.grad == 0).all()


@pytest.mark.parametrize('winner', ['joint', 'sample', 'batch'])
def test_winner_gradient_is_that_of_finite_differences(winner):
    target, weight = poses(2, 4, 3, seed=1), poses(2, 4, seed=2)
    assert torch.autograd.gradcheck(
        lambda h: WinnerTakesAllLoss(winner)(h, target, weight),
        poses(2, 3, 4, 3).requires_grad_())


def test_mask_loss_gradient_is_that_of_finite_differences():
    loss = SkeletonMaskLoss(METAINFO)
    masks = poses(1, 1, 12, 12, seed=1).round()
    assert torch.autograd.gradcheck(
        lambda k: loss(k, masks),
        (poses(1, 18, 2) - 0.5).requires_grad_(), eps=1e-7, atol=1e-5)


def test_golden_mask_terms_of_an_iteration(goldens: Path):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        golden = {k: torch.from_numpy(v).double() for k, v in file.items()}
    options = dict(reference_scale=True, loss_weight=0.02)
    plain = SkeletonMaskLoss(METAINFO, clip=0.1, reference_clip=True,
                             **options)
    physique = PhysiqueMaskLoss(METAINFO, **options)
    physique.network = torch.nn.AvgPool2d(3, 1, 1)
    pairs = list(zip(golden['pred'][:, :, 0, :, :2], golden['masks']))
    drawn = plain.draw(pairs[0][0], (64, 64), (64, 64))
    np.testing.assert_allclose(drawn, golden['line_map_cam0'], rtol=0,
                               atol=2e-6)
    for loss, name in ((plain, 'reconstruction'),
                       (physique, 'physique_recons')):
        total = sum(loss(keypoints, masks) for keypoints, masks in pairs)
        assert total.item() == pytest.approx(
            golden[f'HM36_Multi_SurS2/{name}'].item(), rel=2e-6)


def test_golden_line_map(goldens: Path):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        keypoints = torch.from_numpy(file['pred'][0, :, 0, :, :2]).double()
        want = file['line_map_cam0']
    side = want.shape[-1]
    unit = (side - 1) / 2
    widths = torch.tensor(HUMAN36M_18.mask_link_widths) * 0.003 * unit**2
    got = skeleton_mask((keypoints + 1) * unit, HUMAN36M_18.mask_links,
                        widths, (side, side))
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)
