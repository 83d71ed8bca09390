"""The benchmark prints and writes what it measures."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'benchmark.py'


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_figures_are_written(tmp_path: Path, capsys,
                             monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / 'speed.json'
    run(monkeypatch, 'mask', 'render', '--repeats', '1', '--json', str(path))
    figures = json.loads(path.read_text())
    assert set(figures) == {
        'skeleton_mask_ms_per_sample', 'stacked_maps_ms_per_sample',
        'pairs_per_second_160px', 'pairs_per_second_256px', 'zbuffer_ms',
        'pytorch3d_ms', 'face_id_agreement',
    }
    assert all(value > 0 for value in figures.values())
    # Not a time: both rasterisers see the same faces.
    assert figures['face_id_agreement'] > 0.999
    printed = capsys.readouterr().out
    assert all(name in printed for name in figures)


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, 'everything')
    assert 'no benchmark everything' in capsys.readouterr().err
