from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.datasets import (
    SyntheticPairDataset,
    XasHuman36mDataset,
)
from xas_mmpose.datasets.transforms import (
    CubeAffine,
    GetCubeBox,
    RandomCubeTransform,
)
from xas_mmpose.geometry.cameras import (
    apply_affine,
    box_root_depth,
    crop_affine,
    invert_affine,
    world_to_camera,
)

LOAD = [dict(type='LoadImage'), dict(type='LoadMask')]


def test_root_boxes_belong_to_their_own_pictures(fake_h36m):
    dataset = XasHuman36mDataset(
        carry_root=True, pipeline=[*LOAD, dict(type='GetCubeBox')],
        **fake_h36m.options)
    for row in range(6):
        results = dataset[row]
        root = fake_h36m.keypoints_3d[row, 0]
        f, c = fake_h36m.f[row], fake_h36m.c[row]
        np.testing.assert_allclose(results['bbox_center'],
                                   [root[:2] / root[2] * f + c])
        np.testing.assert_allclose(results['bbox_scale'],
                                   [2000 * f / root[2]])
        np.testing.assert_allclose(
            results['bbox'][0, 2:] - results['bbox'][0, :2],
            results['bbox_scale'][0], rtol=1e-5)
        assert results['bbox'].dtype == np.float32
        assert results['bbox_score'].tolist() == [1]
        assert results['crop_rule'] == 'root'
        assert results['cube_size'] == 2000
        # The picture that was read is the row's own, too.
        assert (results['img'][..., 1] == 30 + 30 * row).all()


def test_mask_boxes_belong_to_their_own_pictures(fake_h36m):
    dataset = XasHuman36mDataset(
        pipeline=[*LOAD, dict(type='GetCubeBox', rule='mask', padding=1.5)],
        **fake_h36m.options)
    for row in range(6):
        results = dataset[row]
        rows, columns = np.nonzero(results['img'][..., 0])
        side = max(np.ptp(rows), np.ptp(columns)) + 1
        center = [(columns.min() + columns.max()) / 2,
                  (rows.min() + rows.max()) / 2]
        assert results['bbox_center'].tolist() == [center]
        assert results['bbox_scale'].tolist() == [[1.5 * side] * 2]
        assert results['cube_size'] == 2000
        assert results['crop_rule'] == 'mask'


def test_synthetic_pictures_know_their_cube(fake_synthetic):
    dataset = SyntheticPairDataset(
        data_root=str(fake_synthetic),
        pipeline=[*LOAD, dict(type='GetCubeBox', rule='mask')])
    for i in range(6):
        results = dataset[i]
        # 160 px show 2500 mm at the root's depth.
        side = results['bbox_scale'][0, 0]
        assert results['cube_size'] == pytest.approx(side * 2500 / 160)
        depth = box_root_depth(results['bbox_scale'][0],
                               results['camera_param']['f'],
                               results['cube_size'])
        assert depth == pytest.approx(results['root_camera'][2])


@pytest.mark.parametrize('rule', ['root', 'mask'])
def test_a_given_box_serves_inference(rule):
    results = GetCubeBox(rule)(dict(bbox=np.array([[10.0, 20, 50, 40]])))
    assert results['bbox_center'].tolist() == [[30, 30]]
    assert results['bbox_scale'].tolist() == [[50, 50]]
    assert results['bbox'].tolist() == [[10, 20, 50, 40]]
    assert results['crop_rule'] == 'bbox'


def test_boxes_that_cannot_be_placed():
    path = dict(img_path='picture.jpg')
    with pytest.raises(ValueError,
                       match=r"picture\.jpg.*'root' needs root_camera"):
        GetCubeBox('root')(dict(path))
    with pytest.raises(ValueError, match=r"picture\.jpg.*'mask' needs img_m"):
        GetCubeBox('mask')(dict(path))
    root = dict(path, root_camera=np.array([0, 0, np.nan]))
    with pytest.raises(ValueError, match=r'picture\.jpg.*needs camera_param'):
        GetCubeBox()(dict(root))
    root['camera_param'] = dict(f=np.ones(2), c=np.ones(2))
    with pytest.raises(ValueError, match=r'picture\.jpg.*not in front'):
        GetCubeBox()(dict(root))
    with pytest.raises(ValueError, match="'root' or 'mask', got 'joints'"):
        GetCubeBox('joints')
    with pytest.raises(ValueError, match='positive'):
        GetCubeBox(cube_size=0)
    with pytest.raises(ValueError, match='GetCubeBox in front'):
        CubeAffine((8, 8))({})
    with pytest.raises(ValueError, match='between GetCubeBox and Cube'):
        RandomCubeTransform()({})


def test_mask_is_warped_like_the_picture(fake_h36m):
    dataset = XasHuman36mDataset(
        pipeline=[*LOAD, dict(type='GetCubeBox', rule='mask'),
                  dict(type='RandomFlipPose3D'),
                  dict(type='RandomCubeTransform', rotate_prob=1.0),
                  dict(type='CubeAffine', input_size=(96, 64))],
        **fake_h36m.options)
    for row in range(6):
        results = dataset[row]
        assert results['img'].shape == (64, 96, 3)
        assert results['img_shape'] == (64, 96)
        assert results['ori_shape'] == (190, 210)
        # The blue channel was the mask.
        np.testing.assert_array_equal(results['img_mask'],
                                      results['img'][..., 0])
        assert 0.05 < (results['img_mask'] > 127).mean() < 0.95


def test_mmpose_restores_predictions_to_the_picture():
    # Also for a box that is not square; the formula is
    # TopdownPoseEstimator.add_pred_to_datasample's.
    points = np.array([[[60.0, 80.0], [123.4, 56.7]]])
    results = CubeAffine((128, 96))(dict(
        img=np.zeros((200, 200, 3), np.uint8), keypoints=points,
        bbox_center=np.array([[100.0, 90.0]]),
        bbox_scale=np.array([[150.0, 151.3]])))
    restored = (results['transformed_keypoints'] / results['input_size']
                * results['input_scale'] + results['input_center']
                - 0.5 * results['input_scale'])
    np.testing.assert_allclose(restored, points, atol=1e-9)
    np.testing.assert_allclose(
        results['transformed_keypoints'],
        apply_affine(points, results['crop_affine']))


def test_the_random_box():
    def draw(**options):
        results = dict(bbox_center=np.array([[100.0, 90.0]]),
                       bbox_scale=np.array([[150.0, 160.0]]),
                       cube_size=2000.0)
        return RandomCubeTransform(**options)(results)

    np.random.seed(3)  # noqa: NPY002  (the stream MMEngine seeds)
    first = [draw() for _ in range(300)]
    np.random.seed(3)  # noqa: NPY002
    again = [draw() for _ in range(300)]
    for one, other in zip(first, again):
        assert one['cube_size'] == other['cube_size']
        np.testing.assert_array_equal(one['bbox_center'],
                                      other['bbox_center'])
    scales = np.array([r['bbox_scale'][0] for r in first]) / [150, 160]
    np.testing.assert_allclose(scales[:, 0], scales[:, 1])
    np.testing.assert_allclose(scales[:, 0] * 2000,
                               [r['cube_size'] for r in first])
    assert 0.9 <= scales.min() < 0.91
    assert 1.09 < scales.max() <= 1.1
    shifts = np.array([r['bbox_center'][0] for r in first]) - [100, 90]
    assert (np.abs(shifts) <= [7.5, 8]).all()
    assert (np.ptp(shifts, axis=0) > [14, 15]).all()
    angles = [r['bbox_rotation'][0] for r in first if 'bbox_rotation' in r]
    assert 110 < len(angles) < 190
    assert 29 < np.abs(angles).max() <= 30
    still = draw(shift_prob=0, scale_prob=0, rotate_prob=0)
    assert still['bbox_center'].tolist() == [[100, 90]]
    assert still['cube_size'] == 2000
    assert 'bbox_rotation' not in still
    with pytest.raises(ValueError, match='0 < low <= high'):
        RandomCubeTransform(scale_factor=(1.2, 0.8))


def test_the_box_turns_about_its_centre():
    results = CubeAffine((64, 64))(dict(
        img=np.zeros((100, 100, 3), np.uint8), bbox_rotation=np.array([90.]),
        keypoints=np.array([[[50.0, 40.0], [50.0, 60.0]]]),
        bbox_center=np.array([[50.0, 40.0]]),
        bbox_scale=np.array([[64.0, 64.0]])))
    # The box's right is the picture's down.
    np.testing.assert_allclose(results['transformed_keypoints'],
                               [[[32, 32], [52, 32]]], atol=1e-9)


def test_golden_h36m_chain(goldens):
    golden = np.load(goldens / '07_crop.npz')
    for cam in range(4):
        for b in range(golden['h36m_world'].shape[0]):
            R = golden['h36m_R'][cam, b].astype(float)
            T = -R @ golden['h36m_C'][cam, b]
            np.testing.assert_allclose(T, golden['h36m_trans_world'][cam, b],
                                       rtol=1e-5, atol=5e-4)
            points = world_to_camera(golden['h36m_world'][b].astype(float),
                                     R, T)
            np.testing.assert_allclose(points, golden['h36m_pt_3d'][cam, b],
                                       rtol=1e-6, atol=1e-3)
            np.testing.assert_allclose(
                points[0], golden['h36m_pelvis'][cam, b], rtol=1e-6,
                atol=1e-3)
            f, c = golden['h36m_f'][cam, b], golden['h36m_c'][cam, b]
            pixels = points[:, :2] / points[:, 2:] * f + c
            np.testing.assert_allclose(
                pixels, golden['h36m_pt_2d'][cam, b, :, :2], atol=5e-4)
            results = CubeAffine((256, 256))(GetCubeBox()(dict(
                img=np.zeros((8, 8, 3), np.uint8), keypoints=pixels[None],
                root_camera=points[0], camera_param=dict(f=f, c=c))))
            sides = [golden[f'h36m_box_{s}'][cam, b] for s in 'ltrb']
            np.testing.assert_allclose(results['bbox'][0], sides, atol=5e-4)
            np.testing.assert_allclose(
                results['crop_affine'], golden['h36m_affine'][cam, b],
                rtol=1e-6, atol=5e-4)
            np.testing.assert_allclose(
                results['transformed_keypoints'][0],
                golden['h36m_joints_patch'][cam, b, :, :2], atol=5e-4)


def test_golden_warp(goldens):
    golden = np.load(goldens / '07_crop.npz')
    cx, cy, w, h = golden['warp_box_cx_cy_w_h'].astype(float)
    results = CubeAffine((64, 64), supersampling=1)(dict(
        img=golden['warp_image'], bbox_center=np.array([[cx, cy]]),
        bbox_scale=np.array([[w, h]])))
    np.testing.assert_allclose(results['crop_affine'], golden['warp_affine'],
                               rtol=1e-6, atol=5e-4)
    apart = np.abs(results['img'].astype(int) - golden['warp_out'])
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.06


def test_warp_against_another_implementation():
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(
        rng.integers(0, 255, (60, 70, 3), dtype=np.uint8), (9, 9), 3)
    center, scale = np.array([31.0, 28.0]), np.array([40.0, 44.0])
    results = CubeAffine((32, 32))(dict(
        img=image, bbox_center=center[None], bbox_scale=scale[None],
        bbox_rotation=np.array([20.0])))
    affine = crop_affine(center, scale, (32, 32), 20.0)
    inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    y, x = np.mgrid[:32, :32]
    source = inverse[:2] @ np.stack([x.ravel(), y.ravel(), np.ones(1024)])
    low = np.floor(source).astype(int)
    part = source - low
    value = 0.0
    for dx in (0, 1):
        for dy in (0, 1):
            weight = (np.abs(1 - dx - part[0]) * np.abs(1 - dy - part[1]))
            value = value + weight[:, None] * image[low[1] + dy, low[0] + dx]
    apart = np.abs(results['img'].reshape(-1, 3) - value)
    # OpenCV keeps source positions to 1/32 px.
    assert apart.max() < 2


@pytest.mark.parametrize('side, fine', [(40, 1), (47, 1), (96, 3), (128, 4)])
def test_patch_pixels_are_means_that_do_not_shift(side: int,
                                                  fine: int) -> None:
    # A ramp stays a ramp, whatever is averaged: a shift would show.
    y, x = np.mgrid[:160, :160].astype(np.float32)
    box = dict(bbox_center=np.array([[80.0, 75.0]]),
               bbox_scale=np.array([[side, side]], float))
    results = CubeAffine((32, 32))(dict(img=np.stack([x, y], -1), **box))
    patch = np.stack(np.mgrid[:32, :32][::-1], -1).astype(float)
    expected = apply_affine(patch, invert_affine(results['crop_affine']))
    np.testing.assert_allclose(results['img'], expected, atol=0.02)
    # Lines of one pixel: read at points they are noise, averaged grey.
    lines = np.tile(np.float32([0, 200]), (160, 80))
    spread = {}
    for number in (1, None):
        patch = CubeAffine((32, 32), number)(dict(img=lines, **box))['img']
        spread[number] = patch.std()
    if fine == 1:
        assert spread[None] == spread[1]
    else:
        assert spread[None] < spread[1] / 2 or spread[None] < 5


def test_supersampling_starts_at_one() -> None:
    with pytest.raises(ValueError, match='from 1 up, or None, got 0'):
        CubeAffine((8, 8), supersampling=0)
