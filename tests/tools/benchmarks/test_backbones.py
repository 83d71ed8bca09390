"""The table of backbones, its figures, and what has drifted."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config import Config
from torch import nn

ROOT = Path(__file__).resolve().parents[3]
FIGURES = {
    'res50/channels': 2048, 'res50/stride': 32.0, 'res50/parameters_m': 34.7,
    'res50/gflops': 8.43, 'res50/forward_ms': 123.4, 'res50/trains': 'yes',
    'res50/onnx': 'yes',
    'tiny/channels': 40, 'tiny/stride': 4.0, 'tiny/parameters_m': 0.51,
    'tiny/gflops': 0.52, 'tiny/forward_ms': 7.04, 'tiny/trains': 'yes',
    'tiny/onnx': 'no: X: y'}
TABLE = """\
| config | channels | stride | parameters (M) | FLOPs (G) | forward (ms) \
| trains | ONNX |
|---|---:|---:|---:|---:|---:|---|---|
| `xas_h36m_tiny` | 40 | 4 | 0.5 | 0.5 | 7.0 | yes | no: X: y |
| `xas_h36m` | 2048 | 32 | 34.7 | 8.4 | 123 | yes | yes |"""


@pytest.fixture(scope='module')
def backbones(load: Callable) -> ModuleType:
    return load('backbones')


def test_the_table(backbones: ModuleType, tmp_path: Path):
    assert backbones.table_of(FIGURES) == TABLE
    page = tmp_path / 'page.md'
    page.write_text('above\n{}\nold\n{}\nbelow\n'.format(*backbones.MARKS))
    for _ in range(2):
        backbones.write_table(page, FIGURES)
        assert page.read_text() == (
            f'above\n{backbones.MARKS[0]}\n{TABLE}\n{backbones.MARKS[1]}\n'
            'below\n')
    page.write_text('no marks')
    with pytest.raises(ValueError, match=r'page\.md lacks the lines'):
        backbones.write_table(page, FIGURES)


def test_figures_of_one(backbones: ModuleType):
    figures = dict(backbones.bench_backbones(1, quick=True))
    assert {key.split('/')[0] for key in figures} == {'mobilenetv2'}
    figures = {key.split('/')[1]: value for key, value in figures.items()}
    assert set(figures) == {*backbones.STATIC.values(),
                            *backbones.MEASURED.values()}
    assert (figures['channels'], figures['stride']) == (1280, 32)
    assert figures['trains'] == 'yes'
    assert figures['forward_ms'] > 0


def test_flops_and_parameters_in_closed_form(backbones: ModuleType):
    backbones._quiet()
    config = backbones._config(ROOT / 'configs/xas_h36m.py', 64)
    figures = backbones.static_figures(config)
    # A ResNet-50 without its classifier, and all that the head adds.
    deconvs = [2048 * 256 * 16, 256 * 256 * 16, 256 * 256 * 16]
    scores = 256 * 18 * 16
    assert figures['parameters_m'] * 1e6 == (
        23_508_032 + sum(deconvs) + 3 * 2 * 256 + scores + 18 * 16)
    backbone = 4_087_136_256  # at 224x224 px, without the classifier
    head = sum(d * cells for d, cells in zip(deconvs, (4, 16, 64)))
    assert figures['gflops'] * 1e9 == pytest.approx(
        backbone * (64 / 224)**2 + head + scores * 256, rel=1e-9)


def test_the_page_is_up_to_date(backbones: ModuleType,
                                monkeypatch: pytest.MonkeyPatch):
    # The quick ones; `tools/benchmark.py --check` looks at all of them.
    paths = backbones.backbone_configs()
    monkeypatch.setattr(backbones, 'backbone_configs', lambda: {
        name: paths[name] for name in ('mobilenetv2', 'shufflenetv2')})
    assert backbones.drift_of(ROOT / 'docs/backbones.md') == []


def test_drift_is_seen(backbones: ModuleType, tmp_path: Path,
                       monkeypatch: pytest.MonkeyPatch):
    paths = backbones.backbone_configs()
    assert len(paths) >= 12
    monkeypatch.setattr(backbones, 'backbone_configs', lambda: {
        'mobilenetv2': paths['mobilenetv2']})
    text = (ROOT / 'docs/backbones.md').read_text()
    row, = (line for line in text.splitlines()
            if line.startswith('| `xas_h36m_mobilenetv2`'))
    page = tmp_path / 'page.md'
    page.write_text(text.replace(row, row.replace('| 1280 |', '| 1281 |')))
    fault, = backbones.drift_of(page)
    assert "xas_h36m_mobilenetv2: the table says ['1281'" in fault
    page.write_text(text.replace(row, row.replace('mobilenetv2', 'other')))
    assert len(backbones.drift_of(page)) == 2


def test_the_export_says_why_not(backbones: ModuleType,
                                 monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError('no such operator\nand a long story')

    monkeypatch.setattr(backbones, 'export_onnx', refuse)
    model = nn.Module()
    model.head = nn.Module()
    model.head.decoder = type('Codec', (), dict(input_size=(8, 8)))
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/human36m_18.py')
    assert backbones._export(model, config) == (
        'no: RuntimeError: no such operator')
