"""Texture pictures: look-ups with known answers, and folders of them."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.body_models import SMPLBody, free_human
from xas_mmpose.render.surface import Surface
from xas_mmpose.render.uv_texture import (
    TextureAppearance,
    TextureWardrobe,
    read_texture,
    sample_texture,
)


def gradient(height: int, width: int) -> np.ndarray:
    """Return a picture whose red is u and whose green is v."""
    u = (np.arange(width) + 0.5) / width
    v = 1 - (np.arange(height) + 0.5) / height
    texture = np.zeros((height, width, 3), np.float32)
    texture[..., 0], texture[..., 1] = u, v[:, None]
    return texture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a red and a green texture and a text."""
    root = tmp_path / 'textures'
    (root / 'more').mkdir(parents=True)
    red, green = np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 2], green[..., 1] = 255, 255  # OpenCV writes BGR
    cv2.imwrite(str(root / 'a.png'), red)
    cv2.imwrite(str(root / 'more' / 'b.PNG'), green)
    (root / 'list.txt').write_text('no picture')
    return root


@pytest.fixture
def body() -> SMPLBody:
    """Return the small body with made-up texture coordinates."""
    body = free_human()
    faces = body.faces.numpy()
    body.uv = (np.random.default_rng(0).random(
        (len(body.v_template), 2)).astype(np.float32), faces)
    return body


@pytest.mark.parametrize('height, width', [(64, 64), (31, 90)])
def test_a_gradient_gives_back_the_coordinates(height: int,
                                               width: int) -> None:
    # Between the middles of the border's pixels a bilinear look-up of a
    # linear picture is exact.
    margin = 0.5 / np.array([width, height])
    uv = np.random.default_rng(0).uniform(margin, 1 - margin, (500, 2))
    found = sample_texture(gradient(height, width), uv)
    np.testing.assert_allclose(found[:, :2], uv, atol=1e-5)
    assert not found[:, 2].any()


def test_beyond_the_border_its_nearest_pixel_counts() -> None:
    texture = gradient(4, 8)
    uv = np.array([(0, 0), (1, 1), (-0.3, 0.5), (0.5, 1.7), (0.01, 0.99)])
    expected = [(1 / 16, 1 / 8), (15 / 16, 7 / 8), (1 / 16, 0.5),
                (0.5, 7 / 8), (1 / 16, 7 / 8)]
    np.testing.assert_allclose(sample_texture(texture, uv)[:, :2], expected,
                               atol=1e-6)


def test_points_are_looked_up_between_their_corners() -> None:
    appearance = TextureAppearance(
        faces=np.array([(0, 1, 2), (2, 1, 3)]), texture=gradient(100, 100),
        # A seam: vertex 1 has other coordinates in each face.
        coordinates=np.array([(0.1, 0.1), (0.5, 0.1), (0.1, 0.5),
                              (0.9, 0.9), (0.8, 0.2)]),
        corners=np.array([(0, 1, 2), (2, 4, 3)]))
    bary = np.array([(0.2, 0.3, 0.5), (0.2, 0.3, 0.5)])
    surface = Surface(np.array([0, 1]), appearance.faces, bary,
                      np.zeros((4, 3)), np.zeros(4, int))
    np.testing.assert_allclose(
        appearance.paint(surface)[:, :2],
        [(0.2 * 0.1 + 0.3 * 0.5 + 0.5 * 0.1, 0.3 * 0.1 + 0.2 * 0.1 + 0.25),
         (0.2 * 0.1 + 0.3 * 0.8 + 0.5 * 0.9,
          0.2 * 0.5 + 0.3 * 0.2 + 0.5 * 0.9)], atol=1e-6)


def test_each_seed_draws_a_picture_of_the_folder(folder: Path,
                                                 body: SMPLBody) -> None:
    wardrobe = TextureWardrobe(body, folder)
    assert [path.name for path in wardrobe.files] == ['a.png', 'b.PNG']
    drawn = [tuple(wardrobe.draw(np.random.default_rng(s)).texture[0, 0])
             for s in range(20)]
    assert set(drawn) == {(1, 0, 0), (0, 1, 0)}  # RGB
    again = wardrobe.draw(np.random.default_rng(3))
    assert tuple(again.texture[0, 0]) == drawn[3]
    np.testing.assert_array_equal(again.faces, body.faces)
    np.testing.assert_array_equal(again.corners, body.faces)


def test_coordinates_may_come_from_a_template(folder: Path,
                                              tmp_path: Path) -> None:
    body = free_human()  # has none of its own
    lines = [f'vt {i / 2000} 0.25' for i in range(len(body.v_template))]
    lines += ['f ' + ' '.join(f'{i + 1}/{i + 1}' for i in face)
              for face in body.faces.tolist()]
    template = tmp_path / 'template.obj'
    template.write_text('\n'.join(lines))
    appearance = TextureWardrobe(body, folder, template).draw(
        np.random.default_rng(0))
    np.testing.assert_array_equal(appearance.corners, body.faces)
    np.testing.assert_allclose(appearance.coordinates[7], (7 / 2000, 0.25))


def test_what_is_missing_is_said(folder: Path, tmp_path: Path,
                                 body: SMPLBody) -> None:
    with pytest.raises(ValueError, match='uv_template='):
        TextureWardrobe(free_human(), folder)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        TextureWardrobe(body, tmp_path / 'nowhere')
    empty = tmp_path / 'empty'
    empty.mkdir()
    with pytest.raises(ValueError, match=r'empty holds no .*\.png'):
        TextureWardrobe(body, empty)


@pytest.mark.parametrize('content', [b'', b'not a picture'])
def test_unreadable_pictures_are_named(tmp_path: Path,
                                       content: bytes) -> None:
    path = tmp_path / 'broken.png'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'broken\.png.*remove it'):
        read_texture(path)
