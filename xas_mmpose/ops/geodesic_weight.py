"""Weights that grow along the body from its centre."""
from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np


def geodesic_weight(mask: np.ndarray,
                    centers: Sequence[Sequence[float]] | None = None,
                    steepness: float = 2.0,
                    background: float = 3.0,
                    offset: float = 21.0,
                    reference: bool = False) -> np.ndarray:
    """Weigh a mask's pixels by their way from the centre inside the body.

    Hands and feet cover few pixels, so a plain mean over a mask loss hardly
    sees them. The weight of a body pixel at the geodesic distance d from the
    centre is ``exp(steepness * d / max d) + offset``, that of a pixel at
    distance g from the body ``1 + offset + background * g / max g``
    (the authors' released code of arXiv 2411.13026, in none of whose
    published settings the weights are active). Both distances come from the
    fast marching method of second order.

    Args:
        mask: Foreground (H, W); every pixel that is not 0 belongs to it.
        centers: Points (N, 2) from which the way is measured: x, y in px,
            truncated to integers; the body's centroid by default.
        steepness: Growth along the body.
        background: Growth away from the body.
        offset: Added everywhere.
        reference: Do as the released code does where the default differs:
            parts of the body that are not connected to a centre weigh as
            little as the centre, a centre off the body gives ones, and the
            type is float64, or float16 for these ones. By default
            unconnected parts weigh as much as the far end, and a centre off
            the body moves to the nearest body pixel.

    Returns:
        Weights (H, W), float32; ones for an empty mask.

    Raises:
        ImportError: If scikit-fmm is not installed.
        ValueError: If a shape does not fit.

    Example:
        >>> row = np.array([[0, 1, 1, 1, 0, 0]])
        >>> weight = geodesic_weight(row, [[1, 0]], offset=0)
        >>> [round(float(w), 3) for w in weight[0, 1:4]]
        [1.0, 2.718, 7.389]
    """
    if mask.ndim != 2:
        raise ValueError(f'a mask has the shape (H, W), got {mask.shape}')
    inside = mask != 0
    ones = np.ones(mask.shape, np.float16 if reference else np.float32)
    if not inside.any():
        return ones
    columns, rows = _centers(inside, centers)
    on_body = _within(inside.shape, columns, rows)
    on_body[on_body] = inside[rows[on_body], columns[on_body]]
    if reference and not on_body.all():
        return ones
    if not on_body.all():
        columns, rows = _snap(inside, columns, rows)
    skfmm = _import_skfmm()
    start = np.ones(mask.shape)
    start[rows, columns] = 0
    along = skfmm.distance(np.ma.MaskedArray(start, ~inside))
    unconnected = np.ma.getmaskarray(along) & inside
    along = _to_unit(np.ma.filled(along, 0))
    if not reference:
        along[unconnected] = 1
    away = _to_unit(np.asarray(skfmm.distance(1.0 - inside)))
    weight = np.exp(steepness * along) + background * away + offset
    return weight if reference else weight.astype(np.float32)


def _centers(inside: np.ndarray,
             centers: Sequence[Sequence[float]] | None
             ) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and rows (N,) of the centres in whole px."""
    if centers is None:
        rows, columns = np.nonzero(inside)
        points = np.array([[columns.mean(), rows.mean()]])
    else:
        points = np.asarray(centers, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError('centers must have the shape (N, 2), got '
                         f'{points.shape}')
    columns, rows = points.astype(int).T
    return columns, rows


def _within(shape: tuple[int, int], columns: np.ndarray,
            rows: np.ndarray) -> np.ndarray:
    """Say which points (N,) lie in the picture."""
    return ((columns >= 0) & (columns < shape[1]) & (rows >= 0)
            & (rows < shape[0]))


def _snap(inside: np.ndarray, columns: np.ndarray,
          rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move points (N,) to the nearest body pixels."""
    body_rows, body_columns = np.nonzero(inside)
    square = ((body_columns - columns[:, None])**2 +
              (body_rows - rows[:, None])**2)
    nearest = square.argmin(1)
    return body_columns[nearest], body_rows[nearest]


def _to_unit(distance: np.ndarray) -> np.ndarray:
    """Divide by the maximum; a body of one pixel has only the distance 0."""
    farthest = distance.max()
    return distance / farthest if farthest > 0 else distance


def _import_skfmm() -> ModuleType:
    """Import scikit-fmm, which only these weights need."""
    try:
        import skfmm
    except ImportError as error:
        raise ImportError(
            'geodesic weights need scikit-fmm; install it with '
            '`pip install scikit-fmm` (it compiles a small extension, so a '
            'C++ compiler must be there) or `conda install -c conda-forge '
            'scikit-fmm`') from error
    return skfmm
