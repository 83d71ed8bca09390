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


def test_figures_of_metrics(tmp_path: Path, capsys,
                            monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / 'metrics.json'
    run(monkeypatch, 'metrics', '--quick', '--repeats', '1', '--json',
        str(path))
    figures = json.loads(path.read_text())
    metrics = ('mpjpe', 'n_mpjpe', 'p_mpjpe')
    assert set(figures) == {'3dpck_s', 'auc_s'} | {
        f'{name}_{what}' for name in metrics
        for what in ('s', 'loop_s', 'apart_mm')}
    # The batched errors are those of one pose after the other.
    assert all(figures[f'{name}_apart_mm'] < 1e-9 for name in metrics)
    assert 'p_mpjpe_apart_mm' in capsys.readouterr().out


def test_the_loops_have_closed_forms(monkeypatch: pytest.MonkeyPatch):
    from benchmarks import metrics
    pred, target = metrics._poses(3)
    loops = metrics._LOOPED
    assert loops['MPJPE'](target[0] + 7, target[0]) == pytest.approx(0)
    moved = target[0].copy()
    moved[1] += [0, 0, 36]
    assert loops['MPJPE'](moved, target[0]) == pytest.approx(2)
    scaled = 0.8 * target[0] + 3
    assert loops['MPJPE'](scaled, target[0]) > 50
    for name in ('N-MPJPE', 'P-MPJPE'):
        assert loops[name](scaled, target[0]) == pytest.approx(0)
    turned = target[0][:, [1, 2, 0]]
    assert loops['N-MPJPE'](turned, target[0]) > 50
    assert loops['P-MPJPE'](turned, target[0]) == pytest.approx(0)
    assert loops['P-MPJPE'](-turned, target[0]) > 50
    # What is timed is neither of these.
    assert loops['P-MPJPE'](pred[1], target[1]) > 20


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, 'everything')
    assert 'no benchmark everything' in capsys.readouterr().err
