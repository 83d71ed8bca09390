"""What is read of the logs of a training."""
from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]

LOG = """\
    Python: 3.11.7 (main)
    seed: 3
2026/01/01 00:00:09 - mmengine - INFO - Exp name: my_tiny_20260101_000000
2026/01/01 00:00:09 - mmengine - INFO - {loop}(train) [2][1/1]  loss: 1.0
"""


@pytest.fixture(scope='module')
def finished_run() -> Iterator[ModuleType]:
    """Return the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('zoo.finished_run')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules if n.split('.')[0] == 'zoo']:
            del sys.modules[name]


def write_run(work: Path, stamp: str, config: str, last: str,
              loop: str = 'Epoch', more: str = '') -> Path:
    (work / stamp / 'vis_data').mkdir(parents=True)
    (work / stamp / f'{stamp}.log').write_text(more + LOG.format(loop=loop))
    (work / stamp / 'vis_data' / 'config.py').write_text(config)
    (work / 'last_checkpoint').write_text(f'/elsewhere/{last}')
    return work


def test_a_run_that_was_gone_on_with(finished_run, tmp_path):
    config = 'train_cfg = dict(by_epoch=True, max_epochs=2)\n'
    write_run(tmp_path, '20260101_000000',
              config + "load_from = 'first/epoch_6.pth'\n", 'epoch_2.pth')
    write_run(tmp_path, '20260102_000000', config + 'resume = True\n'
              'load_from = None\n', 'epoch_2.pth')
    training = finished_run.read_training(tmp_path)
    assert training.began == '20260102_000000'
    # What it began with, not what it went on with.
    assert training.cfg.load_from == 'first/epoch_6.pth'
    assert (training.name, training.seed) == ('my_tiny', 3)
    assert training.environment == {'Python': '3.11.7'}
    assert training.resources == 'CPU'
    assert training.code is None
    (tmp_path / 'result.json').write_text(
        json.dumps(dict(version='0.1.0', commit='abc1234')))
    assert finished_run.read_training(tmp_path).code == (
        'xas_mmpose 0.1.0, commit abc1234')


def test_a_run_that_counts_steps(finished_run, tmp_path):
    write_run(tmp_path, '20260101_000000',
              'train_cfg = dict(by_epoch=False, max_iters=70)',
              'iter_70.pth', loop='Iter', more='    GPU 0: Some GPU 80GB\n')
    training = finished_run.read_training(tmp_path)
    assert training.checkpoint == tmp_path / 'iter_70.pth'
    assert training.resources == '1x Some GPU 80GB'
    (tmp_path / 'last_checkpoint').write_text('iter_60.pth')
    with pytest.raises(ValueError, match=r'come to iter_60\.pth, not to iter_'
                                         r'70\.pth; go on: .*--resume'):
        finished_run.read_training(tmp_path)
