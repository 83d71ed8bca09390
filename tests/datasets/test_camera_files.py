from __future__ import annotations

import json
import os
import pickle

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from xas_mmpose.datasets.camera_files import (
    read_h36m_cameras,
    read_h36m_meta,
    read_mpi_inf_3dhp_calibration,
    read_mpi_inf_3dhp_cameras,
)
from xas_mmpose.datasets.joint_tables import (
    MPI_INF_3DHP_28_TO_HUMAN36M_18,
    with_thorax,
)
from xas_mmpose.geometry.cameras import (
    apply_affine,
    camera_to_image,
    crop_affine,
    cube_box,
    image_to_patch,
    world_to_camera,
)


def test_h36m_cameras_become_world_to_camera_mm(tmp_path):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # camera to world
    camera = dict(R=turn, T=np.array([[1.0], [2], [3]]),
                  f=np.array([[1100.0], [1200]]), c=np.array([[500.0], [510]]),
                  k=np.ones((3, 1)), p=np.ones((2, 1)), w=1000, h=1002)
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps({('S1', '54138969'): camera}))
    read = read_h36m_cameras(path)['S1', '54138969']
    in_camera = np.array([10.0, 20.0, 30.0])
    in_world = turn @ in_camera + [1000, 2000, 3000]
    np.testing.assert_allclose(
        world_to_camera(in_world, read['R'], read['T']), in_camera)
    assert read['f'].tolist() == [1100, 1200]
    assert (read['w'], read['h']) == (1000, 1002)
    assert 'k' not in read
    assert read_h36m_cameras(path, lens=True)[
        'S1', '54138969']['k'].shape == (3,)


def test_real_cameras_agree_with_the_frames(sample_data):
    cameras = read_h36m_cameras(sample_data / 'h36m/cameras.pkl', lens=True)
    assert len(cameras) == 44
    frames = json.loads((sample_data / 'h36m_frames.json').read_text())
    for frame in frames['frames']:
        name = os.path.basename(frame['file'])
        camera = cameras[name.split('_')[0], name.split('.')[1][:8]]
        np.testing.assert_allclose(camera['R'], frame['extrinsics']['R'],
                                   atol=1e-9)
        np.testing.assert_allclose(
            camera['T'], np.ravel(frame['extrinsics']['t']), atol=1e-4)
        pixels = camera_to_image(
            np.array(frame['joints_3d_cam_mm']), camera['f'], camera['c'],
            camera['k'], camera['p'])[:, :2]
        np.testing.assert_allclose(pixels, frame['joints_2d_px'], atol=1e-3)


class _Evil:
    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    evil = _Evil()
    evil.path = str(tmp_path / 'made')
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps({('S1', '1'): evil}))
    with pytest.raises(ValueError, match=r'cameras\.pkl.*mkdir'):
        read_h36m_cameras(path)
    assert not (tmp_path / 'made').exists()


def test_bodies_are_no_cameras(tmp_path):
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps({('S1', '1'): csc_matrix(np.eye(3))}))
    with pytest.raises(ValueError, match=r'asks for scipy\.sparse.*csc_mat'):
        read_h36m_cameras(path)


def test_bad_camera_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.pkl'):
        read_h36m_cameras(tmp_path / 'nothing.pkl')
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps({('S1', '1'): dict(R=np.eye(3))}))
    with pytest.raises(ValueError, match=r"\('S1', '1'\).*'T'"):
        read_h36m_cameras(path)
    for content in (b'no pickle at all', b'', b'\x80\x02X\x02\0\0\0\xff\xff'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'cameras\.pkl was not loaded'):
            read_h36m_cameras(path)
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match='holds no cameras'):
        read_h36m_cameras(path)
    text = tmp_path / 'text'
    text.write_text('3\nsome words\n')
    with pytest.raises(ValueError, match=r'text is no matlab_meta'):
        read_h36m_meta(text)
    with pytest.raises(ValueError, match='names no camera'):
        read_mpi_inf_3dhp_calibration(text)
    text.write_text('Skeletool\nname 0\n  size 1 1\n')
    with pytest.raises(ValueError, match='intrinsic'):
        read_mpi_inf_3dhp_calibration(text)
    text.write_bytes(b'Skeletool\nname \xff\n')
    for read in (read_h36m_meta, read_mpi_inf_3dhp_calibration):
        with pytest.raises(ValueError, match=r'text is no text file.*0xff'):
            read(text)
        with pytest.raises(FileNotFoundError, match='nothing'):
            read(tmp_path / 'nothing')


@pytest.mark.parametrize('change, words', [
    (dict(f=np.array([1100, np.nan])), r'f: .* not finite'),
    (dict(f=np.array([1100.0, -1])), 'f: .* not positive'),
    (dict(c=np.array([np.inf, 1])), 'c: .* not finite'),
    (dict(T=np.full(3, np.nan)), 'T: .* not finite'),
    (dict(w=0), 'w: 0 is not'),
    (dict(R=np.eye(3) * 1.1), 'R: .* no rotation'),
    (dict(R=np.diag([1.0, 1, -1])), 'R: .* mirrors'),
    (dict(R=np.full((3, 3), np.nan)), 'R: .* not finite'),
])
def test_a_camera_that_cannot_be_is_named(tmp_path, change, words):
    good = dict(R=np.eye(3), T=np.zeros(3), f=np.ones(2), c=np.ones(2),
                k=np.zeros(3), p=np.zeros(2), w=10, h=10)
    path = tmp_path / 'cameras.pkl'
    for key, read in ((('S1', '1'), read_h36m_cameras),
                      ('S1_Seq1_Cam0', read_mpi_inf_3dhp_cameras)):
        path.write_bytes(pickle.dumps({key: good}))
        assert len(read(path)) == 1
        path.write_bytes(pickle.dumps({key: {**good, **change}}))
        with pytest.raises(ValueError, match=rf'cameras\.pkl: .*{words}'):
            read(path)


def test_a_meta_with_joints_that_are_not_there_is_named(tmp_path, goldens):
    lines = (goldens / '07_h36m_matlab_meta.txt').read_text().splitlines()
    path = tmp_path / 'matlab_meta.txt'
    for number in ('0', '33', '1.5'):
        ids = lines[8].split()
        path.write_text('\n'.join(
            [*lines[:8], ' '.join([*ids[:-1], number]), *lines[9:]]))
        with pytest.raises(ValueError, match=r'matlab_meta\.txt .* 1 to 32'):
            read_h36m_meta(path)


def test_golden_matlab_meta(goldens):
    golden = np.load(goldens / '07_crop.npz')
    camera, world = read_h36m_meta(goldens / '07_h36m_matlab_meta.txt')
    np.testing.assert_allclose(camera['R'], golden['meta_rot'], rtol=1e-6)
    np.testing.assert_allclose(-camera['R'].T @ camera['T'],
                               golden['meta_trans'], rtol=1e-6)
    np.testing.assert_allclose(camera['f'], golden['meta_f'], rtol=1e-6)
    np.testing.assert_allclose(camera['c'], golden['meta_c'], rtol=1e-6)
    assert (camera['w'], camera['h']) == (golden['meta_width'],
                                          golden['meta_height'])
    np.testing.assert_allclose(with_thorax(world), golden['meta_keypoints'],
                               rtol=1e-6, atol=5e-4)
    with_lens, _ = read_h36m_meta(goldens / '07_h36m_matlab_meta.txt', True)
    assert with_lens['k'].tolist() == [-0.19421940, 0.24040480, 0.00681]
    assert with_lens['p'].tolist() == [-0.00274089, -0.00161903]


def test_mpi_cameras_are_world_to_camera_already(tmp_path):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # world to camera
    inner = dict(f=np.array([[1500.0], [1501]]),
                 c=np.array([[1024.0], [1020]]), w=2048.0, name='any')
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps({
        'S1_Seq2_Cam8': dict(inner, h=204.0, R=turn,
                             T=np.array([[1.0], [2], [3]])),
        'TS6': dict(inner, h=1080)}))
    cameras = read_mpi_inf_3dhp_cameras(path)
    assert set(cameras) == {('S1', 'Seq2_Cam8'), ('TS6', '')}
    train, test = cameras['S1', 'Seq2_Cam8'], cameras['TS6', '']
    np.testing.assert_allclose(
        world_to_camera(np.array([10.0, 20.0, 30.0]), train['R'],
                        train['T']), [980, 2010, 3030])
    # MMPose's converter writes 204 for 2048.
    assert (train['w'], train['h'], test['h']) == (2048, 2048, 1080)
    assert test['f'].tolist() == [1500, 1501]
    assert set(test) == {'f', 'c', 'w', 'h'}


def test_broken_mpi_cameras(tmp_path):
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match=r'no cameras: .*inf_3dhp'):
        read_mpi_inf_3dhp_cameras(path)
    inner = dict(f=np.ones(2), c=np.ones(2), w=2048, h=2048)
    for key, camera, lack in (
            ('S1_Seq1_Cam0', inner, "S1_Seq1_Cam0 lacks or misshapes 'R'"),
            ('TS1', dict(inner, f=np.ones(3)), 'TS1 .*reshape'),
            (('S1', '54138969'), inner, 'tuple')):
        path.write_bytes(pickle.dumps({key: camera}))
        with pytest.raises(ValueError, match=lack):
            read_mpi_inf_3dhp_cameras(path)


def test_golden_mpi_chain(goldens):
    golden = np.load(goldens / '07_crop.npz')
    cameras = read_mpi_inf_3dhp_calibration(
        goldens / '07_mpi_camera.calibration')
    table = list(MPI_INF_3DHP_28_TO_HUMAN36M_18)
    assert table == golden['mpi_28_to_18'].tolist()
    for i, number in enumerate(golden['mpi_cams'].tolist()):
        camera = cameras[number]
        assert (camera['w'], camera['h']) == (2048, 2048)
        np.testing.assert_allclose(
            [*camera['f'], *camera['c']],
            golden['mpi_intrinsics_fx_fy_cx_cy'][i], rtol=1e-6)
        outer = golden['mpi_extrinsics'][i]
        np.testing.assert_allclose(camera['R'], outer[:3, :3], atol=1e-7)
        np.testing.assert_allclose(camera['T'], outer[:3, 3], rtol=1e-6)
        for b, pose in enumerate(golden['mpi_cam_pose'][i].astype(float)):
            root = pose[table[0]]
            np.testing.assert_allclose(root, golden['mpi_pelvis'][i, b],
                                       rtol=1e-6)
            image = camera_to_image(pose, camera['f'], camera['c'])
            inside = ((image[:, :2] >= 0) & (image[:, :2] < 2048)).all(-1)
            np.testing.assert_array_equal(
                inside, golden['mpi_vis'][i, b, :, 0] > 0)
            center, scale = cube_box(root, camera['f'], camera['c'])
            affine = crop_affine(center, scale, (256, 256))
            left, top = center - scale / 2
            right, bottom = center + scale / 2
            for side, value in dict(l=left, r=right, t=top,
                                    b=bottom).items():
                assert value == pytest.approx(golden[f'mpi_box_{side}'][i, b],
                                              abs=5e-4)
            np.testing.assert_allclose(affine, golden['mpi_affine'][i, b],
                                       atol=5e-4, rtol=1e-6)
            patch = image_to_patch(image, affine, root[2])
            expected = golden['mpi_pt_2d'][i, b]
            np.testing.assert_allclose(image[:, :2], expected[:, :2],
                                       atol=5e-4)
            np.testing.assert_allclose(patch[:, 2], expected[:, 2], atol=5e-4)
            patch[:, 2] *= 256 / 2000  # the reference's depth "pixels"
            np.testing.assert_allclose(
                patch, golden['mpi_joints_patch'][i, b], atol=5e-4)
            np.testing.assert_allclose(
                patch[table], golden['mpi_joints_patch18'][i, b], atol=5e-4)


def test_golden_affines(goldens):
    golden = np.load(goldens / '07_crop.npz')
    point = np.array([[3.0, 5.0]])
    for spec, out in zip(golden['affine_spec'], golden['affine_out']):
        cx, cy, w, h, pw, ph, scale, rotation, inverse = spec.tolist()
        affine = crop_affine(np.array([cx, cy]), np.array([w, h]) * scale,
                             (int(pw), int(ph)), rotation)
        expected = out.astype(float)
        if inverse:
            there = apply_affine(point, expected)
            np.testing.assert_allclose(apply_affine(there, affine), point,
                                       atol=5e-4)
        else:
            np.testing.assert_allclose(affine, expected, rtol=1e-6,
                                       atol=5e-4)
