"""Folders of synthetic pairs, as tools/synthesize.py writes them.

A folder's bytes depend neither on the number of workers and shards nor on how
often the run was interrupted.
"""
from __future__ import annotations

import functools
from pathlib import Path

from .pair_generator import SyntheticSetGenerator, SyntheticSetSettings
from .resumable import ResumableFolder, one_thread
from .set_layouts import LAYOUTS

__all__ = [
    'SyntheticSetGenerator',
    'SyntheticSetSettings',
    'write_synthetic_set',
]


def write_synthetic_set(folder: str | Path,
                        settings: SyntheticSetSettings,
                        workers: int = 1,
                        progress: bool = True,
                        shard: tuple[int, int] = (1, 1)) -> Path | None:
    """Write a folder of synthetic pairs, or finish one that was begun.

    Args:
        folder: Where to. It gets the files of the set's layout, see
            :mod:`~xas_mmpose.render.set_layouts`, and ``settings.json``.
        settings: What the set holds.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.
        shard: Which share of the pairs to make: (i, n) is the i-th of n,
            counted from 1. The shares of a set may be made at the same time,
            on machines that see the same folder. The process that finds all
            pairs there writes the file that lists them: as a rule the last,
            or any that is started later.

    Returns:
        Path of the file that lists the pairs, ``annotations.json`` or
        ``info.npy``; None while pairs of other shares are missing.

    Raises:
        ValueError: If the folder holds a set of other settings, these make
            no set, or ``workers`` or ``shard`` are no such numbers.
        FileNotFoundError: If a file of the settings is missing.
        RuntimeError: If a worker fails.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise ValueError(f'a shard is one of 1/{count} to {count}/{count}, '
                         f'got {number}/{count}')
    if workers < 0:
        raise ValueError('workers is a number of processes, 0 or more, got '
                         f'{workers}')
    layout = LAYOUTS[settings.layout]
    target = Path(folder) / layout.index
    job = ResumableFolder(folder, settings.described,
                          layout.subfolders(settings))
    job.check()
    if target.is_file():
        # A run may have been stopped between its last two steps.
        job.close()
        return target
    with one_thread():
        generator = SyntheticSetGenerator(settings)
    job.claim()
    job.fill(functools.partial(generator.write, folder=job.folder),
             range(number - 1, settings.num, count), workers, progress,
             unit='pair')
    records = job.records()
    if len(records) == settings.num:
        generator.layout.finish(job.folder, records)
    elif not target.is_file():  # nor has another process just written it
        return None
    job.close()
    return target
