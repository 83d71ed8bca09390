"""Postures in words of anatomy: what each word does to a body."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import SMPLBody, free_human
from xas_mmpose.render.studio.body_angles import (
    CHANNELS,
    HIGHEST,
    LOWEST,
    STANDING,
    mirrored,
    posture,
    smpl_pose,
)

#: SMPL joints.
HIP, KNEE, ANKLE, FOOT, NECK, HEAD = 1, 4, 7, 10, 12, 15
SHOULDER, ELBOW, WRIST = 16, 18, 20
#: Left and right partners.
PAIRS = [(1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19),
         (20, 21), (22, 23)]


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return free_human()


def joints(body: SMPLBody, **groups) -> np.ndarray:
    """Return the joints (24, 3) of a posture: x left, y up, z front."""
    pose = torch.from_numpy(smpl_pose(posture(groups))).float().reshape(1, 72)
    with torch.no_grad():
        return body(torch.zeros(1, body.num_betas), pose[:, :3],
                    pose[:, 3:]).joints[0].numpy()


def direction(points: np.ndarray, start: int, end: int) -> np.ndarray:
    way = points[end] - points[start]
    return way / np.linalg.norm(way)


@pytest.mark.parametrize('arm, expected', [
    ((90, 0, 0), (0, 0, 1)),  # forwards
    ((0, 90, 0), (1, 0, 0)),  # aside
    ((0, 0, 0), (0, -1, 0)),  # hanging
    ((175, 0, 0), (0, 0.996, 0.087)),  # up
])
def test_an_arm_points_where_it_is_told(body, arm, expected):
    points = joints(body, spine=(0, 0, 0), left_arm=(*arm, 3))
    np.testing.assert_allclose(direction(points, SHOULDER, ELBOW), expected,
                               atol=0.06)


def test_elbows_bend_forwards_and_twist_turns_them_inwards(body):
    points = joints(body, spine=(0, 0, 0), left_arm=(0, 0, 0, 90))
    assert direction(points, ELBOW, WRIST)[2] > 0.97
    points = joints(body, spine=(0, 0, 0), left_arm=(0, 0, 90, 90))
    assert direction(points, ELBOW, WRIST)[0] < -0.97  # across the belly


def test_legs(body):
    points = joints(body, left_leg=(90, 0, 0, 90))
    assert direction(points, HIP, KNEE)[2] > 0.97
    assert direction(points, KNEE, ANKLE)[1] < -0.97
    points = joints(body, left_leg=(0, 30, 0, 0))
    assert direction(points, HIP, KNEE)[0] > 0.45
    points = joints(body, left_leg=(0, 0, 45, 0))
    standing = joints(body, left_leg=(0, 0, 0, 0))
    assert (direction(points, ANKLE, FOOT)[0]
            - direction(standing, ANKLE, FOOT)[0]) > 0.4  # toes out


@pytest.mark.parametrize('leg', [(30, 0, 0, 50), (-15, 0, 0, 10)])
def test_the_sole_keeps_its_angle_to_the_floor(body, leg):
    flat = joints(body, left_leg=(0, 0, 0, 0))
    bent = joints(body, left_leg=leg)
    np.testing.assert_allclose(direction(bent, ANKLE, FOOT),
                               direction(flat, ANKLE, FOOT), atol=1e-4)
    toes_down = joints(body, left_leg=(*leg, 20))
    assert (direction(toes_down, ANKLE, FOOT)[1]
            < direction(flat, ANKLE, FOOT)[1] - 0.2)


def test_a_tilted_pelvis_leaves_the_legs_and_takes_the_trunk(body):
    upright, tilted = joints(body), joints(body, pelvis=(40, 8, 10))
    for start, end in ((HIP, KNEE), (KNEE, ANKLE), (2, 5), (5, 8)):
        np.testing.assert_allclose(direction(tilted, start, end),
                                   direction(upright, start, end), atol=1e-4)
    assert tilted[NECK, 2] > upright[NECK, 2] + 0.2


def test_trunk_and_head(body):
    upright = joints(body)
    assert joints(body, spine=(40, 0, 0))[NECK, 2] > upright[NECK, 2] + 0.1
    nodding = joints(body, head=(40, 0, 0))
    assert nodding[HEAD, 2] > upright[HEAD, 2] + 0.02


def test_mirrored_postures_give_mirrored_poses():
    rng = np.random.default_rng(0)
    channels = rng.uniform(LOWEST, HIGHEST)
    np.testing.assert_array_equal(mirrored(mirrored(channels)), channels)
    # Across x = 0 an axis angle keeps x; partners change places.
    expected = smpl_pose(channels) * (1, -1, -1)
    for left, right in PAIRS:
        expected[[left, right]] = expected[[right, left]]
    np.testing.assert_allclose(smpl_pose(mirrored(channels)), expected,
                               atol=1e-9)


def test_many_at_once_and_limits():
    rng = np.random.default_rng(1)
    channels = rng.uniform(LOWEST, HIGHEST, (2, 3, len(CHANNELS)))
    poses = smpl_pose(channels)
    assert poses.shape == (2, 3, 24, 3)
    np.testing.assert_allclose(poses[1, 2], smpl_pose(channels[1, 2]))
    np.testing.assert_allclose(smpl_pose(HIGHEST + 50), smpl_pose(HIGHEST))
    assert (LOWEST <= STANDING).all()
    assert (STANDING <= HIGHEST).all()


def test_bad_groups_are_named():
    with pytest.raises(ValueError, match="no group 'tail'"):
        posture(tail=(1, ))
    with pytest.raises(ValueError, match='head has 3 angles, got 4'):
        posture(head=(1, 2, 3, 4))
    assert posture(head=(9, ))[CHANNELS.index('head.nod')] == 9
