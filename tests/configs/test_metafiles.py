"""What metafiles claim is there, and nothing is claimed of what is not."""
from __future__ import annotations

import hashlib
from pathlib import Path

import mmpose
import pytest
import torch
import yaml
from mmengine.config import Config
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
METAFILES = sorted((ROOT / 'configs').glob('*metafile.yml'))


def test_there_are_metafiles():
    assert METAFILES


@pytest.mark.parametrize('path', METAFILES, ids=lambda path: path.name)
def test_a_metafile_holds_together(path: Path):
    content = yaml.safe_load(path.read_text())
    collections = {entry['Name'] for entry in content['Collections']}
    for model in content['Models']:
        assert (ROOT / model['Config']).is_file()
        assert model['In Collection'] in collections
        for result in model['Results'] or []:
            assert {'Task', 'Dataset', 'Metrics'} <= set(result)
            assert all(0 < value < 1000
                       for value in result['Metrics'].values())
        # No weights without what they score; a row may do without weights.
        assert model['Results'] or not model['Weights']


def test_every_config_has_its_row():
    rows = {model['Config'] for path in METAFILES
            for model in yaml.safe_load(path.read_text())['Models']}
    configs = {f'configs/{path.name}'
               for path in (ROOT / 'configs').glob('*.py')
               # docs/backbones.md has these, which nobody has trained.
               if '_base_/any_' not in path.read_text()}
    # Nobody can repeat what was trained on somebody's own pictures.
    assert rows == configs - {'configs/xas_custom.py'}


def kinds_of(entry: dict, where: str = '') -> dict[str, str]:
    """Return the kind of each field of an entry of Models."""
    kinds = {}
    for key, value in entry.items():
        kinds[where + key] = type(value).__name__
        if key == 'Metadata':
            kinds.update(kinds_of(value, 'Metadata.'))
        if key == 'Results':
            for result in value or []:
                kinds.update(kinds_of(result, 'Results.'))
    return kinds


def test_metafiles_are_like_mmposes():
    folder = Path(mmpose.__file__).parent / '.mim' / 'configs'
    theirs = [model for path in sorted(folder.rglob('*.yml'))
              for model in yaml.safe_load(path.read_text())['Models']]
    ours = [model for path in METAFILES
            for model in yaml.safe_load(path.read_text())['Models']]
    tasks = {result['Task'] for model in theirs
             for result in model['Results']}
    allowed: dict[str, set[str]] = {}
    required = None
    for kinds in map(kinds_of, theirs):
        required = kinds.keys() & (required or kinds.keys())
        for key, kind in kinds.items():
            allowed.setdefault(key, set()).add(kind)
    assert {'Name', 'Config', 'Weights', 'Results', 'Results.Metrics',
            'Metadata.Training Data', 'Metadata.Architecture'} <= required
    for model in ours:
        kinds = kinds_of(model)
        measured = model['Results'] is not None
        for key in required:
            if not measured and key.startswith('Results.'):
                continue
            # What nobody has measured, or hands out, is null.
            assert kinds[key] in {*allowed[key], 'NoneType'}, (
                model['Name'], key)
        assert model['Name'] == Path(model['Config']).stem
        for result in model['Results'] or []:
            assert result['Task'] in tasks | {'Animal 3D Keypoint'}
            assert all(isinstance(value, float)
                       for value in result['Metrics'].values())
    names = [model['Name'] for model in ours]
    assert len(names) == len(set(names)) > 5


@pytest.mark.parametrize('path', METAFILES, ids=lambda path: path.name)
def test_shipped_weights_fit_their_config(path: Path):
    named = [model for model in yaml.safe_load(path.read_text())['Models']
             if model['Weights'] and '://' not in model['Weights']]
    if not named:
        pytest.skip(f'{path.name} names no weights of this repository')
    for model in named:
        data = (ROOT / model['Weights']).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        assert f'-{digest[:8]}_' in model['Weights']
        assert len(data) <= 12e6
        checkpoint = torch.load(ROOT / model['Weights'], weights_only=True)
        assert set(checkpoint) == {'meta', 'state_dict'}
        meta = checkpoint['meta']
        assert meta['command'] == model['Metadata']['Training Command']
        assert meta['training_data_licence'].startswith(
            model['Metadata']['Training Data Licence'])
        assert {'name', 'sha256', 'settings'} <= set(meta['training_data'][0])
        cfg = Config.fromfile(ROOT / model['Config'])
        MODELS.build(cfg.model).load_state_dict(checkpoint['state_dict'])
