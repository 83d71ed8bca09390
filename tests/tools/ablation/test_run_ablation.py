"""tools/run_ablation.py from the command line."""
from __future__ import annotations

import json
import os
import signal
import sys

import numpy as np
import pytest


def test_a_polite_request_stops_like_ctrl_c(table_file, tmp_path, tool,
                                            monkeypatch, capsys):
    monkeypatch.setattr(
        tool.main.Trainer, 'run',
        lambda self, runs: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(sys, 'argv', [
        'run_ablation.py', '--config', str(table_file), '--out',
        str(tmp_path / 'out')])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert tool.main.main() == 130
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert 'the same command goes on' in capsys.readouterr().out


@pytest.mark.parametrize('root', [0, 8])
def test_report_only_measures_the_mean_pose(root, tool, fake_h36m,
                                            fake_synthetic, monkeypatch,
                                            tmp_path, capsys):
    frames = fake_h36m.root / 'annotation_body3d' / 'fps10'
    frames.mkdir(parents=True)
    annotations = fake_h36m.root / 'annotations'
    for split in ('train', 'test'):
        (frames / f'h36m_{split}.npz').write_bytes(
            (annotations / 'h36m_train.npz').read_bytes())
    (frames.parent / 'cameras.pkl').write_bytes(
        (annotations / 'cameras.pkl').read_bytes())
    monkeypatch.setenv('XAS_MINI_ROOT', str(fake_h36m.root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    tool.plan._read_config.cache_clear()
    # None of the six is held out.
    options = ['train_dataloader.dataset.datasets.1.split=None',
               f'dataset_info.root_index={root}']
    monkeypatch.setattr(sys, 'argv', [
        'run_ablation.py', '--report-only', '--out', str(tmp_path / 'out'),
        '--report', str(tmp_path / 'docs' / 'table'), '--cfg-options',
        *options])
    assert tool.main.main() == 0
    report = json.loads((tmp_path / 'docs' / 'table.json').read_text())
    poses = [np.array(a['keypoints_3d']) for a in json.loads(
        (fake_synthetic / 'annotations.json').read_text())['annotations']]
    mean = np.mean([pose - pose[root] for pose in poses], 0)
    truth = np.concatenate([
        fake_h36m.keypoints_3d,
        fake_h36m.keypoints_3d[:, [11, 14]].mean(1, keepdims=True)], 1)
    error = np.linalg.norm(
        truth - truth[:, [root]] - mean, axis=-1).mean()
    assert report['rows']['mean_pose']['MPJPE/top1'] == dict(
        mean=pytest.approx(error), std=None, n=1)
    assert report['rows']['full'] is None
    assert report['settings']['test_pictures'] == 6
    assert report['settings']['labelled_training_pictures'] == 6
    assert report['settings']['command'] == (
        'python tools/run_ablation.py --seeds 0 1 2 --cfg-options '
        + ' '.join(options))
    assert str(tmp_path) not in json.dumps(report)
    assert not (tmp_path / 'out').exists()
    page = (tmp_path / 'docs' / 'table.md').read_text()
    assert page in capsys.readouterr().out


@pytest.mark.parametrize('args, message', [
    (['--jobs', '0'], '--jobs starts at 1'),
    (['--threads', '0'], '--threads starts at 1'),
    (['--seeds', '1', '1'], 'names a seed twice'),
])
def test_bad_arguments_are_named(args, message, tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['run_ablation.py', *args])
    with pytest.raises(SystemExit):
        tool.main.main()
    assert message in capsys.readouterr().err


def test_unknown_rows_are_named(tool, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['run_ablation.py', '--rows', 'half'])
    with pytest.raises(ValueError, match=r"no row \['half'\]"):
        tool.main.main()
