"""Folders that many processes fill, sample by sample, and kills do not hurt.

A sample's files come first, each written whole or not at all, then its record:
one line in a file that only the process at work writes to. So a sample that
has its record is whole, a sample without is made again, and no lock is
needed, whether the processes share a machine or a file system alone. Two that
make the same sample write the same bytes.
"""
from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import pickle
import queue
import shutil
import signal
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from threadpoolctl import ThreadpoolController
from tqdm import tqdm

#: Says what decides the bytes of a folder, and marks it as ours.
SETTINGS = 'settings.json'
_RECORDS = 'records'
_PARTIAL = '.partial'

#: Writes the files of a sample and returns its record, which JSON can keep.
WriteSample = Callable[[int], dict]


class ResumableFolder:
    """A folder of numbered samples in the making.

    Call :meth:`check` first, :meth:`claim` when all that the samples need is
    at hand, :meth:`fill` (with the same or other indices, in one or many
    processes), and :meth:`close` once the files that need all
    :meth:`records` are written.

    Args:
        folder: The folder.
        settings: What decides its bytes, as JSON keeps it.
        subfolders: Names of the folders in it.
    """

    def __init__(self, folder: str | Path, settings: dict,
                 subfolders: Sequence[str]) -> None:
        self.folder = Path(folder)
        self.settings = settings
        self.subfolders = tuple(subfolders)

    def check(self) -> None:
        """Refuse the folder if it is not this one.

        Raises:
            ValueError: If it was made with other settings, or is somebody
                else's.
        """
        try:
            names = [entry.name for entry in self.folder.iterdir()
                     if entry.suffix != _PARTIAL]
        except FileNotFoundError:
            return
        # The settings are there before anything else, so one look tells,
        # even while other processes begin.
        if SETTINGS in names:
            self._compare()
        elif names:
            raise ValueError(f'{self.folder} is not empty and holds no '
                             f'{SETTINGS}: choose another folder')

    def claim(self) -> None:
        """Make the folder this one.

        Raises:
            ValueError: If another process just claimed it with other
                settings.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / SETTINGS
        if not path.is_file():
            data = json.dumps(self.settings, indent=1).encode()
            _write_first(path, data)
        self._compare()
        for name in (*self.subfolders, _RECORDS):
            (self.folder / name).mkdir(exist_ok=True)

    def fill(self, write: WriteSample, indices: Iterable[int],
             workers: int = 1, progress: bool = True,
             unit: str = 'sample') -> None:
        """Make the samples among ``indices`` that have no record.

        Args:
            write: Makes a sample. Sent to the workers by ``pickle``.
            indices: Samples to see to.
            workers: Number of processes; 0 or 1 works in this one.
            progress: Show a progress bar.
            unit: What the bar counts.

        Raises:
            RuntimeError: If a worker fails.
        """
        wanted = list(indices)
        done = self._read()
        missing = [i for i in wanted if i not in done]
        with tqdm(total=len(wanted), initial=len(wanted) - len(missing),
                  unit=unit, desc=str(self.folder),
                  disable=not progress) as bar:
            for _ in self._run(write, missing, workers):
                bar.update()

    def records(self) -> dict[int, dict]:
        """Return the record of every finished sample, by ascending index."""
        return {i: json.loads(text) for i, text in sorted(self._read().items())
                }

    def close(self) -> None:
        """Remove what only an unfinished folder needs."""
        records = self.folder / _RECORDS
        if not records.is_dir():
            return
        for place in (self.folder, *map(self.folder.joinpath,
                                        self.subfolders)):
            for path in place.glob(f'*{_PARTIAL}'):
                path.unlink(missing_ok=True)
        # Last: as long as they stand, the next call comes here again.
        shutil.rmtree(records, ignore_errors=True)

    def _compare(self) -> None:
        """Raise ``ValueError`` if the folder has other settings."""
        stored = json.loads(
            (self.folder / SETTINGS).read_text(encoding='utf-8'))
        for key in sorted(stored.keys() | self.settings.keys()):
            if stored.get(key) != self.settings.get(key):
                raise ValueError(
                    f'{self.folder} holds a set with {key} = '
                    f'{stored.get(key)!r}, not {self.settings.get(key)!r}: '
                    'choose another folder or remove this one')

    def _read(self) -> dict[int, str]:
        """Return the record of every finished sample as its JSON text."""
        records = {}
        for path in (self.folder / _RECORDS).glob('*.jsonl'):
            try:
                lines = path.read_text(encoding='utf-8').splitlines()
            except FileNotFoundError:  # another process closes the folder
                continue
            for line in lines:
                fields = line.split('\t')
                if len(fields) == 3 and fields[2] == 'end':
                    records[int(fields[0])] = fields[1]
        return records

    def _run(self, write: WriteSample, missing: list[int],
             workers: int) -> Iterator[int]:
        """Make samples; yield the index of each."""
        workers = min(workers, len(missing))
        if workers <= 1:
            with one_thread():
                yield from self._write_part(write, missing)
            return
        # A forked child of a process that has computed with several threads
        # waits for them for ever: they are not forked.
        context = multiprocessing.get_context('spawn')
        results = context.Queue()
        sent = pickle.dumps(write)
        processes = [
            context.Process(target=self._work, daemon=True,
                            args=(sent, missing[i::workers], results,
                                  os.getpid()))
            for i in range(workers)]
        for process in processes:
            process.start()
        try:
            at_work = len(processes)
            while at_work:
                result = _next_result(results, processes)
                if result is None:
                    at_work -= 1
                else:
                    yield result
        finally:
            for process in processes:
                process.terminate()
                process.join()

    def _work(self, sent: bytes, part: list[int], results: Any,
              parent: int) -> None:
        """Make a share of the samples in a process of its own."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
        cv2.setNumThreads(1)
        try:
            with one_thread():
                for index in self._write_part(pickle.loads(sent), part):
                    results.put(index)
                    if os.getppid() != parent:  # killed: nobody listens
                        return
            results.put(None)
        except Exception:
            results.put(traceback.format_exc())

    def _write_part(self, write: WriteSample,
                    part: list[int]) -> Iterator[int]:
        """Make samples one by one, with a line in a record file for each.

        None is made where another process has closed the folder meanwhile:
        then it has all of them.
        """
        # A name of its own: no other process, here or on another machine,
        # writes to this file, and no line goes on where a kill cut one off.
        path = self.folder / _RECORDS / f'{uuid.uuid4().hex}.jsonl'
        try:
            file = path.open('x', encoding='utf-8')
        except FileNotFoundError:
            # Of a folder that was claimed, only closing removes the records.
            if path.parent.is_dir() or not (
                    self.folder / SETTINGS).is_file():
                raise
            return
        with file:
            for index in part:
                file.write(f'{index}\t{json.dumps(write(index))}\tend\n')
                file.flush()
                yield index


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name first: a kill leaves no half file.

    Args:
        path: The file.
        data: Its content.
    """
    partial = _partial(path)
    partial.write_bytes(data)
    try:
        os.replace(partial, path)
    except FileNotFoundError:
        # A process that made the same samples has swept up behind itself.
        if not path.is_file():
            raise


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and numpy use one thread.

    The bits of a sum depend on their number, and for matrices as small as
    here a second one only waits.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)


@functools.cache
def _blas() -> ThreadpoolController:
    """Return what holds numpy's thread pool; to find it takes a moment."""
    return ThreadpoolController().select(user_api='blas')


def _write_first(path: Path, data: bytes) -> None:
    """Write a file whole unless another process has done so."""
    partial = _partial(path)
    partial.write_bytes(data)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        write_whole(path, data)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """Return a name for a file in the making that no other process uses."""
    return path.with_name(f'{path.name}.{uuid.uuid4().hex}{_PARTIAL}')


def _next_result(results: Any, processes: list) -> int | None:
    """Return the next finished index, or raise what happened to a worker.

    None stands for a worker that has done its share.
    """
    while True:
        try:
            result = results.get(timeout=1)
        except queue.Empty:
            if any(p.exitcode not in (None, 0) for p in processes):
                raise RuntimeError(
                    'a worker died without a word, killed for memory '
                    'perhaps: start again with fewer workers, the finished '
                    'samples are kept') from None
            continue
        if isinstance(result, str):
            raise RuntimeError(f'a worker failed:\n{result}')
        return result
