"""The benchmark prints and writes what it measures."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import cv2
import pytest
import torch

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'benchmark.py'


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_figures_are_written(tmp_path: Path, capsys,
                             monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / 'speed.json'
    run(monkeypatch, '--quick', '--repeats', '1', '--json', str(path))
    figures = json.loads(path.read_text())
    pairs = {f'pairs_per_second_core{body}{fine}'
             for body in ('', '_full')
             for fine in ('', '_supersampling_1', '_supersampling_2')}
    assert set(figures) == pairs | {
        'decode_forward_ms_per_sample',
        'decode_forward_backward_ms_per_sample',
        'skeleton_mask_ms_per_sample', 'stacked_maps_ms_per_sample',
        'soft_silhouette_ms', 'pytorch3d_soft_silhouette_ms',
        'soft_silhouette_gradient_cosine', 'rasterised_faces', 'zbuffer_ms',
        'pytorch3d_ms', 'zbuffer_speedup', 'face_id_agreement',
    }
    assert all(value > 0 for value in figures.values())
    assert figures['zbuffer_speedup'] == pytest.approx(
        figures['pytorch3d_ms'] / figures['zbuffer_ms'])
    # No times: both rasterisers see the same faces, both silhouettes pull
    # the same way.
    assert figures['face_id_agreement'] > 0.999
    assert figures['soft_silhouette_gradient_cosine'] > 0.99
    printed = capsys.readouterr().out
    assert all(name in printed for name in figures)


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, 'everything')
    assert 'no benchmark everything' in capsys.readouterr().err
