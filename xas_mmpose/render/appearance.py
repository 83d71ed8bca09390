"""Painted people: skin, hair, clothes and shoes as regions of the rest pose.

A person is painted on the rest-pose (T pose) surface, so clothes follow the
body in every pose and shape, edges are sharp whatever the mesh's resolution,
and nothing but a body in SMPL format is needed.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xas_mmpose.body_models import SMPLBody

from .measures import BodyMeasures
from .pattern import Pattern
from .skin import draw_hair_color, draw_skin_color, paint_skin
from .surface import Surface


@dataclass(frozen=True)
class PaintedAppearance:
    """How one person looks; :meth:`paint_points` colours rest-pose points.

    Lengths are in metres on the rest-pose body.

    Args:
        faces: Faces of the body (F, 3).
        measures: The body that the clothes are cut for.
        skin: RGB colour (3,).
        hair: RGB colour (3,).
        hair_style: 0 bald, 1 short, 2 half-long, 3 long.
        shirt: Cloth of the upper body.
        trousers: Cloth of the legs.
        shoes: RGB colour (3,), or None for bare feet.
        sleeve: Distance from the middle at which sleeves end.
        collar: Height of the neckline in the middle.
        neckline: Rise of the neckline to the sides.
        waist: Height at which the shirt meets the trousers.
        hem: Height at which the trousers end.
        shoe_top: Height at which shoes end.
    """

    faces: np.ndarray
    measures: BodyMeasures
    skin: np.ndarray
    hair: np.ndarray
    hair_style: int
    shirt: Pattern
    trousers: Pattern
    shoes: np.ndarray | None
    sleeve: float
    collar: float
    neckline: float
    waist: float
    hem: float
    shoe_top: float

    #: Paint has no thickness, and a body's skin is closed.
    two_sided = None
    offsets = None

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""
        return self.paint_points(surface.points)

    def paint_points(self, points: np.ndarray) -> np.ndarray:
        """Colour points of the rest-pose surface.

        Args:
            points: Points (N, 3) on the mean shape in T pose, metres.

        Returns:
            Colours (N, 3), RGB, 0..1.
        """
        x, y = np.abs(points[:, 0]), points[:, 1]
        joints = self.measures.joints
        color = paint_skin(points, self.measures, self.skin, self.hair,
                           self.hair_style)
        arm = x > joints[16, 0] - 0.02
        neckline = self.collar + self.neckline * np.maximum(x - 0.03, 0)
        torso = ~arm & (y > self.waist) & (y < neckline)
        # In the T pose arms are level, so no arm point is below the waist.
        shirt = torso | (arm & (x < self.sleeve) & (y > self.waist))
        color[shirt] = self.shirt.paint(points[shirt])
        legs = (y <= self.waist) & (y > self.hem)
        color[legs] = self.trousers.paint(points[legs])
        if self.shoes is not None:
            color[y < self.shoe_top] = self.shoes
        return color.clip(0, 1)


class PaintedWardrobe:
    """Paints skin, hair and clothes on bare bodies.

    Args:
        body: The body to dress.
    """

    def __init__(self, body: SMPLBody) -> None:
        self.measures = BodyMeasures.of(body)
        self._faces = body.faces.numpy()

    def draw(self, rng: np.random.Generator) -> PaintedAppearance:
        """Dress one person at random.

        Args:
            rng: Source of randomness.

        Returns:
            The appearance.
        """
        joints = self.measures.joints
        hip, knee, ankle = joints[1, 1], joints[4, 1], joints[7, 1]
        shoulder, wrist = joints[16, 0], joints[20, 0]
        shirt = Pattern.draw(rng)
        trousers = shirt if rng.random() < 0.15 else Pattern.draw(rng)
        shoes = rng.uniform(0.02, 0.9, 3)
        return PaintedAppearance(
            faces=self._faces,
            measures=self.measures,
            skin=draw_skin_color(rng),
            hair=draw_hair_color(rng),
            hair_style=int(rng.integers(4)),
            shirt=shirt,
            trousers=trousers,
            shoes=shoes if rng.random() < 0.85 else None,
            sleeve=(rng.uniform(shoulder - 0.02, wrist)
                    if rng.random() < 0.7 else wrist - 0.01),
            collar=joints[12, 1] - rng.uniform(-0.01, 0.09),
            neckline=rng.uniform(0.2, 0.9),
            waist=rng.uniform(hip - 0.06, hip + 0.16),
            hem=(rng.uniform(knee - 0.2, hip - 0.18)
                 if rng.random() < 0.4 else ankle + rng.uniform(0, 0.05)),
            shoe_top=ankle + rng.choice([0.0, 0.02, 0.12]))
