"""The z-buffer against closed forms."""
from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from xas_mmpose.render import rasterize


def draw(triangles: list | Tensor, height: int = 6, width: int = 7,
         **kwargs) -> tuple[Tensor, Tensor, Tensor]:
    """Rasterise faces of one image in double precision."""
    triangles = torch.as_tensor(triangles, dtype=torch.float64)
    index = torch.zeros(len(triangles), dtype=torch.long)
    face, bary, zbuf = rasterize(triangles, index, 1, height, width, **kwargs)
    return face[0], bary[0], zbuf[0]


def flat(points: list[tuple[float, float]], z: float) -> list:
    """Give screen points one depth."""
    return [(x, y, z) for x, y in points]


def test_a_right_triangle_covers_the_pixels_below_its_diagonal() -> None:
    face, bary, zbuf = draw([flat([(0, 0), (4, 0), (0, 4)], 2.0)])
    y, x = torch.meshgrid(torch.arange(6), torch.arange(7), indexing='ij')
    inside = x + y <= 4
    assert torch.equal(face >= 0, inside)
    assert (zbuf[inside] == 2).all()
    assert (zbuf[~inside] == -1).all()
    assert (bary[~inside] == -1).all()
    expected = torch.stack([1 - (x + y) / 4, x / 4, y / 4], -1).double()
    torch.testing.assert_close(bary[inside], expected[inside])


def test_a_shared_edge_through_pixel_centres_leaves_no_gap() -> None:
    square = [flat([(0, 0), (6, 0), (0, 6)], 1.0),
              flat([(6, 0), (6, 6), (0, 6)], 1.0)]
    face, _, _ = draw(square, 7, 7)
    diagonal = torch.arange(7)
    assert (face[diagonal, 6 - diagonal] == 0).all()
    assert (face >= 0).all()


def test_whole_numbers_are_pixel_centres() -> None:
    def around(x: float, y: float) -> list:
        return [flat([(x - .4, y - .4), (x + .4, y - .4), (x, y + .4)], 1.0)]

    assert torch.nonzero(draw(around(3, 2))[0] >= 0).tolist() == [[2, 3]]
    assert (draw(around(3.5, 2.5))[0] == -1).all()


def test_the_nearer_face_wins_in_any_order() -> None:
    near = flat([(-1, -1), (9, -1), (-1, 9)], 1.0)
    far = flat([(-9, -9), (40, -9), (-9, 40)], 2.0)
    covered = draw([near])[0] == 0
    assert 0 < covered.sum() < covered.numel()
    for faces, i in (([near, far], 0), ([far, near], 1)):
        face, _, zbuf = draw(faces)
        assert torch.equal(face == i, covered)
        assert torch.equal(face == 1 - i, ~covered)
        torch.testing.assert_close(
            zbuf, torch.where(covered, 1.0, 2.0).double())


def test_faces_cross_where_their_depths_are_equal() -> None:
    corners = [(-9, -9), (40, -9), (-9, 40)]
    level = flat(corners, 4.0)
    # A plane whose 1 / z is 1/4 + (3.5 - x) / 200: nearer than 4 up to
    # column 3, farther from column 4.
    slanted = [(x, y, 1 / (1 / 4 + (3.5 - x) / 200)) for x, y in corners]
    face, _, zbuf = draw([level, slanted])
    assert (face[:, :4] == 1).all()
    assert (face[:, 4:] == 0).all()
    columns = torch.arange(4).double()
    torch.testing.assert_close(
        zbuf[:, :4], (1 / (1 / 4 + (3.5 - columns) / 200)).expand(6, 4))


def test_equal_depths_go_to_the_lower_index() -> None:
    face = flat([(-9, -9), (40, -9), (-9, 40)], 3.0)
    assert (draw([face, face, face])[0] == 0).all()


def test_a_tiny_difference_in_depth_decides() -> None:
    corners = [(-9, -9), (40, -9), (-9, 40)]
    for z in (1e-3, 1.0, 5000.0):
        face, _, _ = draw([flat(corners, z * (1 + 2e-7)), flat(corners, z)])
        assert (face == 1).all()


def test_barycentrics_are_perspective_correct() -> None:
    # An edge runs from depth 1 at column 0 to depth 3 at column 6. At the
    # middle of the screen 1 / z is the mean of 1 and 1/3, so z = 1.5, which
    # is a quarter of the way.
    face, bary, zbuf = draw([[(0, 0, 1.0), (6, 0, 3.0), (0, 5, 1.0)]])
    assert face[0, 3] == 0
    assert zbuf[0, 3] == pytest.approx(1.5)
    assert bary[0, 3].tolist() == pytest.approx([0.75, 0.25, 0.0])


def test_interpolation_gives_back_camera_points() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(20, 3, 3, generator=generator, dtype=torch.float64)
    points[..., 2] += 0.3
    screen = torch.cat([points[..., :2] / points[..., 2:] * 30,
                        points[..., 2:]], -1)
    face, bary, zbuf = draw(screen, 40, 40)
    hit = face >= 0
    assert hit.sum() > 300
    found = (bary[hit][..., None] * points[face[hit]]).sum(1)
    torch.testing.assert_close(found[:, 2], zbuf[hit])
    row, column = torch.nonzero(hit, as_tuple=True)
    torch.testing.assert_close(found[:, 0] / found[:, 2] * 30,
                               column.double())
    torch.testing.assert_close(found[:, 1] / found[:, 2] * 30, row.double())
    assert bary[hit].min() >= 0


def test_every_pixel_agrees_with_a_loop_over_faces() -> None:
    generator = torch.Generator().manual_seed(1)
    faces = torch.rand(30, 3, 3, generator=generator, dtype=torch.float64)
    faces = faces * torch.tensor([14.0, 12.0, 3.0]) - torch.tensor([3, 3, -1])
    face, _, zbuf = draw(faces)

    def depth_at(corners: Tensor, x: int, y: int) -> float:
        system = torch.cat([corners[:, :2].T, torch.ones(1, 3)])
        weights = torch.linalg.solve(
            system.double(), torch.tensor([x, y, 1.0]).double())
        if weights.min() < 0:
            return float('inf')
        return 1 / float((weights / corners[:, 2]).sum())

    for y, x in itertools.product(range(6), range(7)):
        depths = [depth_at(corners, x, y) for corners in faces]
        best = min(range(30), key=depths.__getitem__)
        if depths[best] == float('inf'):
            assert face[y, x] == -1
        else:
            assert face[y, x] == best
            assert zbuf[y, x] == pytest.approx(depths[best])


def test_a_floor_that_runs_behind_the_camera_is_drawn() -> None:
    # The plane y = 1 below the camera, from z = -10 to 10, seen with a focal
    # length of 10 and the horizon at row 0: row v sees z = 10 / v.
    def project(x: float, z: float) -> tuple[float, float, float]:
        return (10 * x / z + 3, 10 * 1 / z, z)

    floor = [[project(-90, 10), project(90, 10), project(0, -10)]]
    face, _, zbuf = draw(floor, height=30, near=0.5)
    rows = torch.arange(30).double()
    # Rows 1 (z = 10) to 20 (z = near) see it.
    assert (face[1:21, 3] == 0).all()
    assert (face[21:] == -1).all()
    assert (face[0] == -1).all()
    torch.testing.assert_close(zbuf[1:21, 3], 10 / rows[1:21])


def test_what_cannot_be_seen_leaves_nothing() -> None:
    big = [(-9, -9), (40, -9), (-9, 40)]
    line = [(0, 0, 1.0), (3, 3, 1.0), (6, 6, 1.0)]
    point = [(2, 2, 1.0)] * 3
    behind = flat(big, -1.0)
    aside = flat([(100, 0), (110, 0), (100, 9)], 1.0)
    broken = flat(big, 1.0)
    broken[0] = (float('nan'), 0, 1.0)
    for faces in ([line], [point], [behind], [aside], [broken],
                  torch.zeros(0, 3, 3)):
        face, bary, zbuf = draw(faces)
        assert (face == -1).all()
        assert (bary == -1).all()
        assert (zbuf == -1).all()
    face, _, _ = draw([line, behind, flat(big, 2.0), broken])
    assert (face == 2).all()


def test_back_faces_are_culled_on_demand() -> None:
    corners = [(-9, -9), (40, -9), (-9, 40)]  # clockwise: y points down
    other_way = corners[::-1]
    for points, seen in ((corners, False), (other_way, True)):
        face, _, _ = draw([flat(points, 1.0)], cull_backfaces=True)
        assert bool((face == 0).all()) is seen
        assert bool((face == -1).all()) is not seen


def test_chunks_and_images_do_not_mix() -> None:
    generator = torch.Generator().manual_seed(2)
    faces = torch.rand(40, 3, 3, generator=generator) * 8
    faces[..., 2] += 1
    index = torch.arange(40) // 14
    whole = rasterize(faces, index, 4, 6, 7)
    for chunk_size in (1, 25, 100):
        parts = rasterize(faces, index, 4, 6, 7, chunk_size=chunk_size)
        for a, b in zip(whole, parts):
            assert torch.equal(a, b)
    assert (whole[0][3] == -1).all()  # an image without faces
    for image in range(3):
        chosen = torch.nonzero(index == image)[:, 0]
        face, bary, _ = rasterize(
            faces[chosen], torch.zeros(len(chosen), dtype=torch.long), 1, 6,
            7)
        expected = torch.where(face[0] >= 0, chosen[face[0]], -1)
        assert torch.equal(whole[0][image], expected)
        assert torch.equal(whole[1][image], bary[0])


def test_gradients_are_those_of_finite_differences() -> None:
    corners = torch.tensor(
        [[(0.2, 0.3, 1.0), (5.6, 0.4, 2.0), (0.7, 4.4, 1.5)],
         # This one has a corner behind the camera.
         [(1.1, 2.3, 1.0), (4.6, 2.2, 1.4), (2.9, -9.5, -2.0)]],
        dtype=torch.float64, requires_grad=True)
    index = torch.arange(2)
    face, _, _ = rasterize(corners, index, 2, 5, 6)
    assert ((face >= 0).sum((1, 2)) > 4).all()

    def outputs(triangles: Tensor) -> tuple[Tensor, Tensor]:
        return rasterize(triangles, index, 2, 5, 6)[1:]

    assert torch.autograd.gradcheck(outputs, corners)


@pytest.mark.parametrize('triangles, index, near, said', [
    (torch.zeros(2, 3), torch.zeros(2), 1.0, r'must be \(F, 3, 3\)'),
    (torch.zeros(2, 3, 3), torch.zeros(3), 1.0, r'must be \(2,\)'),
    (torch.zeros(2, 3, 3), torch.zeros(2), 0.0, 'near must be positive'),
])
def test_bad_input_is_named(triangles: Tensor, index: Tensor, near: float,
                            said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rasterize(triangles, index.long(), 1, 4, 4, near=near)
