"""A picture that lines, dots and words are drawn onto, in its own pixels."""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import CircleCollection, LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox

DPI = 100
#: Colour of what is true, which is dashed.
DASHED_GREY = '0.4'
#: In line widths.
_DASHES = (0, (3, 2))


class Box(NamedTuple):
    """A rectangle of a sheet, px.

    Attributes:
        left: Its first column.
        top: Its first row.
        width: Number of columns.
        height: Number of rows.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def part(self) -> tuple[slice, slice]:
        """The rows and columns that it covers."""
        return (slice(self.top, self.top + self.height),
                slice(self.left, self.left + self.width))


class Sheet:
    """A white picture and what is drawn onto it, the later on top.

    Places are x, y in px from the picture's upper left corner: the first
    pixel's centre lies at (0.5, 0.5). matplotlib draws without axes, whose
    making takes most of its time, and outside of pyplot: nothing has to be
    closed.

    Args:
        width: Columns.
        height: Rows.
    """

    def __init__(self, width: int, height: int) -> None:
        #: RGBA, uint8: what lies below all that is drawn.
        self.pixels = np.full((height, width, 4), 255, np.uint8)
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        self._figure.patch.set_visible(False)
        self._down = Affine2D().scale(1, -1).translate(0, height)

    def paste(self, picture: np.ndarray, box: Box) -> None:
        """Fill a box with a picture (h, w, 3 or 4), RGB uint8.

        It is scaled to the box where it has another size.
        """
        if picture.shape[:2] != (box.height, box.width):
            smaller = picture.shape[0] > box.height
            picture = cv2.resize(
                picture, (box.width, box.height), interpolation=(
                    cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))
        channels = picture.shape[2]
        self.pixels[(*box.part, slice(channels))] = picture

    def lines(self, lines: Sequence[np.ndarray], colors: object,
              width: float, box: Box | None = None, alpha: float = 1.0,
              dashed: bool = False) -> None:
        """Draw lines, each of two or more places (N, 2).

        Args:
            lines: They.
            colors: Of each, or one, as matplotlib takes them.
            width: In points of 1/72 inch, 1.4 px.
            box: What lies outside of it is left out.
            alpha: Opacity.
            dashed: Whether they are.
        """
        if len(lines):
            self._add(LineCollection(
                lines, colors=colors, linewidths=width, alpha=alpha,
                linestyles=_DASHES if dashed else 'solid',
                capstyle='butt' if dashed else 'round',
                transform=self._down), box)

    def dots(self, places: np.ndarray, colors: object, size: float,
             box: Box | None = None, alpha: float = 1.0,
             edge: str = 'white') -> None:
        """Draw dots with a thin edge at places (N, 2).

        Args:
            places: Their centres.
            colors: Of each, or one.
            size: Their area in square points.
            box: What lies outside of it is left out.
            alpha: Opacity.
            edge: Colour of the edges.
        """
        if len(places):
            self._add(CircleCollection(
                [size], offsets=places, offset_transform=self._down,
                facecolors=colors, edgecolors=edge, linewidths=0.4,
                alpha=alpha), box)

    def words(self, x: float, y: float, text: str, size: float = 7,
              **options: object) -> None:
        """Write; what looks like mathematics stays as it is.

        Args:
            x: Where they begin, or end, as ``ha`` says.
            y: Their upper end, unless ``va`` says otherwise.
            text: They.
            size: In points.
            **options: matplotlib's, such as ``color``.
        """
        self._add(Text(x, y, text, fontsize=size, transform=self._down,
                       parse_math=False, **{'va': 'top', **options}), None)

    def draw(self) -> np.ndarray:
        """Return the picture, BGR uint8."""
        canvas = FigureCanvasAgg(self._figure)
        renderer = canvas.get_renderer()
        # It counts rows from below.
        renderer.draw_image(renderer.new_gc(), 0, 0, self.pixels[::-1])
        self._figure.draw(renderer)
        return cv2.cvtColor(np.asarray(canvas.buffer_rgba()),
                            cv2.COLOR_RGBA2BGR)

    def _add(self, artist: Artist, box: Box | None) -> None:
        """Put something on top."""
        artist.set_zorder(len(self._figure.artists))
        self._figure.add_artist(artist)
        if box is not None:
            artist.set_clip_box(Bbox.from_extents(
                box.left, self.height - box.top - box.height,
                box.left + box.width, self.height - box.top))


def width_of(text: str, size: float) -> float:
    """Return the px that words take which :meth:`Sheet.words` writes.

    Args:
        text: They.
        size: In points.
    """
    return RendererAgg(1, 1, DPI).get_text_width_height_descent(
        text, FontProperties(size=size), False)[0]


def paste_axes(sheet: Sheet, box: Box, margins: tuple[int, int, int, int],
               x_limits: tuple[float, float], x_label: str,
               y_limits: tuple[float, float] | None = None,
               y_label: str = '', title: str = '',
               rows: tuple[tuple[str, tuple[float, ...]], ...] = ()) -> None:
    """Lay axes with five ticks around a box; equal ones are drawn once.

    Args:
        sheet: The sheet.
        box: What lies within the axes.
        margins: Room for labels, px: left, top, right, bottom of the box.
        x_limits: What the left and right ends stand for.
        x_label: What x is.
        y_limits: What the lower and upper ends stand for; None for rows
            with names.
        y_label: What y is.
        title: Words above.
        rows: Name and RGB colour of the rows, from above.
    """
    left, top, right, bottom = margins
    picture = _axes_picture(box.width, box.height, margins, x_limits,
                            x_label, y_limits, y_label, title, rows)
    around = Box(box.left - left, box.top - top, box.width + left + right,
                 box.height + top + bottom)
    pixels = sheet.pixels[around.part]
    # A number may reach into the neighbour's margin.
    np.minimum(pixels, picture[:, :pixels.shape[1]], out=pixels)


@lru_cache(maxsize=32)
def _axes_picture(width: int, height: int,
                  margins: tuple[int, int, int, int],
                  x_limits: tuple[float, float], x_label: str,
                  y_limits: tuple[float, float] | None, y_label: str,
                  title: str,
                  rows: tuple[tuple[str, tuple[float, ...]], ...]
                  ) -> np.ndarray:
    """Draw empty axes, RGBA uint8; see :func:`paste_axes`."""
    left, top, right, bottom = margins
    total = left + width + right, top + height + bottom
    figure = Figure(figsize=(total[0] / DPI, total[1] / DPI), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((left / total[0], bottom / total[1],
                            width / total[0], height / total[1]))
    axes.set_xlim(*x_limits)
    axes.set_xticks(np.linspace(*x_limits, 5))
    if y_limits is None:
        axes.set_ylim(len(rows), 0)
        axes.set_yticks(np.arange(len(rows)) + 0.5,
                        [name for name, _ in rows])
        for tick, (_, color) in zip(axes.get_yticklabels(), rows):
            tick.set_color(color)
    else:
        axes.set_ylim(*y_limits)
        axes.set_yticks(np.linspace(*y_limits, 5))
        axes.grid(color='0.88', linewidth=0.6)
        axes.set_axisbelow(True)
    axes.set_title(title, fontsize=10, pad=4)
    axes.set_xlabel(x_label, fontsize=8, labelpad=2)
    axes.set_ylabel(y_label, fontsize=8, labelpad=0)
    axes.tick_params(labelsize=7, length=2)
    canvas.draw()
    picture = np.array(canvas.buffer_rgba())
    picture.setflags(write=False)
    return picture
