"""Results of two pictures, and pages of them."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tools.viewer.people import person, unpacked, write
from xas_mmpose.apis import PicturePoses


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """Return results of two pictures, the second with two people."""
    rng = np.random.default_rng(0)
    poses = []
    for name, people in (('a.png', [person()]),
                         ('b/c <&"é.png', [person(), person(50)])):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = cv2.resize(rng.integers(0, 120, (8, 12, 3), dtype=np.uint8),
                           (120, 80))
        path.write_bytes(cv2.imencode('.png', image)[1].tobytes())
        poses.append(PicturePoses(name, str(path), None, (120, 80), people))
    write(tmp_path / 'results.json', poses)
    return tmp_path / 'results.json'


@pytest.fixture
def make(tool, found, monkeypatch) -> Callable[..., tuple[str, dict]]:
    """Return what makes a page, without plotly unless it is asked for."""
    viewer = tool('make_viewer')
    real = tool('viewer.page').plotly_js

    def made(*options: str, plotly: bool = False) -> tuple[str, dict]:
        monkeypatch.setattr(tool('viewer.page'), 'plotly_js',
                            real if plotly else lambda: 'no plotly')
        out = found.parent / 'page.html'
        viewer.main([str(found), '--out', str(out), *options])
        page = out.read_text(encoding='ascii')
        return page, json.loads(unpacked(page, 'data'))

    return made
