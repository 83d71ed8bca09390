"""Poses from files of every kind that the reader names."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from xas_mmpose.body_models import FilePosePrior, clip_poses_of
from xas_mmpose.body_models import pose_file as pose_file_module
from xas_mmpose.body_models.pose_file import (
    SMPL_MIRROR,
    mirror_pose,
    read_poses,
)
from xas_mmpose.body_models.smpl import free_human


def seeded(seed: int = 0) -> torch.Generator:
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


def angles(num: int, width: int, seed: int = 0) -> np.ndarray:
    """Return poses (num, width)."""
    return np.random.default_rng(seed).normal(0, 0.4, (num, width))


@pytest.mark.parametrize('width', [66, 72, 156, 165])
def test_people_of_every_width(tmp_path: Path, width: int) -> None:
    poses = angles(5, width)
    np.savez(tmp_path / 'walk.npz', poses=poses, trans=np.ones((5, 3)),
             gender=np.array('female'), mocap_framerate=120.0)
    read = read_poses(tmp_path / 'walk.npz')
    assert read.shape == (5, 72)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read[:, 3:66], poses[:, 3:66], atol=1e-6)
    # SMPL's own hands stay, fingers and jaws are no SMPL hands.
    hands = poses[:, 66:] if width == 72 else 0
    np.testing.assert_allclose(read[:, 66:], hands, atol=1e-6)


def test_who_stands_in_a_world_with_z_up_stands_with_y_up(
        tmp_path: Path) -> None:
    poses = angles(4, 156)
    heading = Rotation.from_rotvec([[0, 0, a] for a in (0, 1, 2, 3)])
    poses[:, :3] = (heading * Rotation.from_rotvec([np.pi / 2, 0, 0])
                    ).as_rotvec()
    np.savez(tmp_path / 'a.npz', poses=poses)
    root = Rotation.from_rotvec(read_poses(tmp_path / 'a.npz')[:, :3])
    np.testing.assert_allclose(root.apply([0, 1, 0]), [[0, 1, 0]] * 4,
                               atol=1e-6)
    # What turns to the left goes on to do so.
    np.testing.assert_allclose(
        root.as_rotvec(), [[0, a, 0] for a in (0, 1, 2, 3)], atol=1e-6)


def test_files_can_say_which_way_is_up(tmp_path: Path) -> None:
    poses = angles(4, 72)
    for up in 'yz':
        np.savez(tmp_path / f'{up}.npz', poses=poses, up=up)
    np.savez(tmp_path / 'none.npz', poses=poses)
    np.testing.assert_allclose(read_poses(tmp_path / 'y.npz'), poses,
                               rtol=1e-6)
    turned = read_poses(tmp_path / 'z.npz')
    assert np.abs(turned[:, :3] - poses[:, :3]).max() > 1
    np.testing.assert_array_equal(turned, read_poses(tmp_path / 'none.npz'))
    np.savez(tmp_path / 'x.npz', poses=poses, up='x')
    with pytest.raises(ValueError, match=r"x\.npz: up is 'y' or 'z', got 'x"):
        read_poses(tmp_path / 'x.npz')


def test_animals_of_the_package_lend_their_poses(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    horse, wolf = clip_poses_of('horse'), clip_poses_of('wolf')
    prior = FilePosePrior.from_files(['horse', 'wolf'], step=2)
    np.testing.assert_array_equal(
        prior.poses, np.concatenate([horse[::2], wolf[::2]]))
    ears = FilePosePrior.from_files('horse', num_joints=33)
    np.testing.assert_array_equal(ears.poses, horse[:, :99])
    whole = FilePosePrior.from_files('horse', num_joints=35)
    np.testing.assert_array_equal(whole.poses, horse)
    with pytest.raises(ValueError, match="'human' has no poses to lend"):
        FilePosePrior.from_files('human')
    # A folder of that name is told from it, and files lose their ears too.
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'horse').mkdir()
    poses = angles(3, 105).astype(np.float32)
    np.savez('horse/own.npz', poses=poses)
    prior = FilePosePrior.from_files('./horse', num_joints=33)
    np.testing.assert_array_equal(prior.poses, poses[:, :99])


def test_labels_of_pictures_are_no_source(tmp_path: Path) -> None:
    (tmp_path / 'train.json').write_text('{"data": []}')
    with pytest.raises(ValueError, match=r'train\.json: annotations of pict'):
        FilePosePrior.from_files(tmp_path / 'train.json')


def test_real_motion_capture_stands_upright(sample_data: Path) -> None:
    poses = read_poses(sample_data / 'mosh' / 'test_mosh.npz')
    assert poses.shape == (4, 72)
    up = Rotation.from_rotvec(poses[:, :3]).apply([0, 1, 0])
    # Three stand, the fourth bends forward.
    assert (np.sort(up[:, 1]) > [0.6, 0.99, 0.99, 0.99]).all()


@pytest.mark.parametrize('num', [1, 6, 72])
def test_surreal_has_a_frame_in_each_column(tmp_path: Path,
                                            num: int) -> None:
    poses = angles(num, 72)
    np.savez(tmp_path / 'rows.npz', poses=poses)
    expected = read_poses(tmp_path / 'rows.npz')
    savemat(tmp_path / 'c0001_info.mat', dict(pose=np.squeeze(poses.T)))
    np.testing.assert_array_equal(read_poses(tmp_path / 'c0001_info.mat'),
                                  expected)
    if num != 72:
        np.savez(tmp_path / 'columns.npz', pose=poses.T)
        np.testing.assert_array_equal(read_poses(tmp_path / 'columns.npz'),
                                      expected)


@pytest.mark.parametrize('width', [99, 105])
def test_animals_are_taken_as_they_are(tmp_path: Path, width: int) -> None:
    poses = angles(3, width).astype(np.float32)
    np.savez(tmp_path / 'horse.npz', v_template=np.zeros((4, 3)),
             poses=poses)
    prior = FilePosePrior.from_files(tmp_path / 'horse.npz')
    np.testing.assert_array_equal(prior.poses, poses)
    drawn = prior.sample(200, seeded())
    rows = {tuple(row) for row in drawn.tolist()}
    assert rows == {tuple(row) for row in poses.tolist()}  # none mirrored
    with pytest.raises(ValueError, match='only the 72 angles of people'):
        FilePosePrior(poses, mirror=True)


def test_folders_are_searched_and_thinned_out(tmp_path: Path) -> None:
    (tmp_path / 'CMU' / '01').mkdir(parents=True)
    np.savez(tmp_path / 'CMU' / '01' / 'a.npz', poses=angles(7, 156, 1))
    np.savez(tmp_path / 'CMU' / '01' / 'shape.npz', betas=np.zeros(16))
    savemat(tmp_path / 'CMU' / 'b_info.mat', dict(pose=angles(3, 72, 2).T))
    savemat(tmp_path / 'CMU' / 'b_segm.mat', dict(pose=np.zeros((2, 2))))
    np.savez(tmp_path / 'c.npz', poses=angles(2, 165, 3))
    prior = FilePosePrior.from_files([tmp_path / 'CMU', tmp_path / 'c.npz'],
                                     step=3)
    expected = [read_poses(tmp_path / name)[::3] for name in
                ('CMU/01/a.npz', 'CMU/b_info.mat', 'c.npz')]
    assert [len(part) for part in expected] == [3, 1, 1]
    np.testing.assert_array_equal(prior.poses, np.concatenate(expected))
    one = FilePosePrior.from_files(str(tmp_path / 'c.npz'))
    assert len(one.poses) == 2


def test_every_file_is_read_once(tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    for name in 'ab':
        np.savez(tmp_path / f'{name}.npz', poses=angles(4, 72))
        savemat(tmp_path / f'{name}_info.mat', dict(pose=angles(3, 72).T))
    np.savez(tmp_path / 'shape.npz', betas=np.zeros(16))
    read = []

    def counting(file: np.lib.npyio.NpzFile, key: str,
                 plain=np.lib.npyio.NpzFile.__getitem__) -> np.ndarray:
        read.append(key)
        return plain(file, key)

    def counting_mat(*args, plain=pose_file_module.loadmat, **kwargs) -> dict:
        read.append('mat')
        return plain(*args, **kwargs)

    monkeypatch.setattr(np.lib.npyio.NpzFile, '__getitem__', counting)
    monkeypatch.setattr(pose_file_module, 'loadmat', counting_mat)
    assert len(FilePosePrior.from_files(tmp_path).poses) == 14
    assert sorted(read) == ['mat', 'mat', 'poses', 'poses']


def test_damaged_files_are_named(tmp_path: Path) -> None:
    def refused(message: str, error: type = ValueError,
                name: str = 'bad.npz') -> None:
        with pytest.raises(error, match=message):
            FilePosePrior.from_files(tmp_path / name)

    refused(r'no pose file .*bad\.npz', FileNotFoundError)
    np.savez(tmp_path / 'bad.npz', poses=angles(3, 70))
    refused(r'bad\.npz: the poses have shape .*72 \(SMPL\)')
    poses = angles(3, 156)
    poses[1, 40] = np.nan
    np.savez(tmp_path / 'bad.npz', poses=poses)
    refused(r'bad\.npz: the poses hold NaN')
    np.savez(tmp_path / 'bad.npz', betas=np.zeros(10))
    refused(r'bad\.npz holds no poses: none of the keys poses')
    refused('no file in this folder holds poses', name='.')
    np.savez(tmp_path / 'bad.npz', poses=np.array([dict(a=1)]))
    refused(r'bad\.npz: cannot be read as a \.npz of plain')
    (tmp_path / 'bad.npz').write_bytes(b'nonsense')
    refused(r'bad\.npz: cannot be read')
    (tmp_path / 'bad_info.mat').write_bytes(b'nonsense')
    refused(r'bad_info\.mat: cannot be read', name='bad_info.mat')
    np.savez(tmp_path / 'bad.npz', poses=np.zeros((3, 72), int))
    refused(r'bad\.npz: poses are int64')
    np.savez(tmp_path / 'horse.npz', poses=angles(2, 105))
    np.savez(tmp_path / 'man.npz', poses=angles(2, 72))
    with pytest.raises(ValueError, match=r'man\.npz holds 72.*horse\.npz 10'):
        FilePosePrior.from_files([tmp_path / 'horse.npz',
                                  tmp_path / 'man.npz'])
    with pytest.raises(ValueError, match='step is at least 1'):
        FilePosePrior.from_files(tmp_path / 'man.npz', step=0)


@pytest.mark.parametrize('poses, message', [
    (np.zeros((0, 72)), r'the shape \(0, 72\)'),
    (np.zeros(72), r'the shape \(72,\)'),
    (np.zeros((2, 70)), r'the shape \(2, 70\)'),
    (np.full((2, 72), np.inf), 'NaN or infinite')])
def test_bad_arrays_are_refused(poses: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FilePosePrior(poses)


def test_poses_are_drawn_alike() -> None:
    poses = angles(8, 72).astype(np.float32)
    drawn = FilePosePrior(poses, mirror=False).sample(8000, seeded())
    assert drawn.dtype == torch.float32
    counts = [(drawn == torch.from_numpy(pose)).all(1).sum().item()
              for pose in poses]
    assert sum(counts) == 8000
    np.testing.assert_allclose(counts, 1000, atol=120)  # 4 sigma


def test_jitter_moves_all_but_the_root() -> None:
    poses = angles(1, 72).astype(np.float32)
    prior = FilePosePrior(poses, jitter=0.05, mirror=False)
    offset = prior.sample(4000, seeded()) - torch.from_numpy(poses)
    assert (offset[:, :3] == 0).all()
    np.testing.assert_allclose(offset[:, 3:].std(0), 0.05, rtol=0.06)
    np.testing.assert_allclose(offset[:, 3:].mean(0), 0, atol=0.0035)
    assert np.array_equal(prior.poses, poses)  # the list is left alone
    with pytest.raises(ValueError, match='jitter is not negative'):
        FilePosePrior(poses, jitter=-1)


def test_half_of_the_people_are_mirrored() -> None:
    poses = torch.from_numpy(angles(1, 72).astype(np.float32))
    drawn = FilePosePrior(poses).sample(4000, seeded())
    mirrored = (drawn == mirror_pose(poses)).all(1)
    assert ((drawn == poses).all(1) ^ mirrored).all()
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_a_mirrored_pose_is_that_of_the_mirrored_body() -> None:
    body = free_human()
    # A body that is its own mirror image but for the names of its sides.
    rest = body.joint_regressor @ body.v_template
    names = list(SMPL_MIRROR)
    flip = torch.tensor([-1.0, 1, 1])
    np.testing.assert_allclose(rest[names] * flip, rest, atol=4e-3)
    pose = torch.from_numpy(angles(5, 72)).float()
    betas = torch.zeros(5, body.num_betas)
    out = body(betas, pose[:, :3], pose[:, 3:])
    other = mirror_pose(pose)
    mirrored = body(betas, other[:, :3], other[:, 3:])
    np.testing.assert_allclose(mirrored.joints, out.joints[:, names] * flip,
                               atol=0.012)
    # Every vertex has its partner on the other side.
    partner = torch.cdist(body.v_template * flip, body.v_template).argmin(1)
    apart = (mirrored.vertices[:, partner] - out.vertices * flip).norm(
        dim=-1)
    assert apart.mean() < 0.006
    assert apart.max() < 0.05
    unmirrored = (out.vertices[:, partner] - out.vertices * flip).norm(dim=-1)
    assert unmirrored.mean() > 0.2


def test_a_seed_gives_the_same_again() -> None:
    prior = FilePosePrior(angles(9, 72), jitter=0.1)
    assert torch.equal(prior.sample(20, seeded(4)), prior.sample(20,
                                                                 seeded(4)))
    assert not torch.equal(prior.sample(20, seeded(4)),
                           prior.sample(20, seeded(5)))
