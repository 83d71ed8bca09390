"""Coats of animals: fur, markings, hooves and horns."""
from __future__ import annotations

import colorsys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from xas_mmpose.body_models import SMALBody

from .surface import Surface

#: Colour groups of the animals that come with the package, in the order of
#: their ``materials``. A group that an animal lacks has no faces.
GROUPS = ('coat', 'light', 'dark', 'mane', 'hoof', 'muzzle', 'eye',
          'eye_white', 'horn')
# Markings are painted on the fur, which is the first three.
_COAT, _LIGHT, _DARK, _MANE, _HOOF, _MUZZLE, _EYE = range(7)

#: Colours of animals without groups of their own (RGB, 0..1).
_DEFAULTS = np.array([
    (0.48, 0.33, 0.21), (0.72, 0.66, 0.57), (0.22, 0.17, 0.13),
    (0.20, 0.17, 0.14), (0.25, 0.22, 0.19), (0.24, 0.19, 0.16),
    (0.05, 0.04, 0.04), (0.80, 0.80, 0.78), (0.66, 0.60, 0.45)])

#: Coats of real animals: black, seal brown, bay, chestnut, red, tan, cream,
#: slate, grey, white.
_COATS = np.array([
    (0.10, 0.09, 0.08), (0.24, 0.15, 0.09), (0.38, 0.22, 0.12),
    (0.48, 0.26, 0.13), (0.66, 0.36, 0.17), (0.68, 0.53, 0.34),
    (0.85, 0.77, 0.62), (0.31, 0.31, 0.32), (0.56, 0.56, 0.54),
    (0.91, 0.90, 0.87)])
_PINK = (0.72, 0.50, 0.45)

_KINDS = ('plain', 'plain', 'plain', 'patches', 'patches', 'spots',
          'stripes')

# SMAL's joints.
_TRUNK, _HEAD, _MOUTH = range(7), 16, 32
_LEGS = (*range(7, 15), *range(17, 25))
_TAIL = range(25, 32)
_NUM_JOINTS = 35


@dataclass(frozen=True)
class AnimalMeasures:
    """Where the parts of an animal's mean shape at rest are.

    Lengths are in the units of the body.

    Args:
        ground: Height of the soles.
        leg: Length of the legs, from the root joint to the ground.
        belly: Height of the trunk's lowest skin.
        back: Height of its highest.
        head: Start of the head (3,).
        muzzle: From there to the tip of the nose (3,).
        eyes: Middle of both eyes (2, 3).
    """

    ground: float
    leg: float
    belly: float
    back: float
    head: np.ndarray
    muzzle: np.ndarray
    eyes: np.ndarray

    @classmethod
    def of(cls, body: SMALBody) -> AnimalMeasures:
        """Measure the mean shape of a body."""
        rest = torch.zeros(1, 3 * body.num_joints)
        with torch.no_grad():
            out = body(torch.zeros(1, body.num_betas), rest[:, :3],
                       rest[:, 3:])
        vertices, joints, keypoints = (part[0].numpy() for part in out)
        ground = float(vertices[:, 2].min())
        trunk = vertices[np.isin(body.parts, _TRUNK), 2]
        nose, left, right = (keypoints[body.skeleton.index(name)]
                             for name in ('nose', 'left_eye', 'right_eye'))
        return cls(ground, float(joints[0, 2]) - ground, float(trunk.min()),
                   float(trunk.max()), joints[_HEAD], nose - joints[_HEAD],
                   np.stack([left, right]))


@dataclass(frozen=True)
class CoatAppearance:
    """How one animal looks.

    Args:
        faces: Faces of the body (F, 3).
        groups: Colour group of each face (F,); None finds hooves and eyes by
            their place.
        measures: The body.
        colors: Colour of each group (9, 3), RGB.
        marks: Colour of the markings (3,), RGB.
        kind: ``plain``, ``patches``, ``spots`` or ``stripes``.
        waves: Directions times angular frequency (6, 3), radians a unit.
        phases: Phase of each wave (6,).
        belly: How much of the trunk's height is lighter, 0..1.
        socks: Height up to which the legs have the colour of the markings,
            as a share of their length.
        muzzle: Share of the head, from the nose, that has the muzzle's
            colour.
        dark_tail: Whether the tail has the mane's colour.
    """

    faces: np.ndarray
    groups: np.ndarray | None
    measures: AnimalMeasures
    colors: np.ndarray
    marks: np.ndarray
    kind: str
    waves: np.ndarray
    phases: np.ndarray
    belly: float
    socks: float
    muzzle: float
    dark_tail: bool

    #: Fur is short, and an animal's skin is closed.
    two_sided = None
    offsets = None

    def paint(self, surface: Surface) -> np.ndarray:
        """Return the colours of surface points (N, 3), RGB, 0..1."""
        size = self.measures
        points, parts = surface.points, surface.parts
        groups = self._groups(surface)
        color = self.colors.astype(points.dtype)[groups]
        furry = groups <= _DARK
        legs, trunk, tail, head = (_member(parts, joints) for joints in (
            _LEGS, _TRUNK, _TAIL, (_HEAD, _MOUTH)))
        height = points[:, 2] - size.ground
        waves = points @ self.waves.T.astype(points.dtype)
        waves += self.phases.astype(points.dtype)
        # The first wave bends the others: straight ones make a lattice.
        waves[:, 1:] += 2.5 * np.sin(waves[:, :1])
        waves = np.sin(waves)

        def mix(where: np.ndarray, other: np.ndarray,
                share: np.ndarray | None = None) -> None:
            """Mix another colour (3,) into fur, by a share (N,) of it."""
            chosen, = np.nonzero(where & furry)
            other = other.astype(points.dtype)
            if share is not None:
                amount = share[chosen, None]
                other = color[chosen] * (1 - amount) + other * amount
            color[chosen] = other

        if self.dark_tail:
            mix(tail, self.colors[_MANE])
        if self.kind != 'plain':
            mix(self._marked(points, legs, waves), self.marks)
        if self.belly:
            level = (points[:, 2] - size.belly) / (size.back - size.belly)
            mix(trunk & (level < self.belly), self.colors[_LIGHT],
                np.clip((self.belly - level) / 0.15, 0, 1))
        if self.socks:
            mix(legs & (height < self.socks * size.leg
                        * (1 + 0.15 * waves[:, 0])), self.marks)
        if self.muzzle:
            along = (points - size.head) @ size.muzzle / (
                size.muzzle @ size.muzzle)
            mix(head & (along > 1 - self.muzzle), self.colors[_MUZZLE],
                np.clip((along - 1 + self.muzzle) / 0.08, 0, 1))
        color *= 1 + 0.03 * (waves[:, 4:5] + waves[:, 5:])
        return color.clip(0, 1)

    def _groups(self, surface: Surface) -> np.ndarray:
        """Return the colour group of each point (N,)."""
        if self.groups is not None:
            return self.groups[surface.faces]
        groups = np.zeros(len(surface.faces), np.int64)
        size, points = self.measures, surface.points
        legs = _member(surface.parts, _LEGS)
        groups[legs & (points[:, 2] < size.ground + 0.06 * size.leg)] = _HOOF
        radius = 0.12 * np.linalg.norm(size.muzzle)
        for eye in size.eyes:
            groups[((points - eye) ** 2).sum(1) < radius**2] = _EYE
        return groups

    def _marked(self, points: np.ndarray, legs: np.ndarray,
                waves: np.ndarray) -> np.ndarray:
        """Return which points (N,) the pattern marks."""
        if self.kind == 'patches':
            return waves[:, :4] @ np.ones(4, waves.dtype) > 0.4
        if self.kind == 'spots':
            return waves[:, 1:4] @ np.ones(3, waves.dtype) > 1.5
        # Stripes run down the trunk and round the legs, and waver.
        along = np.where(legs, points[:, 2], points[:, 0] + 0.2 * points[:, 2])
        return np.sin(40 * along + 1.2 * (waves[:, 0] + waves[:, 1])
                      + self.phases[0]) > 0.25


class CoatWardrobe:
    """Gives animals the coats of real ones.

    An animal with colour groups keeps the colours of its hooves, horns and
    eyes; a third of them keep their kind's own colours, slightly changed.

    Args:
        body: The animal.

    Raises:
        ValueError: If the body's colour groups are unknown.
    """

    def __init__(self, body: SMALBody) -> None:
        self.measures = AnimalMeasures.of(body)
        self._faces = body.faces.numpy()
        self._groups = body.materials
        self._colors = _DEFAULTS.copy()
        if body.materials is None:
            return
        if body.materials.max() >= len(GROUPS) or body.materials.min() < 0:
            raise ValueError(
                f'materials go from {body.materials.min()} to '
                f'{body.materials.max()}; known are 0 to {len(GROUPS) - 1}: '
                f'{", ".join(GROUPS)}')
        if body.material_colors is not None:
            used = np.unique(body.materials)
            self._colors[used] = body.material_colors[used]

    def draw(self, rng: np.random.Generator) -> CoatAppearance:
        """Draw a coat.

        Args:
            rng: Source of randomness.

        Returns:
            The appearance.
        """
        colors = self._colors.copy()
        own = rng.random() < 1 / 3
        kind = 'plain' if own else _KINDS[rng.integers(len(_KINDS))]
        if own:
            tone = rng.uniform(0.75, 1.3)
            for group in (_COAT, _LIGHT, _DARK, _MANE):
                colors[group] = _jittered(colors[group] * tone, rng)
        else:
            base = _jittered(_COATS[rng.integers(len(_COATS))], rng)
            # Markings of the kind stay, or vanish in the coat.
            kept = rng.random() < 0.6
            colors[_COAT] = base
            colors[_LIGHT] = base + (1 - base) * rng.uniform(0.25, 0.7) * kept
            colors[_DARK] = base * (1 - rng.uniform(0.2, 0.7) * kept)
            colors[_MANE] = (base, 0.12 * np.ones(3), 0.4 * base,
                             colors[_LIGHT])[rng.integers(4)]
            colors[_MUZZLE] = (colors[_MUZZLE], 0.4 * base, np.array(_PINK)
                               )[rng.integers(3)]
        for group in range(_HOOF, len(GROUPS)):
            colors[group] = _jittered(colors[group], rng)
        marks = (_COATS[-1] if rng.random() < 0.5
                 else _COATS[rng.integers(len(_COATS))])
        slow, fast = rng.uniform(3, 8), rng.uniform(25, 45)
        waves = rng.normal(size=(6, 3)) * slow
        if kind == 'spots':
            waves[1:4] *= fast / slow
        waves[4:] *= 60 / slow
        return CoatAppearance(
            faces=self._faces,
            groups=self._groups,
            measures=self.measures,
            colors=colors.clip(0, 1),
            marks=_jittered(marks, rng),
            kind=kind,
            waves=waves,
            phases=rng.uniform(0, 2 * np.pi, 6),
            belly=rng.uniform(0.15, 0.5) * (rng.random() < 0.4),
            socks=rng.uniform(0.1, 0.5) * (not own and rng.random() < 0.3),
            muzzle=rng.uniform(0.1, 0.45) * (rng.random() < 0.3),
            dark_tail=bool(not own and rng.random() < 0.3))


def _member(parts: np.ndarray, joints: Iterable[int]) -> np.ndarray:
    """Return which points (N,) belong to some of the joints."""
    table = np.zeros(_NUM_JOINTS, bool)
    table[list(joints)] = True
    return table[parts]


def _jittered(color: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a colour (3,) of slightly other hue, strength and lightness."""
    hue, strength, value = colorsys.rgb_to_hsv(*np.clip(color, 0, 1))
    return np.array(colorsys.hsv_to_rgb(
        (hue + rng.normal(0, 0.012)) % 1,
        float(np.clip(strength * rng.uniform(0.8, 1.2), 0, 1)),
        float(np.clip(value * rng.uniform(0.85, 1.15) + rng.normal(0, 0.01),
                      0, 1))))
