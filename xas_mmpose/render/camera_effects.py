"""What a camera does to a picture: blur, colour, exposure, noise."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Shares of blue, green and red in the brightness (ITU-R BT.601).
_LUMA = np.array([0.114, 0.587, 0.299])

#: Standard deviation of the mean of two random bytes.
_GRAIN_STD = np.sqrt((256**2 - 1) / 24)


@dataclass(frozen=True)
class CameraEffects:
    """How far a camera may depart from the truth.

    Args:
        blur: Share of the pictures that are blurred.
        blur_sigma: Range of the blur's standard deviation in px.
        contrast: Range of the factor on the distance to middle grey.
        saturation: Range of the factor on the distance to grey of the same
            brightness.
        hue: Largest turn of all hues, either way, in radians.
        tint: Largest change of one channel's gain against the others.
        gamma: Range of the exponent; below 1 is lighter.
        noise: Largest standard deviation of the noise, of 1.

    Raises:
        ValueError: If a range is not one of numbers from 0 up, or another
            number is below 0.
    """

    blur: float = 0.5
    blur_sigma: tuple[float, float] = (0.2, 1.0)
    contrast: tuple[float, float] = (0.85, 1.15)
    saturation: tuple[float, float] = (0.6, 1.2)
    hue: float = 0.1
    tint: float = 0.06
    gamma: tuple[float, float] = (0.8, 1.25)
    noise: float = 0.025

    def __post_init__(self) -> None:
        for name in ('blur_sigma', 'contrast', 'saturation', 'gamma'):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f'{name} must be a range (low, high) from 0 '
                                 f'up, got ({low}, {high})')
        for name in ('blur', 'hue', 'tint', 'noise'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'{name} must be at least 0, got '
                                 f'{getattr(self, name)}')


def photograph(image: np.ndarray,
               rng: np.random.Generator,
               effects: CameraEffects | None = None) -> np.ndarray:
    """Take a photograph of a perfect picture.

    Args:
        image: Picture (H, W, 3), BGR, float32, 0..1.
        rng: Source of randomness.
        effects: What may happen; None takes the defaults.

    Returns:
        Picture (H, W, 3), BGR uint8.
    """
    effects = effects or CameraEffects()
    if rng.random() < effects.blur:
        sigma = rng.uniform(*effects.blur_sigma)
        if sigma > 0:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
    image = cv2.transform(image, _color_change(rng, effects)).clip(0, 1)
    image **= np.float32(rng.uniform(*effects.gamma))
    # The mean of two random bytes: nearly a bell, and ten times as cheap.
    first, second = rng.integers(0, 256, (2, *image.shape), dtype=np.uint8)
    grain = cv2.addWeighted(first, 0.5, second, 0.5, 0)
    strength = 255 * rng.uniform(0, effects.noise) / _GRAIN_STD
    return cv2.addWeighted(image, 255, grain, strength, -127.5 * strength,
                           dtype=cv2.CV_8U)


def _color_change(rng: np.random.Generator,
                  effects: CameraEffects) -> np.ndarray:
    """Draw an affine map of BGR colours (3, 4)."""
    grey = np.tile(_LUMA, (3, 1))
    saturation = rng.uniform(*effects.saturation)
    colors = grey + saturation * (np.eye(3) - grey)
    # A turn about the axis of greys leaves greys alone.
    angle = rng.uniform(-1, 1) * effects.hue
    turn, _ = cv2.Rodrigues(np.full(3, angle / np.sqrt(3)))
    colors = turn @ colors
    colors *= 1 + rng.uniform(-1, 1, (3, 1)) * effects.tint
    contrast = rng.uniform(*effects.contrast)
    return np.column_stack([contrast * colors,
                            np.full(3, 0.5 * (1 - contrast))])
