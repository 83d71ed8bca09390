"""Cutting layers of a body."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.render.garment_mesh import GarmentMesh


def tube(rings: int = 6, sides: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return an upright tube of radius 1: vertices and triangles.

    Ring i is at height i; two vertices in front belong to nothing.
    """
    angle = np.arange(sides) * 2 * np.pi / sides
    points = np.array([(np.sin(a), y, np.cos(a))
                       for y in range(rings) for a in angle])
    faces = []
    for ring in range(rings - 1):
        for side in range(sides):
            a, b = ring * sides + side, ring * sides + (side + 1) % sides
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
    return (np.concatenate([np.full((2, 3), 9.0), points]),
            np.array(faces) + 2)


@pytest.fixture
def mesh() -> GarmentMesh:
    template, faces = tube()
    return GarmentMesh(faces, template)


def test_normals_point_outwards(mesh: GarmentMesh) -> None:
    np.testing.assert_array_equal(mesh.vertices, np.arange(2, 50))
    radial = mesh.points * (1, 0, 1)
    # The rims have triangles on one side only, which tilts their normals.
    np.testing.assert_allclose(mesh.normals[8:-8], radial[8:-8], atol=0.1)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1,
                               atol=1e-6)


def test_cuts_are_straight_between_vertices(mesh: GarmentMesh) -> None:
    height = mesh.points[:, 1]
    stays, motion = mesh.cut(height - 1.3)  # between the rings 1 and 2
    used = np.unique(mesh.faces[stays]) - 2
    moved = (mesh.points + motion)[used]
    assert moved[:, 1].min() == pytest.approx(1.3, abs=1e-5)
    np.testing.assert_allclose(moved[height[used] == 1, 1], 1.3, atol=1e-5)
    assert set(height[used]) == {1, 2, 3, 4, 5}
    # What lies inside stays where it is.
    assert not motion[height >= 2].any()
    assert stays.sum() == 4 * 16


def test_slanted_cuts_follow_their_line(mesh: GarmentMesh) -> None:
    def inside(points: np.ndarray) -> np.ndarray:
        return points @ np.array([0.8, 1, 0.3]) - 2.45
    stays, motion = mesh.cut(inside(mesh.points))
    used = np.unique(mesh.faces[stays]) - 2
    outside = used[inside(mesh.points[used]) <= 0]
    assert len(outside) >= 8
    np.testing.assert_allclose(
        inside((mesh.points + motion)[outside]), 0, atol=1e-5)


@pytest.mark.parametrize('inside, kept', [(1.0, 80), (-1.0, 0), (0.0, 0)])
def test_all_or_nothing(mesh: GarmentMesh, inside: float, kept: int) -> None:
    stays, motion = mesh.cut(np.full(len(mesh.vertices), inside))
    assert stays.sum() == kept
    assert not motion.any()


def test_plates_close_their_gaps() -> None:
    template = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0),
                         (1.1, 0, 0), (2, 0, 0), (1.1, 1, 0)])
    mesh = GarmentMesh(np.array([(0, 1, 2), (3, 4, 5)]), template)
    moved = mesh.points + mesh.welded(0.2)
    np.testing.assert_allclose(moved[1], (1.05, 0, 0), atol=1e-6)
    np.testing.assert_allclose(moved[3], (1.05, 0, 0), atol=1e-6)
    np.testing.assert_array_equal(moved[[0, 2, 4, 5]],
                                  mesh.points[[0, 2, 4, 5]])
