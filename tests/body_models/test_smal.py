"""Animals against skinning written out in numpy."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.transform import Rotation

from xas_mmpose.body_models import SMALBody
from xas_mmpose.body_models.smal import (
    ANIMAL3D_26_VERTICES,
    mirrored_template,
)
from xas_mmpose.skeletons import ANIMAL3D_26

#: Parents of SMAL's 35 joints; the official file lacks the ears, the last.
PARENTS = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 11, 12, 13, 6, 15, 0, 17, 18,
           19, 0, 21, 22, 23, 0, 25, 26, 27, 28, 29, 30, 16, 16, 16]
NAMES = ANIMAL3D_26.keypoint_names


def parameters(body: SMALBody, num: int = 3) -> list[torch.Tensor]:
    """Return random shapes, orientations, poses and translations."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(num, n, generator=generator) for n in (
        body.num_betas, 3, 3 * body.num_joints - 3, 3)]


def skinned(arrays: dict, betas: np.ndarray, pose: np.ndarray
            ) -> tuple[np.ndarray, np.ndarray]:
    """Return one body's vertices (V, 3) and joints (J, 3), in loops."""
    parents = arrays['kintree_table'][0].astype(np.int64)
    shaped = arrays['v_template'] + arrays['shapedirs'] @ betas
    rest = arrays['J_regressor'] @ shaped
    turns = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix()
    feature = np.concatenate([(turn - np.eye(3)).ravel()
                              for turn in turns[1:]])
    shaped = shaped + arrays['posedirs'] @ feature
    places, world = [], []
    for joint, turn in enumerate(turns):
        if joint == 0:
            places.append(rest[0])
            world.append(turn)
        else:
            parent = parents[joint]
            places.append(places[parent]
                          + world[parent] @ (rest[joint] - rest[parent]))
            world.append(world[parent] @ turn)
    vertices = np.zeros_like(shaped)
    for joint, (turn, place) in enumerate(zip(world, places)):
        moved = (shaped - rest[joint]) @ turn.T + place
        vertices += arrays['weights'][:, joint, None] * moved
    return vertices, np.array(places)


def with_keypoints(arrays: dict, seed: int = 0) -> dict:
    """Return a body that brings key points, in an order of its own."""
    rng = np.random.default_rng(seed)
    num_vertices, num_joints = arrays['weights'].shape
    shares = rng.random((26, num_vertices + num_joints)) ** 8
    shares /= shares.sum(1, keepdims=True)
    return dict(arrays, keypoint_names=rng.permutation(NAMES),
                keypoint_regressor=shares[:, :num_vertices],
                keypoint_joint_regressor=shares[:, num_vertices:])


@pytest.mark.parametrize('num_joints', [33, 35])
def test_skinning_and_keypoints(fake_body, num_joints: int) -> None:
    arrays = with_keypoints(fake_body(50, PARENTS[:num_joints], 41))
    body = SMALBody(arrays)
    assert (body.num_betas, body.num_joints) == (41, num_joints)
    betas, orient, pose, transl = parameters(body)
    out = body(betas, orient, pose, transl)
    for i, shift in enumerate(transl.numpy()):
        vertices, joints = skinned(
            arrays, betas[i].double().numpy(),
            torch.cat([orient, pose], 1)[i].double().numpy())
        np.testing.assert_allclose(out.vertices[i], vertices + shift,
                                   atol=1e-5)
        np.testing.assert_allclose(out.joints[i], joints + shift, atol=1e-5)
        keypoints = (arrays['keypoint_regressor'] @ vertices
                     + arrays['keypoint_joint_regressor'] @ joints + shift)
        own = arrays['keypoint_names'].tolist()
        np.testing.assert_allclose(
            out.keypoints[i], keypoints[[own.index(n) for n in NAMES]],
            atol=1e-5)


@pytest.mark.parametrize('num_joints', [33, 35])
def test_keypoints_of_the_official_topology(tmp_path: Path, python2,
                                            fake_body,
                                            num_joints: int) -> None:
    arrays = fake_body(3889, PARENTS[:num_joints], 41)
    content = dict(arrays, J_regressor=sparse.csc_matrix(
        arrays['J_regressor']), **{
            key: python2.ch(arrays[key])
            for key in ('v_template', 'shapedirs', 'posedirs', 'weights')})
    body = SMALBody.from_file(
        python2.write(tmp_path / 'my_smpl_00781_4_all.pkl', content))
    out = body(*parameters(body, 2))
    for name, group in {
            'left_eye': [1068, 1080, 1029, 1226], 'mouth_mid': [910],
            'right_back_paw': [3854, 2820, 3852, 3858],
            'tail_base': [452, 1811], 'left_ear': [*range(498, 504)],
            'neck': [191, 1158, 3116, 2165],
            'right_front_knee': [2351, 2763, 2397, 3127]}.items():
        torch.testing.assert_close(
            out.keypoints[:, ANIMAL3D_26.index(name)],
            out.vertices[:, group].mean(1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(body.joint_regressor.numpy(),
                               arrays['J_regressor'].astype(np.float32))


def test_the_table_is_one_of_mirror_partners() -> None:
    assert set(ANIMAL3D_26_VERTICES) == set(NAMES)
    every = [v for group in ANIMAL3D_26_VERTICES.values() for v in group]
    assert len(set(every)) == len(every)
    assert 0 <= min(every) < max(every) < 3889
    for name, group in ANIMAL3D_26_VERTICES.items():
        if name.startswith('left_'):
            right = ANIMAL3D_26_VERTICES['right_' + name[5:]]
            assert len(right) == len(group)
            # The template's left half comes first in the file.
            assert max(group) < min(right)


def test_templates_become_symmetric() -> None:
    rng = np.random.default_rng(0)
    partners = np.array([0, 3, 4, 1, 2, 5])
    crooked = rng.normal((0, 7, 0), 1, (6, 3))
    crooked[[0, 5], 1] = 7.1, 6.9  # in the middle, which is at 7
    crooked[[1, 2], 1] = 7.8, 6.3  # one left, one right
    crooked[[3, 4], 1] = 6.4, 8.0
    mended = mirrored_template(crooked, partners)
    np.testing.assert_allclose(mended, mended[partners] * (1, -1, 1))
    np.testing.assert_allclose(mended[[2, 3]], crooked[[2, 3]] - (0, 7, 0))
    np.testing.assert_allclose(mended[[0, 5]], crooked[[0, 5]] * (1, 0, 1))
    np.testing.assert_allclose(mirrored_template(mended, partners), mended)
    for bad in (partners[:5], np.zeros(6), np.roll(np.arange(6), 1)):
        with pytest.raises(ValueError, match='mirror partners of 6 vertices'):
            mirrored_template(crooked, bad)


def test_axes_turn_the_animal_upright(fake_body) -> None:
    body = SMALBody(with_keypoints(fake_body(20, PARENTS, 2)))
    front, left, up = np.eye(3)
    np.testing.assert_array_equal(body.axes @ front, [0, 0, 1])
    np.testing.assert_array_equal(body.axes @ left, [1, 0, 0])
    np.testing.assert_array_equal(body.axes @ up, [0, 1, 0])
    assert np.linalg.det(body.axes) == 1
    assert [NAMES[k] for k in body.center_keypoints] == ['neck', 'tail_base']


def test_shape_components_are_the_first(tmp_path: Path, fake_body) -> None:
    arrays = with_keypoints(fake_body(20, PARENTS, 41))
    np.testing.assert_allclose(SMALBody(arrays, 20).shapedirs,
                               arrays['shapedirs'][..., :20], rtol=1e-6)
    np.savez(tmp_path / 'cat.npz', **arrays)
    with pytest.raises(ValueError, match=r'cat\.npz: 42 shape components'):
        SMALBody.from_file(tmp_path / 'cat.npz', 42)


@pytest.mark.parametrize('changes, said', [
    (dict(keypoint_names=np.array([*NAMES[:25], 'withers'])),
     'keypoint_names lacks tail_mid'),
    (dict(keypoint_regressor=np.zeros((26, 20))), 'expected 1'),
])
def test_bad_keypoints_are_named(fake_body, changes: dict,
                                 said: str) -> None:
    arrays = with_keypoints(fake_body(20, PARENTS, 2))
    with pytest.raises(ValueError, match=said):
        SMALBody({**arrays, **changes})


def test_what_is_no_smal_body_is_refused(tmp_path: Path, fake_body) -> None:
    path = tmp_path / 'horse.npz'
    np.savez(path, **fake_body(20, PARENTS, 2))
    with pytest.raises(ValueError, match=r'horse\.npz: the key points of a '
                       'body of 20 vertices are unknown'):
        SMALBody.from_file(path)
    np.savez(path, **fake_body(20, PARENTS[:24], 2))
    with pytest.raises(ValueError, match=r'horse\.npz: a SMAL body has 33 or '
                       '35 joints, this file has 24'):
        SMALBody.from_file(path)
