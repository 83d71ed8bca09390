"""What a camera of the studio does to its pictures, all of them alike."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: How much wider and higher the grain is than a picture, px.
_SPARE = 160


@dataclass(frozen=True)
class Sensor:
    """A camera's sensor and lens.

    Args:
        gains: Factors on blue, green and red (3,).
        gamma: Exponent of its tone curve.
        blur: Standard deviation of its blur in px.
        grain: Noise (H + N, W + N, 3), of 0..1; a picture takes any part of
            it, which costs a tenth of drawing noise anew.
    """

    gains: np.ndarray
    gamma: float
    blur: float
    grain: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, image_size: int) -> Sensor:
        """Draw a sensor of square pictures of a side in px."""
        side = image_size + _SPARE
        noise = rng.standard_normal((side, side, 3), np.float32)
        return cls(rng.uniform(0.92, 1.08, 3).astype(np.float32),
                   rng.uniform(0.85, 1.2), rng.uniform(0.3, 0.8),
                   noise * np.float32(rng.uniform(0.004, 0.014)))

    def develop(self, image: np.ndarray,
                rng: np.random.Generator) -> np.ndarray:
        """Turn light into a picture.

        Args:
            image: Light (H, W, 3), BGR, float32, 0..1.
            rng: Source of the noise.

        Returns:
            Picture (H, W, 3), BGR, uint8.
        """
        image = cv2.GaussianBlur(image, (0, 0), self.blur)
        image = cv2.pow((image * self.gains).clip(0, 1), self.gamma)
        top, left = rng.integers(_SPARE, size=2)
        height, width = image.shape[:2]
        image += self.grain[top:top + height, left:left + width]
        return np.rint(image.clip(0, 1) * 255).astype(np.uint8)
