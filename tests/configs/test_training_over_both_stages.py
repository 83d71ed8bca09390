"""tools/train.py trains configs/xas_h36m.py from stage to stage."""
from __future__ import annotations

import itertools
import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()
SYNTHETIC = {'loss_synthetic', 'loss_synthetic_likelihood'}
PRETEXT = {'loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
           'loss_prior', 'prior/loss_discriminator'}
#: Two short epochs, one in each stage, of a small network.
SMALL = [
    'model.backbone.init_cfg=None', 'model.backbone.base_channels=8',
    'model.backbone.stem_channels=8', 'model.head.in_channels=256',
    'model.head.deconv_out_channels=[8,8,8]',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'train_dataloader.sampler.samples_per_source=2,2',
    'train_dataloader.sampler.num_batches=2',
    'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
    'val_dataloader.batch_size=4', 'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False', 'log_level=ERROR',
    'default_hooks.logger.interval=1', 'train_cfg.max_epochs=2',
    'custom_hooks.3.stages.1.begin=1',
]


def run(tool: str, monkeypatch: pytest.MonkeyPatch, *args: object) -> None:
    """Run a tool as from the command line."""
    path = ROOT / 'tools' / f'{tool}.py'
    name = f'both-{next(RUNS)}'
    monkeypatch.setattr(sys, 'argv', [
        str(path), *map(str, args),
        # An earlier run's visualizer would write into its own work dir.
        f'experiment_name={name}', f'visualizer.name={name}'])
    monkeypatch.setenv('LOCAL_RANK', '0')
    runpy.run_path(str(path), run_name='__main__')


def test_losses_are_switched_on_at_the_border(
        mini_root: Path, fake_synthetic: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('XAS_H36M_ROOT', str(mini_root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')
    config, work = ROOT / 'configs' / 'xas_h36m.py', tmp_path / 'work'
    run('train', monkeypatch, config, '--work-dir', work,
        '--cfg-options', *SMALL)

    lines = map(json.loads,
                next(work.rglob('scalars.json')).read_text().splitlines())
    *steps, errors = lines
    assert [line['epoch'] for line in steps] == [1, 1, 2, 2]
    first, second = steps[:2], steps[2:]
    for line in first:
        assert line.keys() >= SYNTHETIC
        assert not line.keys() & PRETEXT
        assert line['lr'] == 2e-4
    for line in second:
        assert line.keys() >= SYNTHETIC | PRETEXT
        assert all(line[name] > 0 for name in SYNTHETIC | PRETEXT)
        assert line['lr'] == 1e-4
    assert errors['MPJPE/top1'] > 0

    saved = torch.load(work / 'epoch_2.pth', weights_only=False)
    assert saved['adversarial_prior']['steps'] == 2
    assert all(torch.isfinite(value).all()
               for value in saved['state_dict'].values())
    # What was trained by both stages is tested by either one's config.
    run('test', monkeypatch, config, work / 'epoch_2.pth', '--work-dir', work,
        '--out', tmp_path / 'errors.json', '--cfg-options', *SMALL)
    tested = json.loads((tmp_path / 'errors.json').read_text())
    assert tested['MPJPE/top1'] == pytest.approx(errors['MPJPE/top1'])
