"""The tool and its parts, and a table of tiny rows."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[3]

#: A model of one weight that each step moves by 0.5 * lr_factor downwards,
#: and a metric that tells the weight.
MODULE = """
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmpose.registry import DATASETS, METRICS, MODELS


@DATASETS.register_module(force=True)
class FourOnes(torch.utils.data.Dataset):
    metainfo = dict(name='four ones')

    def __init__(self, data_root=None, command=None, **kwargs):
        pass

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(x=torch.ones(1))


@MODELS.register_module(force=True)
class OneWeight(BaseModel):
    def __init__(self, start=1., slope=1.):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([start]))
        self.slope = slope

    def forward(self, x, mode='tensor'):
        y = self.weight * torch.stack(tuple(x))
        return dict(loss=self.slope * y.mean()) if mode == 'loss' else [*y]


@METRICS.register_module(force=True)
class Weight(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [float(y) for y in data_samples]

    def compute_metrics(self, results):
        mean = sum(results) / len(results)
        return {'MPJPE/top1': mean, 'P-MPJPE/top1': 2 * mean}
"""

CONFIG = """
custom_imports = dict(imports=['xas_mmpose', 'tiny_for_ablation'])
default_scope = 'mmpose'
model = dict(type='OneWeight')
loader = dict(batch_size=2, sampler=dict(type='DefaultSampler'),
              collate_fn=dict(type='default_collate'),
              dataset=dict(type='FourOnes', data_root='{data}',
                           command='make them'))
train_dataloader = val_dataloader = test_dataloader = loader
train_cfg = dict(by_epoch=True, max_epochs=2)
val_cfg = test_cfg = dict()
val_evaluator = test_evaluator = dict(type='Weight')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
randomness = dict(seed=0)
custom_hooks = []
default_hooks = dict(checkpoint=dict(type='CheckpointHook',
                                     save_best='MPJPE/top1', rule='less'))
"""

TABLE = """
title = 'Ones'
rows = dict(
    nothing=dict(text='Is not trained.'),
    first=dict(text='Starts at 1.', config='{config}'),
    other=dict(text='Starts at 5.', config='{config}',
               options={{'model.start': 5.0}}),
    second=dict(text='Goes on from first.', config='{config}',
                start='first'),
    steep=dict(text='Goes on, and falls faster.', config='{config}',
               start='first', options={{'model.slope': 3.0}}))
comparisons = [('first', 'second'), ('second', 'steep')]
"""


@pytest.fixture(scope='module')
def tool() -> Iterator[SimpleNamespace]:
    """Return the tool and its parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield SimpleNamespace(
            main=importlib.import_module('run_ablation'),
            **{name: importlib.import_module(f'ablation.{name}')
               for name in ('plan', 'report', 'runs')})
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] in ('run_ablation', 'ablation')]:
            del sys.modules[name]


@pytest.fixture
def table_file(tmp_path: Path, tool: SimpleNamespace,
               monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a table of tiny rows."""
    tool.plan._read_config.cache_clear()
    (tmp_path / 'tiny_for_ablation.py').write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    (tmp_path / 'data').mkdir()
    config = tmp_path / 'tiny.py'
    config.write_text(CONFIG.format(data=tmp_path / 'data'))
    path = tmp_path / 'ones.py'
    path.write_text(TABLE.format(config=config))
    return path


@pytest.fixture
def make_plan(tmp_path: Path, table_file: Path,
              tool: SimpleNamespace) -> Callable[..., list]:
    """Return a function that plans the tiny rows."""

    def make(seeds: tuple = (0, ), checksum: str = 'abc',
             options: dict | None = None) -> list:
        table = tool.plan.read_table(table_file)
        return tool.plan.plan(table.rows, seeds, tmp_path / 'out',
                              lambda folder: checksum, options)

    return make
