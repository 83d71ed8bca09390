"""SURREAL's camera against the authors' functions and closed forms."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.geometry.rotations import axis_angle_to_matrix
from xas_mmpose.geometry.surreal_camera import (
    surreal_box,
    surreal_extrinsics,
    surreal_intrinsics,
    surreal_orientation,
)


@pytest.fixture(scope='module')
def g(goldens):
    with np.load(goldens / '10_smpl_surreal.npz') as arrays:
        return {key: arrays[key] for key in arrays}


def test_intrinsics(g):
    f, c = surreal_intrinsics(tuple(g['res_xy']), reference=True)
    np.testing.assert_array_equal(
        [[f[0], 0, c[0]], [0, f[1], c[1]], [0, 0, 1]], g['intrinsic'])
    f, c = surreal_intrinsics((320, 240))
    assert f.tolist() == [600, 600]
    # 32 mm of sensor through a 60 mm lens end on the picture's edges.
    edge = camera_to_image(np.array([[-16, -12, 60.0], [16, 12, 60]]), f, c)
    np.testing.assert_allclose(edge[:, :2], [[-0.5, -0.5], [319.5, 239.5]])


def test_extrinsics(g):
    R, T = surreal_extrinsics(g['cam_loc'])
    np.testing.assert_array_equal(R, g['R_world2cv'])
    np.testing.assert_allclose(T[:, None], g['T_world2cv'], atol=1e-7)
    np.testing.assert_allclose(np.column_stack([R, T]), g['extrinsic'],
                               atol=1e-7)
    assert np.linalg.det(R) == -1
    # The camera itself is at the origin of its frame.
    assert world_to_camera(g['cam_loc'].T.astype(float), R, T) == (
        pytest.approx(np.zeros((1, 3)), abs=1e-7))


def test_projection(g):
    f, c = surreal_intrinsics(reference=True)
    points = world_to_camera(g['points'].astype(float),
                             *surreal_extrinsics(g['cam_loc']))
    image = camera_to_image(points, f, c)
    np.testing.assert_allclose(image, g['projected'], rtol=2e-6)
    image[:, 2] -= image[0, 2]
    np.testing.assert_allclose(image, g['projected_root_depth_zero'],
                               rtol=2e-6, atol=1e-6)


def test_orientation(g):
    ours = surreal_orientation(g['rotbody_vec'], g['rotbody_zrot'])
    np.testing.assert_allclose(axis_angle_to_matrix(ours),
                               axis_angle_to_matrix(
                                   g['rotbody_out'].astype(float)),
                               atol=2e-6)
    # The authors' code fails here: y goes up to z.
    up = axis_angle_to_matrix(surreal_orientation(np.zeros(3), 0.0))
    np.testing.assert_allclose(up @ [0, 1, 0], [0, 0, 1], atol=1e-12)


def test_people_of_motion_capture_stand_upright():
    """Its world has z up, SURREAL's has -y, and so has the picture."""
    standing = np.array([np.pi / 2, 0, 0])
    for zrot in (0.0, 1.0, -2.5):
        up = axis_angle_to_matrix(surreal_orientation(standing, zrot)) @ [
            0, 1, 0]
        np.testing.assert_allclose(up, [0, -1, 0], atol=1e-12)
        np.testing.assert_allclose(surreal_extrinsics(np.zeros(3))[0] @ up,
                                   [0, -1, 0], atol=1e-12)


def test_rodrigues(g):
    np.testing.assert_allclose(
        axis_angle_to_matrix(g['axis_angle'].astype(float)), g['rodrigues'],
        atol=1e-6)


def test_box(g):
    f, c = surreal_intrinsics(reference=True)
    root = world_to_camera(g['points'][:1].astype(float),
                           *surreal_extrinsics(g['cam_loc']))[0]
    for suffix, truncate in (('_float', False), ('', True)):
        lt, rb = (g[f'box_{corner}{suffix}'][0] for corner in ('lt', 'rb'))
        box = surreal_box(root, f, c, truncate=truncate)
        # Theirs are corners in the world, which the camera mirrors.
        np.testing.assert_allclose(box, [rb[0], lt[1], lt[0], rb[1]],
                                   rtol=2e-6)
        depth = np.trunc(root[2]) if truncate else root[2]
        assert lt[2] == pytest.approx(depth)
        assert rb[2] == pytest.approx(depth)
    f, c = np.full(2, 600.0), np.zeros(2)
    box = surreal_box(np.array([0, 0, 7.1]), f, c, truncate=True)
    assert box.tolist() == [-84, -84, 84, 84]  # towards zero
