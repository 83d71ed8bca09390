"""Occluders: layers, places, and what they are covered with."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.render.occluder import SHAPES, draw_occluder, put_in_front

SIZE = 96
BODY = (30.0, 10.0, 60.0, 90.0)


def draw(seed: int, shape: str | None = None, **kwargs) -> np.ndarray:
    """Draw an occluder in front of BODY."""
    return draw_occluder(SIZE, np.random.default_rng(seed), BODY, shape,
                         **kwargs)


@pytest.mark.parametrize('shape', SHAPES)
def test_layers_are_premultiplied_and_depend_on_the_seed(shape: str) -> None:
    first, again, other = (draw(seed, shape) for seed in (1, 1, 2))
    assert first.shape == (SIZE, SIZE, 4)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first[..., 3].max() == 1
    assert (first[..., :3] <= first[..., 3:]).all()
    np.testing.assert_array_equal(first, again)
    assert (first[..., 3] != other[..., 3]).any()
    edge = (first[..., 3] > 0) & (first[..., 3] < 1)
    assert 0 < edge.sum() < 8 * SIZE  # smooth, and nowhere else


def test_shapes_look_as_their_names_say() -> None:
    def filled(shape: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        opaque = (draw(seed, shape)[..., 3] > 0.5).astype(np.uint8)
        return opaque, cv2.findContours(opaque, cv2.RETR_EXTERNAL,
                                        cv2.CHAIN_APPROX_NONE)[0][0]

    for seed in range(20):
        opaque, outline = filled('bar', seed)
        rows, columns = np.nonzero(opaque)
        assert (0 in rows or SIZE - 1 in rows or 0 in columns
                or SIZE - 1 in columns)
        for shape in ('box', 'ellipse'):
            opaque, outline = filled(shape, seed)
            hull = cv2.contourArea(cv2.convexHull(outline))
            assert cv2.contourArea(outline) > 0.93 * hull
            # Pixels that an outline along pixel centres leaves out.
            assert abs(opaque.sum() - hull) < 1.2 * len(outline)
    dents = []
    for seed in range(20):
        _, outline = filled('blob', seed)
        dents.append(cv2.contourArea(outline)
                     / cv2.contourArea(cv2.convexHull(outline)))
    assert min(dents) < 0.9


def test_bodies_are_hidden_in_part() -> None:
    left, top, right, bottom = map(int, BODY)
    shares = np.array([
        (draw(seed)[top:bottom, left:right, 3] >= 0.5).mean()
        for seed in range(200)])
    assert 0.1 < shares.mean() < 0.4
    assert (shares > 0).mean() > 0.95
    assert (shares > 0.85).mean() < 0.02


def test_a_picture_covers_it() -> None:
    picture = np.random.default_rng(9).random((SIZE, SIZE, 3)).astype(
        np.float32)
    layer = draw(3, 'box', picture=picture)
    opaque = layer[..., 3] == 1
    assert opaque.sum() > 100
    np.testing.assert_array_equal(layer[opaque][:, :3], picture[opaque])
    plain = [np.ptp(draw(seed, 'box')[..., :3][draw(seed, 'box')[..., 3] == 1],
                    axis=0).max() == 0 for seed in range(40)]
    assert 5 < sum(plain) < 30  # the others have a pattern


def test_in_front_it_replaces_and_mixes() -> None:
    image = np.full((1, 3, 3), 0.8, np.float32)
    layer = np.zeros((1, 3, 4), np.float32)
    layer[0, 1] = (0.1, 0.2, 0.3, 0.5)
    layer[0, 2] = (0.4, 0.5, 0.6, 1.0)
    put_in_front(image, layer)
    np.testing.assert_allclose(
        image[0], [(0.8, 0.8, 0.8), (0.5, 0.6, 0.7), (0.4, 0.5, 0.6)],
        rtol=1e-6)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="'tree'; there are box, ellipse"):
        draw(0, 'tree')
    with pytest.raises(ValueError, match=r'must be \(96, 96, 3\)'):
        draw(0, picture=np.zeros((4, 4, 3)))
