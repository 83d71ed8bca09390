"""The authors' layout as a data set, up to the labels of a loss."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from mmpose.registry import DATASETS, TRANSFORMS

from xas_mmpose.datasets.datasets import SyntheticPairDataset
from xas_mmpose.render.authors_layout import (
    write_authors_index,
    write_authors_sample,
)
from xas_mmpose.skeletons import HUMAN36M_18

SIZE = 256


def make_pose(rng):
    """Return a pose (18, 3) whose root is a little beside the middle."""
    pose = rng.uniform((-700, -700, 5500), (700, 700, 6900), (18, 3))
    pose[0] = 4, -3, 6200
    return pose


@pytest.fixture
def written(tmp_path):
    """Return a folder of three samples, and their truth."""
    rng = np.random.default_rng(3)
    focal, truth = SIZE * 6200 / 2000, {}
    for index in (0, 2, 5):
        pose = make_pose(rng)
        keypoints = pose[:, :2] / pose[:, 2:] * focal + SIZE / 2
        image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[40:200, 60:190] = 255
        write_authors_sample(tmp_path, index, image, mask, keypoints, pose)
        truth[index] = image, mask, keypoints, pose
    write_authors_index(tmp_path, truth)
    return tmp_path, truth


def pipeline(size):
    """Return the steps of a training without its randomness."""
    steps = ['LoadMask', dict(type='GetCubeBox', rule='root'),
             dict(type='CubeAffine', input_size=(size, size)),
             'RemoveBackground', 'NormaliseKeypoints3D']
    steps = ['LoadImage', *steps, 'PackXasInputs']
    return Compose([TRANSFORMS.build(
        dict(type=step) if isinstance(step, str) else step)
        for step in steps])


@pytest.mark.parametrize('root_distance', [7000.0, 3000.0])
def test_labels_are_those_that_were_written(written, root_distance):
    folder, truth = written
    dataset = DATASETS.build(dict(type='SurrealPoseDataset',
                                  data_root=str(folder),
                                  root_distance=root_distance))
    assert len(dataset) == 3
    for i, (image, mask, keypoints, pose) in enumerate(truth.values()):
        info = dataset.get_data_info(i)
        np.testing.assert_allclose(info['keypoints'][0], keypoints,
                                   rtol=0, atol=1e-4)
        points = info['keypoints_3d'][0]
        np.testing.assert_allclose(points[:, 2] - points[0, 2],
                                   pose[:, 2] - 6200, rtol=0, atol=1e-3)
        assert points[0, 2] == pytest.approx(root_distance)
        # At the depth of the root 256 px are 2000 mm.
        assert info['camera_param']['f'][0] * 2000 / root_distance == SIZE
        packed = pipeline(SIZE)(info)
        np.testing.assert_array_equal(
            packed['inputs'].numpy(),
            (image * (mask[..., None] // 255)).transpose(2, 0, 1))
        labels = packed['data_samples'].gt_instance_labels.keypoint_labels
        expected = np.concatenate([keypoints / 128 - 1,
                                   (pose[:, 2:] - 6200) / 2000], 1)
        np.testing.assert_allclose(labels[0], expected, rtol=0, atol=2e-6)


def test_samples_have_the_keys_of_synthetic_pairs(written, fake_synthetic):
    dataset = DATASETS.build(dict(type='SurrealPoseDataset',
                                  data_root=str(written[0])))
    other = SyntheticPairDataset(data_root=str(fake_synthetic))
    ours, theirs = dataset.get_data_info(1), other.get_data_info(1)
    assert ours.keys() == theirs.keys()
    assert ours['id'] == 2
    assert ours['domain'] == 'synthetic'
    for key, value in theirs.items():
        if isinstance(value, np.ndarray):
            assert ours[key].shape == value.shape, key
            assert ours[key].dtype == value.dtype, key
    mixed = DATASETS.build(dict(
        type='XasCombinedDataset', metainfo=HUMAN36M_18.metainfo(),
        pipeline=pipeline(64).transforms,
        datasets=[
            dict(type='SurrealPoseDataset', data_root=str(written[0])),
            dict(type='SyntheticPairDataset',
                 data_root=str(fake_synthetic))]))
    assert len(mixed) == 9
    for i in (0, 3):
        assert mixed[i]['inputs'].shape == (3, 64, 64)


def test_training_items_are_those_of_the_authors(tmp_path, goldens):
    g = np.load(goldens / '14_loader_items.npz')
    for name in ('image', 'mask', 'joints'):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / 'image/image_000000.png'),
                g['synth_image_bgr'])
    cv2.imwrite(str(tmp_path / 'mask/mask_000000.png'), g['synth_mask01'])
    np.save(tmp_path / 'joints/joint_000000.npy', g['synth_joints_stored'])
    np.save(tmp_path / 'info.npy', np.array([0]))
    dataset = DATASETS.build(dict(type='SurrealPoseDataset',
                                  data_root=str(tmp_path)))
    packed = pipeline(64)(dataset.get_data_info(0))
    rgb = packed['inputs'].numpy()[::-1].astype(np.float32) / 255
    np.testing.assert_allclose(rgb, g['synth_img'], rtol=0, atol=1e-6)
    labels = packed['data_samples'].gt_instance_labels
    np.testing.assert_allclose(labels.keypoint_labels[0], g['synth_joints'],
                               rtol=0, atol=1e-6)
    assert (labels.keypoint_weights == 1).all()


def test_unchecked_joints_are_read_when_their_turn_comes(written):
    folder, truth = written
    path = folder / 'joints/joint_000002.npy'
    content = path.read_bytes()
    path.write_bytes(b'cut off')
    dataset = DATASETS.build(dict(type='SurrealPoseDataset',
                                  data_root=str(folder), check_files=False))
    assert dataset.get_data_info(0)['id'] == 0
    with pytest.raises(ValueError, match=r'joint_000002\.npy'):
        dataset.get_data_info(1)
    path.write_bytes(content)
    np.testing.assert_allclose(dataset.get_data_info(1)['keypoints'][0],
                               truth[2][2], rtol=0, atol=1e-4)


def test_damaged_sets_are_named(written):
    folder, _ = written
    options = dict(type='SurrealPoseDataset', data_root=str(folder))
    np.save(folder / 'joints/joint_000002.npy', np.full((18, 3), np.nan))
    with pytest.raises(ValueError, match=r'joint_000002\.npy: NaN'):
        DATASETS.build(options)
    joints = np.zeros((18, 3))
    joints[4, 2] = -3
    np.save(folder / 'joints/joint_000002.npy', joints)
    DATASETS.build(options)
    with pytest.raises(ValueError, match=r'joint_000002.*raise root_dist'):
        DATASETS.build({**options, 'root_distance': 2500})
    with pytest.raises(ValueError, match='root_distance is 900'):
        DATASETS.build({**options, 'root_distance': 900})
    (folder / 'mask/mask_000005.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'mask file.*mask_000005'):
        DATASETS.build(options)
    metainfo = dict(
        dataset_name='two', sigmas=[], joint_weights=[1.0] * 2,
        skeleton_info={},
        keypoint_info={i: dict(name=n) for i, n in enumerate(('root', 'a'))})
    with pytest.raises(ValueError, match='the metainfo asks for root, a'):
        DATASETS.build({**options, 'metainfo': metainfo})
    with pytest.raises(FileNotFoundError,
                       match=r'none/info\.npy\. Make the set with: python'):
        DATASETS.build({**options, 'ann_file': 'none/info.npy'})
