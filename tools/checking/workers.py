"""Looking at samples in processes that may die of what they read.

Damage in some formats, MATLAB's uncompressed ones above all, kills the
process that reads it. So the samples are read in processes of their own, one
asked for at a time: when one dies, its sample is known.
"""
from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import cv2
from mmengine.registry import init_default_scope
from scipy.io import loadmat

import xas_mmpose  # noqa: F401  registers everything
from xas_mmpose.render.resumable import one_thread

from .sample import SampleChecker, describe
from .sheet import write_sheet
from .sources import Source

# A forked child of a process that has computed with several threads waits
# for them for ever.
_CONTEXT = multiprocessing.get_context('spawn')
#: What is raised when the other end is gone.
_GONE = (EOFError, ConnectionResetError, BrokenPipeError)
#: Seconds that a process has to die, core dump and all.
_DYING = 60


class LoadError(Exception):
    """A data set cannot be built; the words say why."""


class Crew:
    """Processes that look at samples, one source after the other.

    A context manager, which ends them.

    Args:
        workers: Number of processes; they begin when they are needed.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._source: Source | None = None
        self._processes: dict[Connection, Any] = {}
        #: The source that each process has built.
        self._built: dict[Connection, Source] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for line in list(self._processes):
            self._end(line, 1)

    def load(self, source: Source) -> dict[str, Any]:
        """Build a data set; samples are its own from now on.

        Args:
            source: The data set.

        Returns:
            What it says of itself: see
            :meth:`~checking.sample.SampleChecker.facts`.

        Raises:
            LoadError: If it cannot be built.
        """
        self._source = source
        line = next(iter(self._processes), None) or self._begin()
        try:
            line.send(('load', source))
            facts = line.recv()
        except _GONE:
            cause = _cause(self._end(line, _DYING))
            fatal = [path for path in source.files if self._is_fatal(path)]
            raise LoadError(
                f'{cause} while the data set was read: '
                f'{", ".join(fatal or source.files) or "a file of it"} is '
                'damaged; download or make it again') from None
        if 'error' in facts:
            raise LoadError(facts['error'])
        self._built[line] = source
        return facts

    def records(self, indices: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Look at samples of the loaded source.

        Args:
            indices: Their numbers.

        Yields:
            Records of :meth:`~checking.sample.SampleChecker.check`, in no
            order.

        Raises:
            LoadError: If another process cannot build the data set any more.
            RuntimeError: If a process is killed from outside.
        """
        waiting = list(reversed(indices))
        for _ in range(min(self.workers, len(waiting))
                       - len(self._processes)):
            self._begin()
        free = list(self._processes)
        at_work: dict[Connection, int] = {}
        # These have the data set to build first, and say so.
        building: set[Connection] = set()
        while waiting or at_work:
            for line in free[:len(waiting)]:
                at_work[line] = index = waiting.pop()
                with contextlib.suppress(OSError):  # it has died: below
                    if self._built.get(line) is not self._source:
                        building.add(line)
                        line.send(('load', self._source))
                    line.send(('check', index))
            free = []
            for line in wait(list(at_work)):
                try:
                    answer = line.recv()
                except _GONE:
                    building.discard(line)
                    index = at_work.pop(line)
                    cause = _cause(self._end(line, _DYING))
                    name, line = self._name(index)
                    yield dict(
                        index=index, name=name, suspicious=[], measures={},
                        broken=[f'{cause} while this sample was read'])
                    free.append(line)
                    continue
                if 'error' in answer:
                    raise LoadError(answer['error'])
                if line in building:
                    building.remove(line)
                    self._built[line] = self._source
                    continue
                del at_work[line]
                free.append(line)
                yield answer

    def draw(self, records: Sequence[Mapping[str, Any]], path: Path) -> bool:
        """Draw samples of the loaded source.

        Args:
            records: Their records.
            path: The sheet, see :func:`~checking.sheet.write_sheet`.

        Returns:
            Whether it is drawn; it is not where a process dies of it.

        Raises:
            OSError: If it cannot be written.
        """
        line = self._loaded()
        try:
            line.send(('draw', records, path))
            answer = line.recv()
        except _GONE:
            self._end(line, _DYING)
            return False
        if answer:
            raise OSError(answer['error'])
        return True

    def _begin(self) -> Connection:
        """Start a process, and return the line to it."""
        mine, its = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_work, args=(its, os.getpid()),
                                   daemon=True)
        process.start()
        its.close()
        self._processes[mine] = process
        return mine

    def _end(self, line: Connection, patience: float) -> int:
        """End a process; return how it ended.

        Args:
            line: The line to it.
            patience: Seconds that it has to end by itself.
        """
        process = self._processes.pop(line)
        self._built.pop(line, None)
        line.close()
        process.join(timeout=patience)
        if process.is_alive():
            process.terminate()
            process.join()
        return process.exitcode

    def _loaded(self) -> Connection:
        """Return the line to a process that has built the data set."""
        for line, source in self._built.items():
            if source is self._source:
                return line
        line = self._begin()
        line.send(('load', self._source))
        line.recv()
        self._built[line] = self._source
        return line

    def _name(self, index: int) -> tuple[str, Connection]:
        """Return the name of a sample that must not be read, and who knew."""
        line = self._loaded()
        line.send(('name', index))
        name = line.recv()
        return name if isinstance(name, str) else f'sample {index}', line

    def _is_fatal(self, path: str) -> bool:
        """Say whether a process dies of a MATLAB file."""
        if not path.endswith('.mat') or not os.path.isfile(path):
            return False
        line = self._begin()
        try:
            line.send(('read', path))
            line.recv()
        except _GONE:
            self._end(line, _DYING)
            return True
        return False


def _cause(code: int) -> str:
    """Return what a process has died of, or raise what it cannot be."""
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        raise RuntimeError(
            'a process was killed, for memory perhaps: start again with '
            'fewer --workers, the finished samples are kept')
    what = signal.Signals(-code).name if code < 0 else f'exit status {code}'
    return f'the process died ({what})'


def _work(line: Connection, parent: int) -> None:
    """Do what is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    warnings.simplefilter('ignore')
    cv2.setNumThreads(1)
    init_default_scope('mmpose')
    checker: SampleChecker | None = None
    # COCO's reader prints.
    with (one_thread(), open(os.devnull, 'w') as nowhere,
          contextlib.redirect_stdout(nowhere), contextlib.suppress(*_GONE)):
        while os.getppid() == parent:
            task, *arguments = line.recv()
            answer: Any = None
            try:
                if task == 'load':
                    checker = None
                    checker = SampleChecker(*arguments)
                    answer = checker.facts()
                elif task == 'read':
                    loadmat(*arguments)
                elif task == 'draw':
                    write_sheet(checker.dataset, *arguments)
                else:
                    answer = getattr(checker, task)(*arguments)
            except Exception as error:
                answer = dict(error=describe(error))
            line.send(answer)
