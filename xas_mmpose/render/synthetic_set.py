"""Folders of synthetic pairs: images, masks, and annotations in COCO form.

A folder's bytes depend neither on the number of workers and shards nor on how
often the run was interrupted.
"""
from __future__ import annotations

import functools
import json
from pathlib import Path

from .pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
    coco_annotations,
)
from .resumable import ResumableFolder, one_thread, write_whole

__all__ = [
    'SyntheticSetGenerator',
    'SyntheticSetSettings',
    'write_synthetic_set',
]

ANNOTATIONS = 'annotations.json'


def write_synthetic_set(folder: str | Path,
                        settings: SyntheticSetSettings,
                        workers: int = 1,
                        progress: bool = True,
                        shard: tuple[int, int] = (1, 1)) -> Path | None:
    """Write a folder of synthetic pairs, or finish one that was begun.

    Args:
        folder: Where to: ``images/``, ``masks/``, ``annotations.json`` (COCO
            form, written last) and ``settings.json``.
        settings: What the set holds.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.
        shard: Which share of the pairs to make: (i, n) is the i-th of n,
            counted from 1. The shares of a set may be made at the same time,
            on machines that see the same folder. The process that finds all
            pairs there writes ``annotations.json``: as a rule the last, or
            any that is started later.

    Returns:
        Path of ``annotations.json``; None while pairs of other shares are
        missing.

    Raises:
        ValueError: If the folder holds a set of other settings, or the body
            model file is none.
        FileNotFoundError: If there is no such body model file.
        RuntimeError: If a worker fails.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise ValueError(f'a shard is one of 1/{count} to {count}/{count}, '
                         f'got {number}/{count}')
    target = Path(folder) / ANNOTATIONS
    job = ResumableFolder(folder, settings.described(), ('images', 'masks'))
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
        content = coco_annotations(settings, list(records.values()))
        write_whole(target, json.dumps(content).encode())
    elif not target.is_file():  # nor has another process just written it
        return None
    job.close()
    return target
