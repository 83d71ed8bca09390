"""Backgrounds to put behind rendered bodies."""
from __future__ import annotations

import cv2
import numpy as np

#: Kinds of background and how often each is drawn.
KINDS = {'plain': 0.15, 'room': 0.25, 'noise': 0.25, 'clutter': 0.35}


def draw_background(size: int,
                    rng: np.random.Generator,
                    kind: str | None = None) -> np.ndarray:
    """Paint a background.

    Args:
        size: Side of the square picture in px, S.
        rng: Source of randomness.
        kind: ``plain``, ``room`` (wall, floor and light), ``noise``
            (smooth, of several sizes) or ``clutter`` (shapes on the others).
            None draws one.

    Returns:
        Picture (S, S, 3), BGR, float32, 0..1.

    Raises:
        ValueError: If the kind is unknown.
    """
    if kind is None:
        kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    if kind == 'plain':
        return np.tile(_color(rng), (size, size, 1))
    if kind == 'room':
        return _room(size, rng)
    if kind == 'noise':
        return _noise(size, rng)
    if kind == 'clutter':
        base = _room(size, rng) if rng.random() < 0.5 else _noise(size, rng)
        return _clutter(base, rng)
    raise ValueError(f'unknown background {kind!r}; there are '
                     f'{", ".join(KINDS)}')


def _color(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour (3,), more often a dull than a bright one."""
    grey = rng.uniform(0.05, 0.95)
    color = grey + (rng.random(3) - 0.5) * rng.uniform(0, 1)**2
    return color.clip(0, 1).astype(np.float32)


def _room(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a wall and a floor, lit from one side."""
    image = np.empty((size, size, 3), np.float32)
    edge = int(size * rng.uniform(0.45, 0.9))
    image[:edge], image[edge:] = _color(rng), _color(rng)
    across = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), size,
                         dtype=np.float32)
    down = np.linspace(rng.uniform(0.7, 1), 1, size, dtype=np.float32)
    image *= (down[:, None] * across)[..., None]
    return image


def _noise(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw smooth noise: random grids of several sizes, blown up."""
    # Fine enough for the finest grid; the whole picture takes four times as
    # long to make.
    coarse = min(size, max(size // 4, 64))
    image = np.zeros((coarse, coarse, 3), np.float32)
    for cells, weight in ((3, 1), (7, 0.6), (19, 0.4), (53, 0.25)):
        grid = rng.random((cells, cells, 3), dtype=np.float32) - 0.5
        image += weight * cv2.resize(grid, (coarse, coarse),
                                     interpolation=cv2.INTER_CUBIC)
    # Between grey and all hues: real rooms have few colours.
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * np.float32(rng.uniform(0, 1)**2)
    image = _color(rng) + image * np.float32(rng.uniform(0.3, 1))
    return cv2.resize(image, (size, size),
                      interpolation=cv2.INTER_CUBIC).clip(0, 1)


def _clutter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put boxes, ellipses, bars and limb-like shapes on a picture."""
    size = len(image)
    for _ in range(rng.integers(6, 26)):
        color = tuple(float(c) for c in _color(rng))
        center = tuple(int(c) for c in rng.integers(0, size, 2))
        axes = rng.uniform(size * 0.02, size * 0.22, 2)
        angle = rng.uniform(0, 180)
        kind = rng.integers(3)
        if kind == 0:
            corners = cv2.boxPoints((center, tuple(2 * axes), angle))
            cv2.fillConvexPoly(image, corners.astype(np.int32), color,
                               cv2.LINE_AA)
        elif kind == 1:
            cv2.ellipse(image, center, tuple(int(a) for a in axes), angle, 0,
                        360, color, -1)
        else:
            end = tuple(int(c) for c in rng.integers(0, size, 2))
            cv2.line(image, center, end, color,
                     int(rng.integers(1, max(size // 12, 2))))
    if rng.random() < 0.3:
        sigma = 0.4 + rng.uniform(0, size / 60)
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    return image.clip(0, 1)
