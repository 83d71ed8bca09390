"""Arms are moved out of the body, and no more than that."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import free_human
from xas_mmpose.body_models.self_intersection import PartCapsules
from xas_mmpose.render.studio.body_angles import CHANNELS, posture, smpl_pose
from xas_mmpose.render.studio.clearance import ArmClearance


@pytest.fixture(scope='module')
def clearance() -> ArmClearance:
    return ArmClearance(free_human())


def depth(channels: np.ndarray) -> float:
    pose = torch.from_numpy(smpl_pose(channels)).float().reshape(1, 72)
    return float(PartCapsules(free_human()).crossing(pose))


def test_a_free_posture_stays_as_it_is(clearance):
    channels = posture(left_arm=(90, 20), right_arm=(20, 70))
    assert depth(channels) < 0.02
    assert clearance.clear(channels) is channels


@pytest.mark.parametrize('arm', [
    (4, -20, 20, 14),  # in the thigh
    (20, 5, 80, 120),  # in the belly
])
def test_an_arm_in_the_body_is_moved_out(clearance, arm):
    channels = posture(left_arm=arm)
    cleared = clearance.clear(channels)
    assert depth(channels) > 0.04
    assert depth(cleared) < depth(channels) - 0.02
    moved = {CHANNELS[i].split('.')[0]
             for i in np.nonzero(cleared - channels)[0]}
    assert moved == {'left_arm', 'right_arm'}
    assert np.abs(cleared - channels).max() <= 30
