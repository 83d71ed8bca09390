"""Texture pictures on bodies with texture coordinates."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn.functional import grid_sample

from xas_mmpose.body_models import ParametricBody

from .surface import Surface
from .uv_projection import SIDES, side_coordinates
from .uv_template import read_uv_template

#: Endings of texture pictures.
ENDINGS = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True)
class TextureAppearance:
    """A body that wears a picture.

    Args:
        faces: Faces of the body (F, 3).
        texture: Picture (h, w, 3), RGB, float32, 0..1.
        coordinates: Texture coordinates (N, 2), v up.
        corners: Texture coordinates of the faces' corners (F, 3).
    """

    faces: np.ndarray
    texture: np.ndarray
    coordinates: np.ndarray
    corners: np.ndarray

    #: A picture has no thickness, and a body's skin is closed.
    two_sided = None
    offsets = None

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""
        corners = self.coordinates[self.corners[surface.faces]]
        return sample_texture(
            self.texture, np.einsum('nk,nkc->nc', surface.bary, corners))


class TextureWardrobe:
    """Draws one texture picture per body from a folder.

    The coordinates are the body's own or, for model files that have none
    (SMPL's and SMAL's), those of a template.

    Args:
        body: The body, a person or an animal.
        folder: Folder of ``.jpg`` and ``.png`` pictures, searched with its
            subfolders.
        uv_template: File of the body's mesh with texture coordinates, see
            :func:`~xas_mmpose.render.uv_template.read_uv_template`;
            ``sides`` projects pictures from both sides, see
            :func:`~xas_mmpose.render.uv_projection.side_coordinates`; None
            takes the body's own.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If the folder holds no picture, or the body has no
            texture coordinates and no template is given.
    """

    def __init__(self, body: ParametricBody, folder: str | Path,
                 uv_template: str | Path | None = None) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f'no folder of textures at {folder}')
        # Sorted: which one a seed draws must not depend on the disk.
        self.files = sorted(path for path in folder.rglob('*')
                            if path.suffix.lower() in ENDINGS)
        if not self.files:
            raise ValueError(f'{folder} holds no texture pictures '
                             f'({", ".join(ENDINGS)})')
        self._faces = body.faces.numpy()
        if uv_template == SIDES:
            self._uv = side_coordinates(body)
        elif uv_template is not None:
            self._uv = read_uv_template(uv_template, self._faces)
        elif body.uv is not None:
            self._uv = body.uv
        else:
            raise ValueError(
                'this body has no texture coordinates: pass uv_template=, '
                f'{SIDES!r} for pictures that are seen from both sides, or '
                'an .obj or .pkl file of its mesh that has them; or store vt '
                'and ft in the model file')

    def draw(self, rng: np.random.Generator) -> TextureAppearance:
        """Draw one of the pictures.

        Args:
            rng: Source of randomness.

        Returns:
            The appearance.

        Raises:
            ValueError: If the picture cannot be read.
        """
        path = self.files[rng.integers(len(self.files))]
        return TextureAppearance(self._faces, read_texture(path), *self._uv)


def read_texture(path: Path) -> np.ndarray:
    """Read a picture (h, w, 3): RGB, float32, 0..1."""
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8),
                         cv2.IMREAD_COLOR) if path.stat().st_size else None
    if image is None:
        raise ValueError(f'{path} is no picture that OpenCV can read: '
                         'replace it or remove it from the folder')
    return image[..., ::-1].astype(np.float32) / 255


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Look up a texture between its pixels.

    The picture fills the unit square: the middle of its first pixel is half
    a pixel from u = 0 and from v = 1. Outside of the pixels' middles the
    nearest pixel of the border counts.

    Args:
        texture: Picture (h, w, 3), float32.
        uv: Coordinates (N, 2): u to the right, v up.

    Returns:
        Bilinear values (N, 3), float32.
    """
    picture = torch.from_numpy(np.ascontiguousarray(
        texture.transpose(2, 0, 1), np.float32))
    grid = torch.from_numpy((2 * uv - 1) * (1, -1)).float()
    values = grid_sample(picture[None], grid[None, None],
                         padding_mode='border', align_corners=False)
    return values[0, :, 0].T.numpy()
