"""People in loose clothes, with hair and eyes.

The clothes are layers of the full free human: cut along smooth lines, pushed
outwards along the normals of the rest pose, and skinned with the body.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xas_mmpose.body_models import SMPLBody

from .garment_mesh import GarmentMesh
from .measures import BodyMeasures
from .outfit import Outfit
from .skin import (
    draw_hair_color,
    draw_skin_color,
    has_hair,
    paint_hair,
    paint_skin,
)
from .surface import Surface

#: What a face belongs to.
_BODY, _EYE, _CLOTH, _SKIRT, _HAIR = range(5)

#: Skin this far (metres) under cloth is not drawn, and skin this far under
#: cloth is painted as the cloth: it may come through.
_HIDDEN, _COVERED = 0.04, 0.004

#: Radius of iris and pupil in metres.
_IRIS, _PUPIL = 0.0058, 0.0024

#: Plates of the hair this close to each other (metres) are one.
_WELD = 0.016


@dataclass(frozen=True)
class DressedAppearance:
    """How one person in loose clothes looks.

    Args:
        faces: What is drawn (F, 3).
        kinds: What each face (F,) belongs to.
        offsets: Displacement of the vertices at rest (V, 3), metres.
        outfit: The clothes.
        skin: RGB colour (3,).
        hair: RGB colour (3,).
        hair_style: Painted hair: 0 none, 1 short, 2 half-long, 3 long.
        eyes: Middle of the left and of the right eye at rest (2, 3).
        iris: RGB colour (3,).
    """

    faces: np.ndarray
    kinds: np.ndarray
    offsets: np.ndarray
    outfit: Outfit
    skin: np.ndarray
    hair: np.ndarray
    hair_style: int
    eyes: np.ndarray
    iris: np.ndarray

    @property
    def two_sided(self) -> np.ndarray:
        """Cloth and hair are thin: their faces (F,) have two sides."""
        return self.kinds >= _CLOTH

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""
        kinds, points = self.kinds[surface.faces], surface.points
        color = np.empty_like(points)
        for kind, paint in enumerate((
                self._paint_body, self._paint_eyes, self.outfit.paint,
                self.outfit.trousers.paint,
                lambda part: paint_hair(part, self.hair))):
            part, = np.nonzero(kinds == kind)
            if len(part):
                color[part] = paint(points[part])
        return color.clip(0, 1)

    def _paint_body(self, points: np.ndarray) -> np.ndarray:
        """Return the colours (N, 3) of skin, painted hair and shoes."""
        color = paint_skin(points, self.outfit.measures, self.skin,
                           self.hair, self.hair_style, eyes=False)
        cloth = (self.outfit.cover(points) > _COVERED) | (
            self.outfit.under_skirt(points))
        color[cloth] = self.outfit.paint(points[cloth])
        return color

    def _paint_eyes(self, points: np.ndarray) -> np.ndarray:
        """Return the colours (N, 3) of eyeballs."""
        left = (points[:, 0] > 0)[:, None]
        away = points - np.where(left, *self.eyes)
        radius = np.hypot(away[:, 0], away[:, 1])[:, None]
        color = np.where(radius < _IRIS, self.iris, 0.92)
        return np.where(radius < _PUPIL, 0.03, color)


class DressedWardrobe:
    """Dresses bodies that come with clothes around them.

    Args:
        body: A human body with the layer ``cloth``; it may also have the
            layers ``skirt`` and ``hair``, and eyes.

    Raises:
        ValueError: If the body has no clothes.
    """

    def __init__(self, body: SMPLBody) -> None:
        if 'cloth' not in body.layers:
            raise ValueError(
                "this body has no layer 'cloth' to make clothes of: take the "
                "body 'human_full', or painted clothes")
        self.measures = BodyMeasures.of(body)
        self._template = body.v_template.numpy()
        self._faces = body.faces.numpy()
        self._kinds = np.full(len(self._faces), _BODY, np.uint8)
        self._kinds[body.eyes] = _EYE
        self._layers = {
            name: GarmentMesh(body.layers[name], self._template)
            for name in ('cloth', 'skirt', 'hair') if name in body.layers}
        if 'hair' in self._layers:
            self._weld = self._layers['hair'].welded(_WELD)
        self._scalp = GarmentMesh(self._faces[self._kinds == _BODY],
                                  self._template)
        eyes = self._template[np.unique(self._faces[body.eyes])]
        self._eyes = np.array([
            eyes[side].mean(0) if side.any() else np.zeros(3)
            for side in (eyes[:, 0] > 0, eyes[:, 0] <= 0)])

    def draw(self, rng: np.random.Generator) -> DressedAppearance:
        """Dress one person at random.

        Args:
            rng: Source of randomness.

        Returns:
            The appearance.
        """
        outfit = Outfit.draw(rng, self.measures, 'skirt' in self._layers)
        hair_style = int(rng.choice(4, p=[0.12, 0.3, 0.3, 0.28]))
        offsets = np.zeros_like(self._template)
        self._grow_hair(hair_style, rng.uniform(0.004, 0.02), offsets)
        bare = self._bare_faces(outfit)
        parts = [(self._faces[bare], self._kinds[bare]),
                 self._dress('cloth', _CLOTH, outfit.cover,
                             outfit.offsets, offsets)]
        if outfit.skirt:
            parts.append(self._dress(
                'skirt', _SKIRT,
                lambda points: np.minimum(outfit.waist - points[:, 1],
                                          points[:, 1] - outfit.hem),
                outfit.skirt_offsets, offsets))
        if rng.random() < 0.25 and 'hair' in self._layers:
            hair_style = max(hair_style, 1)
            ends = rng.uniform(-3.2, -0.9)
            fringe, front = rng.uniform(0.45, 0.7), rng.random() < 0.3
            parts.append(self._dress(
                'hair', _HAIR,
                lambda points: self._hair_cover(points, ends, fringe, front),
                lambda points, normals: self._weld + normals * (
                    self._over_shirt(points, outfit)), offsets))
        faces, kinds = (np.concatenate(arrays) for arrays in zip(*parts))
        return DressedAppearance(
            faces=faces,
            kinds=kinds,
            offsets=offsets,
            outfit=outfit,
            skin=draw_skin_color(rng),
            hair=draw_hair_color(rng),
            hair_style=hair_style,
            eyes=self._eyes,
            iris=rng.uniform((0.1, 0.08, 0.04), (0.4, 0.4, 0.45)))

    def _dress(
        self, name: str, kind: int,
        cover: Callable[[np.ndarray], np.ndarray],
        hang: Callable[[np.ndarray, np.ndarray], np.ndarray],
        offsets: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut one layer and hang it, in ``offsets`` (V, 3).

        Returns:
            The layer's faces (F, 3), and what each belongs to (F,).
        """
        layer = self._layers[name]
        stays, motion = layer.cut(cover(layer.points))
        offsets[layer.vertices] = motion + hang(layer.points, layer.normals)
        faces = layer.faces[stays]
        return faces, np.full(len(faces), kind, np.uint8)

    def _over_shirt(self, points: np.ndarray, outfit: Outfit) -> np.ndarray:
        """Return how far (N, 1) long hair gives way to a loose shirt."""
        below = (self.measures.joints[12, 1] - points[:, 1]) / 0.1
        return below.clip(0, 1)[:, None] * (0.01 + outfit.looseness[0])

    def _bare_faces(self, outfit: Outfit) -> np.ndarray:
        """Return which faces (F,) of the body clothes do not hide."""
        hidden = (outfit.cover(self._template) > _HIDDEN) | (
            outfit.under_skirt(self._template, 2 * _HIDDEN))
        a, b, c = self._faces.T
        return ~(hidden[a] & hidden[b] & hidden[c])

    def _grow_hair(self, style: int, thickness: float,
                   offsets: np.ndarray) -> None:
        """Push hairy skin outwards, in ``offsets`` (V, 3)."""
        skin = self._scalp
        hairy = has_hair(skin.points, self.measures, style)
        offsets[skin.vertices[hairy]] = thickness * skin.normals[hairy]

    def _hair_cover(self, points: np.ndarray, ends: float, fringe: float,
                    front: bool) -> np.ndarray:
        """Return where long hair is (N,), about metres, positive inside.

        Args:
            points: Points (N, 3) of the hair at rest.
            ends: Height of the ends.
            fringe: Height down to which hair may hang over the face. Both
                count from the nose, in heights from nose to crown.
            front: Whether hair hangs over the chest.
        """
        nose, neck = self.measures.nose, self.measures.joints[12]
        unit = self.measures.head_top[1] - nose[1]
        x, y, z = (points - nose).T
        beside = np.maximum(np.abs(x) - 0.5 * unit, -0.65 * unit - z)
        cover = np.minimum(y - ends * unit,
                           np.maximum(y - fringe * unit, beside))
        if front:
            return cover
        return np.minimum(cover, np.maximum(
            points[:, 1] - neck[1], neck[2] + 0.02 - points[:, 2]))
