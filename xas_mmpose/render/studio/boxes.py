"""Textured boxes, seen from outside as furniture and from inside as a room."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.lighting import Light

from .rig import camera_place
from .textures import TEXEL

#: First and last row or column + 1 of a part of a picture.
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Box:
    """An upright box.

    Args:
        center: Its middle (3,), world mm.
        size: Its sides (3,), mm.
        yaw: Turn about the vertical, radians.
        textures: BGR textures (S, S, 3) of its faces: of the two across its
            x, the two across its y, the lower and the upper one.
    """

    center: np.ndarray
    size: np.ndarray
    yaw: float
    textures: Sequence[np.ndarray]

    @property
    def rotation(self) -> np.ndarray:
        """Rotation (3, 3) from the world to the box's own axes."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    @property
    def corners(self) -> np.ndarray:
        """Corners (8, 3), world mm."""
        signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing='ij'), -1)
        return signs.reshape(8, 3) * self.size @ self.rotation + self.center

    def window(self, camera: Mapping[str, Any]) -> Window:
        """Return the part of a camera's picture that may show the box."""
        corners = world_to_camera(self.corners, camera['R'], camera['T'])
        if (corners[:, 2] < 10).any():
            return slice(0, camera['h']), slice(0, camera['w'])
        screen = camera_to_image(corners, camera['f'], camera['c'])[:, :2]
        size = camera['w'], camera['h']
        low = np.floor(screen.min(0)).clip(0, size).astype(int)
        high = (np.ceil(screen.max(0)) + 1).clip(low, size).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])


class View:
    """A camera's picture of boxes in the making.

    Args:
        camera: ``camera_param`` of the camera.
        window: The part of its picture that is drawn.
        light: The light, world frame.
        supersampling: Samples of a pixel along each axis, n.

    Attributes:
        color: BGR colour of each sample (h n, w n, 3), float32.
        depth: Depth of each sample (h n, w n), mm; infinite where nothing
            is drawn.
        floor: Whether each sample shows the lower face of a box from inside
            (h n, w n).
    """

    def __init__(self, camera: Mapping[str, Any], window: Window,
                 light: Light, supersampling: int) -> None:
        self.window = window
        self.fine = supersampling
        # Walls and furniture do not shine.
        self.light = replace(light, gloss=0.0)
        self.camera = camera
        self.place = camera_place(camera).astype(np.float32)
        rows, columns = ((np.arange(s.start * self.fine, s.stop * self.fine)
                          + 0.5) / self.fine - 0.5 for s in window)
        u = (columns - camera['c'][0]) / camera['f'][0]
        v = (rows - camera['c'][1]) / camera['f'][1]
        # R.T @ (u, v, 1): times a depth it is the way from the camera to
        # what a sample shows.
        right, down, ahead = camera['R'].astype(np.float32)
        self.rays = (u.astype(np.float32) * right[:, None, None]
                     + v.astype(np.float32)[:, None] * down[:, None, None]
                     + ahead[:, None, None])
        self.color = np.zeros((len(v), len(u), 3), np.float32)
        self.depth = np.full((len(v), len(u)), np.inf, np.float32)
        self.floor = np.zeros(self.depth.shape, bool)

    def draw(self, box: Box, inside: bool = False) -> None:
        """Draw a box where nothing nearer is drawn.

        Args:
            box: The box.
            inside: Whether the camera is in it, as in a room.
        """
        region = self._region(box.window(self.camera))
        rotation = box.rotation.astype(np.float32)
        rays = np.tensordot(rotation, self.rays[(slice(None), *region)], 1)
        start = rotation @ (self.place - box.center.astype(np.float32))
        half = np.asarray(box.size, np.float32) / 2
        rays[rays == 0] = 1e-9  # along a face: meets its plane far away
        # Where a ray meets the two planes across each axis.
        reach = half[:, None, None] / abs(rays)
        middle = -start[:, None, None] / rays
        near, far = (middle - reach).max(0), (middle + reach).min(0)
        depth = far if inside else near
        axis = ((middle + reach).argmin(0) if inside
                else (middle - reach).argmax(0))
        seen = (near < far) & (depth > 0) & (depth < self.depth[region])
        color, canvas = self.color[region], self.depth[region]
        canvas[seen] = depth[seen]
        self.floor[region][seen] = inside & (
            (axis == 2) & (rays[2] < 0))[seen]
        for face in range(3):
            for sign in (-1, 1):  # of the way a ray takes
                here = seen & (axis == face) & (
                    (rays[face] > 0) == (sign > 0))
                if not here.any():
                    continue
                points = start + rays[:, here].T * depth[here][:, None] + half
                texture = box.textures[
                    3 if face == 2 and (sign > 0) == inside else face]
                normal = np.zeros((1, 3))
                normal[0, face] = -sign
                color[here] = _sample(texture, points, face) * self._shade(
                    normal @ rotation)

    def _shade(self, normals: np.ndarray) -> np.ndarray:
        """Return the BGR factors (N, 3) on colours of faces (N, 3)."""
        grey = np.full(normals.shape, 0.5)  # so light that nothing is clipped
        return (2 * self.light.shade(grey, normals)[:, ::-1]).astype(
            np.float32)

    def _region(self, window: Window) -> Window:
        """Return the samples of a part of the picture."""
        out = []
        for part, own in zip(window, self.window):
            start = np.clip(part.start, own.start, own.stop) - own.start
            stop = np.clip(part.stop, own.start, own.stop) - own.start
            out.append(slice(start * self.fine, stop * self.fine))
        return out[0], out[1]


def _sample(texture: np.ndarray, points: np.ndarray,
            face: int) -> np.ndarray:
    """Return the colours (N, 3) of points (N, 3) on a face of a box.

    Args:
        texture: The face's texture.
        points: Points from the lowest corner on, mm.
        face: Axis that the face is across.
    """
    if face == 2:
        u, v = points[:, 0], points[:, 1]
    else:  # the texture's last row is at the floor
        u, v = points[:, 1 - face], -points[:, 2]
    side = len(texture)
    maps = [(c / TEXEL % side).astype(np.float32) for c in (u, v)]
    # OpenCV's pictures have fewer than 2^15 rows.
    out = np.empty((len(points), 3), np.float32)
    for i in range(0, len(points), 32000):
        x, y = (m[None, i:i + 32000] for m in maps)
        out[i:i + 32000] = cv2.remap(texture, x, y, cv2.INTER_LINEAR,
                                     borderMode=cv2.BORDER_WRAP)[0]
    return out
