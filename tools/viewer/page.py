"""One HTML file that holds all it needs."""
from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xas_mmpose.apis import PicturePoses, results_dict

from .pictures import SIDES

_FOLDER = Path(__file__).resolve().parent / 'assets'
_SCRIPTS = ('unpack', 'data', 'scene', 'touch', 'picture', 'profile',
            'controls', 'main')


def build_page(poses: Sequence[PicturePoses], meta: dict[str, Any],
               images: Sequence[dict[int, bytes] | None],
               truth: Sequence[Sequence[dict | None]] | None, title: str,
               max_bytes: float) -> tuple[str, int]:
    """Make the page, with pictures as large as there is room for.

    Args:
        poses: The results.
        meta: What they say of all pictures.
        images: JPEGs of each picture by :data:`~.pictures.SIDES`, None where
            it is gone.
        truth: What :func:`~.truth.find_truth` says, or None.
        title: Heading of the page.
        max_bytes: What the page may take.

    Returns:
        The HTML, all ASCII, and the longer side in px that pictures have at
        most.

    Raises:
        ValueError: If even small pictures take too much, or plotly is not
            installed.
    """
    plotly = pack(plotly_js())
    bare = len(_fill(title, plotly, ''))
    if bare > max_bytes:
        raise ValueError(
            f'the page takes {bare / 1e6:.2f} MB without any picture, '
            f'{len(plotly) / 1e6:.2f} MB of it plotly, more than --max-mb '
            f'{max_bytes / 1e6:g}: raise it')
    for side in SIDES:
        shown = [one and one[side] for one in images]
        # Two JPEGs hardly pack into less than they take.
        least = bare + 4 / 3 * 0.9 * sum(len(one or b'')
                                                for one in shown)
        if least > max_bytes and side != SIDES[-1]:
            continue
        data = dict(
            results=results_dict(poses, meta), truth=truth,
            images=[one and base64.b64encode(one).decode() for one in shown])
        page = _fill(title, plotly, pack(json.dumps(data, allow_nan=False)))
        if len(page) <= max_bytes:
            return page, side
    raise ValueError(
        f'the page takes {len(page) / 1e6:.2f} MB even with pictures of '
        f'{side} px, more than --max-mb {max_bytes / 1e6:g}: choose fewer of '
        f'its {len(poses)} pictures with --only PATTERN or --every '
        f'{max(2, round(len(page) / max_bytes + 0.5))}, or raise --max-mb')


def pack(text: str) -> str:
    """Return text compressed (gzip) and in letters (base64).

    The same text gives the same letters: no time is in it.
    """
    packed = gzip.compress(text.encode(), 9, mtime=0)
    return base64.b64encode(packed).decode()


def plotly_js() -> str:
    """Return plotly.js, which pip's ``plotly`` brings along.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ValueError('the page is drawn by plotly, which is not '
                         'installed: pip install plotly') from error
    return get_plotlyjs()


def _fill(title: str, plotly: str, data: str) -> str:
    """Put all parts into the page."""
    page = (_FOLDER / 'page.html').read_text(encoding='ascii')
    script = '\n'.join((_FOLDER / f'{name}.js').read_text(encoding='ascii')
                       for name in _SCRIPTS)
    style = (_FOLDER / 'page.css').read_text(encoding='ascii')
    title = html.escape(title).encode('ascii', 'xmlcharrefreplace').decode()
    # What may hold anything comes last: nothing is replaced in it.
    for mark, part in (('STYLE', style), ('SCRIPT', script),
                       ('PLOTLY', plotly), ('DATA', data), ('TITLE', title)):
        page = page.replace(f'%{mark}%', part)
    return page
