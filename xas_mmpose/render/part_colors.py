"""One colour per body part: the look of a part segmentation."""
from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from xas_mmpose.body_models import ParametricBody

from .surface import Surface

#: Turn of the hue from one part to the next: the golden section never comes
#: back to a hue it has been at.
_HUE_STEP = (5**0.5 - 1) / 2

#: Saturation and value alternate, so that hues that do come close differ.
_TONES = ((0.85, 0.95), (0.55, 0.95), (0.85, 0.6))


def part_palette(num_parts: int) -> np.ndarray:
    """Return the colours of body parts.

    Args:
        num_parts: Number of parts, J.

    Returns:
        Colours (J, 3), RGB, 0..1: bright, no two alike, and those of the
        first parts the same whatever their number.
    """
    return np.array([
        colorsys.hsv_to_rgb(i * _HUE_STEP % 1, *_TONES[i % len(_TONES)])
        for i in range(num_parts)], np.float32)


@dataclass(frozen=True)
class PartColorAppearance:
    """A body with one colour per part.

    Args:
        faces: Faces of the body (F, 3).
        colors: Colour of each part (J, 3), RGB, 0..1.
    """

    faces: np.ndarray
    colors: np.ndarray

    #: Colours have no thickness, and a body's skin is closed.
    two_sided = None
    offsets = None

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""
        return self.colors[surface.parts]


class PartColorWardrobe:
    """Gives every body the same colours, one per part.

    This is how arXiv 2411.13026 shows its synthetic bodies: left and right
    look different, which clothes do not.

    Args:
        body: The body, a person or an animal.
    """

    def __init__(self, body: ParametricBody) -> None:
        self._appearance = PartColorAppearance(
            body.faces.numpy(), part_palette(body.num_joints))

    def draw(self, rng: np.random.Generator) -> PartColorAppearance:
        """Return the appearance that all bodies share.

        Args:
            rng: Not used.

        Returns:
            The appearance.
        """
        return self._appearance
