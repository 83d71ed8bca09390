"""Patterned cloth."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_KINDS = ('plain', 'plain', 'stripes', 'checks', 'dots', 'blotches')


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
        kind = _KINDS[rng.integers(len(_KINDS))]
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
        first, second, *slow = np.sin(
            points @ self.waves.T.astype(points.dtype)
            + self.phases.astype(points.dtype)).T
        share = {
            'plain': lambda: np.zeros(len(points), bool),
            'stripes': lambda: first > 0,
            'checks': lambda: first * second > 0,
            'dots': lambda: first + second > 1,
            'blotches': lambda: first + second + slow[0] + slow[1] > 0.4,
        }[self.kind]()
        colors = self.colors.astype(points.dtype)[share.astype(np.intp)]
        return colors * (1 + 0.06 * (slow[0] + slow[1]))[:, None]
