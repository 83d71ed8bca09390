"""Every config trains and tests by the tools, on a small set of its kind."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: The fixture of conftest.py that writes a config's data, and a number that
#: its test reports; a second one where it does not test as it validates.
CASES = dict(
    xas_animal3d=('animal3d_data', 'N-MPJPE/top1/per-category'),
    xas_ap10k=('ap10k_data', 'synthetic/MPJPE/top1', '2D/crop'),
    xas_custom=('own_data', 'synthetic/MPJPE/top1', 'diversity'),
    xas_h36m=('mini_data', 'P-MPJPE/oracle'),
    xas_h36m_mpii_tiktok=('wild_data', 'MPJPE/top1/Walking'),
    xas_h36m_s1=('mini_data', 'MPJPE/top1'),
    xas_h36m_s2=('mini_data', 'MPJPE/top1'),
    xas_mini=('mini_data', 'MPJPE/oracle-joint'),
    xas_mini_ema=('mini_data', 'MPJPE/top1'),
    xas_mini_full=('mini_data', 'MPJPE/top1'),
    xas_mini_full_s2=('mini_data', 'MPJPE/top1'),
    xas_mini_online=('mini_data', 'MPJPE/top1'),
    xas_mini_s1=('mini_data', 'MPJPE/top1'),
    xas_mini_s2=('mini_data', 'MPJPE/top1'),
    xas_mpi_inf_3dhp=('mpi_data', '3DPCK@150/oracle'),
    xas_zoo_mini=('zoo_data', 'MPJPE/top1/per-category'),
    xas_zoo_mini_full=('zoo_data', 'MPJPE/top1'),
    xas_zoo_mini_full_s2=('zoo_data', 'MPJPE/top1'),
    xas_zoo_mini_s1=('zoo_data', 'P-MPJPE/oracle'),
    xas_zoo_mini_s2=('zoo_data', 'MPJPE/top1'))
#: Other backbones have a quicker test of their own.
NAMES = sorted({path.stem for path in CONFIGS.glob('*.py')
                if '_base_/any_' not in path.read_text()} | set(CASES))


def scalars(work_dir: Path) -> list[dict]:
    """Return what a training has logged, a step or validation a line."""
    text = next(work_dir.rglob('scalars.json')).read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize('name', NAMES)
def test_trains_and_tests(name: str, tmp_path: Path,
                          request: pytest.FixtureRequest,
                          small: Callable[[Config], dict],
                          run_tool: Callable[..., None]):
    path = CONFIGS / f'{name}.py'
    assert name in CASES, (
        f'nothing trains configs/{name}.py: name in CASES the fixture that '
        'writes its data, and what its test reports')
    assert path.is_file(), f'CASES has {name}, which is no config'
    fixture, key, *other = CASES[name]
    request.getfixturevalue(fixture)
    config = Config.fromfile(path)
    options = small(config)

    run_tool('train', path, '--work-dir', tmp_path / 'work',
             options=options | {'load_from': None})
    saved = torch.load(tmp_path / 'work/epoch_2.pth', weights_only=False)
    assert saved['meta']['iter'] == 2
    assert all(torch.isfinite(value).all()
               for value in saved['state_dict'].values())
    *steps, score = scalars(tmp_path / 'work')
    assert len(steps) == 2
    # The last of them belongs to the last stage: all its losses count.
    losses = {loss for loss, cfg in config.model.head.items()
              if loss.startswith('loss_') and cfg and cfg.loss_weight}
    for loss in losses:
        assert 0 < steps[-1][loss] < np.inf, loss
    assert {loss for loss in steps[-1] if loss.startswith('loss_')} == losses
    assert 0 < score[key] < 5000

    run_tool('test', path, tmp_path / 'work/epoch_2.pth', '--work-dir',
             tmp_path / 'test', '--out', tmp_path / 'metrics.json',
             options=options)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    if other:
        assert 0 < metrics[other[0]] < np.inf
        return
    # The same pictures again, by the weights that were saved.
    assert metrics[key] == pytest.approx(score[key], rel=1e-4)
