"""Procedural textures of floors, walls and furniture."""
from __future__ import annotations

import cv2
import numpy as np

#: What a texel measures, mm, and side of the square textures in texels.
TEXEL = 12.0
SIDE = 512

FLOORS = ('boards', 'tiles', 'carpet', 'plain')
WALLS = ('plain', 'stripes', 'bricks', 'panels', 'pictures')


def draw_texture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a texture; it may be laid side by side.

    Args:
        kind: ``plain``, ``boards``, ``tiles``, ``carpet``, ``stripes``,
            ``bricks``, ``panels`` or ``pictures`` (a wall with some).
        rng: Source of randomness.

    Returns:
        Texture (SIDE, SIDE, 3), BGR, float32, 0..1.

    Raises:
        ValueError: If the kind is unknown.
    """
    if kind not in _PAINTERS:
        raise ValueError(f'there is no texture {kind!r}; there are '
                         f'{", ".join(_PAINTERS)}')
    base = _color(rng)
    texture = np.tile(base, (SIDE, SIDE, 1)).astype(np.float32)
    _PAINTERS[kind](texture, base, rng)
    grain = 1 + _noise(rng, (4, 16, 64), (0.035, 0.025, 0.02))
    return (texture * grain[..., None]).clip(0, 1).astype(np.float32)


def _color(rng: np.random.Generator) -> np.ndarray:
    """Draw the colour (3,) of something in a room: seldom vivid."""
    grey = rng.uniform(0.3, 0.9)
    warm = np.array([-1.0, 0.1, 1.0]) * rng.normal(0.03, 0.06)
    return (grey + warm + rng.normal(0, 0.03, 3)).clip(0.05, 0.95)


def _noise(rng: np.random.Generator, cells: tuple[int, ...],
           strengths: tuple[float, ...]) -> np.ndarray:
    """Return smooth noise (SIDE, SIDE) that joins at opposite edges."""
    noise = np.zeros((SIDE, SIDE), np.float32)
    for number, strength in zip(cells, strengths):
        grid = rng.standard_normal((number, number), dtype=np.float32)
        grid = np.pad(grid, 2, mode='wrap')
        side = SIDE * (number + 4) // number
        edge = (side - SIDE) // 2
        large = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
        noise += strength * large[edge:edge + SIDE, edge:edge + SIDE]
    return noise


def _plain(texture: np.ndarray, base: np.ndarray,
           rng: np.random.Generator) -> None:
    """Leave a plain texture as it is."""


def _boards(texture: np.ndarray, base: np.ndarray,
            rng: np.random.Generator) -> None:
    """Lay boards along x, in rows of uneven joints."""
    width = SIDE // int(rng.choice([16, 32, 64]))
    for top in range(0, SIDE, width):
        joints = np.sort(rng.integers(0, SIDE, 3))
        for left, right in zip([0, *joints], [*joints, SIDE]):
            texture[top:top + width, left:right] *= rng.uniform(0.8, 1.1)
            texture[top:top + width, max(left - 1, 0):left] *= 0.6
        texture[top:top + 1] *= 0.6
    streaks = rng.standard_normal((SIDE, 8), dtype=np.float32) * 0.05
    texture *= 1 + cv2.resize(streaks, (SIDE, SIDE))[..., None]


def _tiles(texture: np.ndarray, base: np.ndarray,
           rng: np.random.Generator) -> None:
    """Lay square tiles, plain or as a chessboard."""
    side = SIDE // int(rng.choice([8, 16, 16, 32]))
    row, column = np.indices((SIDE, SIDE)) // side
    other = _color(rng) if rng.random() < 0.5 else base * 0.97
    texture[(row + column) % 2 == 1] = other
    joint = base * rng.uniform(0.5, 0.9)
    texture[::side] = joint
    texture[:, ::side] = joint


def _carpet(texture: np.ndarray, base: np.ndarray,
            rng: np.random.Generator) -> None:
    """Weave a carpet: rough, with rhombs or without."""
    row, column = np.indices((SIDE, SIDE))
    if rng.random() < 0.5:
        period = SIDE // int(rng.choice([8, 16]))
        rhombs = (abs(row % period - period / 2)
                  + abs(column % period - period / 2)) < period / 4
        texture[rhombs] = _color(rng)
    rough = rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    texture *= 1 + 0.12 * rough[..., None]


def _stripes(texture: np.ndarray, base: np.ndarray,
             rng: np.random.Generator) -> None:
    """Hang striped wallpaper."""
    period = SIDE // int(rng.choice([16, 32, 64]))
    column = np.arange(SIDE) % period < period * rng.uniform(0.2, 0.6)
    texture[:, column] = base * rng.uniform(0.7, 1.2)


def _bricks(texture: np.ndarray, base: np.ndarray,
            rng: np.random.Generator) -> None:
    """Lay bricks."""
    height, width = SIDE // 64, SIDE // 16
    shades = rng.uniform(0.8, 1.15, (64, 16))
    row = np.arange(SIDE) // height
    column = (np.arange(SIDE)[None] + (row % 2 * width // 2)[:, None]) % SIDE
    texture *= shades[row[:, None], column // width][..., None]
    joint = base * rng.uniform(0.6, 1.3)
    texture[(np.arange(SIDE) % height == 0)[:, None]
            | (column % width == 0)] = joint


def _panels(texture: np.ndarray, base: np.ndarray,
            rng: np.random.Generator) -> None:
    """Clad a wall with upright panels, the lower part in another colour."""
    width = SIDE // int(rng.choice([4, 8]))
    texture[SIDE * 5 // 6:] = _color(rng)
    for left in range(0, SIDE, width):
        texture[:, left:left + width] *= rng.uniform(0.92, 1.06)
        texture[:, left:left + 1] *= 0.6


def _pictures(texture: np.ndarray, base: np.ndarray,
              rng: np.random.Generator) -> None:
    """Hang a few framed pictures on a wall."""
    for _ in range(rng.integers(2, 6)):
        width, height = rng.integers(30, 110, 2)
        # Row SIDE is the floor; people's eyes are 1.6 m above it.
        x = int(rng.integers(0, SIDE - width))
        y = int(SIDE - 1600 / TEXEL + rng.integers(-60, 20) - height / 2)
        y = max(y, 0)
        frame, inside = _color(rng) * 0.5, rng.uniform(0, 1, 3)
        texture[y:y + height, x:x + width] = frame
        picture = texture[y + 3:y + height - 3, x + 3:x + width - 3]
        picture[:] = inside
        for _ in range(3):
            center = tuple(int(v) for v in (
                rng.integers(width), rng.integers(height)))
            radius = int(rng.integers(4, 30))
            part = np.ascontiguousarray(picture)
            cv2.circle(part, center, radius, rng.uniform(0, 1, 3).tolist(),
                       -1)
            picture[:] = part


_PAINTERS = {
    'plain': _plain, 'boards': _boards, 'tiles': _tiles, 'carpet': _carpet,
    'stripes': _stripes, 'bricks': _bricks, 'panels': _panels,
    'pictures': _pictures,
}
