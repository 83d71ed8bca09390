"""The benchmark prints and writes what it measures."""
from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'benchmark.py'


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the tool's modules importable; threads are as before after it."""
    monkeypatch.syspath_prepend(str(TOOL.parent))
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])
    for name in [n for n in sys.modules if n.split('.')[0] == 'benchmarks']:
        del sys.modules[name]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def figures_of(names: list[str], path: Path, monkeypatch: pytest.MonkeyPatch,
               capsys: pytest.CaptureFixture) -> dict[str, float]:
    """Run benchmarks at small sizes and return what they have written."""
    # One thread: on a busy machine two wait for each other.
    run(monkeypatch, *names, '--quick', '--repeats', '1', '--threads', '1',
        '--json', str(path))
    figures = json.loads(path.read_text())
    assert all(value > 0 for value in figures.values())
    printed = capsys.readouterr().out
    assert all(name in printed for name in figures)
    return figures


def test_figures_of_parts(tmp_path: Path, capsys,
                          monkeypatch: pytest.MonkeyPatch):
    figures = figures_of(['decode', 'mask', 'render'],
                         tmp_path / 'speed.json', monkeypatch, capsys)
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
    assert figures['zbuffer_speedup'] == pytest.approx(
        figures['pytorch3d_ms'] / figures['zbuffer_ms'])
    # No times: both rasterisers see the same faces, both silhouettes pull
    # the same way.
    assert figures['face_id_agreement'] > 0.999
    assert figures['soft_silhouette_gradient_cosine'] > 0.99


def test_figures_of_operations_and_of_a_training_step(
        tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    figures = figures_of(['ops', 'step'], tmp_path / 'speed.json',
                         monkeypatch, capsys)
    assert set(figures) == {
        'depth_modes_speedup', 'depth_modes_extra_volumes',
        'naive_extra_volumes', 'skeleton_mask_speedup',
        'skeleton_mask_memory_ratio', 'bare_ms', 'product_ms', 'naive_ms',
        'product_full_map_ms', 'ratio_to_bare', 'ratio_to_bare_full_map',
        'naive_ratio_to_bare', 'product_peak_mib', 'product_full_map_peak_mib',
        'naive_peak_mib', 'resident_mib', 'peak_memory_ratio',
        'peak_memory_ratio_full_map',
    }
    for name, key in (('product', 'ratio_to_bare'),
                      ('product_full_map', 'ratio_to_bare_full_map'),
                      ('naive', 'naive_ratio_to_bare')):
        assert figures[key] == pytest.approx(
            figures[f'{name}_ms'] / figures['bare_ms'])
    for suffix in ('', '_full_map'):
        assert figures[f'peak_memory_ratio{suffix}'] == pytest.approx(
            figures[f'product{suffix}_peak_mib'] / figures['naive_peak_mib'])
    # No times: memory is the same on every run. The twin holds the softmax,
    # what comes back through its sums, and what it adds that up in.
    assert figures['naive_extra_volumes'] >= 2
    assert figures['skeleton_mask_memory_ratio'] < 0.25


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, 'everything')
    assert 'no benchmark everything' in capsys.readouterr().err
