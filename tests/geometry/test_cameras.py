"""Frames: round trips, closed forms, half pixels, lens, other oracles."""
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from xas_mmpose.geometry import cameras

F, C = np.array([1145.0, 1143.8]), np.array([512.5, 515.4])
#: A lens of Human3.6M.
K = np.array([-0.207098910824901, 0.247775183068982, -0.00307515035078854])
P = np.array([-0.00142447157470321, -0.000975698859470499])


@pytest.fixture
def points():
    """Return camera points (5, 18, 3) in mm, about 5 m away."""
    rng = np.random.default_rng(0)
    return rng.uniform([-800, -950, 4100], [1000, 850, 5900], (5, 18, 3))


def _there_and_back():
    """Yield every pair of maps, bound to one person per pose."""
    rng = np.random.default_rng(1)
    R = Rotation.random(5, random_state=2).as_matrix()
    T = rng.normal(0, 3000, (5, 3))
    affine = np.stack([
        cameras.crop_affine(rng.uniform(300, 700, 2),
                            rng.uniform(200, 400, 2), (192, 256), angle)
        for angle in (0, 10, -40, 90, 180)
    ])
    root, cube = rng.uniform(3000, 6000, 5), rng.uniform(1500, 2500, 5)

    def pair(there, back, *arguments, **options):
        return (lambda x, wrap: there(x, *map(wrap, arguments), **options),
                lambda x, wrap: back(x, *map(wrap, arguments), **options))

    yield 'world', *pair(cameras.world_to_camera, cameras.camera_to_world,
                         R, T)
    yield 'pinhole', *pair(cameras.camera_to_image, cameras.image_to_camera,
                           F, C)
    yield 'lens', *pair(cameras.camera_to_image, cameras.image_to_camera,
                        F, C, K, P)
    yield 'patch', *pair(cameras.image_to_patch, cameras.patch_to_image,
                         affine, root)
    for reference in (False, True):
        yield f'normalised-{reference}', *pair(
            lambda x, side, **o: cameras.patch_to_normalised(
                x, (192, 256), side, **o),
            lambda x, side, **o: cameras.normalised_to_patch(
                x, (192, 256), side, **o), cube, reference_scale=reference)


PAIRS = [pytest.param(there, back, id=name)
         for name, there, back in _there_and_back()]


@pytest.mark.parametrize(('there', 'back'), PAIRS)
def test_round_trip_numpy(points, there, back):
    moved = there(points, np.asarray)
    assert np.abs(moved - points).max() > 1
    np.testing.assert_allclose(back(moved, np.asarray), points, rtol=0,
                               atol=1e-8)
    assert moved.dtype == np.float64


@pytest.mark.parametrize(('there', 'back'), PAIRS)
def test_torch_agrees_with_numpy(points, there, back):
    for function in (there, back):
        ours = function(torch.from_numpy(points), torch.from_numpy)
        np.testing.assert_allclose(ours.numpy(),
                                   function(points, np.asarray), rtol=1e-12)


@pytest.mark.parametrize(('there', 'back'), PAIRS)
def test_gradients(points, there, back):
    start = torch.from_numpy(points[:, :2] / 1000)
    for function in (there, back):
        small = start.clone().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, f=function: f(x, torch.from_numpy), small)


def test_leading_dimensions_broadcast(points):
    # One pose, seen by many cameras: what triangulation needs.
    pose, depths = points[0], np.array([4000., 5000.])
    f = np.stack([F, F + 10])[:, None]
    image = cameras.camera_to_image(pose, f, C)
    assert image.shape == (2, 18, 3)
    np.testing.assert_array_equal(
        image[1], cameras.camera_to_image(pose, F + 10, C))
    affine = np.stack([np.eye(2, 3), 2 * np.eye(2, 3)])
    patch = cameras.image_to_patch(pose, affine, depths)
    np.testing.assert_array_equal(patch[1, :, :2], pose[:, :2] * 2)
    np.testing.assert_array_equal(patch[1, :, 2], pose[:, 2] - 5000)
    both = cameras.patch_to_normalised(torch.from_numpy(pose), (256, 256),
                                       torch.from_numpy(depths))
    assert both.shape == (2, 18, 3)


def test_world_to_camera_is_scipys_rotation(points):
    R, T = Rotation.random(random_state=3), np.array([10., -20., 30.])
    np.testing.assert_allclose(
        cameras.world_to_camera(points[0], R.as_matrix(), T),
        R.apply(points[0]) + T)
    # The camera itself sits at -R^T T.
    centre = cameras.camera_to_world(np.zeros((1, 3)), R.as_matrix(), T)
    np.testing.assert_allclose(centre[0], -R.inv().apply(T))


def test_projection_is_opencvs_pinhole(points):
    intrinsics = np.array([[F[0], 0, C[0]], [0, F[1], C[1]], [0, 0, 1]])
    wanted, _ = cv2.projectPoints(points[0], np.zeros(3), np.zeros(3),
                                  intrinsics, None)
    image = cameras.camera_to_image(points[0], F, C)
    np.testing.assert_allclose(image[:, :2], wanted[:, 0], rtol=1e-12)
    np.testing.assert_array_equal(image[:, 2], points[0][:, 2])


def test_radial_lens_is_opencvs(points):
    # The models differ in the tangential term alone.
    intrinsics = np.array([[F[0], 0, C[0]], [0, F[1], C[1]], [0, 0, 1]])
    wanted, _ = cv2.projectPoints(
        points[0], np.zeros(3), np.zeros(3), intrinsics,
        np.array([K[0], K[1], 0, 0, K[2]]))
    image = cameras.camera_to_image(points[0], F, C, K)
    np.testing.assert_allclose(image[:, :2], wanted[:, 0], rtol=1e-12)


def test_tangential_lens_closed_form():
    # x = 0.3, y = 0.4, r2 = 0.25: scale 1 + 0.01 * 0.3 + 0.02 * 0.4.
    rays = cameras.distort(np.array([[0.3, 0.4]]), None,
                           np.array([0.02, 0.01]))
    np.testing.assert_allclose(
        rays, [[0.3 * 1.011 + 0.25 * 0.01, 0.4 * 1.011 + 0.25 * 0.02]])


def test_lens_gives_the_real_frames_pixels(sample_data):
    frames = json.loads((sample_data / 'h36m_frames.json').read_text())
    assert len(frames['frames']) == 4
    for frame in frames['frames']:
        inner = frame['intrinsics']
        f = np.array([inner['fx'], inner['fy']])
        c = np.array([inner['cx'], inner['cy']])
        k, p = (np.array(frame['distortion'][key]) for key in 'kp')
        joints = np.array(frame['joints_3d_cam_mm'])
        pixels = np.array(frame['joints_2d_px'])
        image = cameras.camera_to_image(joints, f, c, k, p)
        assert np.abs(image[:, :2] - pixels).max() < 1e-3
        # A pinhole is visibly off, so the bound above means something.
        assert np.abs(cameras.camera_to_image(joints, f, c)[:, :2]
                      - pixels).max() > 0.5
        back = cameras.image_to_camera(
            np.column_stack([pixels, joints[:, 2]]), f, c, k, p)
        np.testing.assert_allclose(back, joints, rtol=0, atol=1e-3)


@pytest.mark.parametrize('corner', [(0, 0), (999, 0), (0, 1001), (999, 1001)])
def test_undistort_converges_at_the_corners(corner):
    ray = (np.array(corner) - C) / F
    pinhole = cameras.undistort(ray, K, P)
    np.testing.assert_allclose(cameras.distort(pinhole, K, P), ray, rtol=0,
                               atol=1e-12)
    assert np.abs(pinhole - ray).max() > 1e-2


def test_crop_shows_a_dot_where_it_says():
    # A dot about a pixel's centre; the crop enlarges, so that its centre of
    # mass is exact to a fraction of a patch pixel.
    picture = np.zeros((200, 240), np.uint8)
    x, y = 130, 70
    picture[y, x] = 255
    affine = cameras.crop_affine(np.array([120., 80.]), np.array([60., 40.]),
                                 (300, 240), rotation=25)
    patch = cv2.warpAffine(picture, affine, (300, 240)).astype(float)
    rows, columns = np.mgrid[:240, :300]
    seen = [(patch * columns).sum() / patch.sum(),
            (patch * rows).sum() / patch.sum()]
    np.testing.assert_allclose(
        cameras.apply_affine(np.array([[x, y]], float), affine)[0], seen,
        atol=0.1)


def test_crop_affine_is_mmposes():
    from mmpose.structures.bbox import get_warp_matrix
    center, scale = np.array([310.5, 220.25]), np.array([180., 240.])
    for rotation in (0, 30, -75):
        np.testing.assert_allclose(
            cameras.crop_affine(center, scale, (192, 256), rotation),
            get_warp_matrix(center, scale, rotation, (192, 256)), atol=1e-4)


def test_crop_affine_of_the_authors(goldens):
    arrays = np.load(goldens / '07_crop.npz')
    for spec, wanted in zip(arrays['affine_spec'], arrays['affine_out']):
        center, box, size = spec[:2], spec[2:4], tuple(spec[4:6])
        affine = cameras.crop_affine(center, box * spec[6], size, spec[7])
        if spec[8]:
            affine = cameras.invert_affine(affine)
        np.testing.assert_allclose(affine, wanted, rtol=0, atol=5e-4)


def test_centre_and_edges_of_the_crop():
    # Half pixels: the box's centre is at S / 2, not (S - 1) / 2, and its
    # left edge at 0.
    center, scale = np.array([400.3, 250.7]), np.array([128., 100.])
    affine = cameras.crop_affine(center, scale, (256, 200))
    corners = np.stack([center, center - scale / 2, center + scale / 2])
    np.testing.assert_allclose(cameras.apply_affine(corners, affine),
                               [[128, 100], [0, 0], [256, 200]], atol=1e-10)
    normalised = cameras.patch_to_normalised(
        np.array([[128., 100., 0.], [0., 0., -1000.], [256., 200., 500.]]),
        (256, 200), 2000.0)
    np.testing.assert_allclose(
        normalised, [[0, 0, 0], [-1, -1, -0.5], [1, 1, 0.25]], atol=1e-12)


def test_topdown_estimators_formula_restores_image_pixels(points):
    # TopdownPoseEstimator.add_pred_to_datasample: x / size * scale
    # + center - scale / 2.
    center, scale = np.array([480., 530.]), np.array([410., 390.])
    size = np.array([192, 256])
    image = cameras.camera_to_image(points[0], F, C)
    patch = cameras.image_to_patch(
        image, cameras.crop_affine(center, scale, tuple(size)), 5000.0)
    restored = patch[:, :2] / size * scale + center - 0.5 * scale
    np.testing.assert_allclose(restored, image[:, :2], atol=1e-9)


@pytest.mark.parametrize('cells', [64, 48])
def test_mirrored_pictures_have_mirrored_cells(cells):
    size = 256
    centres = (np.arange(cells) + 0.5) * size / cells - 0.5
    mirrored = cameras.mirror_patch(
        np.stack([centres, centres], -1), size, list(range(cells)))
    np.testing.assert_allclose(mirrored[:, 0], centres[::-1], atol=1e-10)
    np.testing.assert_array_equal(mirrored[:, 1], centres)
    # The cells tile the picture: it covers -0.5 to size - 0.5.
    np.testing.assert_allclose(centres[0] - size / cells / 2, -0.5)
    np.testing.assert_allclose(centres[-1] + size / cells / 2, size - 0.5)


def test_mirror_moves_points_as_opencv_moves_pixels(goldens):
    picture = np.zeros((4, 7), np.uint8)
    picture[1, 2] = 1
    row, column = np.argwhere(cv2.flip(picture, 1))[0]
    mirrored = cameras.mirror_patch(np.array([[2., 1.]]), 7, [0])
    np.testing.assert_array_equal(mirrored, [[column, row]])
    arrays = np.load(goldens / '07_crop.npz')
    pairs = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13, 17]
    np.testing.assert_allclose(
        cameras.mirror_patch(arrays['flip_in'].astype(float),
                             int(arrays['flip_width']), pairs),
        arrays['flip_out'], rtol=1e-6)


def test_cube_box_closed_form():
    root = np.array([200., -100., 4000.])
    center, size = cameras.cube_box(root, F, C, 2000.0)
    np.testing.assert_allclose(center, C + F * [0.05, -0.025])
    np.testing.assert_allclose(size, F / 2)
    # The size gives the depth back, with a lens model too.
    assert cameras.box_root_depth(size, F) == pytest.approx(4000)
    bent, same = cameras.cube_box(root, F, C, 2000.0, K, P)
    np.testing.assert_array_equal(same, size)
    assert 0.01 < np.abs(bent - center).max() < 5


def test_a_metre_at_the_roots_depth_is_one_unit():
    root = np.array([200., -100., 4000.])
    center, size = cameras.cube_box(root, F, C, 2000.0)
    affine = cameras.crop_affine(center, size, (256, 256))
    offsets = np.array([[0., 0, 0], [1000, 0, 0], [0, -500, 0]])
    normalised = cameras.patch_to_normalised(
        cameras.image_to_patch(
            cameras.camera_to_image(root + offsets, F, C), affine, root[2]),
        (256, 256), 2000.0)
    np.testing.assert_allclose(normalised, offsets / 1000, atol=1e-12)
    # Depth takes the cube's whole side as one unit.
    deep = cameras.patch_to_normalised(np.array([[128., 128., 500.]]),
                                       (256, 256), 2000.0)
    np.testing.assert_allclose(deep, [[0, 0, 0.25]])


def test_mask_box_closed_forms():
    mask = np.zeros((20, 30), np.uint8)
    mask[0, 0] = 255
    center, size = cameras.mask_box(mask, padding=1.0)
    np.testing.assert_array_equal(center, [0, 0])
    np.testing.assert_array_equal(size, [1, 1])
    mask[:] = 0
    mask[4:10, 3:23] = 1
    center, size = cameras.mask_box(mask, padding=1.5)
    np.testing.assert_array_equal(center, [12.5, 6.5])
    np.testing.assert_array_equal(size, [30, 30])


def test_bad_boxes_are_refused():
    with pytest.raises(ValueError, match='mask is empty'):
        cameras.mask_box(np.zeros((5, 5), bool))
    for scale in ([0., 5.], [5., -1.], [np.nan, 5.]):
        with pytest.raises(ValueError, match='positive size'):
            cameras.crop_affine(np.zeros(2), np.array(scale), (8, 8))
