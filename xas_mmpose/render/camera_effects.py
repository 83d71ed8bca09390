"""What a camera does to a picture: blur, exposure, noise."""
from __future__ import annotations

import cv2
import numpy as np


def photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add blur, exposure and noise.

    Args:
        image: Picture (H, W, 3), float32, 0..1.
        rng: Source of randomness.

    Returns:
        Picture (H, W, 3), uint8.
    """
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1))
    image = image.clip(0, 1)**rng.uniform(0.8, 1.25)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = image + noise * rng.uniform(0, 0.025)
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)
