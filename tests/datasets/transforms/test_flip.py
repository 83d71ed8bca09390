from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.transforms import RandomFlipPose3D
from xas_mmpose.datasets.transforms.flip import mirror_camera
from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.skeletons import HUMAN36M_18

LOAD = [dict(type='LoadImage'), dict(type='LoadMask')]
FLIP = dict(type='RandomFlipPose3D', prob=1.0)


def run(fake_h36m, row, *steps, **options):
    return XasHuman36mDataset(
        carry_labels=True, pipeline=[*LOAD, *steps], **fake_h36m.options,
        **options)[row]


@pytest.mark.parametrize('lens', [False, True])
def test_everything_is_mirrored_together(fake_h36m, lens):
    plain = run(fake_h36m, 2, lens=lens)
    flipped = run(fake_h36m, 2, FLIP, lens=lens)
    assert flipped['flip'] is True
    assert flipped['flip_direction'] == 'horizontal'
    for key in ('img', 'img_mask'):
        np.testing.assert_array_equal(flipped[key], plain[key][:, ::-1])
    swap = list(HUMAN36M_18.flip_indices)
    expected = plain['keypoints'][:, swap]
    expected[..., 0] = 209 - expected[..., 0]
    np.testing.assert_allclose(flipped['keypoints'], expected)
    # The mirrored camera projects the mirrored body onto its 2D key points.
    camera = flipped['camera_param']
    np.testing.assert_allclose(
        camera_to_image(flipped['keypoints_3d'], camera['f'], camera['c'],
                        camera.get('k'), camera.get('p'))[..., :2],
        flipped['keypoints'], atol=1e-9)
    np.testing.assert_array_equal(flipped['root_camera'],
                                  flipped['keypoints_3d'][0, 0])
    # Left and right keep their names: the right wrist is the left one's
    # mirror image.
    np.testing.assert_allclose(
        flipped['keypoints_3d'][0, HUMAN36M_18.index('right_wrist')],
        plain['keypoints_3d'][0, HUMAN36M_18.index('left_wrist')]
        * [-1, 1, 1])


def test_visibility_goes_with_the_joints(fake_h36m):
    hidden = HUMAN36M_18.index('left_knee')

    def hide(results):
        for key in ('keypoints_visible', 'keypoints_3d_visible'):
            results[key][0, hidden] = 0
        return results

    results = RandomFlipPose3D(1.0)(hide(run(fake_h36m, 0)))
    for key in ('keypoints_visible', 'keypoints_3d_visible'):
        assert np.flatnonzero(results[key][0] == 0).tolist() == [
            HUMAN36M_18.index('right_knee')]


@pytest.mark.parametrize('rule', ['root', 'mask'])
def test_the_box_may_come_before_or_behind(fake_h36m, rule):
    box = dict(type='GetCubeBox', rule=rule)
    before = run(fake_h36m, 1, box, FLIP)
    behind = run(fake_h36m, 1, FLIP, box)
    for key in ('bbox', 'bbox_center', 'bbox_scale'):
        np.testing.assert_allclose(before[key], behind[key], atol=1e-4)


def test_twice_is_never(fake_h36m):
    plain = run(fake_h36m, 3, lens=True)
    twice = run(fake_h36m, 3, FLIP, FLIP, lens=True)
    for key in ('img', 'img_mask', 'keypoints', 'keypoints_3d',
                'root_camera'):
        np.testing.assert_allclose(twice[key], plain[key], atol=1e-9)
    for key, value in plain['camera_param'].items():
        np.testing.assert_allclose(twice['camera_param'][key], value,
                                   atol=1e-9)


def test_the_mirrored_room():
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    camera = dict(f=np.array([100.0, 110.0]), c=np.array([50.0, 40.0]),
                  R=rotation, T=rng.normal(size=3))
    mirrored = mirror_camera(camera, 120)
    assert np.linalg.det(mirrored['R']) == pytest.approx(1)
    world = rng.normal(size=(5, 3))
    seen = world_to_camera(world * [-1, 1, 1], mirrored['R'], mirrored['T'])
    np.testing.assert_allclose(
        seen, world_to_camera(world, rotation, camera['T']) * [-1, 1, 1])
    assert camera['c'][0] == 50
    assert mirrored['c'].tolist() == [69, 40]


def test_never_and_too_late(fake_h36m):
    plain = run(fake_h36m, 0)
    same = run(fake_h36m, 0, dict(type='RandomFlipPose3D', prob=0))
    assert same['flip'] is False
    np.testing.assert_array_equal(same['img'], plain['img'])
    with pytest.raises(ValueError, match='in front of CubeAffine'):
        RandomFlipPose3D(1.0)(dict(input_size=(8, 8)))


def test_a_picture_alone_can_be_mirrored():
    image = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    results = RandomFlipPose3D(1.0)(dict(
        img=image, img_shape=(1, 4), flip_indices=[0]))
    np.testing.assert_array_equal(results['img'], image[:, ::-1])


def test_golden_flip(goldens):
    golden = np.load(goldens / '07_crop.npz')
    width = int(golden['flip_width'])
    results = RandomFlipPose3D(1.0)(dict(
        img=np.zeros((4, width, 3), np.uint8), img_shape=(4, width),
        keypoints=golden['flip_in'][None, :, :2],
        keypoints_visible=np.ones((1, 18)),
        flip_indices=list(HUMAN36M_18.flip_indices)))
    np.testing.assert_allclose(results['keypoints'][0],
                               golden['flip_out'][:, :2], rtol=1e-6)
    np.testing.assert_array_equal(
        golden['flip_in'][list(HUMAN36M_18.flip_indices), 2],
        golden['flip_out'][:, 2])
