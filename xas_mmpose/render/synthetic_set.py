"""Folders of synthetic pairs: images, masks, and annotations in COCO form.

A folder's bytes depend neither on the number of workers nor on how often the
run was interrupted.
"""
from __future__ import annotations

import json
import multiprocessing
import os
import queue
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import torch
from tqdm import tqdm

from .pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
    coco_annotations,
    write_whole,
)

__all__ = [
    'SyntheticSetGenerator',
    'SyntheticSetSettings',
    'write_synthetic_set',
]

ANNOTATIONS = 'annotations.json'
SETTINGS = 'settings.json'
_RECORDS = 'records'


def write_synthetic_set(folder: str | Path,
                        settings: SyntheticSetSettings,
                        workers: int = 1,
                        progress: bool = True) -> Path:
    """Write a folder of synthetic pairs, or finish one that was begun.

    Args:
        folder: Where to: ``images/``, ``masks/``, ``annotations.json`` (COCO
            form, written last) and ``settings.json``.
        settings: What the set holds.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.

    Returns:
        Path of ``annotations.json``.

    Raises:
        ValueError: If the folder holds a set of other settings, or the body
            model file is none.
        FileNotFoundError: If there is no such body model file.
        RuntimeError: If a worker fails.
    """
    folder = Path(folder)
    target = folder / ANNOTATIONS
    described = settings.described()
    _check_settings(folder, described)
    if target.is_file():
        # A run may have been stopped between its last two steps.
        shutil.rmtree(folder / _RECORDS, ignore_errors=True)
        return target
    generator = SyntheticSetGenerator(settings)
    folder.mkdir(parents=True, exist_ok=True)
    # First of all: it marks the folder as ours.
    _write_text(folder / SETTINGS, json.dumps(described, indent=1))
    for name in ('images', 'masks', _RECORDS):
        (folder / name).mkdir(exist_ok=True)
    records = _read_records(folder)
    missing = [i for i in range(settings.num) if i not in records]
    bar = tqdm(total=settings.num, initial=len(records), unit='pair',
               desc=str(folder), disable=not progress)
    with bar:
        for index, record in _generate(folder, generator, missing, workers):
            records[index] = record
            bar.update()
    # Sorted and read back: the bytes are those of an unbroken run.
    ordered = [json.loads(records[i]) for i in range(settings.num)]
    _write_text(target, json.dumps(coco_annotations(settings, ordered)))
    shutil.rmtree(folder / _RECORDS)
    return target


def _generate(folder: Path, generator: SyntheticSetGenerator,
              missing: list[int],
              workers: int) -> Iterator[tuple[int, str]]:
    """Write the missing samples; yield index and record of each."""
    workers = min(workers, len(missing))
    if workers <= 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the bits of a sum depend on it
        try:
            yield from _write_part(folder, generator, missing, 0)
        finally:
            torch.set_num_threads(threads)
        return
    # A forked child of a process that has computed with several threads
    # waits for them for ever: they are not forked.
    context = multiprocessing.get_context('spawn')
    results = context.Queue()
    processes = [
        context.Process(target=_work, daemon=True,
                        args=(folder, generator.settings,
                              missing[i::workers], i, results, os.getpid()))
        for i in range(workers)]
    for process in processes:
        process.start()
    try:
        for _ in missing:
            yield _next_result(results, processes)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _next_result(results: Any, processes: list) -> tuple[int, str]:
    """Return the next (index, record), or raise what happened to a worker."""
    while True:
        try:
            index, text = results.get(timeout=1)
        except queue.Empty:
            if any(p.exitcode not in (None, 0) for p in processes):
                raise RuntimeError(
                    'a worker died without a word, killed for memory '
                    'perhaps: start again with fewer workers, the finished '
                    'samples are kept') from None
            continue
        if index < 0:
            raise RuntimeError(f'a worker failed:\n{text}')
        return index, text


def _work(folder: Path, settings: SyntheticSetSettings, part: list[int],
          worker: int, results: Any, parent: int) -> None:
    """Write a share of the samples in a process of its own.

    It makes a generator of its own: sending one would move the memory of its
    tensors, under the numpy arrays that look into them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        generator = SyntheticSetGenerator(settings)
        for result in _write_part(folder, generator, part, worker):
            results.put(result)
            if os.getppid() != parent:  # killed: nobody listens any more
                return
    except Exception:
        results.put((-1, traceback.format_exc()))


def _write_part(folder: Path, generator: SyntheticSetGenerator,
                part: list[int], worker: int) -> Iterator[tuple[int, str]]:
    """Write samples one by one, each with a line in a record file.

    The line follows the files it describes, so a sample that has its line is
    whole, and a sample without is made again.
    """
    # Never continue a line that a killed run left unfinished.
    name = f'{os.getpid()}_{worker}_{part[0] if part else 0}.jsonl'
    with (folder / _RECORDS / name).open('a', encoding='utf-8') as file:
        for index in part:
            record = json.dumps(generator.write(index, folder))
            file.write(f'\n{index}\t{record}\tend\n')
            file.flush()
            yield index, record


def _read_records(folder: Path) -> dict[int, str]:
    """Return the record of every sample that is whole."""
    records = {}
    for path in sorted((folder / _RECORDS).glob('*.jsonl')):
        for line in path.read_text(encoding='utf-8').splitlines():
            fields = line.split('\t')
            if len(fields) == 3 and fields[2] == 'end':
                records[int(fields[0])] = fields[1]
    return records


def _check_settings(folder: Path, described: dict) -> None:
    """Raise ``ValueError`` if a folder is another set's."""
    path = folder / SETTINGS
    if not path.is_file():
        if folder.is_dir() and any(
                entry.suffix != '.partial' for entry in folder.iterdir()):
            raise ValueError(f'{folder} is not empty and holds no '
                             f'{SETTINGS}: choose another folder')
        return
    stored = json.loads(path.read_text(encoding='utf-8'))
    for key in sorted(stored.keys() | described.keys()):
        if stored.get(key) != described.get(key):
            raise ValueError(
                f'{folder} holds a set with {key} = {stored.get(key)!r}, not '
                f'{described.get(key)!r}: choose another folder or remove '
                'this one')


def _write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_whole(path, text.encode())
