"""The pose and shape prior against its table and closed-form statistics."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from xas_mmpose.body_models import (
    NEGATIVE_POSE_RULE,
    POSE_RANGES,
    POSE_RULE,
    PoseRule,
    RulePosePrior,
    pose_rule,
    sample_betas,
    sample_pose,
)

#: SMPL joints and their mirror partners.
MIRRORED = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19,
            18, 21, 20, 23, 22]


def seeded(seed: int = 0) -> torch.Generator:
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


def mirror(pose: torch.Tensor) -> torch.Tensor:
    """Reflect poses (B, 72) in the body's middle plane x = 0."""
    swapped = pose.reshape(-1, 24, 3)[:, MIRRORED]
    return (swapped * torch.tensor([1, -1, -1])).reshape(-1, 72)


@pytest.mark.parametrize('name, rule', [('positive', POSE_RULE),
                                        ('negative', NEGATIVE_POSE_RULE)])
def test_table_is_that_of_the_released_code(goldens: Path, name: str,
                                            rule: PoseRule) -> None:
    rows = json.loads((goldens / '12_pose_prior.json').read_text())[name]
    assert [row['index'] for row in rows] == list(range(72))
    for key, ours in (('pos_deg', rule.up), ('neg_deg', rule.down),
                      ('mean_deg', rule.mean)):
        expected = torch.tensor([row[key] for row in rows],
                                dtype=torch.float64)
        torch.testing.assert_close(torch.rad2deg(ours), expected, rtol=0,
                                   atol=1e-12)
    ignore = torch.tensor([row['ignore'] for row in rows],
                          dtype=torch.float64)
    assert torch.equal(rule.skip, ignore)


def test_angles_stay_in_their_ranges() -> None:
    pose = sample_pose(5000, seeded()).double()
    assert (pose <= POSE_RULE.mean + POSE_RULE.up + 1e-6).all()
    assert (pose >= POSE_RULE.mean - POSE_RULE.down - 1e-6).all()
    fixed = (POSE_RULE.up == 0) & (POSE_RULE.down == 0)
    assert (pose[:, fixed] == 0).all()
    # The whole range is used, on both sides.
    used = (pose - POSE_RULE.mean).amax(0) / POSE_RULE.up
    assert (used[POSE_RULE.up > 0] > 0.9).all()
    used = (POSE_RULE.mean - pose).amax(0) / POSE_RULE.down
    assert (used[POSE_RULE.down > 0] > 0.9).all()


def test_distribution_is_a_truncated_normal_without_lumps() -> None:
    yaw = sample_pose(20000, seeded())[:, 1].double().numpy()
    sigma = np.pi / 1.96
    test = stats.kstest(yaw, stats.truncnorm(-1.96, 1.96, 0, sigma).cdf)
    assert test.statistic < 0.012  # 1 % level: 1.63 / sqrt(20000)
    assert (np.abs(yaw) > np.pi - 1e-4).mean() < 1e-3


def test_skipped_angles_take_their_mean() -> None:
    pose = sample_pose(20000, seeded()).double()
    at_mean = ((pose - POSE_RULE.mean).abs() < 1e-7).double().mean(0)
    both = (POSE_RULE.up > 0) & (POSE_RULE.down > 0) & (POSE_RULE.skip > 0)
    np.testing.assert_allclose(at_mean[both], 0.4, atol=0.015)
    # A side without range gives the mean as well: 0.4 + 0.6 / 2.
    one = (POSE_RULE.up > 0) != (POSE_RULE.down > 0)
    np.testing.assert_allclose(at_mean[one], 0.7, atol=0.015)
    assert (at_mean[:3] < 0.001).all()  # the pelvis is never skipped
    left_shoulder_z, right_shoulder_z = 16 * 3 + 2, 17 * 3 + 2
    assert POSE_RULE.mean[left_shoulder_z] == pytest.approx(-np.pi / 3)
    assert POSE_RULE.mean[right_shoulder_z] == pytest.approx(np.pi / 3)


def test_samples_and_angles_are_independent() -> None:
    pose = sample_pose(4000, seeded()).double() - POSE_RULE.mean
    free = (POSE_RULE.up > 0) & (POSE_RULE.down > 0)
    skipped = pose[:, free].abs() < 1e-6
    side = pose[:, free].sign().masked_fill(skipped, 0)
    # In every batch of eight, some angle goes both ways.
    assert (side.reshape(500, 8, -1).amax(1) == 1).any(1).all()
    assert (side.reshape(500, 8, -1).amin(1) == -1).any(1).all()
    for table in (side, skipped[:, 3:].double()):
        correlation = np.corrcoef(table.T.numpy())
        np.fill_diagonal(correlation, 0)
        assert np.abs(correlation).max() < 0.08  # 5 sigma of 4000 samples


def test_left_and_right_are_mirrored() -> None:
    up, down = POSE_RULE.up.reshape(24, 3), POSE_RULE.down.reshape(24, 3)
    assert torch.equal(up[:, 0], up[MIRRORED][:, 0])
    assert torch.equal(up[:, 1:], down[MIRRORED][:, 1:])
    pose = sample_pose(20000, seeded())
    levels = torch.linspace(0.02, 0.98, 25)
    ours = torch.quantile(pose, levels, dim=0)
    other = torch.quantile(mirror(pose), levels, dim=0)
    scale = (POSE_RULE.up + POSE_RULE.down).clamp(min=1e-3)
    # A level that falls on the edge of the lump at the mean may jump.
    assert (((ours - other).abs() / scale).float().mean(0) < 0.02).all()


def test_shapes_are_truncated_and_centred() -> None:
    betas = sample_betas(4000, seeded(), num_betas=5).double()
    assert betas.shape == (4000, 5)
    sigma = 1.5 / 1.96
    expected = stats.truncnorm(-1.96, 1.96, 0, sigma)
    assert betas.abs().max() <= 1.5
    test = stats.kstest(betas.flatten().numpy(), expected.cdf)
    assert test.statistic < 0.0115
    np.testing.assert_allclose(betas.std(0), expected.std(), rtol=0.05)
    correlation = np.corrcoef(betas.sign().T.numpy())
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 0.08


def test_a_seed_gives_the_same_again() -> None:
    assert torch.equal(sample_pose(3, seeded(5)), sample_pose(3, seeded(5)))
    assert torch.equal(sample_betas(3, seeded(5)), sample_betas(3, seeded(5)))
    assert not torch.equal(sample_pose(3, seeded(5)),
                           sample_pose(3, seeded(6)))


def test_each_angle_is_distributed_as_its_mirror_image() -> None:
    ours = sample_pose(8000, seeded(1)).numpy()
    other = mirror(sample_pose(8000, seeded(2))).numpy()
    moving = ((POSE_RULE.up > 0) | (POSE_RULE.down > 0)).nonzero()[:, 0]
    assert len(moving) == 35
    # 1e-4 level of two samples of 8000: 2.23 * sqrt(2 / 8000).
    worst = max(stats.ks_2samp(ours[:, i], other[:, i]).statistic
                for i in moving)
    assert worst < 0.036
    np.testing.assert_allclose(ours.mean(0), other.mean(0), atol=0.04)
    # The test sees what is not symmetric: arms that were not exchanged.
    bent = ours[:, 16 * 3 + 1], ours[:, 17 * 3 + 1]
    assert stats.ks_2samp(*bent).statistic > 0.1


def test_a_table_of_ones_own() -> None:
    rule = pose_rule({4: ((90, 10), (0, 0), (20, 30, -5))},
                     skip={4: 0.25, 7: 1}, root=((0, 0), (30, 60), (0, 0)))
    pose = torch.rad2deg(sample_pose(20000, seeded(), rule).double())
    moved = {1, 12, 14}
    assert {i for i in range(72) if pose[:, i].std() > 1e-6} == moved
    assert -60 <= pose[:, 1].min() < -55 < 25 < pose[:, 1].max() <= 30
    assert -35 - 1e-4 <= pose[:, 14].min() < 14 < pose[:, 14].max() <= 15.001
    at_mean = ((pose[:, 14] + 5).abs() < 1e-5).double().mean()
    assert at_mean.item() == pytest.approx(0.25, abs=0.015)
    assert rule.skip[:3].tolist() == [0] * 3
    assert rule.skip[21:24].tolist() == [1] * 3
    assert rule.skip[3:6].tolist() == [0.4] * 3
    # One number is for all joints but the root.
    rule = pose_rule(POSE_RANGES, skip=0.1)
    assert rule.skip.tolist() == [0] * 3 + [0.1] * 69
    assert torch.equal(rule.up, POSE_RULE.up)


def test_bad_tables_are_refused() -> None:
    for arguments, message in [
            (dict(ranges={24: ((1, 1), ) * 3}), 'joints 0 to 23, not 24'),
            (dict(skip={-1: 0.5}), 'not -1'),
            (dict(ranges={3: ((1, 1), ) * 2}), 'joint 3 has 3 axes, got 2'),
            (dict(ranges={3: ((1, 1), (1, -1), (0, 0))}),
             r'joint 3, axis 1, .*got \(1, -1\)'),
            (dict(root=((1, ), (1, 1), (1, 1))), r'joint 0, axis 0'),
            (dict(skip=1.5), 'joint 1 is a probability, got 1.5')]:
        with pytest.raises(ValueError, match=message):
            pose_rule(**arguments)


def test_reference_draws_one_side_and_one_skip_for_a_batch() -> None:
    batches = torch.stack([sample_pose(16, seeded(i), reference=True)
                           for i in range(400)]).double()
    free = (POSE_RULE.up > 0) & (POSE_RULE.down > 0) & (POSE_RULE.skip > 0)
    whole = (batches == 0).all(1)
    # Nobody is skipped alone, and a skipped shoulder is 0, not its mean.
    assert torch.equal(whole, (batches == 0).any(1))
    assert whole[:, free].double().mean().item() == pytest.approx(0.4,
                                                                  abs=0.02)
    assert whole[:, 16 * 3 + 2].double().mean().item() == pytest.approx(
        0.4, abs=0.08)
    assert not whole[:, :3].any()
    # An exhausted side, whose bound is its mean of 0, is 0 as well.
    knees = whole[:, [4 * 3, 5 * 3]].double().mean().item()
    assert knees == pytest.approx(0.7, abs=0.05)
    offset = batches - POSE_RULE.mean
    side = offset.sign()
    drawn = ~whole
    assert ((side == side[:, :1]) | ~drawn[:, None]).all()
    assert side[:, 0, 1].mean().abs() < 0.2  # both sides come
    bound = torch.where(offset > 0, POSE_RULE.up, POSE_RULE.down)
    share = offset.abs() / bound.clamp(min=1e-9)
    share = share[drawn[:, None].expand_as(share)]
    assert share.max() <= 1 + 1e-6
    lump = (share > 1 - 1e-6).double().mean().item()
    assert lump == pytest.approx(0.05, abs=0.003)
    # What lies inside the bound is the same half normal.
    inside = share[share < 1 - 1e-6].numpy()
    half = stats.truncnorm(0, 1.96, 0, 1 / 1.96)
    assert stats.kstest(inside, half.cdf).statistic < 0.01


def test_reference_shapes_share_a_sign() -> None:
    batches = torch.stack([sample_betas(64, seeded(i), reference=True)
                           for i in range(200)])
    signs = batches.sign().flatten(1)
    assert (signs == signs[:, :1]).all()
    assert signs[:, 0].mean().abs() < 0.25
    assert batches.abs().max() == 1.5
    lump = (batches.abs() == 1.5).double().mean().item()
    assert lump == pytest.approx(0.05, abs=0.003)


def test_rules_as_a_prior() -> None:
    for rule in (POSE_RULE, NEGATIVE_POSE_RULE):
        for reference in (False, True):
            prior = RulePosePrior(rule, reference)
            assert torch.equal(
                prior.sample(5, seeded(3)),
                sample_pose(5, seeded(3), rule, reference))
