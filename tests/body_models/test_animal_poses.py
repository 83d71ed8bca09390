"""Ranges of animals' joints: which way they bend, on the free animals."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import (
    ParametricBody,
    RulePosePrior,
    animal_names,
    animal_pose_rule,
    clip_poses_of,
    load_body,
)
from xas_mmpose.body_models.self_intersection import PartCapsules

#: SMAL's joints and their mirror partners.
MIRRORED = [*range(7), 11, 12, 13, 14, 7, 8, 9, 10, 15, 16, 21, 22, 23, 24,
            17, 18, 19, 20, *range(25, 33), 34, 33]
RULE = animal_pose_rule()


def drawn(num: int, seed: int = 0) -> torch.Tensor:
    """Return poses (B, 105)."""
    return RulePosePrior(RULE).sample(
        num, torch.Generator().manual_seed(seed))


@pytest.fixture(scope='module')
def horse() -> ParametricBody:
    return load_body('horse')


def moved(body: ParametricBody, joint: int, degrees: float,
          keypoint: str) -> np.ndarray:
    """Return how a key point moves (3,) when a joint turns about y."""
    pose = torch.zeros(2, 105)
    pose[1, 3 * joint + 1] = np.radians(degrees)
    with torch.no_grad():
        out = body(torch.zeros(2, body.num_betas), pose[:, :3], pose[:, 3:])
    points = out.keypoints[:, body.skeleton.index(keypoint)].numpy()
    return points[1] - points[0]


def test_left_and_right_are_mirror_images() -> None:
    up, down = RULE.up.reshape(35, 3), RULE.down.reshape(35, 3)
    assert torch.equal(up[:, 1], up[MIRRORED][:, 1])
    assert torch.equal(down[:, 1], down[MIRRORED][:, 1])
    assert torch.equal(up[:, ::2], down[MIRRORED][:, ::2])
    assert not torch.equal(up[:, 0], down[:, 0])  # the test sees the sides


@pytest.mark.parametrize('joint, keypoint, axis', [
    (8, 'left_front_paw', 0),  # elbows bend the leg forwards,
    (9, 'left_front_paw', 0),  # wrists backwards,
    (18, 'left_back_paw', 0),  # knees backwards,
    (19, 'left_back_paw', 0),  # hocks forwards,
    (15, 'nose', 2),  # necks go farther down than up,
    (32, 'mouth_mid', 2),  # and jaws open downwards.
])
def test_joints_bend_the_way_they_do(horse: ParametricBody, joint: int,
                                     keypoint: str, axis: int) -> None:
    up, down = (side.reshape(35, 3)[joint, 1].rad2deg().item()
                for side in (RULE.up, RULE.down))
    bends = dict(zip((8, 9, 18, 19), (1, -1, -1, 1)))
    wanted = bends.get(joint, -1)
    more = up if up > down else -down
    assert abs(more) > 2 * min(up, down)
    if joint == 32:  # the free animals' heads are of one piece
        assert more > 0
        return
    assert np.sign(moved(horse, joint, more, keypoint)[axis]) == wanted


def test_legs_swing_in_their_plane() -> None:
    width = (RULE.up + RULE.down).reshape(35, 3)
    legs = [*range(7, 15), *range(17, 25)]
    assert (width[legs, 1] > 3 * width[legs][:, [0, 2]].amax(1)).all()
    outwards = RULE.up.reshape(35, 3)[[7, 17], 0]
    assert (outwards > RULE.down.reshape(35, 3)[[7, 17], 0]).all()


def test_ranges_are_about_as_wide_as_the_clips() -> None:
    clips = torch.from_numpy(np.concatenate(
        [clip_poses_of(name) for name in animal_names()]))
    inside = (clips <= RULE.up + 0.05) & (clips >= -RULE.down - 0.05)
    # An angle of a joint that moves at all.
    legs = torch.zeros(35, 3, dtype=torch.bool)
    legs[[*range(7, 15), *range(17, 25)], 1] = True
    assert inside[:, legs.flatten()].float().mean() > 0.85
    wide = drawn(2000).std(0)[legs.flatten()]
    ratio = wide / clips.std(0)[legs.flatten()]
    assert 0.5 < ratio.min() < ratio.max() < 1.5


@pytest.mark.parametrize('name', ['horse', 'fox', 'alpaca', 'bull'])
def test_few_poses_cross_and_animals_stand(name: str) -> None:
    body, poses = load_body(name), drawn(500)
    crossing = PartCapsules(body).crossing(poses) > 0
    assert crossing.float().mean() < 0.15
    with torch.no_grad():
        out = body(torch.zeros(500, body.num_betas), poses[:, :3],
                   poses[:, 3:])
    of = body.skeleton.index
    paws = out.keypoints[:, [of(f'{side}_{end}_paw') for side in (
        'left', 'right') for end in ('front', 'back')]]
    back = (out.keypoints[:, of('neck')] + out.keypoints[:, of('tail_base')]
            ) / 2
    assert ((back[:, None] - paws)[..., 2] > 0).float().mean() > 0.99
    left, right = (out.keypoints[:, [of(f'{side}_{end}_paw')
                                     for end in ('front', 'back')], 1]
                   for side in ('left', 'right'))
    assert (left > right).float().mean() > 0.97  # legs hardly cross


def test_33_joints_lack_the_ears() -> None:
    rule = animal_pose_rule(33)
    assert len(rule.mean) == 99
    assert torch.equal(rule.up, RULE.up[:99])
    with pytest.raises(ValueError, match='33 or 35 joints, not 24'):
        animal_pose_rule(24)
