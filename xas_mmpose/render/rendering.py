"""A posed body, its looks and a light in; a layer of a picture out."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch

from xas_mmpose.body_models import ParametricBody
from xas_mmpose.geometry import cameras

from .lighting import Light
from .surface import Appearance, Surface
from .zbuffer import rasterize

#: Nothing nearer to the camera is drawn, mm.
NEAR = 10.0


@dataclass(frozen=True)
class Rendering:
    """What a body adds to a picture: a layer, and what lies where in it.

    Args:
        layer: Colour and coverage (h, w, 4), float32, 0..1: BGR, already
            multiplied by the coverage, and the coverage.
        box: Columns and rows (left, top, right, bottom) of the picture that
            the layer fills, the last ones excluded.
        sample_parts: Part + 1 of the nearest surface at each sample
            (h n, w n), uint8; 0 where there is none.
        sample_depth: Its depth in mm, float32.
        size: Width and height of the picture.
    """

    layer: np.ndarray
    box: tuple[int, int, int, int]
    sample_parts: np.ndarray
    sample_depth: np.ndarray
    size: tuple[int, int]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the layer fills."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    @cached_property
    def alpha(self) -> np.ndarray:
        """Coverage of each pixel of the picture (H, W), float32, 0..1."""
        return self._in_picture(self.layer[..., 3])

    @property
    def mask(self) -> np.ndarray:
        """Pixels covered by half or more (H, W), uint8, 0 or 255."""
        return (self.alpha >= 0.5).astype(np.uint8) * 255

    @cached_property
    def parts(self) -> np.ndarray:
        """Part + 1 of each pixel of the mask (H, W), uint8, 0 elsewhere."""
        return self._in_picture(self._nearest[0])

    @cached_property
    def depth(self) -> np.ndarray:
        """Depth of each pixel of the mask (H, W), float32, mm, else 0."""
        return self._in_picture(self._nearest[1])

    @cached_property
    def _nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """Part + 1 and depth of the nearest sample in each pixel (h, w)."""
        height, width = self.layer.shape[:2]
        if not self.layer.size:
            return (np.zeros((height, width), np.uint8),
                    np.zeros((height, width), np.float32))
        fine = len(self.sample_parts) // height
        shape = height, fine, width, fine

        def blocks(samples: np.ndarray) -> np.ndarray:
            return samples.reshape(shape).transpose(0, 2, 1, 3).reshape(
                height, width, -1)

        parts, depth = blocks(self.sample_parts), blocks(self.sample_depth)
        first = np.where(parts > 0, depth, np.inf).argmin(-1)[..., None]
        covered = self.layer[..., 3] >= 0.5
        return tuple(np.take_along_axis(values, first, -1)[..., 0] * covered
                     for values in (parts, depth))

    def _in_picture(self, values: np.ndarray) -> np.ndarray:
        """Put values (h, w) of the layer into a picture (H, W) of zeros."""
        picture = np.zeros(self.size[::-1], values.dtype)
        picture[self.window] = values
        return picture

    def put_on(self, image: np.ndarray) -> None:
        """Draw the layer over a picture (H, W, 3), BGR float32, in place."""
        region = image[self.window]
        region *= 1 - self.layer[..., 3:]
        region += self.layer[..., :3]


class BodyRenderer:
    """Renders posed bodies of one model.

    Args:
        body: The body, on the CPU.
    """

    def __init__(self, body: ParametricBody) -> None:
        self._template = body.v_template.numpy()
        self._parts = body.parts

    def render(self, vertices: np.ndarray, camera_param: Mapping[str, Any],
               appearance: Appearance, light: Light,
               supersampling: int = 2) -> Rendering:
        """Render one body.

        Args:
            vertices: Posed vertices (V, 3), camera frame, mm.
            camera_param: Camera: ``f`` (2,), ``c`` (2,), ``w``, ``h``.
            appearance: How the body looks.
            light: The light, in the camera frame.
            supersampling: Samples of a pixel along each axis, n.

        Returns:
            The layer; empty if nothing is in the picture.
        """
        size = int(camera_param['w']), int(camera_param['h'])
        screen = cameras.camera_to_image(vertices, camera_param['f'],
                                         camera_param['c'])
        faces = appearance.faces
        left, top, right, bottom = box = _pixel_box(screen, faces, size)
        width = (right - left) * supersampling
        height = (bottom - top) * supersampling
        # Each pixel, half a pixel to each side of its centre, is cut into
        # n x n.
        screen[:, :2] = ((screen[:, :2] - (left, top) + 0.5) * supersampling
                         - 0.5)
        triangles = np.take(screen.astype(np.float32), faces, axis=0)
        front = _is_front(triangles)
        if appearance.two_sided is not None:
            front |= appearance.two_sided
        drawn = np.flatnonzero(front)
        with torch.no_grad():
            winner, bary, depth = rasterize(
                torch.from_numpy(triangles[drawn]),
                torch.zeros(len(drawn), dtype=torch.long), 1, height, width,
                near=NEAR)
        winner = winner.numpy().reshape(-1)
        covered = np.flatnonzero(winner >= 0)
        seen = drawn[winner[covered]]
        surface = Surface(
            seen, faces[seen], bary.numpy().reshape(-1, 3)[covered],
            self._template, self._parts)
        color = light.shade(
            appearance.paint(surface).astype(np.float32, copy=False),
            _normals(vertices.astype(np.float32), faces, surface))
        # RGB to BGR; a covered sample hides all that is behind it.
        samples = np.ones((len(covered), 4), np.float32)
        samples[:, 2::-1] = color
        layer = np.zeros((height * width, 4), np.float32)
        layer[covered] = samples
        layer = layer.reshape(height, width, 4)
        parts = np.zeros(height * width, np.uint8)
        parts[covered] = surface.parts + 1
        if layer.size:
            layer = cv2.resize(layer, (right - left, bottom - top),
                               interpolation=cv2.INTER_AREA)
        else:  # beside the picture: some rows and no column, or none at all
            layer = np.zeros((bottom - top, right - left, 4), np.float32)
        return Rendering(layer, box, parts.reshape(height, width),
                         depth[0].numpy(), size)


def _pixel_box(screen: np.ndarray, faces: np.ndarray,
               size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels that faces between image points can touch.

    What is behind the camera projects anywhere: then the box is the whole
    picture.

    Returns:
        First column, first row, last column + 1, last row + 1, inside the
        picture.
    """
    used = np.zeros(len(screen), bool)
    used[faces.reshape(-1)] = True
    x, y, z = screen.T[:, used]
    if z.min() < NEAR:
        return 0, 0, *size
    low = np.floor([x.min(), y.min()]).clip(0, size)
    high = (np.ceil([x.max(), y.max()]) + 1).clip(low, size)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _is_front(triangles: np.ndarray) -> np.ndarray:
    """Return whether faces (F, 3, 3), px, show their outside (F,).

    A face that reaches behind the camera counts: the z-buffer sorts it out.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    area = ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1])
            - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))
    return (area < 0) | (triangles[..., 2].min(1) < NEAR)


def _normals(vertices: np.ndarray, faces: np.ndarray,
             surface: Surface) -> np.ndarray:
    """Return smooth unit normals of surface points (N, 3), to the viewer.

    Args:
        vertices: Posed vertices (V, 3), camera frame.
        faces: All faces that are drawn (F, 3).
        surface: The N points.
    """
    a, b, c = np.take(vertices, faces.T, axis=0)
    at_faces = torch.linalg.cross(torch.from_numpy(b - a),
                                  torch.from_numpy(c - a))
    at_vertices = torch.zeros(vertices.shape)
    for corner in torch.from_numpy(faces).T:
        at_vertices.index_add_(0, corner, at_faces)
    normals = surface.interpolate(_unit(at_vertices.numpy()))
    # The inside of thin cloth is lit as if it were its outside.
    away = np.einsum('nc,nc->n', normals, vertices[surface.corners[:, 0]]) > 0
    normals[away] *= -1
    return _unit(normals)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, 3) at length 1."""
    length = np.sqrt(np.einsum('nc,nc->n', vectors, vectors))
    return vectors / np.maximum(length, 1e-9)[:, None]
