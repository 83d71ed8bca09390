"""Light on a surface: one lamp and the sky."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Light:
    """One lamp far away, and light from all around.

    Directions are in the camera frame: x right, y down, z forward.

    Args:
        direction: Unit vector towards the lamp (3,).
        sky: Unit vector upwards (3,): what faces it is a little lighter.
        ambient: Share of the light that comes from all around.
        gloss: Strength of highlights.
        tint: Colour of the light (3,), RGB.
        exposure: Factor on everything but highlights.
    """

    direction: np.ndarray
    sky: np.ndarray
    ambient: float
    gloss: float
    tint: np.ndarray
    exposure: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """Draw a light: from the side of the camera, seldom from behind.

        Args:
            rng: Source of randomness.

        Returns:
            The light.
        """
        lamp = rng.normal(size=3) * (1, 0.6, 0.5) + (0, -0.8, -1.2)
        return cls(
            direction=lamp / np.linalg.norm(lamp),
            sky=np.array([0.0, -1.0, 0.0]),
            ambient=rng.uniform(0.3, 0.65),
            gloss=rng.uniform(0, 0.15),
            tint=rng.uniform(0.93, 1.05, 3),
            exposure=rng.uniform(0.8, 1.15))

    def shade(self, colors: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Light surface points.

        Args:
            colors: Colours (N, 3), RGB, 0..1.
            normals: Unit normals (N, 3), camera frame, towards the outside.

        Returns:
            Colours (N, 3), RGB, 0..1.
        """
        middle = self.direction - [0, 0, 1]  # half-way from lamp to lens
        middle /= max(np.linalg.norm(middle), 1e-9)
        sources = np.stack([self.direction, middle, self.sky], 1)
        lamp, half, sky = (normals @ sources.astype(normals.dtype)).T
        light = (self.ambient * (1 + 0.15 * sky)
                 + (1.1 - self.ambient) * np.maximum(lamp, 0))
        gloss = self.gloss * np.maximum(half, 0)**16
        factor = (self.tint * self.exposure).astype(normals.dtype)
        return (colors * light[:, None] * factor + gloss[:, None]).clip(0, 1)
