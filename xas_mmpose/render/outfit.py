"""What somebody wears: how it is cut, how loose it is, and what of."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .measures import BodyMeasures
from .pattern import Pattern

#: Trousers that would end this close to the shoes (metres) reach them.
_GAP = 0.05

#: Arms are in a band that begins this far below the shoulders (metres): in T
#: pose they are level.
_ARM = 0.12

#: The skirt's edge at the top lies this far (metres) over the shirt's.
_TUCK = 0.06


@dataclass(frozen=True)
class Outfit:
    """A shirt with trousers or a skirt, and shoes.

    Heights and lengths are in metres on the mean shape at rest, in SMPL's
    axes (y up, z front, x left).

    Args:
        measures: The body that it is cut for.
        shirt: Cloth of the upper body.
        trousers: Cloth of the legs, or of the skirt.
        shoes: RGB colour (3,), or None for bare feet.
        sleeve: Distance from the middle at which sleeves end.
        collar: Half-width and depth of the neckline.
        collar_top: Height that no collar exceeds.
        waist: Height at which the shirt meets the trousers or the skirt.
        hem: Height at which trousers or skirt end.
        shoe_top: Height at which shoes end.
        skirt: Whether a skirt takes the place of the trousers.
        looseness: Distance of shirt, and of trousers or skirt, from where
            they would be tight.
        flare: By how much more a skirt stands off at its end.
        folds: Waves of the looseness (2, 3), radians a metre, and phases.
    """

    measures: BodyMeasures
    shirt: Pattern
    trousers: Pattern
    shoes: np.ndarray | None
    sleeve: float
    collar: tuple[float, float]
    collar_top: float
    waist: float
    hem: float
    shoe_top: float
    skirt: bool
    looseness: tuple[float, float]
    flare: float
    folds: tuple[np.ndarray, np.ndarray]

    @classmethod
    def draw(cls, rng: np.random.Generator, measures: BodyMeasures,
             skirts: bool = True) -> Outfit:
        """Draw an outfit.

        Args:
            rng: Source of randomness.
            measures: The body to dress.
            skirts: Whether there is a skirt to wear.

        Returns:
            The outfit.
        """
        joints = measures.joints
        hip, knee, ankle = joints[1, 1], joints[4, 1], joints[7, 1]
        shoulder, elbow, wrist = joints[[16, 18, 20], 0]
        skirt = rng.random() < 0.2 and skirts
        shirt = Pattern.draw(rng)
        same = rng.random() < (0.4 if skirt else 0.1)  # a dress, a suit
        trousers = shirt if same else Pattern.draw(rng)
        shoes = rng.uniform(0.02, 0.9, 3) if rng.random() < 0.9 else None
        shoe_top = ankle + rng.choice([0.0, 0.02, 0.12])
        if skirt:
            waist = hip + rng.uniform(0.08, 0.12)
            hem = rng.uniform(knee - 0.3, knee + 0.2)
        else:
            waist = rng.uniform(hip - 0.06, hip + 0.16)
            hem = (rng.uniform(knee - 0.15, knee + 0.25)
                   if rng.random() < 0.35 else ankle + rng.uniform(0, 0.06))
            if shoes is not None and hem - shoe_top < _GAP:
                hem = shoe_top
        sleeve = rng.choice([
            rng.uniform(shoulder + 0.02, shoulder + 0.05),
            rng.uniform(shoulder + 0.08, elbow), elbow + 0.1,
            wrist - 0.02], p=[0.1, 0.4, 0.1, 0.4])
        return cls(
            measures=measures,
            shirt=shirt,
            trousers=trousers,
            shoes=shoes,
            sleeve=sleeve,
            collar=(rng.uniform(0.05, 0.1), rng.uniform(0.02, 0.13)),
            collar_top=joints[12, 1] + rng.uniform(0, 0.04),
            waist=waist,
            hem=hem,
            shoe_top=shoe_top,
            skirt=skirt,
            looseness=(rng.uniform(0, 0.03), rng.uniform(0, 0.03)),
            flare=rng.uniform(0, 0.08),
            folds=(rng.normal(size=(2, 3)) * (25, 15, 25),
                   rng.uniform(0, 2 * np.pi, 2)))

    def shirt_cover(self, points: np.ndarray) -> np.ndarray:
        """Return how far inside the neckline and sleeves points are.

        Args:
            points: Points (N, 3) of the rest-pose surface.

        Returns:
            Signed distances (N,), about metres, positive under cloth.
        """
        x, (_, y, z) = np.abs(points[:, 0]), points.T
        half, depth = self.collar
        neck = self.measures.joints[12]
        below = np.maximum(neck[1] - y, 0)
        # At the back necklines are high.
        below *= np.where(z > neck[2], half / depth,
                          half / (0.3 * depth)).astype(points.dtype)
        cover = np.minimum(np.sqrt(x * x + below * below) - half,
                           self.collar_top - y)
        arm = y > self.measures.joints[16, 1] - _ARM
        return np.where(arm, np.minimum(cover, self.sleeve - x), cover)

    def cover(self, points: np.ndarray) -> np.ndarray:
        """Return how far under shirt, trousers or shoes points are.

        Args:
            points: Points (N, 3) of the rest-pose surface.

        Returns:
            Signed distances (N,), about metres, positive under cloth. Skirts
            do not count.
        """
        cover = self.shirt_cover(points)
        if self._reaches_shoes:  # only the colour changes down to the toes
            return cover
        end = self.waist - _TUCK if self.skirt else self.hem
        cover = np.minimum(cover, points[:, 1] - end)
        if self.shoes is None:
            return cover
        return np.maximum(cover, self.shoe_top - points[:, 1])

    @property
    def _reaches_shoes(self) -> bool:
        """Whether trousers leave no skin above the shoes."""
        return (self.shoes is not None and not self.skirt
                and self.hem <= self.shoe_top)

    @property
    def _shoe_line(self) -> float:
        """Height below which cloth around the body is a shoe.

        Cut shoes have vertices that came from above their edge.
        """
        if self._reaches_shoes:
            return self.shoe_top
        return (self.shoe_top + self.hem) / 2

    def under_skirt(self, points: np.ndarray,
                    margin: float = 0.0) -> np.ndarray:
        """Return which points (N, 3) a skirt covers by a margin (N,)."""
        if not self.skirt:
            return np.zeros(len(points), bool)
        y = points[:, 1]
        return (y < self.waist - margin) & (y > self.hem + margin) & (
            # The hands of level arms are higher than that, but near.
            np.abs(points[:, 0]) < self.measures.joints[18, 0])

    def offsets(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return how cloth around the body hangs loose.

        Args:
            points: Points (N, 3) of the tight cloth at rest.
            normals: Its unit normals there (N, 3).

        Returns:
            Displacements (N, 3), metres.
        """
        y = points[:, 1]
        lower = ((self.waist - y) / 0.05 + 0.5).clip(0, 1)
        shirt, trousers = self.looseness
        if self.skirt:  # the shirt is tucked in
            shirt *= ((y - self.waist) / 0.1).clip(0, 1)
            trousers = 0.0
        loose = shirt * (1 - lower) + trousers * lower
        # Cloth lies on shoulders, collars are narrow, thighs are close.
        loose *= 1 - 0.7 * normals[:, 1].clip(0, 1)
        loose *= (self.shirt_cover(points) / 0.06).clip(0.1, 1)
        loose *= np.where((points[:, 0] * normals[:, 0] < 0)
                          & (y < self.waist), 0.4, 1)
        loose *= self._wrinkles(points)
        if self.shoes is not None:
            shoe = y < self._shoe_line
            loose[shoe] = 0.004 + 0.012 * (normals[shoe, 1] < -0.6)
        return normals * loose[:, None]

    def skirt_offsets(self, points: np.ndarray,
                      normals: np.ndarray) -> np.ndarray:
        """Return how a skirt hangs, as :meth:`offsets` for its layer."""
        down = (self.waist - points[:, 1]).clip(0)
        loose = (0.004 + self.looseness[1] * (down / 0.1).clip(0, 1)
                 + self.flare * down / max(self.waist - self.hem, 0.1))
        return normals * (1, 0, 1) * (
            loose * self._wrinkles(points))[:, None]

    def paint(self, points: np.ndarray) -> np.ndarray:
        """Return the colours (N, 3) of cloth at points (N, 3)."""
        y = points[:, 1]
        color = np.empty_like(points)
        lower = y <= self.waist
        color[~lower] = self.shirt.paint(points[~lower])
        color[lower] = self.trousers.paint(points[lower])
        if self.shoes is not None:
            color[y < self._shoe_line] = self.shoes
        return color

    def _wrinkles(self, points: np.ndarray) -> np.ndarray:
        """Return a factor (N,) of the looseness."""
        waves, phases = self.folds
        first, second = np.sin(points @ waves.T.astype(points.dtype)
                               + phases.astype(points.dtype)).T
        return 1 + 0.2 * (first + second)
