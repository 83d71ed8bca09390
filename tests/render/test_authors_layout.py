"""What the writer stores, read with numpy and OpenCV alone."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.render.authors_layout import (
    read_authors_index,
    read_authors_joints,
    write_authors_index,
    write_authors_sample,
)


def make_sample(seed=0, extent=2000.0, size=256):
    rng = np.random.default_rng(seed)
    pose = rng.uniform((-800, -800, 4200), (800, 800, 5800), (18, 3))
    pose[0] = 30, -20, 5000
    focal = size * 5000 / extent
    keypoints = pose[:, :2] / pose[:, 2:] * focal + size / 2 - 3
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    mask = (rng.random((size, size)) < 0.5).astype(np.uint8) * 255
    return image, mask, keypoints, pose


def test_the_files_are_those_of_the_layout(tmp_path):
    image, mask, keypoints, pose = make_sample()
    write_authors_sample(tmp_path, 7, image, mask, keypoints, pose)
    write_authors_index(tmp_path, {7})
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*.*')
                  ) == ['image/image_000007.png', 'info.npy',
                        'joints/joint_000007.npy', 'mask/mask_000007.png']
    stored = cv2.imread(str(tmp_path / 'mask/mask_000007.png'), -1)
    np.testing.assert_array_equal(stored, mask // 255)
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / 'image/image_000007.png')), image)
    joints = np.load(tmp_path / 'joints/joint_000007.npy')
    assert joints.shape == (18, 3)
    np.testing.assert_allclose(joints[:, :2], keypoints / 128 - 1, atol=1e-6)
    np.testing.assert_allclose(joints[:, 2], pose[:, 2] / 1000 - 5, atol=1e-6)
    assert np.load(tmp_path / 'info.npy').tolist() == [7]


def test_what_is_written_is_read(tmp_path):
    for index in range(3):
        image, mask, keypoints, pose = make_sample(index)
        write_authors_sample(tmp_path, index, image, mask, keypoints, pose)
        pixels, depth = read_authors_joints(tmp_path, index, 256)
        np.testing.assert_allclose(pixels, keypoints, atol=1e-4)
        np.testing.assert_allclose(depth, pose[:, 2] - 5000, atol=1e-3)
    write_authors_index(tmp_path, [2, 0])
    assert read_authors_index(tmp_path) == [0, 2]


@pytest.mark.parametrize('extent', [1900.0, 2500.0])
def test_another_scale_is_refused(tmp_path, extent):
    with pytest.raises(ValueError, match=f'shows {extent:.0f} mm.*extent='):
        write_authors_sample(tmp_path, 0, *make_sample(extent=extent))
    assert not (tmp_path / 'image').exists()


def test_bad_samples_are_named(tmp_path):
    image, mask, keypoints, pose = make_sample()
    for bad, message in [
            ((image[:200], mask, keypoints, pose), 'sample 3: the image'),
            ((image, mask / 255, keypoints, pose), 'mask.*float64'),
            ((image, mask, keypoints[:17], pose), r'keypoints: shape \(17'),
            ((image, mask, keypoints, pose * np.nan), 'keypoints_3d: NaN')]:
        with pytest.raises(ValueError, match=message):
            write_authors_sample(tmp_path, 3, *bad)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'info\.npy'):
        read_authors_index(tmp_path)
    np.save(tmp_path / 'info.npy', np.array(dict(batch_size=3)))
    with pytest.raises(ValueError, match=r'info\.npy.*part-segmentation'):
        read_authors_index(tmp_path)
    np.save(tmp_path / 'info.npy', np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r'info\.npy holds float64.*\(2, 2'):
        read_authors_index(tmp_path)
    (tmp_path / 'joints').mkdir()
    np.save(tmp_path / 'joints/joint_000000.npy', np.zeros((17, 3)))
    with pytest.raises(ValueError, match=r'joint_000000\.npy: shape \(17'):
        read_authors_joints(tmp_path, 0, 256)
