"""Rotations against scipy and the authors' functions."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from xas_mmpose.geometry import rotations


def _vectors():
    """Return rotation vectors of all sizes (..., 3), zero among them."""
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(40, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    angles = np.concatenate([[0, 1e-12, 1e-6, 1e-3, 0.0999, 0.1, 0.1001,
                              math.pi, 4.0, 7.0],
                             rng.uniform(0, math.pi, 30)])
    return (axes * angles[:, None]).reshape(4, 10, 3)


def test_rodrigues_is_scipys():
    vectors = _vectors()
    wanted = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    wanted = wanted.reshape(4, 10, 3, 3)
    np.testing.assert_allclose(rotations.axis_angle_to_matrix(vectors),
                               wanted, rtol=0, atol=1e-14)
    ours = rotations.axis_angle_to_matrix(torch.from_numpy(vectors))
    np.testing.assert_allclose(ours.numpy(), wanted, rtol=0, atol=1e-14)
    single = rotations.axis_angle_to_matrix(vectors.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, rtol=0, atol=2e-6)


def test_rodrigues_of_the_authors(goldens):
    with np.load(goldens / '10_smpl_surreal.npz') as arrays:
        np.testing.assert_allclose(
            rotations.axis_angle_to_matrix(arrays['axis_angle'].astype(float)
                                           ), arrays['rodrigues'],
            rtol=0, atol=1e-6)


def test_rodrigues_gradients():
    vectors = torch.from_numpy(_vectors()).reshape(-1, 3)
    assert torch.autograd.gradcheck(rotations.axis_angle_to_matrix,
                                    vectors.requires_grad_())
    # At zero the derivative is the cross product's matrix.
    zero = torch.zeros(3, requires_grad=True)
    rotations.axis_angle_to_matrix(zero)[1, 0].backward()
    np.testing.assert_array_equal(zero.grad.numpy(), [0, 0, 1])


def test_rodrigues_refuses_other_shapes():
    with pytest.raises(ValueError, match=r'\(4, 10\)'):
        rotations.axis_angle_to_matrix(np.zeros((4, 10)))


def test_rotation_about_z_closed_form():
    point = np.array([[1., 2., 3.]])
    np.testing.assert_allclose(
        rotations.rotate_about_z(point, math.pi / 2), [[2, -1, 3]],
        atol=1e-15)


def test_rotation_about_z_is_scipys():
    rng = np.random.default_rng(0)
    points, angle = rng.normal(size=(5, 18, 3)), rng.uniform(-3, 3, 5)
    # Row vectors times the matrix: the inverse of scipy's turn.
    wanted = np.stack([
        Rotation.from_euler('z', -a).apply(p) for a, p in zip(angle, points)
    ])
    np.testing.assert_allclose(rotations.rotate_about_z(points, angle),
                               wanted, atol=1e-14)
    ours = rotations.rotate_about_z(torch.from_numpy(points),
                                    torch.from_numpy(angle))
    np.testing.assert_allclose(ours.numpy(), wanted, atol=1e-14)


def test_rotation_about_z_of_the_authors(goldens):
    with np.load(goldens / '06_coords.npz') as arrays:
        turned = rotations.rotate_about_z(
            arrays['rot3d_in'].astype(float),
            arrays['rot3d_angle'].astype(float))
        wanted = arrays['rot3d_out']
    np.testing.assert_allclose(turned, wanted, rtol=0,
                               atol=5e-7 * np.abs(wanted).max())


def test_random_rotations_keep_to_their_limit():
    points = torch.tensor([[1., 0., 5.]], dtype=torch.float64)
    points = points.expand(4000, 1, 3)
    turned = rotations.random_rotation_about_z(
        points, 0.5, torch.Generator().manual_seed(0))
    angle = torch.atan2(-turned[:, 0, 1], turned[:, 0, 0])
    assert 0.49 < angle.max() < 0.5
    assert -0.5 < angle.min() < -0.49
    # Uniform: standard deviation limit / sqrt(3).
    assert angle.std().item() == pytest.approx(0.5 / math.sqrt(3), rel=0.03)
    assert (turned[..., 2] == 5).all()
    again = rotations.random_rotation_about_z(
        points, 0.5, torch.Generator().manual_seed(0))
    assert torch.equal(turned, again)


def test_random_rotations_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    rotations.random_rotation_about_z(torch.ones(2, 3, 3), 0.5,
                                      torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.get_rng_state())
