"""Furnished rooms, and how cameras see them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from xas_mmpose.render.lighting import Light

from .boxes import Box, View
from .motions import REACH
from .rig import camera_place
from .textures import FLOORS, WALLS, draw_texture

#: How far from the middle of the room people reach with their arms, mm.
FREE_RADIUS = REACH + 1000.0

#: Furniture keeps this far from cameras, mm.
_CAMERA_SPACE = 700.0
_TRIES = 40


@dataclass(frozen=True)
class Room:
    """A room: four walls, floor, ceiling, furniture and light.

    Args:
        shell: The room, a box seen from inside.
        furniture: What stands in it.
        light: The light, world frame.
        lamp: Place below which it is lightest (3,), world mm.
    """

    shell: Box
    furniture: tuple[Box, ...]
    light: Light
    lamp: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator,
             rig: Iterable[Mapping[str, Any]]) -> Room:
        """Furnish a room.

        No piece stands where people move, or between them and a camera.

        Args:
            rng: Source of randomness.
            rig: ``camera_param`` of the cameras in the room.

        Returns:
            The room.
        """
        places = [camera_place(camera)[:2] for camera in rig]
        size = rng.uniform((7400, 11600, 2700), (9400, 13200, 3600))
        wall = draw_texture(str(rng.choice(WALLS)), rng)
        other = (wall if rng.random() < 0.4
                 else draw_texture(str(rng.choice(WALLS)), rng))
        shell = Box(np.array([0, 0, size[2] / 2]), size, 0.0,
                    (wall, other, draw_texture(str(rng.choice(FLOORS)), rng),
                     0.5 + 0.5 * draw_texture('plain', rng)))
        furniture = []
        for _ in range(rng.integers(4, 10)):
            for _ in range(_TRIES):
                box = _draw_piece(rng, size)
                if _is_free(box, places):
                    furniture.append(replace(box, textures=[draw_texture(
                        str(rng.choice(('plain', 'boards', 'panels'))),
                        rng)] * 4))
                    break
        direction = np.array([*rng.uniform(-0.8, 0.8, 2), 1.0])
        light = Light(
            direction=direction / np.linalg.norm(direction),
            sky=np.array([0.0, 0.0, 1.0]),
            ambient=rng.uniform(0.55, 0.8),
            gloss=rng.uniform(0, 0.1),
            tint=rng.uniform(0.9, 1.08, 3),
            exposure=rng.uniform(0.9, 1.15))
        lamp = np.array([*rng.uniform(-1500, 1500, 2), size[2]])
        return cls(shell, tuple(furniture), light, lamp)

    def render(self, camera: Mapping[str, Any],
               supersampling: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """Render the empty room.

        Args:
            camera: ``camera_param``.
            supersampling: Samples of a pixel along each axis.

        Returns:
            The picture (H, W, 3), BGR, float32, 0..1, and how much of each
            pixel is floor (H, W), float32, 0..1.
        """
        size = camera['w'], camera['h']
        view = View(camera, (slice(0, size[1]), slice(0, size[0])),
                    self.light, supersampling)
        view.draw(self.shell, inside=True)
        for box in self.furniture:
            view.draw(box)
        image, floor, rays, depth = (
            cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            for picture in (view.color, view.floor.astype(np.float32),
                            view.rays.transpose(1, 2, 0), view.depth))
        share = self._falloff(view.place + rays * depth[..., None], floor)
        return (image * share[..., None]).clip(0, 1), floor

    def light_of(self, camera: Mapping[str, Any]) -> Light:
        """Return the light in a camera's frame."""
        return replace(self.light, direction=camera['R'] @
                       self.light.direction, sky=camera['R'] @ self.light.sky)

    def _falloff(self, points: np.ndarray,
                 floor: np.ndarray) -> np.ndarray:
        """Return the share of light (H, W) that reaches points (H, W, 3).

        Args:
            points: World points, mm.
            floor: How much of each is floor (H, W).
        """
        way = np.square((points - self.lamp.astype(np.float32)) / 5000)
        share = 0.62 + 0.38 * np.exp(-way.sum(-1))
        # Corners are darker, and so is the floor beside furniture.
        half = (self.shell.size / 2).astype(np.float32)
        to_wall = half - abs(points - self.shell.center.astype(np.float32))
        second = np.sort(to_wall, -1)[..., 1].clip(0)
        share *= 1 - 0.25 * np.exp(-second / 350)
        for box in self.furniture:
            offset = (points - box.center.astype(np.float32)) @ (
                box.rotation.T.astype(np.float32))
            gap = np.maximum(abs(offset[..., :2]) - box.size[:2] / 2, 0)
            share *= 1 - 0.45 * floor * np.exp(
                -np.hypot(gap[..., 0], gap[..., 1]) / 150)
        return share


def _draw_piece(rng: np.random.Generator, room: np.ndarray) -> Box:
    """Draw a cupboard, table or crate at a wall of a room of a size (3,)."""
    size = rng.uniform((500, 350, 350), (1600, 800, 2100))
    wall = int(rng.integers(4))
    yaw = wall * np.pi / 2
    length, depth = (room[:2] if wall % 2 == 0 else room[1::-1]) / 2
    along = rng.uniform(-1, 1) * (length - size[0] / 2)
    away = -depth + size[1] / 2 + rng.uniform(0, 250)
    c, s = np.cos(yaw), np.sin(yaw)
    center = np.array([c * along - s * away, s * along + c * away,
                       size[2] / 2])
    return Box(center, size, yaw, ())


def _is_free(box: Box, cameras: list[np.ndarray]) -> bool:
    """Say whether a piece is in nobody's way, and in no camera's."""
    # A grid over the floor that it covers is fine enough.
    share = np.linspace(-0.5, 0.5, 7)
    grid = np.stack(np.meshgrid(share, share, [0.0]), -1).reshape(-1, 3)
    ground = (grid * box.size @ box.rotation + box.center)[:, :2]
    if np.linalg.norm(ground, axis=1).min() < FREE_RADIUS:
        return False
    for camera in cameras:
        if np.linalg.norm(ground - camera, axis=1).min() < _CAMERA_SPACE:
            return False
        # Between camera and people: nearer than the middle, and the ray
        # through it passes the middle closer than people reach.
        ray = ground - camera
        distance = np.linalg.norm(ray, axis=1)
        ahead = -ray @ camera / distance
        aside = abs(ray[:, 0] * camera[1] - ray[:, 1] * camera[0]) / distance
        if ((ahead > 0) & (aside < FREE_RADIUS)
                & (distance < ahead + FREE_RADIUS)).any():
            return False
    return True
