"""Scale and Procrustes alignment against closed forms and scipy."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from xas_mmpose.geometry.alignment import (
    align_procrustes,
    align_scale,
    center_on_root,
)


@pytest.fixture
def poses():
    """Return a predicted and a true batch of poses (2, 3, 18, 3)."""
    rng = np.random.default_rng(0)
    target = rng.normal(0, 300, (2, 3, 18, 3))
    return target + rng.normal(0, 80, target.shape) + 500, target


def _error(a, b):
    return np.linalg.norm(a - b, axis=-1)


def test_center_on_root(poses):
    pred, _ = poses
    centred = center_on_root(pred, 3)
    np.testing.assert_array_equal(centred[..., 3, :], 0)
    np.testing.assert_allclose(centred[..., 5, :] - centred[..., 8, :],
                               pred[..., 5, :] - pred[..., 8, :])
    np.testing.assert_array_equal(center_on_root(pred, 17)[..., 17, :], 0)


def test_scale_closed_form():
    # <p, g> / <p, p> = (3 + 8) / (1 + 4) = 2.2.
    pred = np.array([[[1., 0, 0], [0, 2, 0]]])
    target = np.array([[[3., 5, 0], [7, 4, 0]]])
    np.testing.assert_allclose(align_scale(pred, target), 2.2 * pred)


def test_scale_is_the_least_squares_one(poses):
    pred, target = poses
    aligned = align_scale(pred, target)
    best = ((aligned - target)**2).sum((-2, -1))
    for factor in (0.99, 1.01):
        assert (((factor * aligned - target)**2).sum((-2, -1)) > best).all()
    np.testing.assert_allclose(align_scale(0.3 * target, target), target)
    np.testing.assert_array_equal(align_scale(0 * pred, target), 0 * pred)


def test_procrustes_undoes_similarities(poses):
    _, target = poses
    turn = Rotation.random(random_state=1).as_matrix()
    pred = 1.7 * target @ turn.T + [400, -30, 5000]
    assert _error(pred, target).min() > 1000
    np.testing.assert_allclose(align_procrustes(pred, target), target,
                               rtol=0, atol=1e-9)


def test_procrustes_keeps_reflections_apart(poses):
    _, target = poses
    mirrored = target * [-1, 1, 1]
    aligned = align_procrustes(mirrored, target)
    assert _error(aligned, target).mean() > 100
    # The best that a proper similarity can do, its scale included.
    centre = target.mean(-2, keepdims=True)
    best = ((aligned - target)**2).sum((-2, -1))
    for factor in (0.99, 1.01):
        other = factor * (aligned - centre) + centre
        assert (((other - target)**2).sum((-2, -1)) > best).all()
    # Still a proper similarity of the prediction: its handedness stays.
    first, second = (
        np.linalg.det(p[..., 1:4, :] - p[..., :1, :])
        for p in (mirrored, aligned))
    assert (np.sign(first) == np.sign(second)).all()


def test_procrustes_is_scipys(poses):
    # scipy normalises both poses and may reflect, which noise of this size
    # never calls for.
    pred, target = poses
    aligned = align_procrustes(pred, target)
    for index in np.ndindex(2, 3):
        truth = target[index] - target[index].mean(0)
        _, _, disparity = procrustes(target[index], pred[index])
        ours = ((aligned[index] - target[index])**2).sum()
        assert ours / (truth**2).sum() == pytest.approx(disparity, rel=1e-9)


def test_procrustes_is_optimal(poses):
    pred, target = poses
    aligned = align_procrustes(pred, target)
    best = ((aligned - target)**2).sum((-2, -1))
    centre = target.mean(-2, keepdims=True)
    for degrees in ([1, 0, 0], [0, -1, 0], [0, 0, 1]):
        turn = Rotation.from_euler('xyz', degrees, degrees=True).as_matrix()
        other = (aligned - centre) @ turn.T + centre
        assert (((other - target)**2).sum((-2, -1)) > best).all()


def test_coinciding_points_land_on_the_centre(poses):
    _, target = poses
    aligned = align_procrustes(np.full_like(target, 7.0), target)
    np.testing.assert_allclose(
        aligned, np.broadcast_to(target.mean(-2, keepdims=True),
                                 target.shape))


def test_the_authors_errors(goldens):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        pred = arrays['m_pred'].astype(np.float64)
        target = arrays['m_gt'].astype(np.float64)
        tolerance = dict(rtol=0, atol=2e-6 * np.abs(target).max())
        # Their scale is about the world's origin: no centring before it.
        for key, aligned in (('none', pred),
                             ('scale', align_scale(pred, target)),
                             ('procrustes', align_procrustes(pred, target))):
            np.testing.assert_allclose(_error(aligned, target),
                                       arrays[f'mpjpe_{key}'], **tolerance)
        mirrored = target * [-1, 1, 1]
        np.testing.assert_allclose(
            _error(align_procrustes(mirrored, target), target),
            arrays['procrustes_of_mirrored'], **tolerance)
