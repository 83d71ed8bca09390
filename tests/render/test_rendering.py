"""Layers of a picture, against a board whose pixels are known."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import free_human
from xas_mmpose.geometry import cameras
from xas_mmpose.render.appearance import PaintedWardrobe
from xas_mmpose.render.lighting import Light
from xas_mmpose.render.rendering import BodyRenderer, Rendering
from xas_mmpose.render.surface import Surface
from xas_mmpose.render.synthesis import look_rotation

WIDTH, HEIGHT, DEPTH = 40, 30, 2000.0
CAMERA = dict(f=np.array([50.0, 50.0]), c=np.array([20.0, 15.0]), w=WIDTH,
              h=HEIGHT)
#: Neither lamp nor shade: colours come out as they are painted.
PLAIN = Light(np.array([0, 0, -1.0]), np.array([0, -1.0, 0]), 1.1, 0.0,
              np.ones(3), 1 / 1.1)
RED = (1.0, 0.25, 0.0)


class Board:
    """Two triangles; the left one is part 3, the right one part 5."""

    #: Corners are those of the unit square at rest; the outside faces -z.
    faces = np.array([[0, 2, 1], [3, 4, 5]])
    offsets = None
    template = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0),
                         (1, 0, 0), (0, 1, 0), (1, 1, 0)], np.float32)

    def __init__(self, two_sided: bool = False) -> None:
        self.two_sided = np.full(2, True) if two_sided else None
        self.seen: Surface | None = None

    def paint(self, surface: Surface) -> np.ndarray:
        self.seen = surface
        return np.tile(RED, (len(surface.faces), 1))


def renderer() -> BodyRenderer:
    """Return a renderer of boards."""
    return BodyRenderer(SimpleNamespace(
        v_template=torch.from_numpy(Board.template),
        parts=np.array([3, 3, 3, 5, 5, 5])))


def place(left: float, top: float, right: float, bottom: float,
          depth: float = DEPTH) -> np.ndarray:
    """Return the board's vertices (6, 3), mm, between edges in px."""
    x = np.where(Board.template[:, 0] > 0, right, left)
    y = np.where(Board.template[:, 1] > 0, bottom, top)
    pixels = np.stack([x, y, np.full(6, depth)], 1)
    return cameras.image_to_camera(pixels, CAMERA['f'], CAMERA['c'])


def render(vertices: np.ndarray, fine: int = 2,
           board: Board | None = None) -> Rendering:
    """Render a board."""
    return renderer().render(vertices, CAMERA, board or Board(), PLAIN, fine)


@pytest.mark.parametrize('fine', [1, 2, 3])
def test_a_board_covers_its_pixels(fine: int) -> None:
    # Edges between pixels: a pixel reaches half a pixel from its centre.
    out = render(place(9.5, 4.5, 19.5, 24.5), fine)
    expected = np.zeros((HEIGHT, WIDTH), np.float32)
    expected[5:25, 10:20] = 1
    np.testing.assert_allclose(out.alpha, expected, atol=1e-6)
    np.testing.assert_array_equal(out.mask, expected * 255)
    np.testing.assert_allclose(out.depth, expected * DEPTH, rtol=1e-5)
    # The diagonal runs from the top right to the bottom left corner.
    assert (out.parts[6, 11], out.parts[23, 18]) == (4, 6)
    assert set(np.unique(out.parts)) == {0, 4, 6}
    np.testing.assert_array_equal(out.parts > 0, expected > 0)
    rows, columns = out.window
    assert rows.start <= 5 < 25 <= rows.stop <= 27
    assert columns.start <= 10 < 20 <= columns.stop <= 22


def test_edges_inside_pixels_cover_a_share() -> None:
    # A quarter of pixel column 9 and three quarters of row 25.
    out = render(place(9.25, 4.5, 19.5, 25.25), 4)
    np.testing.assert_allclose(out.alpha[10, 8:11], [0, 0.25, 1], atol=1e-6)
    np.testing.assert_allclose(out.alpha[24:27, 12], [1, 0.75, 0], atol=1e-6)
    assert out.alpha[25, 9] == pytest.approx(0.25 * 0.75, abs=1e-6)
    assert (out.mask[10, 9], out.mask[25, 12]) == (0, 255)
    assert (out.parts[10, 9], out.depth[10, 9]) == (0, 0)


def test_layers_go_over_pictures() -> None:
    out = render(place(9.25, 4.5, 19.5, 24.5), 4)
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    out.put_on(image)
    np.testing.assert_allclose(image[10, 15], RED[::-1], atol=1e-6)  # BGR
    np.testing.assert_allclose(
        image[10, 9], 0.25 * np.array(RED[::-1]) + 0.75 * 0.5, atol=1e-6)
    np.testing.assert_array_equal(image[10, 8], 0.5)


def test_the_surface_tells_where_on_the_body_a_sample_is() -> None:
    board = Board()
    render(place(-0.5, -0.5, 39.5, 29.5), 1, board)
    rows, columns = np.divmod(np.arange(WIDTH * HEIGHT), WIDTH)
    expected = np.stack([(columns + 0.5) / WIDTH, (rows + 0.5) / HEIGHT,
                         np.zeros(WIDTH * HEIGHT)], 1)
    np.testing.assert_allclose(board.seen.points, expected, atol=1e-5)
    values = np.arange(6.0)[:, None] * (1, 10)
    np.testing.assert_allclose(
        board.seen.interpolate(values),
        np.einsum('nk,nkc->nc', board.seen.bary,
                  values[board.seen.corners]), atol=1e-5)


def test_only_two_sided_faces_show_their_inside() -> None:
    mirrored = place(29.5, 4.5, 19.5, 24.5)
    assert not render(mirrored).alpha.any()
    out = render(mirrored, board=Board(two_sided=True))
    assert out.alpha.sum() == pytest.approx(200)


def test_what_sticks_out_is_cut() -> None:
    out = render(place(-60.5, 9.5, 4.5, 200))
    assert out.alpha[10:, :5].all()
    assert out.alpha.sum() == pytest.approx(20 * 5)
    nothing = render(place(100, 100, 200, 200))
    assert nothing.layer.size == 0
    for picture in (nothing.mask, nothing.parts, nothing.depth):
        assert picture.shape == (HEIGHT, WIDTH)
        assert not picture.any()
    image = np.ones((HEIGHT, WIDTH, 3), np.float32)
    nothing.put_on(image)
    assert (image == 1).all()


@pytest.mark.parametrize('place_at', [
    (10, 100, 20, 200), (10, -90, 20, -40), (100, 5, 200, 20),
    (-90, 5, -40, 20)])
def test_what_is_outside_along_one_axis_is_not_seen(place_at: tuple) -> None:
    out = render(place(*place_at))
    left, top, right, bottom = out.box
    assert out.layer.shape == (bottom - top, right - left, 4)
    assert out.layer.size == 0 < max(out.layer.shape[:2])
    image = np.ones((HEIGHT, WIDTH, 3), np.float32)
    out.put_on(image)
    assert (image == 1).all()
    for picture in (out.alpha, out.mask, out.parts, out.depth):
        assert picture.shape == (HEIGHT, WIDTH)
        assert not picture.any()


def test_of_the_samples_of_a_pixel_the_nearest_counts() -> None:
    # One board ends in the middle of pixel column 20, the other one begins
    # there, and covers three quarters of column 30.
    class Two(Board):
        faces = np.array([[0, 2, 1], [3, 4, 5], [6, 8, 7], [9, 10, 11]])

    template = np.concatenate([Board.template] * 2)
    maker = BodyRenderer(SimpleNamespace(
        v_template=torch.from_numpy(template), parts=np.repeat([1, 7], 6)))
    for depths, expected in (((900.0, 1800.0), (2, 900)),
                             ((1800.0, 900.0), (8, 900))):
        vertices = np.concatenate([
            place(10.5, 4.5, 20, 24.5, depths[0]),
            place(20, 4.5, 30.25, 24.5, depths[1])])
        out = maker.render(vertices, CAMERA, Two(), PLAIN, 4)
        assert out.parts[10, 20] == expected[0]
        assert out.depth[10, 20] == pytest.approx(expected[1], rel=1e-5)
        # Empty samples have depth 0, and are not the nearest.
        right = (8, depths[1])
        assert out.alpha[10, 30] == pytest.approx(0.75)
        assert (out.parts[10, 30], out.depth[10, 30]) == pytest.approx(right)


def test_what_is_behind_the_camera_is_not_seen() -> None:
    vertices = place(9.5, 4.5, 19.5, 24.5)
    vertices[:, 2] *= -1
    assert not render(vertices, board=Board(two_sided=True)).alpha.any()


def test_supersampling_shifts_nothing() -> None:
    body = free_human()
    rng = np.random.default_rng(0)
    looks = PaintedWardrobe(body).draw(rng)
    vertices = cameras.world_to_camera(
        body.v_template.double().numpy() * 1000, look_rotation(0.3, 0.1),
        np.array([0, 0, 5000.0]))
    camera = dict(f=np.full(2, 256.0), c=np.full(2, 64.0), w=128, h=128)
    centers, areas = [], []
    for fine in (1, 2, 8):
        alpha = BodyRenderer(body).render(vertices, camera, looks, PLAIN,
                                          fine).alpha.astype(float)
        areas.append(alpha.sum())
        centers.append([(alpha * axis).sum() / alpha.sum()
                        for axis in np.mgrid[:128, :128]])
    # Half a sample of a shift would move the coarse one by half a pixel.
    np.testing.assert_allclose(centers[0], centers[2], atol=0.1)
    np.testing.assert_allclose(centers[1], centers[2], atol=0.05)
    np.testing.assert_allclose(areas, areas[2], rtol=5e-3)
