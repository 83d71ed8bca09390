"""Configs whose pairs are made while they train."""
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
ENTRY_POINTS = sorted(path.name for path in CONFIGS.glob('*.py'))


def types(value: object) -> list[str]:
    """Return every ``type`` in a config."""
    if isinstance(value, dict):
        own = [value['type']] if isinstance(value.get('type'), str) else []
        return own + types(list(value.values()))
    if isinstance(value, list | tuple):
        return [name for part in value for name in types(part)]
    return []


@pytest.mark.parametrize('name', ENTRY_POINTS)
def test_online_data_sets_are_told_of_each_pass(name: str) -> None:
    path = CONFIGS / name
    if 'mmpretrain' in path.read_text():
        pytest.importorskip('mmpretrain')
    config = Config.fromfile(path)
    online = 'OnlineSyntheticPairDataset' in types(
        config.train_dataloader.to_dict())
    assert online is ('online' in name)
    # Its indices know their pass, without DatasetEpochHook.
    assert config.train_dataloader.sampler.type == 'PairedSourceSampler'
    hooks = types(config.get('custom_hooks', []))
    assert 'SyncBuffersHook' in hooks  # MMPose's own


def test_the_online_config_differs_in_its_pairs_alone() -> None:
    plain = Config.fromfile(CONFIGS / 'xas_mini.py')
    online = Config.fromfile(CONFIGS / 'xas_mini_online.py')
    target, pairs = online.train_dataloader.dataset.datasets
    assert target == plain.train_dataloader.dataset.datasets[0]
    assert pairs.type == 'OnlineSyntheticPairDataset'
    for key in ('model', 'optim_wrapper', 'train_cfg', 'test_dataloader',
                'val_evaluator', 'custom_hooks'):
        assert online[key] == plain[key]
    for key in ('sampler', 'batch_size', 'batch_sampler'):
        assert online.train_dataloader[key] == plain.train_dataloader[key]
