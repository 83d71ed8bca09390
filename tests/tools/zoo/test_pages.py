"""The pages of the model zoo and its index, as they are committed."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config.utils import _get_cfg_metainfo
from mmengine.infer import BaseInferencer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope='module')
def pages() -> Iterator[ModuleType]:
    """Return the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('zoo.pages')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules if n.split('.')[0] == 'zoo']:
            del sys.modules[name]


def test_the_pages_are_what_the_metafiles_say(pages):
    files = pages.zoo_files(ROOT)
    assert ROOT / 'model-index.yml' in files
    assert set((ROOT / 'configs').glob('*.md')) < set(files)
    for path, text in files.items():
        assert path.read_text() == text, f'run tools/report.py: {path.name}'


def test_mmengine_reads_the_zoo(tmp_path):
    """The readers behind MMPose's inferencers and get_config."""
    models = list(BaseInferencer._get_models_from_metafile(str(ROOT)))
    names = [model['Name'] for model in models]
    assert len(names) == len(set(names)) > 5
    (tmp_path / '.mim').symlink_to(ROOT)
    for model in models:
        assert {'Config', 'Weights', 'Results', 'In Collection'} <= set(model)
        path = model['Config'].removeprefix('configs/')
        assert _get_cfg_metainfo(str(tmp_path), path)['Config'] == (
            model['Config'])


def test_every_number_of_the_zoo_has_a_protocol():
    models = BaseInferencer._get_models_from_metafile(str(ROOT))
    for model in models:
        for result in model['Results'] or []:
            protocol = result['Protocol']
            assert {'Hypothesis Rule', 'Left/Right Rule', 'Root Rule',
                    'Joints', 'Crop Rule', 'Split', 'Seed'} <= set(protocol)
            assert result['Test Command']
            assert all(f'/{protocol["Hypothesis Rule"]}' in key
                       for key in result['Metrics'])


def test_model_index_reads_the_zoo():
    import modelindex
    index = modelindex.load(str(ROOT / 'model-index.yml'))
    index.check(silent=True)
    for part in (index, *index.models, *index.collections):
        assert not part.check_errors
    assert len(index.models) > 5
    expected = BaseInferencer._get_models_from_metafile(str(ROOT))
    for model, entry in zip(index.models, expected):
        assert model.name == entry['Name']
        assert len(model.results or []) == len(entry['Results'] or [])
        assert model.in_collection == 'X as Supervision'


def test_columns_are_figures_without_their_rules(pages):
    def result(rule: str, **metrics: float) -> dict:
        return dict(Protocol={'Hypothesis Rule': rule}, Metrics=metrics)

    rows = [
        result('top1', **{'MPJPE/top1,joints=14/per-action': 1.0,
                          'AUC/top1,reference,triangulated': 2.0,
                          'synthetic/P-MPJPE/top1': 3.0}),
        result('oracle-joint', **{'MPJPE/oracle-joint': 4.0}),
        result('top1', **{'2D/px,joints=14/per-category': 5.0,
                          'PCK@0.1/per-category': 6.0}),
        result('all', diversity=7.0),
        result('top1', **{'ambiguity,reference': 0.25}),
    ]
    head, _, *lines = pages.table([dict(
        Name='a', Config='configs/a.py', Weights=None, Results=rows)])
    cells = [dict(zip(head.split(' | '), line.split(' | ')))
             for line in lines]
    shown = [{key: cell for key, cell in row.items() if cell[0].isdigit()}
             for row in cells]
    assert shown == [
        {'MPJPE': '1.0', 'AUC': '2.0', 'synthetic/P-MPJPE': '3.0'},
        {'MPJPE': '4.0'}, {'2D/px': '5.0', 'PCK@0.1': '6.0'},
        {'diversity': '7.0'}, {'ambiguity': '0.250'}]
