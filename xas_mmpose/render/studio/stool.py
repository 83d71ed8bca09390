"""A stool under somebody who sits, in front of or behind their legs."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from xas_mmpose.render.lighting import Light
from xas_mmpose.render.rendering import Rendering

from .boxes import Box, View
from .textures import draw_texture

#: Sides of its parts (x, y, height), mm: seat, column and foot. The column
#: is thin, so that little of anybody is hidden.
_SEAT, _COLUMN, _FOOT = (350.0, 330.0, 35.0), (55.0, 55.0), (320, 320, 20.0)
#: The seat's middle is this far in front of the root, mm.
_AHEAD = 10.0


class Stool:
    """A stool as somebody sits on it.

    Args:
        rng: Source of randomness: its colours.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._cloth = [draw_texture('plain', rng)] * 4
        self._metal = [draw_texture('plain', rng) * 0.4] * 4

    def under(self, vertices: np.ndarray, place: np.ndarray,
              heading: float) -> list[Box]:
        """Put the stool under somebody.

        Args:
            vertices: The body (V, 3), world mm.
            place: Place of its root on the floor (2,), mm.
            heading: Direction of its front, radians.

        Returns:
            Its parts: its seat touches the lowest point above it.
        """
        ahead = np.array([np.cos(heading), np.sin(heading)])
        middle = place + _AHEAD * ahead
        aside = np.array([-ahead[1], ahead[0]])
        offset = vertices[:, :2] - middle
        above = ((abs(offset @ ahead) < _SEAT[0] / 2)
                 & (abs(offset @ aside) < _SEAT[1] / 2))
        # Legs below the knee swing under the seat: only what is next to its
        # middle carries.
        near = above & (vertices[:, 2] > 250)
        top = float(vertices[near, 2].min()) if near.any() else 400.0
        parts = []
        for (x, y, height), low, textures in (
                (_SEAT, top - _SEAT[2], self._cloth),
                ((*_COLUMN, top - _SEAT[2] - _FOOT[2]), _FOOT[2],
                 self._metal),
                (_FOOT, 0.0, self._metal)):
            parts.append(Box(np.array([*middle, low + height / 2]),
                             np.array([x, y, height]), heading, textures))
        return parts


def draw_boxes(image: np.ndarray, boxes: list[Box],
               camera: Mapping[str, Any], light: Light,
               rendering: Rendering) -> Rendering:
    """Draw boxes into a picture and hide what they hide of a person.

    Args:
        image: Picture (H, W, 3), BGR float32, 0..1; changed in place.
        boxes: The boxes.
        camera: ``camera_param``.
        light: The light, world frame.
        rendering: The person, not yet in the picture.

    Returns:
        The person, less what the boxes hide.
    """
    height, width = rendering.layer.shape[:2]
    fine = len(rendering.sample_parts) // height if height else 2
    windows = [box.window(camera) for box in boxes]
    whole = tuple(
        slice(min(w[i].start for w in windows),
              max(w[i].stop for w in windows)) for i in (0, 1))
    view = View(camera, whole, light, fine)
    for box in boxes:
        view.draw(box)
    size = whole[1].stop - whole[1].start, whole[0].stop - whole[0].start
    if not all(size):
        return rendering
    drawn = np.isfinite(view.depth)
    color, cover = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for picture in (view.color, drawn.astype(np.float32)))
    region = image[whole]
    region *= 1 - cover[..., None]
    region += color
    if not height or not width:
        return rendering
    depth = np.full(rendering.sample_parts.shape, np.inf, np.float32)
    own, other = [], []
    for box_part, part in zip(whole, rendering.window):
        start = max(box_part.start, part.start)
        stop = max(min(box_part.stop, part.stop), start)
        own.append(slice((start - part.start) * fine,
                         (stop - part.start) * fine))
        other.append(slice((start - box_part.start) * fine,
                           (stop - box_part.start) * fine))
    depth[tuple(own)] = view.depth[tuple(other)]
    covered = rendering.sample_parts > 0
    visible = covered & (rendering.sample_depth < depth)
    before, after = (
        cv2.resize(samples.astype(np.float32), (width, height),
                   interpolation=cv2.INTER_AREA)
        for samples in (covered, visible))
    share = after / np.maximum(before, 1e-6)
    return replace(
        rendering, layer=rendering.layer * share[..., None],
        sample_parts=np.where(visible, rendering.sample_parts, 0))
