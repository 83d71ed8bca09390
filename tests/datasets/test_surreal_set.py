"""SURREAL's files, faked, into both layouts and back through the classes."""
from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmpose.registry import DATASETS
from scipy.io import loadmat, savemat

from xas_mmpose.body_models import SMPLBody, load_body
from xas_mmpose.body_models import smpl as smpl_module
from xas_mmpose.body_models.smpl import free_human
from xas_mmpose.datasets.surreal import SurrealKeypoints
from xas_mmpose.datasets.surreal_set import (
    SurrealConverter,
    SurrealSetSettings,
    find_clips,
    write_surreal_set,
)
from xas_mmpose.geometry.surreal_camera import surreal_orientation
from xas_mmpose.skeletons import HUMAN36M_18

CAMERA = np.array([7.0, -0.4, 0.3])
FRAMES = 4
FREE_HUMAN = Path(smpl_module.__file__).parent / 'data' / 'anny_small.npz'


def project(points, size=(320, 240)):
    """Return px of world points (..., 3) by hand: SURREAL's mirror."""
    depth = (CAMERA[0] - points[..., 0]) / (60 / 32 * size[0])
    return np.stack([
        (size[0] - 1) / 2 + (CAMERA[2] - points[..., 2]) / depth,
        (size[1] - 1) / 2 + (points[..., 1] - CAMERA[1]) / depth], -1)


def write_clip(folder, name, body: SMPLBody, seed, size=(320, 240),
               root=(0, *CAMERA[1:])):
    """Write a clip; return the key points of its frames (T, 18, 3)."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    pose = rng.normal(0, 0.15, (FRAMES, 72))
    # The authors' Rx(90) stands the body up; here the picture's y is the
    # world's y, so it lies down again.
    pose[:, :3] = [-np.pi / 2, 0, 0]
    zrot = rng.uniform(-0.1, 0.1, FRAMES)
    orient = surreal_orientation(pose[:, :3], zrot)
    out = body(torch.zeros(FRAMES, 10), torch.from_numpy(orient).float(),
               torch.from_numpy(pose[:, 3:]).float())
    keypoints = out.keypoints.numpy().astype(float)
    where = np.array(root) - keypoints[:, :1]
    keypoints, joints = keypoints + where, out.joints.numpy() + where
    savemat(folder / f'{name}_info.mat', dict(
        pose=pose.T, shape=np.zeros((10, FRAMES)), zrot=zrot[:, None],
        joints3D=joints.transpose(2, 1, 0), camLoc=CAMERA[:, None],
        gender=np.zeros((FRAMES, 1), np.uint8)))
    video = cv2.VideoWriter(str(folder / f'{name}.mp4'),
                            cv2.VideoWriter_fourcc(*'mp4v'), 25, size)
    masks = {}
    for t in range(FRAMES):
        mask = np.zeros(size[::-1], np.uint8)
        pixels = project(keypoints[t], size).round().astype(np.int32)
        hull = cv2.convexHull(pixels)
        cv2.fillConvexPoly(mask, hull, 7)
        masks[f'segm_{t + 1}'] = cv2.dilate(mask, np.ones((5, 5), np.uint8))
        video.write(np.full((*size[::-1], 3), 50 * t + 40, np.uint8))
    video.release()
    savemat(folder / f'{name}_segm.mat', masks, do_compression=True)
    return keypoints


@pytest.fixture
def fake_body_files(tmp_path):
    """Return files of a body: as it is, reshaped, and with a regressor."""
    with np.load(FREE_HUMAN) as file:
        arrays = {key: file[key] for key in file}
    # As many vertices as SMPL's, most of them of no use.
    more = 6890 - len(arrays['v_template'])
    for key in ('v_template', 'shapedirs', 'posedirs', 'weights'):
        arrays[key] = np.concatenate(
            [arrays[key], np.repeat(arrays[key][:1], more, 0)])
    arrays['J_regressor'] = np.pad(arrays['J_regressor'],
                                   ((0, 0), (0, more)))
    paths = []
    for name in ('plain', 'reshaped', 'regressed'):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / 'body.npz')
        np.savez(paths[-1], **arrays)
        arrays['shapedirs'] = arrays['shapedirs'] * (
            2 if name == 'plain' else 0.5)
    np.save(tmp_path / 'regressed' / 'J_regressor_h36m.npy',
            np.eye(17, 6890))
    return paths


@pytest.fixture
def clips(tmp_path):
    """Return a folder of three clips and their key points by name."""
    root, body = tmp_path / 'cmu' / 'train', free_human()
    write_clip(root / 'run0' / '99_01', 'ung_99_01_c0001', body, 9)
    return root, {name: write_clip(root / f'run{i}' / '01_01', name, body, i)
                  for i, name in enumerate(('01_01_c0001', '01_01_c0002',
                                            '02_05_c0001'))}


def test_clips_are_found(clips):
    assert [path.name for path in find_clips(clips[0])] == [
        f'{name}_info.mat' for name in clips[1]]
    with pytest.raises(FileNotFoundError, match=r'no .*_info\.mat below'):
        find_clips(clips[0] / 'run0' / '99_01')


@pytest.mark.parametrize('layout', ['surreal_h36m_pose', 'coco'])
def test_both_layouts_hold_the_same_people(clips, tmp_path, layout):
    root, truth = clips
    folder = tmp_path / 'out'
    num = write_surreal_set(
        root, folder, SurrealSetSettings(layout, frames=3),
        SurrealKeypoints(dict(neutral=free_human())), progress=False)
    assert num == 9
    dataset = DATASETS.build(dict(
        type=('SyntheticPairDataset' if layout == 'coco' else
              'SurrealPoseDataset'), data_root=str(folder)))
    assert len(dataset) == 9
    # Left and right as one sees them: the mirror has exchanged them.
    world = np.concatenate(list(truth.values()))
    world = world[:, HUMAN36M_18.flip_indices]
    depth = (world[..., :1, 0] - world[..., 0]) * 1000
    pixels = project(world)
    scale = 600 * 2 / (CAMERA[0] - world[:, 0, 0])[:, None, None]
    patch = (pixels - pixels[:, :1]) / scale * 256 + 128
    seen = set()
    for i in range(9):
        info = dataset.get_data_info(i)
        points = info['keypoints_3d'][0]
        relative = points[:, 2] - points[0, 2]
        row = np.abs(depth - relative).max(1).argmin()
        seen.add(row)
        np.testing.assert_allclose(relative, depth[row], atol=0.02)
        np.testing.assert_allclose(
            info['keypoints'][0],
            (pixels if layout == 'coco' else patch)[row], atol=0.01)
        image = cv2.imread(info['img_path'])
        mask = cv2.imread(info['mask_path'], -1)
        assert mask.max() == (255 if layout == 'coco' else 1)
        # The frame's own picture: its brightness is its number.
        assert abs(float(image[100:150, 100:150].mean())
                   - (50 * (row % FRAMES) + 40)) < 4
        assert np.linalg.det(info['camera_param']['R']) == pytest.approx(1)
    assert len(seen) == 9  # no frame comes twice


def test_coco_camera_sees_the_mirrored_world(clips, tmp_path):
    root, truth = clips
    write_surreal_set(root, tmp_path / 'out', SurrealSetSettings('coco'),
                      SurrealKeypoints(dict(neutral=free_human())),
                      progress=False)
    info = DATASETS.build(dict(
        type='SyntheticPairDataset',
        data_root=str(tmp_path / 'out'))).get_data_info(0)
    camera = info['camera_param']
    world = (info['keypoints_3d'][0] - camera['T']) @ camera['R']
    world = world * [1, -1, 1] / 1000
    everybody = np.concatenate(list(truth.values()))
    everybody = everybody[:, HUMAN36M_18.flip_indices]
    assert np.abs(everybody - world).max((1, 2)).min() < 1e-4


def test_reference_differs_by_its_quirks_only(clips, tmp_path):
    keypoints = SurrealKeypoints(dict(neutral=free_human()))
    labels = []
    for reference in (False, True):
        folder = tmp_path / str(reference)
        write_surreal_set(
            clips[0], folder,
            SurrealSetSettings(reference=reference), keypoints,
            progress=False)
        labels.append(np.stack([
            np.load(path) for path in sorted(folder.glob('joints/*.npy'))]))
    np.testing.assert_array_equal(labels[0][..., 2], labels[1][..., 2])
    shift = np.abs(labels[0] - labels[1])[..., :2].max() * 128
    assert 0.3 < shift < 3  # px of 256: a box in whole pixels of 171
    assert np.abs(labels[0][:, 0, :2]).max() < 1e-6  # the root in the middle


def test_a_stopped_run_ends_with_the_same_bytes(clips, tmp_path):
    root, _ = clips
    keypoints = SurrealKeypoints()

    def content(folder):
        return {path.relative_to(folder): path.read_bytes()
                for path in folder.rglob('*') if path.is_file()}

    settings = SurrealSetSettings(frames=2)
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    write_surreal_set(root, whole, settings, keypoints, progress=False)
    video = next(iter(sorted(root.rglob('02_05_c0001.mp4'))))
    data = video.read_bytes()
    video.unlink()
    with pytest.raises(FileNotFoundError, match=r'02_05_c0001\.mp4'):
        write_surreal_set(root, broken, settings, keypoints, progress=False)
    assert not (broken / 'info.npy').exists()
    video.write_bytes(data)
    write_surreal_set(root, broken, settings, keypoints, progress=False)
    assert content(broken) == content(whole)
    # A finished set is left as it is, another one refused.
    assert write_surreal_set(root, whole, settings, keypoints,
                             progress=False) == 6
    with pytest.raises(ValueError, match='seed = 42, not 1'):
        write_surreal_set(root, whole, SurrealSetSettings(frames=2, seed=1),
                          keypoints, progress=False)


def stop_a_run(root, folder, keypoints):
    """Convert clips until the last has no video; return the first's name."""
    settings = SurrealSetSettings()
    first, *_, last = (
        path.name[:-len('_info.mat')] for path in SurrealConverter(
            find_clips(root), keypoints, settings).clips)
    video, = root.rglob(f'{last}.mp4')
    data = video.read_bytes()
    video.unlink()
    with pytest.raises(FileNotFoundError, match=rf'{last}\.mp4'):
        write_surreal_set(root, folder, settings, keypoints, progress=False)
    video.write_bytes(data)
    return first


def test_a_stopped_run_goes_on_with_the_same_clips_only(clips, tmp_path):
    root, _ = clips
    keypoints = SurrealKeypoints()
    out = tmp_path / 'out'
    first = stop_a_run(root, out, keypoints)

    def refused(root, message):
        with pytest.raises(ValueError, match=message):
            write_surreal_set(root, out, SurrealSetSettings(), keypoints,
                              progress=False)

    # As many clips, of another name or another length.
    renamed = shutil.copytree(root, tmp_path / 'renamed')
    (renamed / 'run2').rename(renamed / 'run3')
    refused(renamed, 'holds a set with clips =')
    longer = shutil.copytree(root, tmp_path / 'longer')
    path = next(longer.rglob('02_05_c0001_info.mat'))
    mat = {k: v for k, v in loadmat(path).items() if k[0] != '_'}
    savemat(path, dict(mat, sequence='02_05'))
    refused(longer, 'holds a set with clips =')
    # The same clips with other pictures: whatever is done is seen to.
    for suffix in ('.mp4', '_segm.mat'):
        other = shutil.copytree(root, tmp_path / suffix)
        path = next(other.rglob(f'{first}{suffix}'))
        path.write_bytes(path.read_bytes() + b' ')
        refused(other, rf'{first}_info\.mat has another video or other mas')
    # Wherever they lie.
    moved = shutil.copytree(root, tmp_path / 'moved')
    assert write_surreal_set(moved, out, SurrealSetSettings(), keypoints,
                             progress=False) == 3 * FRAMES


def test_a_stopped_run_goes_on_with_the_same_bodies_only(
        clips, tmp_path, fake_body_files):
    root, _ = clips
    out = tmp_path / 'out'
    paths = fake_body_files
    stop_a_run(root, out, SurrealKeypoints(dict(female=load_body(paths[0]))))
    for path in paths[1:]:
        with pytest.raises(ValueError, match='holds a set with bodies ='):
            write_surreal_set(
                root, out, SurrealSetSettings(),
                SurrealKeypoints(dict(female=load_body(path))),
                progress=False)
    with pytest.raises(ValueError, match='holds a set with bodies ='):
        write_surreal_set(root, out, SurrealSetSettings(),
                          SurrealKeypoints(), progress=False)
    moved = shutil.copy(paths[0], tmp_path / 'moved.npz')
    assert write_surreal_set(
        root, out, SurrealSetSettings(),
        SurrealKeypoints(dict(female=load_body(moved))),
        progress=False) == 3 * FRAMES


def test_people_off_the_middle_or_off_their_masks_are_left_out(
        clips, tmp_path):
    root, _ = clips
    keypoints = SurrealKeypoints(dict(neutral=free_human()))
    first, second, third = find_clips(root)
    mat = {k: v for k, v in loadmat(first).items() if k[0] != '_'}
    mat['joints3D'][2] += 0.2  # 17 px to the left
    savemat(first, mat)
    path = str(second).replace('_info', '_segm')
    mat = {k: v for k, v in loadmat(path).items() if k[0] != '_'}
    mat['segm_2'][:] = 0
    savemat(path, mat)
    num = write_surreal_set(root, tmp_path / 'out',
                            SurrealSetSettings(frames=9), keypoints,
                            progress=False)
    assert num == 2 * FRAMES - 1
    for path in (second, third):
        path.unlink()
    with pytest.raises(ValueError, match='no frame of the 1 clips'):
        write_surreal_set(root, tmp_path / 'none', SurrealSetSettings(),
                          keypoints, progress=False)


@pytest.mark.parametrize(('place', 'fits'), [
    ((0, -0.4, 0.3), True),
    ((0, -0.4, 0.3 + 9 / 600 * 7), True),  # 9 px to the left
    ((0, -0.4, 0.3 + 12 / 600 * 7), False),
    ((0, -0.4 + 12 / 600 * 7, 0.3), False),
    ((4, -0.4, 0.3), False),  # so near that the feet are out of the picture
])
def test_own_renders_of_another_size_are_taken_as_they_are(
        tmp_path, place, fits) -> None:
    body = free_human()
    keypoints = SurrealKeypoints(dict(neutral=body))
    for size in ((320, 240), (512, 512)):
        name = f'{size[0]}'
        write_clip(tmp_path / name, 'a', body, 0, size, place)
        arguments = (tmp_path / name, tmp_path / f'{name}_out',
                     SurrealSetSettings(), keypoints)
        if fits or size == (512, 512):
            assert write_surreal_set(*arguments, progress=False) == FRAMES
        else:
            with pytest.raises(ValueError, match='no frame of the 1 clips'):
                write_surreal_set(*arguments, progress=False)


def test_reference_crops_keep_their_scale(clips, tmp_path) -> None:
    """A box that is cut at both axes is left out: it would be shrunk."""
    keypoints = SurrealKeypoints()
    converter = SurrealConverter(
        find_clips(clips[0]), keypoints,
        SurrealSetSettings(reference=True))
    f, c = np.full(2, 600.0), np.array([160.0, 120])
    mask = np.full((240, 320), 255, np.uint8)
    pose = np.random.default_rng(0).uniform(-0.2, 0.2, (18, 3))
    written = [converter._write_crop(
        tmp_path / 'out', 0, np.zeros((240, 320, 3), np.uint8), mask,
        pose - pose[0] + [0, 0, distance], f, c) for distance in (3, 4.5)]
    assert written == [False, True]


def test_damaged_clips_are_named(clips, tmp_path):
    def convert(name):
        write_surreal_set(clips[0], tmp_path / name, SurrealSetSettings(),
                          SurrealKeypoints(), progress=False)

    path = next(clips[0].rglob('01_01_c0001_segm.mat'))
    savemat(path, dict(segm_1=np.zeros((240, 320), np.uint8)))
    with pytest.raises(ValueError, match=r'c0001_segm\.mat: segm_. is miss'):
        convert('a')
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'01_01_c0001_segm\.mat'):
        convert('b')
    path = next(clips[0].rglob('01_01_c0001.mp4'))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r'01_01_c0001\.mp4 has 0 readable'):
        convert('c')


def test_settings_are_checked():
    with pytest.raises(ValueError, match="or 'coco', got 'x'"):
        SurrealSetSettings('x')
    with pytest.raises(ValueError, match='whole pictures'):
        SurrealSetSettings('coco', reference=True)
    with pytest.raises(ValueError, match='at least'):
        SurrealSetSettings(frames=0)
