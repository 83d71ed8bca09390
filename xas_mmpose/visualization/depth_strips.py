"""How likely each depth of each key point is, as strips."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .sheet import DASHED_GREY, Box, Sheet, paste_axes

#: Columns for the names of the key points.
NAMES = 132
#: RGB of the likeliest depth; white is impossible.
_LIKELY = np.array([70, 60, 160])


def draw_depth_strips(
        sheet: Sheet, panel: Box, depths: np.ndarray,
        probabilities: np.ndarray, limit: float,
        modes: Mapping[int, tuple[np.ndarray, tuple[float, ...]]],
        truth: np.ndarray | None, names: Sequence[str],
        colors: np.ndarray) -> None:
    """Draw a strip for each of K key points, the first one above.

    Args:
        sheet: What is drawn onto.
        panel: Where.
        depths: Centres of D bins (D,), mm, ascending.
        probabilities: How likely they are (K, D). Each strip is as dark as
            its peak at its peak. What is not finite is not known.
        limit: Half of what the panel's width stands for, mm.
        modes: Depths (K,) of each hypothesis, NaN for none, and the colour
            of its dots.
        truth: True depths (K,), NaN where nobody knows, or None.
        names: Names of the key points.
        colors: RGB of the names (K, 3), 0..1.

    Raises:
        ValueError: If depths and probabilities do not fit.
    """
    depths, probabilities = np.asarray(depths), np.asarray(probabilities)
    if (depths.ndim != 1 or len(depths) < 2 or (np.diff(depths) <= 0).any()
            or probabilities.shape != (len(names), len(depths))):
        raise ValueError(
            f'depth_profiles must be ascending depths (D,) and '
            f'({len(names)}, D), D at least 2, got {depths.shape} and '
            f'{probabilities.shape}')
    paste_axes(
        sheet, panel, (NAMES - 1, 24, 20, 36), (-limit, limit),
        'depth (mm, away)', title='depth profiles',
        # Thin letters need more contrast than lines.
        rows=tuple((name, tuple(color)) for name, color in zip(
            names, (0.8 * colors).tolist())))
    ends = (depths[1:] + depths[:-1]) / 2
    ends = np.concatenate([[2 * depths[0] - ends[0]], ends,
                           [2 * depths[-1] - ends[-1]]])
    # The panel's own frame stays around the strips.
    inside = Box(panel.left + 1, panel.top + 1, panel.width - 2,
                 panel.height - 2)
    step = 2 * limit / panel.width
    columns = -limit + step * (np.arange(inside.width) + 1.5)
    bins = np.searchsorted(ends, columns) - 1
    finite = np.isfinite(probabilities)
    probabilities = np.where(finite, probabilities, 0)
    known = ((bins >= 0) & (bins < len(depths))
             & finite[:, bins.clip(0, len(depths) - 1)])
    height = panel.height / len(names)
    rows = ((np.arange(inside.height) + 1.5) / height).astype(int)
    share = probabilities / np.maximum(
        probabilities.max(1, keepdims=True), 1e-12)
    share = np.where(known, share[:, bins.clip(0, len(depths) - 1)], 0)
    picture = 255 - share[rows][..., None] * (255 - _LIKELY)
    # What no bin covers is not impossible, but unknown.
    picture[~known[rows]] = 235
    sheet.paste(picture.round().astype(np.uint8), inside)

    middle = panel.top + height * (np.arange(len(names)) + 0.5)
    sheet.lines([np.array([[panel.left, y], [panel.left + panel.width, y]])
                 for y in (middle + height / 2)[:-1]], 'white', 1.0, panel)
    for values, color in modes.values():
        places = _places(values, middle, panel, step)
        # Dark dots have a light edge, light ones a dark one.
        sheet.dots(places, [color], 16, panel,
                   edge='white' if sum(color) < 0.5 else 'black')
    if truth is not None:
        places = _places(truth, middle, panel, step)
        reach = np.array([0, height / 2 - 1])
        for color, width in (('white', 3.0), (DASHED_GREY, 1.6)):
            sheet.lines([np.stack([place - reach, place + reach])
                         for place in places], color, width, panel)


def _places(depths: np.ndarray, middle: np.ndarray, panel: Box,
            step: float) -> np.ndarray:
    """Return where known depths (K,) lie on the sheet (N, 2)."""
    x = panel.left + panel.width / 2 + depths / step
    return np.stack([x, middle], -1)[np.isfinite(depths)]
