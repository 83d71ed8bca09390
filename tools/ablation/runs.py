"""Train and test runs, several at a time, and go on where they stopped."""
from __future__ import annotations

import copy
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

import xas_mmpose
from xas_mmpose.render.resumable import write_whole

from .plan import ROOT, Run

#: What a child process is told about threads.
_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS',
                     'OPENBLAS_NUM_THREADS')


class Trainer:
    """Trains and tests runs in processes of their own.

    Args:
        jobs: Runs at a time.
        threads: Threads of each.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self.jobs = jobs
        self.threads = threads
        self._children: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, runs: Sequence[Run]) -> list[str]:
        """Train and test all runs that are not.

        Args:
            runs: The runs, each behind the one that it starts from.

        Returns:
            What went wrong, a line each.

        Raises:
            KeyboardInterrupt: After the processes were stopped.
        """
        waiting: list[Run] = []
        for run in reversed(runs):
            is_start = any(other.before is run for other in waiting)
            if run.result() is None or (is_start and not run.is_trained):
                waiting.insert(0, run)
        if len(waiting) < len(runs):
            print(f'{len(runs) - len(waiting)} of {len(runs)} runs are '
                  'finished already', flush=True)
        clock = _Clock(self.jobs, waiting)
        running: dict[Any, Run] = {}
        failures: dict[Run, str] = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while waiting or running:
                    for run in self._startable(waiting, running, failures):
                        waiting.remove(run)
                        running[pool.submit(self._perform, run)] = run
                        clock.start(run)
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        run = running.pop(future)
                        error = future.exception()
                        if error:
                            failures[run] = f'{run}: {error}'
                            print(failures[run], flush=True)
                        else:
                            clock.finish(run)
            except BaseException:
                self._stop()
                raise
        return list(failures.values())

    def _startable(self, waiting: list[Run], running: dict[Any, Run],
                   failures: dict[Run, str]) -> list[Run]:
        """Return the runs to start now; drop those that never can."""
        for run in list(waiting):
            if run.before in failures:
                waiting.remove(run)
                failures[run] = f'{run}: cannot start without {run.before}'
        ready = [run for run in waiting
                 if run.before is None or run.before.is_trained]
        return ready[:self.jobs - len(running)]

    def _perform(self, run: Run) -> None:
        """Train a run where it stopped, and test it."""
        run.folder.mkdir(parents=True, exist_ok=True)
        # Children hold the lock, too: one that outlived a killed call keeps
        # the next one from training beside it.
        with (run.folder / 'lock').open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RuntimeError('another process is at it: '
                                   f'{run.folder}') from None
            config = self._write_config(run)
            if not run.is_trained:
                if not run.has_begun:
                    run.commit_file.write_text(current_commit() or '')
                # With --resume alone, load_from would not count.
                self._call(run, lock.fileno(), 'train.py', config,
                           *['--resume'] * run.has_begun)
                if not run.is_trained:
                    raise RuntimeError(f'{run.checkpoint} is missing after '
                                       'the training')
            metrics = run.folder / 'metrics.json'
            self._call(run, lock.fileno(), 'test.py', config, run.checkpoint,
                       '--work-dir', run.folder / 'test', '--out', metrics)
            meta = torch.load(run.checkpoint, map_location='cpu',
                              weights_only=False)['meta']
            result = dict(
                test_key=run.test_key, checkpoint=run.checkpoint.name,
                epochs=meta['epoch'], steps=meta['iter'],
                version=xas_mmpose.__version__, commit=_trained_with(run),
                metrics=json.loads(metrics.read_text()))
            write_whole(run.folder / 'result.json',
                        (json.dumps(result, indent=1) + '\n').encode())

    def _write_config(self, run: Run) -> Path:
        """Write down all settings of a run."""
        cfg = copy.deepcopy(run.cfg)
        cfg.work_dir = str(run.folder)
        if run.start:
            cfg.load_from = str(run.start.checkpoint)
        path = run.folder / 'config.py'
        # The formatting of Config.dump takes seconds.
        path.write_text(''.join(f'{name} = {value!r}\n'
                                for name, value in cfg.to_dict().items()))
        return path

    def _call(self, run: Run, lock: int, tool: str, *args: Any) -> None:
        """Run a tool to its end, its output in the run's log."""
        log_file = run.folder / 'log.txt'
        env = {**os.environ,
               **dict.fromkeys(_THREAD_VARIABLES, str(self.threads)),
               'PYTHONPATH': os.pathsep.join(filter(None, [
                   str(ROOT), os.environ.get('PYTHONPATH')]))}
        command = [sys.executable, str(ROOT / 'tools' / tool),
                   *map(str, args)]
        with log_file.open('a') as log:
            with self._lock:
                if self._stopped:
                    raise RuntimeError('stopped')
                child = subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, env=env,
                    stdin=subprocess.DEVNULL, pass_fds=(lock, ))
                self._children.add(child)
            status = child.wait()
            with self._lock:
                self._children.discard(child)
        if status:
            last = log_file.read_text().strip().splitlines()[-1:]
            raise RuntimeError(f'{tool} failed with {status}: '
                               f'{" ".join(last)} ({log_file})')

    def _stop(self) -> None:
        """End all processes, and start no more."""
        with self._lock:
            self._stopped = True
            for child in self._children:
                child.send_signal(signal.SIGTERM)


def _trained_with(run: Run) -> str | None:
    """Return the commit that a training began with, None if unknown."""
    if run.commit_file.is_file():
        return run.commit_file.read_text() or None
    # Trained by an earlier version, which kept it with the result alone.
    path = run.folder / 'result.json'
    return json.loads(path.read_text())['commit'] if path.is_file() else None


class _Clock:
    """Says what begins, what has ended, and how long the rest may take."""

    def __init__(self, jobs: int, runs: Sequence[Run]) -> None:
        self.jobs = jobs
        self.left = list(runs)
        self.total = len(runs)
        self.began: dict[Run, float] = {}
        self.seconds: list[tuple[Run, float]] = []

    def start(self, run: Run) -> None:
        self.began[run] = time.monotonic()
        print(f'started: {run} ({run.folder})', flush=True)

    def finish(self, run: Run) -> None:
        spent = time.monotonic() - self.began[run]
        self.seconds.append((run, spent))
        self.left.remove(run)
        number = self.total - len(self.left)
        error = run.result()['metrics'].get('MPJPE/top1', float('nan'))
        print(f'[{number}/{self.total}] finished: {run}: MPJPE/top1 '
              f'{error:.1f} mm, {spent / 60:.1f} min; about '
              f'{self._minutes_left():.0f} min left', flush=True)

    def _minutes_left(self) -> float:
        """Guess from runs of the same config, else from all."""
        now = time.monotonic()
        total = 0.0
        for run in self.left:
            alike = [s for other, s in self.seconds
                     if other.row.config == run.row.config]
            known = alike or [s for _, s in self.seconds]
            spent = now - self.began.get(run, now)
            total += max(0.0, sum(known) / len(known) - spent)
        return total / self.jobs / 60


def current_commit() -> str | None:
    """Return the checkout's commit, None without git."""
    try:
        done = subprocess.run(
            ['git', 'describe', '--always', '--dirty'], cwd=ROOT, text=True,
            capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None
