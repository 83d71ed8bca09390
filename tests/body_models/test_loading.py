"""Bodies by name and by file."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import (
    SMALBody,
    SMPLBody,
    body_names,
    clip_poses_of,
    free_human,
    load_body,
)
from xas_mmpose.body_models import loading as loading_module
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

DATA = Path(loading_module.__file__).parent / 'data'


def chain(num_joints: int) -> list[int]:
    """Return the parents of joints in one row."""
    return list(range(-1, num_joints - 1))


def test_people_are_known_by_name() -> None:
    assert body_names()[:2] == ('human', 'human_full')
    body = load_body('human')
    assert isinstance(body, SMPLBody)
    assert torch.equal(body.v_template, free_human().v_template)
    assert not body.layers
    full = load_body('human_full')
    assert len(full.v_template) > len(body.v_template)
    assert set(full.layers) == {'cloth', 'skirt', 'hair'}


def test_animals_are_known_by_name() -> None:
    animals = body_names()[2:]
    assert len(animals) >= 6
    assert list(animals) == sorted(animals)
    for name in animals:
        body = load_body(name)
        assert isinstance(body, SMALBody)
        pose = torch.zeros(1, 3 * body.num_joints)
        out = body(torch.zeros(1, body.num_betas), pose[:, :3], pose[:, 3:])
        # y up, z front, x left
        upright = out.keypoints[0] @ torch.tensor(body.axes).float().T
        point = dict(zip(ANIMAL3D_26.keypoint_names, upright))
        assert point['nose'][2] > point['neck'][2] > point['tail_base'][2]
        for end in ('front', 'back'):
            for side, sign in (('left', 1), ('right', -1)):
                leg = [point[f'{side}_{end}_{part}']
                       for part in ('thigh', 'knee', 'paw')]
                assert leg[0][1] > leg[1][1] > leg[2][1]
                assert all(sign * part[0] > 0 for part in leg)
        assert point['left_eye'][0] > point['right_eye'][0]


def test_files_are_told_apart_by_their_joints(tmp_path: Path,
                                              fake_body) -> None:
    people = dict(fake_body(20, chain(24), 2),
                  landmark_names=np.array(['nose', 'head_top']),
                  landmark_vertices=np.array([1, 2]))
    np.savez(tmp_path / 'person.npz', **people)
    assert type(load_body(tmp_path / 'person.npz')) is SMPLBody
    for num_joints in (33, 35):
        np.savez(tmp_path / 'animal.npz', **fake_body(
            3889, chain(num_joints), 2))
        body = load_body(str(tmp_path / 'animal.npz'))
        assert type(body) is SMALBody
        assert body.num_joints == num_joints
    np.savez(tmp_path / 'smplh.npz', **fake_body(20, chain(52), 2))
    with pytest.raises(ValueError, match=r'smplh\.npz: an SMPL body has 24 '
                       'joints, this file has 52'):
        load_body(tmp_path / 'smplh.npz')


def test_shape_components_can_be_chosen(tmp_path: Path, fake_body) -> None:
    arrays = fake_body(6890, chain(24), 16)
    arrays['posedirs'] = arrays['posedirs'].astype(np.float16)
    np.savez(tmp_path / 'person.npz', **arrays)
    assert load_body(tmp_path / 'person.npz').num_betas == 10
    body = load_body(tmp_path / 'person.npz', num_betas=16)
    np.testing.assert_allclose(body.shapedirs, arrays['shapedirs'],
                               rtol=1e-6)
    with pytest.raises(ValueError, match=r'person\.npz: 17 shape compo'):
        load_body(tmp_path / 'person.npz', 17)
    assert load_body('horse').num_betas == 8
    assert load_body('horse', 3).num_betas == 3


@pytest.mark.parametrize('num_joints', [33, 35])
def test_animals_lend_their_poses(fake_body, num_joints: int) -> None:
    owner = load_body('horse')
    poses = clip_poses_of('horse', num_joints)
    assert poses.shape == (len(owner.clip_poses), 3 * num_joints)
    assert poses.dtype == np.float32
    np.testing.assert_array_equal(poses,
                                  owner.clip_poses[:, :3 * num_joints])
    # A body with the horse's joints at rest stands as the horse does.
    parents = owner.parents.tolist()[:num_joints]
    arrays = fake_body(3889, parents, 8)
    rest = (owner.joint_regressor @ owner.v_template).numpy()[:num_joints]
    arrays['v_template'][:num_joints] = rest
    arrays['J_regressor'] = np.eye(num_joints, 3889)
    pose, own = (torch.from_numpy(array[::40])
                 for array in (poses, owner.clip_poses))
    shape = torch.zeros(len(pose), 8)
    joints = SMALBody(arrays)(shape, pose[:, :3], pose[:, 3:]).joints
    expected = owner(shape, own[:, :3], own[:, 3:]).joints
    torch.testing.assert_close(joints, expected[:, :num_joints])
    assert (joints[1:] - joints[:1]).abs().max() > 0.05


def test_who_lends_no_poses_is_told() -> None:
    with pytest.raises(ValueError, match="'human' has no poses to lend; "
                       r'those that have are alpaca, .*horse'):
        clip_poses_of('human')
    with pytest.raises(ValueError, match=r"'horse' fit .*35 joints, not 24"):
        clip_poses_of('horse', 24)


def test_pickles_load_by_their_path(tmp_path: Path, python2,
                                    fake_body) -> None:
    arrays = fake_body(6890, chain(24), 12)
    arrays['posedirs'][:] = 0
    path = python2.write(tmp_path / 'SMPL_NEUTRAL.pkl', dict(
        arrays, v_template=python2.ch(arrays['v_template'])))
    body = load_body(path)
    assert (body.num_betas, body.landmarks['nose']) == (10, 332)
    pose = torch.zeros(1, 72)
    out = body(torch.zeros(1, 10), pose[:, :3], pose[:, 3:])
    knee = HUMAN36M_18.index('left_knee')
    torch.testing.assert_close(out.keypoints[0, knee], out.joints[0, 4])
    # The regressor beside the file takes over.
    table = np.zeros((17, 6890), order='F')
    table[range(17), range(100, 117)] = 1
    np.save(tmp_path / 'J_regressor_h36m.npy', table)
    out = load_body(path)(torch.zeros(1, 10), pose[:, :3], pose[:, 3:])
    torch.testing.assert_close(out.keypoints[0, knee], out.vertices[0, 102])


def test_the_regressor_is_for_the_official_files(tmp_path: Path) -> None:
    """Else every free body beside SMPL's files would be refused."""
    np.save(tmp_path / 'J_regressor_h36m.npy', np.zeros((17, 6890)))
    arrays = np.load(DATA / 'anny_small.npz')
    np.savez(tmp_path / 'body.npz', **arrays)
    body = load_body(tmp_path / 'body.npz')
    assert torch.equal(body.keypoint_weights, free_human().keypoint_weights)


def test_unknown_bodies_are_answered_with_what_there_is(
        tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown body 'unicorn': it is none "
                       'of human, human_full'):
        load_body('unicorn')
    with pytest.raises(FileNotFoundError, match=r'SMPL_MALE\.pkl.*'
                       r'https://smpl\.is\.tue\.mpg\.de'):
        load_body(tmp_path / 'SMPL_MALE.pkl')
