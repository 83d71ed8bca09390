"""Triangulation against projections, OpenCV and the authors' function."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from xas_mmpose.geometry import cameras
from xas_mmpose.geometry.triangulation import projection_matrix, triangulate

F, C = np.array([1145.0, 1143.8]), np.array([512.5, 515.4])


@pytest.fixture
def views():
    """Return world points (18, 3), projections (4, 3, 4), pixels, depths."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-800, 800, (18, 3))
    R = np.stack([
        Rotation.from_euler('y', 90 * i + 20, degrees=True).as_matrix()
        for i in range(4)
    ])
    T = np.tile([0., 0, 5000], (4, 1)) + rng.uniform(-200, 200, (4, 3))
    image = cameras.camera_to_image(cameras.world_to_camera(points, R, T), F,
                                    C)
    projections = projection_matrix(
        np.tile(F, (4, 1)), np.tile(C, (4, 1)), R, T)
    return points, projections, image[..., :2], image[..., 2]


def test_projection_matrix_projects(views):
    points, projections, pixels, depths = views
    homogeneous = np.concatenate([points, np.ones((18, 1))], -1)
    rows = homogeneous @ projections.swapaxes(-1, -2)
    np.testing.assert_allclose(rows[..., 2], depths)
    np.testing.assert_allclose(rows[..., :2] / rows[..., 2:], pixels)


def test_exact_pixels_give_the_points_back(views):
    points, projections, pixels, depths = views
    for weights in (None, depths, np.ones_like(depths)):
        np.testing.assert_allclose(
            triangulate(pixels, projections, weights), points, rtol=0,
            atol=1e-7)


def test_two_noisy_views_are_opencvs(views):
    _, projections, pixels, _ = views
    noisy = pixels[:2] + np.random.default_rng(1).normal(0, 2, (2, 18, 2))
    wanted = cv2.triangulatePoints(projections[0], projections[1],
                                   noisy[0].T, noisy[1].T)
    np.testing.assert_allclose(triangulate(noisy, projections[:2]),
                               (wanted[:3] / wanted[3]).T, rtol=0, atol=1e-6)


def test_weight_zero_leaves_a_view_out(views):
    points, projections, pixels, _ = views
    wrong = pixels.copy()
    wrong[3] += 100
    weights = np.ones((4, 18))
    weights[3] = 0
    np.testing.assert_allclose(triangulate(wrong, projections, weights),
                               points, rtol=0, atol=1e-7)
    # With a little weight the wrong view pulls: weights mean something.
    weights[3] = 0.1
    assert np.abs(triangulate(wrong, projections, weights)
                  - points).max() > 0.1


def test_a_point_seen_by_one_view_is_nan(views):
    points, projections, pixels, _ = views
    weights = np.ones((4, 18))
    weights[:3, 5] = 0
    world = triangulate(pixels, projections, weights)
    assert np.isnan(world[5]).all()
    np.testing.assert_allclose(np.delete(world, 5, 0),
                               np.delete(points, 5, 0), rtol=0, atol=1e-7)
    ours = triangulate(*map(torch.from_numpy,
                            (pixels, projections, weights)))
    np.testing.assert_allclose(ours.numpy(), world, rtol=0, atol=1e-7)


def test_batches_and_torch_agree_with_one_by_one(views):
    _, projections, pixels, depths = views
    rng = np.random.default_rng(2)
    pixels = pixels + rng.normal(0, 3, (5, *pixels.shape))
    depths = np.broadcast_to(depths, pixels.shape[:-1]).copy()
    projections = np.broadcast_to(projections, (5, 4, 3, 4)).copy()
    batch = triangulate(pixels, projections, depths)
    assert batch.shape == (5, 18, 3)
    for i in range(5):
        np.testing.assert_allclose(
            triangulate(pixels[i], projections[i], depths[i]), batch[i])
    ours = triangulate(*map(torch.from_numpy, (pixels, projections, depths)))
    np.testing.assert_allclose(ours.numpy(), batch, rtol=0, atol=1e-6)


def test_gradients_reach_the_pixels(views):
    _, projections, pixels, _ = views
    noisy = pixels[:, :2] + np.random.default_rng(1).normal(0, 2, (4, 2, 2))
    assert torch.autograd.gradcheck(
        lambda x: triangulate(x, torch.from_numpy(projections)) / 1000,
        torch.from_numpy(noisy).requires_grad_(), eps=1e-3)


def test_the_authors_points(goldens):
    with np.load(goldens / '06_coords.npz') as arrays:
        g = {key: arrays[key].astype(np.float64) for key in arrays}
    # Views go third from last: (B, 4, 18, ...).
    affine = g['cam_trans_image'].swapaxes(0, 1)
    pelvis = g['cam_pelvis'].swapaxes(0, 1)
    intrinsics = g['cam_k_mat'].swapaxes(0, 1)
    projections = projection_matrix(
        intrinsics[..., [0, 1], [0, 1]], intrinsics[..., :2, 2],
        g['cam_rot_world'].swapaxes(0, 1), g['cam_trans_world'].swapaxes(0, 1))

    def image(normalised):
        patch = cameras.normalised_to_patch(normalised.swapaxes(0, 1),
                                            (256, 256), reference_scale=True)
        return cameras.patch_to_image(patch, affine, pelvis[..., 2])

    # Their weights are the predicted depths, their solver is float32.
    noisy = image(g['tri_input_norm'])
    for key, chosen, tolerance in (('tri_4cam', [0, 1, 2, 3], 0.25),
                                   ('tri_cam0_cam2', [0, 2], 0.25)):
        seen = noisy[:, chosen]
        ours = triangulate(seen[..., :2], projections[:, chosen],
                           seen[..., 2])
        np.testing.assert_allclose(ours, g[key], rtol=0, atol=tolerance)
    exact = image(g['joints_norm'])
    ours = triangulate(exact[..., :2], projections, exact[..., 2])
    np.testing.assert_allclose(ours, g['tri_from_exact'], rtol=0, atol=0.25)
    np.testing.assert_allclose(ours, g['world_gt'], rtol=0, atol=1e-2)


def test_bad_shapes_are_refused(views):
    _, projections, pixels, _ = views
    with pytest.raises(ValueError, match='N >= 2 views'):
        triangulate(pixels[:1], projections[:1])
    with pytest.raises(ValueError, match='N >= 2 views'):
        triangulate(pixels, projections[:3])
    with pytest.raises(ValueError, match='N >= 2 views'):
        triangulate(pixels[0], projections)
