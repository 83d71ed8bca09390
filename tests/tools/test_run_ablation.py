"""tools/run_ablation.py: what it trains, what it skips, what it reports."""
from __future__ import annotations

import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]

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


def names(runs: list) -> list[tuple[str, int]]:
    return [(run.row.name, run.seed) for run in runs]


def keys(runs: list) -> dict[str, str]:
    return {run.row.name: run.key for run in runs}


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# --- the plan -------------------------------------------------------------


def test_plan_shares_the_first_stage_within_a_seed(make_plan, tool):
    runs = make_plan(seeds=(0, 3))
    assert names(runs) == [
        (name, seed) for seed in (0, 3)
        for name in ('first', 'other', 'second', 'steep')]
    first, other, second, steep = runs[:4]
    assert second.start is first
    assert steep.start is first
    assert first.start is other.start is None
    assert runs[6].start is runs[4]
    assert [run.cfg.randomness.seed for run in runs] == [0] * 4 + [3] * 4
    assert len({run.folder for run in runs}) == 8
    # The last checkpoint counts: nothing is chosen on test pictures.
    assert first.cfg.val_dataloader is None
    assert 'save_best' not in first.cfg.default_hooks.checkpoint
    assert other.cfg.model.start == 5.0

    assert names(tool.plan.needed(runs, ['steep'])) == [
        ('first', 0), ('steep', 0), ('first', 3), ('steep', 3)]
    assert names(tool.plan.needed(runs, ['nothing', 'other'])) == [
        ('other', 0), ('other', 3)]


def test_keys_change_with_what_weights_depend_on(make_plan, table_file, tool,
                                                 monkeypatch):
    before = keys(make_plan())
    assert keys(make_plan()) == before
    assert len(set(before.values())) == 4
    # A changed row changes alone; what it starts from stays.
    rewrite(table_file, "'model.slope': 3.0", "'model.slope': 4.0")
    after = keys(make_plan())
    assert [n for n in before if before[n] != after[n]] == ['steep']
    # What a row is called by people does not count.
    rewrite(table_file, 'Starts at 5.', 'Five.')
    assert keys(make_plan()) == after
    # What it starts from does.
    rewrite(table_file, "text='Starts at 1.'",
            "options={'model.start': 2.0}, text=''")
    changed = keys(make_plan())
    assert [n for n in after if changed[n] != after[n]] == [
        'first', 'second', 'steep']
    # So do the data, the package and the seed: for all.
    for other in (keys(make_plan(checksum='abd')),
                  keys(make_plan(seeds=(1, ))),
                  keys(make_plan(options={'optim_wrapper.optimizer.lr':
                                          0.1}))):
        assert not set(other.values()) & set(changed.values())
    monkeypatch.setattr(tool.plan.xas_mmpose, '__version__', '99')
    assert not set(keys(make_plan()).values()) & set(changed.values())


def test_test_settings_change_the_test_alone(make_plan):
    plain, = (run for run in make_plan() if run.row.name == 'first')
    other, = (run for run in make_plan(
        options={'test_dataloader.batch_size': 1}) if run.row.name == 'first')
    assert other.key == plain.key
    assert other.test_key != plain.test_key


def test_data_may_lie_elsewhere(make_plan, tmp_path):
    before = keys(make_plan())
    moved = tmp_path / 'elsewhere'
    (tmp_path / 'data').rename(moved)
    with pytest.raises(FileNotFoundError, match='make it: make them'):
        make_plan()
    assert keys(make_plan(options={
        'train_dataloader.dataset.data_root': str(moved),
        'test_dataloader.dataset.data_root': str(moved)})) == before


def test_all_seeds_of_a_config_are_set(tool):
    cfg = Config(dict(randomness=dict(seed=0), custom_hooks=[
        dict(type='AdversarialPriorHook'), dict(type='SyncBuffersHook')]))
    seeded = tool.plan.with_seed(cfg, 7)
    assert seeded.randomness.seed == 7
    assert seeded.custom_hooks == [
        dict(type='AdversarialPriorHook', seed=7),
        dict(type='SyncBuffersHook')]
    assert cfg.randomness.seed == 0


@pytest.mark.parametrize('old, new, message', [
    ("start='first')", "start='nothing')", 'second starts from nothing'),
    ("start='first')", "start='steep')", 'second starts from steep'),
    ("text='Starts at 1.'", "txt=''", r"first has the unknown settings "
     r"\['txt'\]"),
    ("('first', 'second')", "('first', 'third')", 'third.* unknown row'),
])
def test_wrong_tables_are_named(old, new, message, table_file, tool):
    rewrite(table_file, old, new)
    with pytest.raises(ValueError, match=message):
        tool.plan.read_table(table_file)


def test_missing_table_is_named(tmp_path, tool):
    with pytest.raises(FileNotFoundError, match='no table of rows'):
        tool.plan.read_table(tmp_path / 'none.py')


# --- training -------------------------------------------------------------


class FakeProcess:
    """Stands for a training or a test; ``fail`` breaks those of a row."""

    calls: list[tuple[str, str, bool, str | None]] = []
    fail: dict[str, str] = {}

    def __init__(self, command: list[str], stdout: Any, env: dict,
                 **kwargs: Any) -> None:
        tool, self.config = Path(command[1]).stem, Path(command[2])
        cfg = Config.fromfile(self.config)
        self.folder = self.config.parent
        self.row = self.folder.parent.name
        self.calls.append((tool, self.row, '--resume' in command,
                           cfg.load_from))
        self.threads = env['OMP_NUM_THREADS']
        self.status = 0
        if tool == 'train':
            reached = 1 if self.fail.get(self.row) == 'train' else 2
            self.status = reached % 2
            stdout.write('out of luck\n')
            name = self.folder / f'epoch_{reached}.pth'
            torch.save(dict(meta=dict(epoch=reached, iter=10 * reached)),
                       name)
            (self.folder / 'last_checkpoint').write_text(str(name))
        else:
            assert Path(command[3]).name == 'epoch_2.pth'
            out = Path(command[command.index('--out') + 1])
            out.write_text(json.dumps({'MPJPE/top1': 1.5}))

    def wait(self) -> int:
        return self.status

    def send_signal(self, number: int) -> None:
        raise AssertionError('nothing is to be stopped')


@pytest.fixture
def fake(monkeypatch, tool) -> type[FakeProcess]:
    """Put the fake in the place of real processes."""
    monkeypatch.setattr(FakeProcess, 'calls', [])
    monkeypatch.setattr(FakeProcess, 'fail', {})
    monkeypatch.setattr(tool.runs.subprocess, 'Popen', FakeProcess)
    monkeypatch.setattr(tool.runs, 'current_commit', lambda: 'c0ffee')
    return FakeProcess


def test_finished_runs_are_skipped_and_broken_ones_resumed(
        fake, make_plan, table_file, tool, capsys):
    runs = make_plan()
    checkpoint = str(runs[0].checkpoint)
    fake.fail['second'] = 'train'
    trainer = tool.runs.Trainer(jobs=1, threads=1)
    failure, = trainer.run(runs)
    assert failure.startswith('second, seed 0: train.py failed with 1: '
                              'out of luck')
    assert fake.calls == [
        ('train', 'first', False, None), ('test', 'first', False, None),
        ('train', 'other', False, None), ('test', 'other', False, None),
        ('train', 'second', False, checkpoint),
        ('train', 'steep', False, checkpoint),
        ('test', 'steep', False, checkpoint)]
    assert '[3/4] finished: steep, seed 0: MPJPE/top1 1.5 mm' in (
        capsys.readouterr().out)
    assert runs[0].result() == dict(
        test_key=runs[0].test_key, checkpoint='epoch_2.pth', epochs=2,
        steps=20, version=tool.runs.xas_mmpose.__version__, commit='c0ffee',
        metrics={'MPJPE/top1': 1.5})

    # The broken one goes on; nothing else is touched.
    fake.calls.clear()
    fake.fail.clear()
    assert not tool.runs.Trainer(1, 1).run(make_plan())
    assert fake.calls == [('train', 'second', True, checkpoint),
                          ('test', 'second', False, checkpoint)]
    assert '3 of 4 runs are finished' in capsys.readouterr().out

    # A changed row is trained anew, from the same first stage.
    fake.calls.clear()
    rewrite(table_file, "'model.slope': 3.0", "'model.slope': 4.0")
    assert not tool.runs.Trainer(1, 1).run(make_plan())
    assert fake.calls == [('train', 'steep', False, checkpoint),
                          ('test', 'steep', False, checkpoint)]

    # Another test tests all, and trains none.
    fake.calls.clear()
    assert not tool.runs.Trainer(1, 1).run(
        make_plan(options={'test_dataloader.batch_size': 1}))
    assert [call[0] for call in fake.calls] == ['test'] * 4
    assert Config.fromfile(runs[0].folder / 'config.py'
                           ).test_dataloader.batch_size == 1


def test_a_lost_first_stage_is_trained_again_where_it_is_needed(
        fake, make_plan, tool):
    runs = make_plan()
    assert not tool.runs.Trainer(1, 1).run(runs)
    runs[0].checkpoint.unlink()
    fake.calls.clear()
    assert not tool.runs.Trainer(1, 1).run(runs)
    assert fake.calls == []
    (runs[2].folder / 'result.json').unlink()
    runs[2].checkpoint.unlink()
    assert not tool.runs.Trainer(1, 1).run(runs)
    assert [call[:2] for call in fake.calls] == [
        ('train', 'first'), ('test', 'first'), ('train', 'second'),
        ('test', 'second')]


def test_the_commit_is_that_of_the_first_step(fake, make_plan, tool,
                                              monkeypatch):
    def commits(at: str, **kwargs: Any) -> list[str | None]:
        monkeypatch.setattr(tool.runs, 'current_commit', lambda: at)
        tool.runs.Trainer(1, 1).run(make_plan())
        runs = make_plan(**kwargs)
        tool.runs.Trainer(1, 1).run(runs)
        return [(run.result() or {}).get('commit') for run in runs]

    fake.fail['second'] = 'train'
    assert commits('one') == ['one', 'one', None, 'one']
    # Neither going on nor another test is a new training.
    fake.fail.clear()
    other_test = dict(options={'test_dataloader.batch_size': 1})
    assert commits('two', **other_test) == ['one'] * 4
    # A result from when nothing else kept the commit keeps what it says.
    runs = make_plan()
    path = runs[0].folder / 'result.json'
    rewrite(path, '"one"', '"old"')
    runs[0].commit_file.unlink()
    assert commits('three') == ['old', 'one', 'one', 'one']
    # Nobody knows of one without either; a lost training is a new one.
    path.unlink()
    for file in runs[1].folder.iterdir():
        file.unlink()
    assert commits('four') == [None, 'four', 'one', 'one']


#: A row that tests another's weights; it stands before the other.
BORROWED = """
    again=dict(text='Another test.', config='tiny.py', weights='steep',
               options={'model.slope': 1.0}),
    second=dict("""


def borrow(table_file: Path) -> None:
    """Put such a row in."""
    rewrite(table_file, '    second=dict(', BORROWED.replace(
        'tiny.py', str(table_file.with_name('tiny.py'))))


def test_weights_of_another_row_are_tested_and_not_trained(
        fake, make_plan, table_file, tool):
    plain = keys(make_plan())
    borrow(table_file)
    runs = make_plan()
    assert names(runs)[-2:] == [('steep', 0), ('again', 0)]
    assert {k: v for k, v in keys(runs).items() if k != 'again'} == plain
    assert names(tool.plan.needed(runs, ['again'])) == [
        ('first', 0), ('steep', 0), ('again', 0)]
    assert not tool.runs.Trainer(1, 1).run(runs)
    assert [call[:2] for call in fake.calls if call[1] == 'again'] == [
        ('test', 'again')]
    steep, again = runs[-2:]
    assert again.checkpoint == steep.checkpoint
    assert again.folder != steep.folder
    assert again.result()['steps'] == 20
    assert again.result()['commit'] == 'c0ffee'
    assert not list(again.folder.glob('*.pth'))
    # Other weights are another test.
    rewrite(table_file, "'model.slope': 3.0", "'model.slope': 4.0")
    assert keys(make_plan())['again'] != again.key
    table = replace(tool.plan.read_table(table_file),
                    compared=['MPJPE/top1'])
    report = tool.report.make_report(table, runs, {}, dict(
        command='run', json='a.json'))
    page = tool.report.format_page(report)
    assert ", the seed's last checkpoint of steep, not trained again" in page


@pytest.mark.parametrize('old, new', [
    ("weights='steep'", "weights='again'"),
    ("weights='steep'", "weights='nothing'"),
    ("weights='steep'", "weights='steep', start='first'"),
])
def test_weights_come_from_trained_rows(old, new, table_file, tool):
    borrow(table_file)
    rewrite(table_file, old, new)
    with pytest.raises(ValueError, match='again tests the weights of'):
        tool.plan.read_table(table_file)


def test_what_starts_from_a_failure_is_not_started(fake, make_plan, tool):
    fake.fail['first'] = 'train'
    runs = make_plan()
    failures = tool.runs.Trainer(2, 1).run(runs)
    assert len(failures) == 3
    assert failures[1:] == [
        f'{row}, seed 0: cannot start without first, seed 0'
        for row in ('second', 'steep')]
    assert {call[1] for call in fake.calls} == {'first', 'other'}


def test_two_at_a_time_wait_for_their_start(fake, make_plan, tool,
                                            monkeypatch):
    # Both trainings without a start must be at work at once to go on.
    meet, log, wait = threading.Barrier(2, timeout=60), [], fake.wait

    def together(self: FakeProcess) -> int:
        if self.row in ('first', 'other') and fake.calls[-1][0] == 'train':
            meet.wait()
        log.append(self.row)
        return wait(self)

    monkeypatch.setattr(fake, 'wait', together)
    assert not tool.runs.Trainer(2, 1).run(make_plan())
    assert sorted(log) == sorted(['first', 'other', 'second', 'steep'] * 2)
    assert log.index('first') < log.index('second')


def test_a_run_has_one_trainer(fake, make_plan, tool):
    fcntl = tool.runs.fcntl
    run = make_plan()[1]
    run.folder.mkdir(parents=True)
    with (run.folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failure, = tool.runs.Trainer(1, 1).run([run])
    assert 'another process is at it' in failure
    assert fake.calls == []
    assert not tool.runs.Trainer(1, 1).run([run])


def test_ctrl_c_stops_the_children(make_plan, tool, monkeypatch):
    started = []

    class Sleeper(subprocess.Popen):

        def __init__(self, command: list[str], **kwargs: Any) -> None:
            super().__init__([sys.executable, '-c',
                              'import time; time.sleep(600)'], **kwargs)
            started.append(self)
            if len(started) == 2:
                # As a terminal does, but to this process alone.
                os.kill(os.getpid(), signal.SIGINT)

    # Whoever runs the tests in the background may have had it ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(tool.runs.subprocess, 'Popen', Sleeper)
    # git would be asked through Popen, too.
    monkeypatch.setattr(tool.runs, 'current_commit', lambda: None)
    runs = make_plan()
    try:
        with pytest.raises(KeyboardInterrupt):
            tool.runs.Trainer(2, 1).run(runs)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert [child.returncode for child in started] == [-signal.SIGTERM] * 2
    assert [run.result() for run in runs] == [None] * 4


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


def test_time_left_is_guessed_from_the_same_config(tool, monkeypatch):
    now = [0.]
    monkeypatch.setattr(tool.runs.time, 'monotonic', lambda: now[0])
    runs = [Mock(**{'row.config': config, 'result.return_value':
                    dict(metrics={})})
            for config in ('one', 'one', 'two', 'two', 'two')]
    clock = tool.runs._Clock(2, runs)
    for run, end in ((runs[0], 600.), (runs[2], 3000.)):
        clock.start(run)
        now[0] = end
        clock.finish(run)
    # One of 600 s and two of 2400 s are left, for two jobs.
    assert clock._minutes_left() == pytest.approx(5400 / 2 / 60)
    clock.start(runs[3])
    now[0] += 400
    assert clock._minutes_left() == pytest.approx(5000 / 2 / 60)


def test_threads_are_told(fake, make_plan, tool, monkeypatch):
    seen, wait = [], fake.wait
    monkeypatch.setattr(
        fake, 'wait', lambda self: seen.append(self.threads) or wait(self))
    assert not tool.runs.Trainer(1, 3).run(make_plan()[:1])
    assert seen == ['3', '3']


def test_a_real_training_starts_from_the_shared_one(make_plan, tool):
    first, steep = tool.plan.needed(make_plan(), ['steep'])
    first.folder.mkdir(parents=True)
    torch.save(dict(state_dict=dict(weight=torch.tensor([-4.]))),
               first.checkpoint)
    (first.folder / 'last_checkpoint').write_text(str(first.checkpoint))
    assert not tool.runs.Trainer(jobs=1, threads=1).run([steep])
    # From -4, four steps of 0.5 * 3.
    result = steep.result()
    assert result['metrics'] == {'MPJPE/top1': -10., 'P-MPJPE/top1': -20.}
    assert (result['epochs'], result['steps']) == (2, 4)


# --- the report -----------------------------------------------------------


def write_result(run: Any, **metrics: float) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / 'result.json').write_text(json.dumps(dict(
        test_key=run.test_key, epochs=2, steps=4, version='0', commit=None,
        metrics={f'{name}/top1': value for name, value in metrics.items()})))


@pytest.fixture
def report(make_plan, table_file, tool) -> dict:
    """Return a report of rows with 3, 2, 0 and 1 measured seeds."""
    runs = make_plan(seeds=(0, 1, 2))
    values = {
        'first': {0: 100., 1: 104., 2: 108.},
        'second': {0: 90., 2: 97.},
        'steep': {2: 99.},
    }
    for run in runs:
        value = values.get(run.row.name, {}).get(run.seed)
        if value is not None:
            write_result(run, **{'MPJPE': value, 'P-MPJPE': value / 2,
                                 'N-MPJPE': value})
    return tool.report.make_report(
        tool.plan.read_table(table_file), runs, dict(MPJPE=250.),
        dict(command='x', json='y.json', seeds=[0, 1, 2]))


def test_report_has_means_and_spreads(report):
    rows = report['rows']
    assert rows['nothing'] == {
        'MPJPE/top1': dict(mean=250., std=None, n=1)}
    # Deviations of -4, 0, 4: 32 over 2 degrees of freedom.
    assert rows['first']['MPJPE/top1'] == dict(mean=104., std=4., n=3)
    assert rows['first']['P-MPJPE/top1'] == dict(mean=52., std=2., n=3)
    assert rows['second']['MPJPE/top1'] == dict(
        mean=93.5, std=pytest.approx(7 / np.sqrt(2)), n=2)
    assert rows['steep']['MPJPE/top1'] == dict(mean=99., std=None, n=1)
    assert rows['other'] is None
    assert report['about']['second']['seeds']['2']['MPJPE/top1'] == 97.
    assert report['about']['steep']['options'] == {'model.slope': 3.0}


def test_report_compares_seed_by_seed(report):
    first, second = report['differences']
    assert (first['before'], first['after']) == ('first', 'second')
    # Seeds 0 and 2: -10 and -11; the rows themselves spread by 5.7 and 4.9.
    assert first['MPJPE/top1'] == dict(
        mean=-10.5, std=pytest.approx(np.sqrt(0.5)), n=2, improved=2,
        verdict='better')
    assert second['MPJPE/top1'] == dict(
        mean=2., std=None, n=1, improved=0, verdict='one seed')


@pytest.mark.parametrize('before, after, verdict, improved', [
    ([10, 11, 12], [5, 6, 7], 'better', 3),
    ([5, 6, 7], [10, 11, 12], 'worse', 0),
    # Always 1 better, but the seeds differ by more.
    ([10, 12, 14], [9, 11, 13], 'within the spread', 3),
    # Rows at rest, differences that are not: -4, 2, -4.
    ([10, 10, 10], [6, 12, 6], 'within the spread', 2),
    ([10, 10], [10, 10], 'within the spread', 0),
])
def test_verdicts(before, after, verdict, improved, tool):
    sides = [{str(i): dict(m=float(v)) for i, v in enumerate(values)}
             for values in (before, after)]
    result = tool.report.compare(*sides, 'm')
    assert result['verdict'] == verdict
    assert result['improved'] == improved
    assert result['mean'] == pytest.approx(
        statistics.fmean(after) - statistics.fmean(before))


def test_no_common_seed_is_no_comparison(tool):
    assert tool.report.compare({'0': dict(m=1.)}, {'1': dict(m=1.)},
                               'm') is None


def test_page_says_what_the_numbers_say(report, tool):
    page = tool.report.format_page(json.loads(json.dumps(report)))
    assert page == tool.report.format_page(report)
    assert ('| first | 104.0 ± 4.0 | 104.0 ± 4.0 | 52.0 ± 2.0 | - | - | - | '
            '3 |') in page
    assert '| other | - | - | - | - | - | - | 0 |' in page
    assert '| nothing | 250.0 | - | - | - | - | - | - |' in page
    assert ('| first | second | -10.5 ± 0.7 | 2 of 2 | better | -5.2 ± 0.4 | '
            '2 of 2 | better |') in page
    assert ('Helps: first → second (MPJPE/top1), first → second '
            '(P-MPJPE/top1).') in page
    assert 'Cannot be told from one seed: second → steep' in page
    assert 'Harms' not in page
    assert '  - `model.slope=3.0`' in page


def test_a_table_says_what_is_compared_and_what_to_know(
        table_file, make_plan, tool):
    with table_file.open('a') as file:
        file.write("compared = ['N-MPJPE/top1']\nnote = 'Ones are odd.'\n")
    for run in make_plan(seeds=(0, )):
        write_result(run, **{'MPJPE': 2., 'P-MPJPE': 1., 'N-MPJPE': 3.})
    report = tool.report.make_report(
        tool.plan.read_table(table_file), make_plan(seeds=(0, )), {},
        dict(command='x', json='y.json'))
    first, _ = report['differences']
    assert set(first) == {'before', 'after', 'N-MPJPE/top1'}
    page = tool.report.format_page(report)
    assert '| from | to | N-MPJPE/top1 | seeds better | verdict |' in page
    assert report['protocol'] == tool.report.PROTOCOL + ' Ones are odd.'
    assert report['protocol'] in page


def test_nothing_compared_is_no_section(report, tool):
    page = tool.report.format_page(dict(report, differences=[]))
    assert 'What helps' not in page
    assert '| first | 104.0' in page


def test_page_in_the_docs_is_what_its_numbers_say(tool):
    numbers = ROOT / 'docs' / 'ablation_xas_mini.json'
    report = json.loads(numbers.read_text())
    assert tool.report.format_page(report) == (
        numbers.with_suffix('.md').read_text())
    table = tool.plan.read_table(ROOT / 'configs/ablation/xas_mini.py')
    assert list(report['rows']) == [row.name for row in table.rows]


# --- the table of XaS-Mini ------------------------------------------------


def test_rows_of_xas_mini_are_what_they_say(tool, fake_h36m, fake_synthetic,
                                            monkeypatch, tmp_path):
    monkeypatch.setenv('XAS_MINI_ROOT', str(fake_h36m.root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    tool.plan._read_config.cache_clear()
    table = tool.plan.read_table(ROOT / 'configs/ablation/xas_mini.py')
    runs = tool.plan.plan(table.rows, [0], tmp_path, lambda folder: 'x')
    assert {row.name for row in table.rows} >= {
        'mean_pose', 'stage1_paper_loss', 'stage1',
        'stage1_single_hypothesis', 'masks', 'masks_symmetry',
        'masks_symmetry_prior', 'full', 'reference_defects'}
    assert len({run.key for run in runs}) == len(runs)
    on = {}
    for run in runs:
        MODELS.build(run.cfg.model)  # No option is unknown.
        head = run.cfg.model.head
        on[run.row.name] = [
            name.removeprefix('loss_') for name in
            ('loss_synthetic', 'loss_synthetic_likelihood',
             'loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
             'loss_prior')
            if name in head and head[name].get('loss_weight', 1) != 0]
        if run.row.config == 'configs/xas_mini_s2.py':
            assert run.start.row.name == 'stage1'
    labelled = ['synthetic', 'synthetic_likelihood']
    masks = [*labelled, 'skeleton_mask', 'physique_mask']
    assert on['stage1_paper_loss'] == ['synthetic']
    assert on['stage1'] == on['control'] == labelled
    assert on['masks'] == masks
    assert on['masks_symmetry'] == [*masks, 'symmetry']
    assert on['masks_symmetry_prior'] == [*masks, 'symmetry', 'prior']
    assert on['full'] == on['masks_symmetry_prior']
    assert 'prior' not in on['reference_defects']


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
