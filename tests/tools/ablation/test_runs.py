"""What is trained, skipped, resumed, stopped and tested."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from mmengine.config import Config

from tests.tools.ablation.rows import borrow, keys, names, rewrite


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
