"""Things that stand between the camera and the body."""
from __future__ import annotations

import cv2
import numpy as np

from .background import draw_background

#: Shapes and how often each is drawn.
SHAPES = {'box': 0.3, 'ellipse': 0.2, 'bar': 0.25, 'blob': 0.25}

#: OpenCV takes polygon corners in sixteenths of a pixel.
_SHIFT = 4


def draw_occluder(size: int,
                  rng: np.random.Generator,
                  around: tuple[float, float, float, float],
                  shape: str | None = None,
                  picture: np.ndarray | None = None) -> np.ndarray:
    """Draw something that hides a part of the body.

    Its middle falls into the box, and it is smaller than the box, so that
    some of the body nearly always stays in view.

    Args:
        size: Side of the square picture in px, S.
        rng: Source of randomness.
        around: Left, top, right and bottom of the body in the picture, px.
        shape: ``box``, ``ellipse``, ``bar`` (across the whole picture) or
            ``blob``. None draws one.
        picture: What it is covered with (S, S, 3), BGR, 0..1, such as a
            photograph. None paints it plain or with noise.

    Returns:
        Layer (S, S, 4), BGR and opacity, float32, 0..1, the colours already
        multiplied by the opacity.

    Raises:
        ValueError: If the shape is unknown or the picture's size is wrong.
    """
    if shape is None:
        shape = rng.choice(list(SHAPES), p=list(SHAPES.values()))
    if shape not in SHAPES:
        raise ValueError(f'unknown shape {shape!r}; there are '
                         f'{", ".join(SHAPES)}')
    if picture is not None and picture.shape != (size, size, 3):
        raise ValueError(f'the picture must be ({size}, {size}, 3), got '
                         f'{picture.shape}')
    outline = _outline(shape, size, rng, np.asarray(around, np.float64))
    # OpenCV smooths edges on 8-bit pictures only.
    opacity = np.zeros((size, size), np.uint8)
    cv2.fillPoly(opacity, [np.rint(outline * 2**_SHIFT).astype(np.int32)],
                 255, cv2.LINE_AA, _SHIFT)
    layer = np.zeros((size, size, 4), np.float32)
    left, top, width, height = cv2.boundingRect(opacity)
    box = np.s_[top:top + height, left:left + width]
    if picture is None:
        kind = 'plain' if rng.random() < 0.4 else 'noise'
        side = max(width, height, 1)
        cover = draw_background(side, rng, kind)[:height, :width]
    else:
        cover = picture[box]
    alpha = opacity[box].astype(np.float32)[..., None] / 255
    layer[box] = np.concatenate([cover * alpha, alpha], axis=2)
    return layer


def put_in_front(image: np.ndarray, layer: np.ndarray) -> None:
    """Lay an occluder over a picture, in place.

    Args:
        image: Picture (S, S, 3), BGR, float32, 0..1.
        layer: What :func:`draw_occluder` returned (S, S, 4).
    """
    image *= 1 - layer[..., 3:]
    image += layer[..., :3]


def _outline(shape: str, size: int, rng: np.random.Generator,
             around: np.ndarray) -> np.ndarray:
    """Draw the outline (P, 2) in px of an occluder."""
    low, high = around[:2], around[2:]
    middle = rng.uniform(low, high)
    reach = np.hypot(*(high - low)) / 2
    angle = rng.uniform(0, np.pi)
    axes = reach * rng.uniform(0.15, 0.45, 2)
    if shape in ('box', 'bar'):
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
        if shape == 'bar':
            # A post, a rail or a branch: thin, and out of the picture.
            axes = np.array([2.0 * size, reach * rng.uniform(0.03, 0.12)])
    else:
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        radius = np.ones_like(turn)
        if shape == 'blob':
            for waves in (2, 3, 5):
                radius += rng.uniform(0, 0.8 / waves) * np.sin(
                    waves * turn + rng.uniform(0, 2 * np.pi))
        corners = radius[:, None] * np.stack(
            [np.cos(turn), np.sin(turn)], axis=1)
    c, s = np.cos(angle), np.sin(angle)
    return middle + corners * axes @ np.array([(c, s), (-s, c)])
