"""What metafiles claim is there, and nothing is claimed of what is not."""
from __future__ import annotations

import hashlib
from pathlib import Path

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
