"""Painted people: skin, hair, clothes and shoes as regions of the rest pose.

A person is painted on the rest-pose (T pose) surface, so clothes follow the
body in every pose and shape, edges are sharp whatever the mesh's resolution,
and nothing but a body in SMPL format is needed.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xas_mmpose.body_models import SMPLBody

from .surface import Surface

#: Skin and hair colours to mix (RGB, 0..1).
_SKIN = np.array([(0.96, 0.80, 0.69), (0.90, 0.71, 0.57), (0.78, 0.57, 0.43),
                  (0.60, 0.41, 0.29), (0.42, 0.28, 0.19), (0.29, 0.19, 0.13)])
_HAIR = np.array([(0.06, 0.05, 0.04), (0.23, 0.15, 0.09), (0.44, 0.30, 0.16),
                  (0.76, 0.61, 0.36), (0.55, 0.54, 0.53), (0.52, 0.20, 0.09)])

_PATTERNS = ('plain', 'plain', 'stripes', 'checks', 'dots', 'blotches')


@dataclass(frozen=True)
class BodyMeasures:
    """Positions on the rest-pose body that clothes are cut by, in metres.

    Args:
        joints: Rest-pose joints (24, 3).
        nose: Tip of the nose (3,).
        head_top: Top of the head (3,).
    """

    joints: np.ndarray
    nose: np.ndarray
    head_top: np.ndarray

    @classmethod
    def of(cls, body: SMPLBody) -> BodyMeasures:
        """Measure the mean shape of a body."""
        vertices = body.v_template.double().cpu().numpy()
        regressor = body.joint_regressor.double().cpu().numpy()
        return cls(regressor @ vertices, vertices[body.landmarks['nose']],
                   vertices[body.landmarks['head_top']])


@dataclass(frozen=True)
class Pattern:
    """A two-coloured cloth.

    Args:
        kind: ``plain``, ``stripes``, ``checks``, ``dots`` or ``blotches``.
        colors: Two RGB colours (2, 3), 0..1.
        waves: Directions times angular frequency (4, 3), radians a metre.
        phases: Phase of each wave (4,).
    """

    kind: str
    colors: np.ndarray
    waves: np.ndarray
    phases: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Pattern:
        """Draw a cloth."""
        kind = _PATTERNS[rng.integers(len(_PATTERNS))]
        if kind == 'blotches':
            waves = rng.normal(size=(4, 3)) * rng.uniform(15, 45)
        else:
            # Two waves across each other, seldom slanted; then two slow
            # ones that stand for wear and folds.
            tilt = rng.choice([0, 0, 0, 1]) * rng.uniform(0, np.pi)
            c, s = np.cos(tilt), np.sin(tilt)
            waves = np.array([(s, c, 0), (c, -s, 0), (0, 0, 0), (0, 0, 0)])
            waves *= rng.uniform(40, 160)
            waves[2:] = rng.normal(size=(2, 3)) * 12
        return cls(kind, rng.uniform(0.03, 0.95, (2, 3)), waves,
                   rng.uniform(0, 2 * np.pi, 4))

    def paint(self, points: np.ndarray) -> np.ndarray:
        """Return the colours (N, 3) at rest-pose points (N, 3)."""
        waves = np.sin(points @ self.waves.T + self.phases)
        share = {
            'plain': lambda: np.zeros(len(points), bool),
            'stripes': lambda: waves[:, 0] > 0,
            'checks': lambda: waves[:, 0] * waves[:, 1] > 0,
            'dots': lambda: waves[:, 0] + waves[:, 1] > 1,
            'blotches': lambda: waves.sum(1) > 0.4,
        }[self.kind]()
        shade = 1 + 0.06 * waves[:, 2:].sum(1, keepdims=True)
        return np.where(share[:, None], self.colors[1], self.colors[0]) * shade


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
        color = np.repeat(self.skin[None], len(points), 0)
        head = y > joints[12, 1] + 0.02
        self._paint_head(points, head, color)
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

    def _paint_head(self, points: np.ndarray, head: np.ndarray,
                    color: np.ndarray) -> None:
        """Paint face and hair into ``color`` (N, 3)."""
        # Head coordinates: in units of the height from nose to crown.
        unit = self.measures.head_top[1] - self.measures.nose[1]
        x, y, z = ((points - self.measures.nose) / unit).T
        face = head & (z > -0.55)
        eyes = face & (np.hypot(np.abs(x) - 0.24, y - 0.26) < 0.10)
        brows = face & (np.abs(np.abs(x) - 0.25) < 0.15) & (
            np.abs(y - 0.44) < 0.04)
        mouth = face & (np.abs(x) < 0.2) & (np.abs(y + 0.32) < 0.06)
        color[mouth] = self.skin * (0.85, 0.5, 0.5)
        color[brows] = self.hair
        color[eyes] = 0.1
        if not self.hair_style:
            return
        ends = (0.1, -0.3, -1.1)[self.hair_style - 1]
        cap = y > 0.62 - 0.1 * z
        back = (z < -0.85) & (y > ends)
        hair = head & (cap | back)
        if self.hair_style == 3:  # down to the neck, which is no head
            neck = self.measures.joints[12]
            hair |= (points[:, 2] < neck[2]) & (y > ends) & (
                points[:, 1] > neck[1] - 0.03) & (
                np.abs(points[:, 0]) < 0.09)
        strands = 1 + 0.2 * np.sin(points[hair] @ (310.0, 40.0, 270.0))
        color[hair] = self.hair * strands[:, None]


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
            skin=_mix(_SKIN, rng) * rng.uniform(0.92, 1.05),
            hair=_mix(_HAIR, rng),
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


def _mix(colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a colour between two neighbours of a list."""
    position = rng.uniform(0, len(colors) - 1)
    i = int(position)
    share = position - i
    return colors[i] * (1 - share) + colors[i + 1] * share
