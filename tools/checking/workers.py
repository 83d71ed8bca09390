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
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2
from mmengine.registry import init_default_scope
from scipy.io import loadmat

import xas_mmpose  # noqa: F401  registers everything
from xas_mmpose.render.resumable import one_thread

from .sample import SampleChecker, describe
from .sources import Source

# A forked child of a process that has computed with several threads waits
# for them for ever.
_CONTEXT = multiprocessing.get_context('spawn')


class LoadError(Exception):
    """A data set cannot be built; the words say why."""


class Crew:
    """Processes that look at the samples of one source.

    A context manager, which ends them.

    Args:
        source: The source.
        workers: Number of processes.

    Attributes:
        facts: What the data set says of itself, see :func:`_facts`.

    Raises:
        LoadError: If the data set cannot be built.
    """

    def __init__(self, source: Source, workers: int) -> None:
        self.source = source
        self.workers = workers
        self._crew: dict[Connection, Any] = {}
        try:
            self.facts = self._loaded(self._start())
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """End all processes."""
        for connection in list(self._crew):
            self._dismiss(connection)

    def records(self, indices: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Look at samples.

        Args:
            indices: Their numbers.

        Yields:
            Records of :meth:`~checking.sample.SampleChecker.check`, in no
            order.

        Raises:
            RuntimeError: If a process is killed from outside.
        """
        waiting = list(reversed(indices))
        at_work: dict[Connection, int] = {}
        for _ in range(min(self.workers, len(waiting)) - len(self._crew)):
            self._start()
        free = list(self._crew)
        # A process that has just begun answers when it has the data set.
        fresh = set(free[1:])
        while waiting or at_work:
            for connection in free:
                if waiting:
                    at_work[connection] = index = waiting.pop()
                    with contextlib.suppress(OSError):  # it has died: below
                        connection.send((index, True))
            free = []
            for connection in wait(list(at_work)):
                try:
                    if connection in fresh:
                        fresh.remove(connection)
                        connection.recv()
                        continue
                    yield connection.recv()
                    del at_work[connection]
                    free.append(connection)
                except (EOFError, ConnectionResetError):
                    index = at_work.pop(connection)
                    cause = _cause(self._dismiss(connection, patience=60))
                    yield dict(
                        index=index, name=self._name(index), suspicious=[],
                        broken=[f'{cause} while this sample was read'],
                        measures={})
                    if waiting:
                        free.append(self._start())
                        fresh.add(free[-1])

    def _start(self) -> Connection:
        """Start a process, and return the line to it."""
        mine, its = _CONTEXT.Pipe()
        process = _CONTEXT.Process(
            target=_work, args=(self.source, its, os.getpid()), daemon=True)
        process.start()
        its.close()
        self._crew[mine] = process
        return mine

    def _dismiss(self, connection: Connection, patience: float = 1) -> int:
        """End a process; return how it ended.

        Args:
            connection: The line to it.
            patience: Seconds that it has to end by itself.
        """
        process = self._crew.pop(connection)
        connection.close()
        process.join(timeout=patience)
        if process.is_alive():
            process.terminate()
            process.join()
        return process.exitcode

    def _loaded(self, connection: Connection) -> dict[str, Any]:
        """Return what the first process says of the data set."""
        try:
            facts = connection.recv()
        except (EOFError, ConnectionResetError):
            cause = _cause(self._dismiss(connection, patience=60))
            files = self.source.files
            fatal = [path for path in files if is_fatal(path)] or files
            raise LoadError(
                f'{cause} while the data set was read: '
                f'{", ".join(fatal) or "a file of it"} is damaged; download '
                'or make it again') from None
        if 'error' in facts:
            raise LoadError(facts['error'])
        return facts

    def _name(self, index: int) -> str:
        """Return the name of a sample that must not be read."""
        connection = self._start()
        try:
            connection.recv()
            connection.send((index, False))
            return connection.recv()
        except (EOFError, ConnectionResetError):
            return f'sample {index}'
        finally:
            self._dismiss(connection)


def is_fatal(path: str) -> bool:
    """Say whether scipy dies of a MATLAB file.

    Args:
        path: The file; one of another kind is none.
    """
    return (path.endswith('.mat') and os.path.isfile(path)
            and apart(_read_mat, path))


def apart(function: Callable[..., None], *arguments: Any) -> bool:
    """Call a function in a process of its own; say whether it died.

    Args:
        function: The function, which can be imported.
        arguments: Its arguments.
    """
    process = _CONTEXT.Process(target=_prepared, args=(function, *arguments))
    process.start()
    try:
        process.join()
    finally:
        process.terminate()
    return process.exitcode != 0


def _prepared(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function in a process that has just begun."""
    with _quiet():
        function(*arguments)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to one thread, and MMPose's words off the screen."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    warnings.simplefilter('ignore')
    cv2.setNumThreads(1)
    init_default_scope('mmpose')
    # COCO's reader prints.
    with (one_thread(), open(os.devnull, 'w') as nowhere,
          contextlib.redirect_stdout(nowhere)):
        yield


def _read_mat(path: str) -> None:
    """Read a MATLAB file, for good or for bad."""
    with contextlib.suppress(Exception):
        loadmat(path)


def _cause(code: int) -> str:
    """Return what a process has died of, or raise what it cannot be."""
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        raise RuntimeError(
            'a process was killed, for memory perhaps: start again with '
            'fewer --workers, the finished samples are kept')
    what = (signal.Signals(-code).name if code < 0
            else f'exit status {code}')
    return f'the process died ({what})'


def _work(source: Source, line: Connection, parent: int) -> None:
    """Look at the samples that are asked for."""
    with _quiet(), contextlib.suppress(EOFError, BrokenPipeError):
        try:
            checker = SampleChecker(source)
            line.send(_facts(checker))
        except Exception as error:
            line.send(dict(error=describe(error)))
            return
        while os.getppid() == parent:
            index, whole = line.recv()
            line.send(checker.check(index) if whole else checker.name(index))


def _facts(checker: SampleChecker) -> dict[str, Any]:
    """Return what a report tells of a data set."""
    dataset = checker.dataset
    annotations = getattr(getattr(dataset, 'coco', None), 'anns', None)
    return dict(
        num=len(checker),
        annotations=None if annotations is None else len(annotations),
        keypoints=checker.names,
        pairs=[' / '.join(map(checker.bone_name, pair))
               for pair in checker.pairs])
