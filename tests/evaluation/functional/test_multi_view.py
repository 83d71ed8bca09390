"""Triangulated poses: exact rays, undistorted ones, bad shapes."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xas_mmpose.evaluation.functional import Views
from xas_mmpose.geometry.cameras import world_to_camera


@pytest.fixture
def scene():
    """Return four views of three frames, and the poses (3, 18, 3)."""
    rng = np.random.default_rng(0)
    R = np.stack([Rotation.from_euler('y', angle, degrees=True).as_matrix()
                  for angle in (0, 80, 170, 260)])
    views = Views(
        f=np.broadcast_to([1100.0, 1150], (4, 3, 2)),
        c=np.broadcast_to([510.0, 505], (4, 3, 2)),
        R=np.broadcast_to(R[:, None], (4, 3, 3, 3)),
        T=np.broadcast_to([30.0, -20, 5000], (4, 3, 3)))
    return views, rng.normal(0, 400, (3, 18, 3))


def _camera(views, poses):
    return world_to_camera(np.broadcast_to(poses, (4, *poses.shape)),
                           views.R, views.T)


def test_rays_of_the_truth_meet_there(scene):
    views, poses = scene
    camera = _camera(views, poses)
    np.testing.assert_allclose(views.to_world(camera),
                               np.stack([poses] * 4), atol=1e-9)
    # Only directions are read: another depth in each view moves nothing.
    depths = np.random.default_rng(1).uniform(0.2, 3, (4, 3, 18, 1))
    np.testing.assert_allclose(views.triangulate(camera * depths), poses,
                               atol=1e-6)


def test_weights_say_whom_to_trust(scene):
    views, poses = scene
    camera = _camera(views, poses)
    camera[2] += [300, 0, 0]
    assert np.linalg.norm(views.triangulate(camera) - poses,
                          axis=-1).min() > 10
    weights = np.ones((4, 3, 18))
    weights[2] = 0
    np.testing.assert_allclose(views.triangulate(camera, weights), poses,
                               atol=1e-6)
    weights[1:3, 0, 5] = 0
    weights[1:, 1, 6] = 0
    world = views.triangulate(camera, weights)
    assert np.isfinite(world[0, 5]).all()
    assert np.isnan(world[1, 6]).all()


def test_bad_shapes_are_refused(scene):
    views, poses = scene
    with pytest.raises(ValueError, match=r'R of C views.*\(4, 3, 3\)'):
        Views(views.f, views.c, views.R[:, 0], views.T)
    with pytest.raises(ValueError, match='f of C views'):
        Views(views.f[0], views.c[0], views.R[0], views.T[0])
    with pytest.raises(ValueError, match='points must be'):
        views.triangulate(_camera(views, poses)[:, :2])
    one = Views(views.f[:1], views.c[:1], views.R[:1], views.T[:1])
    with pytest.raises(ValueError, match='N >= 2 views'):
        one.triangulate(_camera(views, poses)[:1])
