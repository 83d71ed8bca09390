"""Skin, face and hair, painted on the rest-pose body."""
from __future__ import annotations

import numpy as np

from .measures import BodyMeasures

#: Colours to mix (RGB, 0..1).
_SKIN = np.array([(0.96, 0.80, 0.69), (0.90, 0.71, 0.57), (0.78, 0.57, 0.43),
                  (0.60, 0.41, 0.29), (0.42, 0.28, 0.19), (0.29, 0.19, 0.13)])
_HAIR = np.array([(0.06, 0.05, 0.04), (0.23, 0.15, 0.09), (0.44, 0.30, 0.16),
                  (0.76, 0.61, 0.36), (0.55, 0.54, 0.53), (0.52, 0.20, 0.09)])

#: Lowest hair at the back of the head by style (bald, short, half-long,
#: long), in units of the height from the tip of the nose to the crown.
_HAIR_ENDS = (np.inf, 0.1, -0.3, -1.1)


def draw_skin_color(rng: np.random.Generator) -> np.ndarray:
    """Draw the colour of a skin (3,), RGB."""
    return _mix(_SKIN, rng) * rng.uniform(0.92, 1.05)


def draw_hair_color(rng: np.random.Generator) -> np.ndarray:
    """Draw the colour of hair (3,), RGB."""
    return _mix(_HAIR, rng)


def paint_skin(points: np.ndarray, measures: BodyMeasures, skin: np.ndarray,
               hair: np.ndarray, hair_style: int,
               eyes: bool = True) -> np.ndarray:
    """Paint a bare body with a face and hair.

    Args:
        points: Points (N, 3) on the mean shape in T pose, metres.
        measures: The body.
        skin: Colour of the skin (3,), RGB.
        hair: Colour of hair and brows (3,), RGB.
        hair_style: 0 bald, 1 short, 2 half-long, 3 long.
        eyes: Whether to paint eyes; not on a body that has some.

    Returns:
        Colours (N, 3), RGB.
    """
    color = np.repeat(skin[None].astype(points.dtype), len(points), 0)
    # Most points are below the neck.
    head, = np.nonzero(points[:, 1] > measures.joints[12, 1] - 0.03)
    points = points[head]
    x, y, z = _head_coordinates(points, measures)
    face = (points[:, 1] > measures.joints[12, 1] + 0.02) & (z > -0.55)
    side = np.abs(x)
    mouth = face & (np.abs(y + 0.235) < 0.055 * (1 - (side / 0.17)**2))
    brows = face & (np.abs(side - 0.22) < 0.13) & (
        np.abs(y - 0.38 + (side - 0.2)**2) < 0.025)
    color[head[mouth]] = skin * (0.9, 0.6, 0.6)
    color[head[brows]] = 0.7 * hair
    if eyes:
        eye = np.hypot(side - 0.2, 1.6 * (y - 0.26)) < 0.1
        color[head[face & eye]] = 0.1
    hairy = has_hair(points, measures, hair_style)
    color[head[hairy]] = paint_hair(points[hairy], hair)
    return color


def has_hair(points: np.ndarray, measures: BodyMeasures,
             hair_style: int) -> np.ndarray:
    """Return which points (N, 3) of the rest-pose surface are hair (N,)."""
    if not hair_style:
        return np.zeros(len(points), bool)
    _, y, z = _head_coordinates(points, measures)
    ends = _HAIR_ENDS[hair_style]
    head = points[:, 1] > measures.joints[12, 1] + 0.02
    hair = head & ((y > 0.62 - 0.1 * z) | ((z < -0.85) & (y > ends)))
    if hair_style == 3:  # down to the neck, which is no head
        neck = measures.joints[12]
        hair |= (points[:, 2] < neck[2]) & (y > ends) & (
            points[:, 1] > neck[1] - 0.03) & (np.abs(points[:, 0]) < 0.09)
    return hair


def paint_hair(points: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Return the colours (N, 3) of hair of a colour (3,) at points (N, 3)."""
    waves = np.array([(430, 20, 380), (60, 30, -50)], points.dtype)
    strand, bend = (points @ waves.T).T
    strands = 1 + 0.12 * np.sin(strand + 2 * np.sin(bend))
    return hair.astype(points.dtype) * strands[:, None]


def _head_coordinates(points: np.ndarray,
                      measures: BodyMeasures) -> np.ndarray:
    """Return x, y, z (3, N) from the nose, in heights from nose to crown."""
    unit = measures.head_top[1] - measures.nose[1]
    return ((points - measures.nose) / unit).T


def _mix(colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a colour between two neighbours of a list."""
    position = rng.uniform(0, len(colors) - 1)
    i = int(position)
    share = position - i
    return colors[i] * (1 - share) + colors[i + 1] * share
