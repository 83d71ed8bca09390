"""The authors' conversions, put together from this package's maps."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.geometry import cameras

SIZE = (256, 256)
#: Their patch frame counts depth in pixels of 2000 / 256 mm.
TO_MM = np.array([1, 1, 2000 / 256])


@pytest.fixture(scope='module')
def chain(goldens):
    """Return the arrays of the authors' chain in float64."""
    with np.load(goldens / '06_coords.npz') as arrays:
        arrays = {key: arrays[key].astype(np.float64) for key in arrays}
    intrinsics = arrays['cam_k_mat']
    arrays['f'] = intrinsics[..., [0, 1], [0, 1]][..., None, :]
    arrays['c'] = intrinsics[..., :2, 2][..., None, :]
    return arrays


def _close(ours, theirs, tolerance=5e-7):
    """Compare relative to the largest magnitude of the array."""
    np.testing.assert_allclose(ours, theirs, rtol=0,
                               atol=tolerance * np.abs(theirs).max())


def _image(chain, kind):
    """Return image points (4, B, 18, 3) from patch or normalised points."""
    if kind == 'patch':
        patch = chain['joints_patch'] * TO_MM
    else:
        patch = cameras.normalised_to_patch(chain['joints_norm'], SIZE,
                                            reference_scale=True)
    return cameras.patch_to_image(patch, chain['cam_trans_image'],
                                  chain['cam_pelvis'][..., 2])


def _world(chain, image):
    """Return world points (4, B, 18, 3) from image points."""
    camera = cameras.image_to_camera(image, chain['f'], chain['c'])
    return cameras.camera_to_world(camera, chain['cam_rot_world'],
                                   chain['cam_trans_world'])


@pytest.mark.parametrize(('kind', 'suffix'),
                         [('patch', ''), ('normalised', '_from_norm')])
def test_patch_to_image_and_world(chain, kind, suffix):
    image = _image(chain, kind)
    _close(image, chain[f'patch_to_image{suffix}'])
    world = _world(chain, image)
    _close(world, chain[f'patch_to_world{suffix}'])
    if kind == 'patch':
        _close(world[1], chain['image_to_world_cam1'])
        # Their chain inverts their projection: the truth comes back.
        np.testing.assert_allclose(
            world, np.broadcast_to(chain['world_gt'], world.shape), rtol=0,
            atol=1e-2)


def test_world_to_patch(chain):
    camera = cameras.world_to_camera(chain['world_gt'],
                                     chain['cam_rot_world'],
                                     chain['cam_trans_world'])
    image = cameras.camera_to_image(camera, chain['f'], chain['c'])
    patch = cameras.image_to_patch(image, chain['cam_trans_image'],
                                   chain['cam_pelvis'][..., 2])
    _close(patch / TO_MM, chain['world_to_patch'])
    _close(cameras.patch_to_normalised(patch, SIZE, reference_scale=True),
           chain['world_to_patch_norm'])


def test_reference_scale_of_labels(chain):
    _close(
        cameras.patch_to_normalised(chain['joints_patch'] * TO_MM, SIZE,
                                    reference_scale=True),
        chain['joints_norm'])


def test_pelvis_to_world(chain):
    _close(
        cameras.camera_to_world(chain['cam_pelvis'][..., None, :],
                                chain['cam_rot_world'],
                                chain['cam_trans_world']),
        chain['pelvis_world'])


def test_poses_without_a_camera(chain):
    # Their "mono" frame: z up, 128 added to the depth.
    x, y, z = np.moveaxis(chain['joints_norm'], -1, 0)
    _close(-np.stack([x, z + 128, y], -1), chain['mono_no_patch'])
    patch = cameras.normalised_to_patch(chain['joints_norm'], SIZE,
                                        cube_size=256.0,
                                        reference_scale=True)
    u, v, depth = np.moveaxis(
        cameras.patch_to_image(patch, chain['cam_trans_image'],
                               chain['cam_pelvis'][..., 2]), -1, 0)
    _close(-np.stack([u, depth + 128, v], -1), chain['mono_patch'])


def test_projection_and_crop_of_human36m(goldens):
    with np.load(goldens / '07_crop.npz') as arrays:
        g = {key: arrays[key].astype(np.float64) for key in arrays
             if key.startswith('h36m_')}
    R, f, c = g['h36m_R'], g['h36m_f'][..., None, :], g['h36m_c'][
        ..., None, :]
    T = -(R @ g['h36m_C'][..., None])[..., 0]
    _close(T, g['h36m_trans_world'], 1e-6)
    camera = cameras.world_to_camera(g['h36m_world'], R, T)
    _close(camera, g['h36m_pt_3d'], 1e-6)
    _close(camera[..., 0, :], g['h36m_pelvis'], 1e-6)
    image = cameras.camera_to_image(camera, f, c)
    root_depth = camera[..., 0, 2]
    np.testing.assert_allclose(
        image - root_depth[..., None, None] * [0, 0, 1], g['h36m_pt_2d'],
        rtol=0, atol=5e-4)
    center, size = cameras.cube_box(camera[..., 0, :], g['h36m_f'],
                                    g['h36m_c'])
    np.testing.assert_allclose(
        np.concatenate([center - size / 2, center + size / 2], -1),
        np.stack([g[f'h36m_box_{side}'] for side in 'ltrb'], -1), rtol=0,
        atol=5e-4)
    affine = np.stack([
        cameras.crop_affine(*box, SIZE)
        for box in zip(center.reshape(-1, 2), size.reshape(-1, 2))
    ]).reshape(*center.shape[:-1], 2, 3)
    np.testing.assert_allclose(affine, g['h36m_affine'], rtol=0, atol=5e-4)
    patch = cameras.image_to_patch(image, affine, root_depth)
    np.testing.assert_allclose(patch / TO_MM, g['h36m_joints_patch'],
                               rtol=0, atol=5e-4)
