"""Folders in the making: records, kills, other processes, refusals."""
from __future__ import annotations

import functools
import json
import os
import pickle
import queue
import signal
import threading
from pathlib import Path

import cv2
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from xas_mmpose.render import resumable
from xas_mmpose.render.resumable import (
    ResumableFolder,
    one_thread,
    write_whole,
)

SETTINGS = dict(num=9, colour='blue')


def blas_threads() -> set[int]:
    """Return how many threads numpy's matrix products take."""
    return {pool['num_threads'] for pool in threadpool_info()
            if pool['user_api'] == 'blas'}


def job(folder: Path, **changes) -> ResumableFolder:
    """Return a small folder in the making."""
    return ResumableFolder(folder, {**SETTINGS, **changes}, ['data'])


def write(index: int, folder: Path, die_at: int | None = None) -> dict:
    """Write a sample; a plain function, which pickle can send."""
    if index == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    write_whole(folder / 'data' / f'{index}.txt', b'%d' % (index**2))
    return dict(square=index**2, threads=torch.get_num_threads())


def files(folder: Path) -> set[str]:
    """Return the names of all files."""
    return {str(path.relative_to(folder)) for path in folder.rglob('*')
            if path.is_file()}


WHOLE = {'settings.json', *(f'data/{i}.txt' for i in range(9))}


@pytest.mark.parametrize('workers', [0, 2])
def test_every_sample_is_made_once(tmp_path: Path, workers: int) -> None:
    folder = job(tmp_path / 'a' / 'b')
    folder.check()
    folder.claim()
    folder.fill(functools.partial(write, folder=folder.folder), range(9),
                workers, progress=False)
    assert folder.records() == {
        i: dict(square=i**2, threads=1) for i in range(9)}
    lines = [line for path in (folder.folder / 'records').iterdir()
             for line in path.read_text().splitlines()]
    assert len(lines) == 9
    folder.close()
    assert files(folder.folder) == WHOLE
    assert json.loads(
        (folder.folder / 'settings.json').read_text()) == SETTINGS


def test_only_missing_samples_are_made(tmp_path: Path) -> None:
    folder = job(tmp_path)
    folder.claim()
    made = []

    def note(index: int) -> dict:
        made.append(index)
        return {}

    folder.fill(note, [0, 3, 6], progress=False)
    folder.fill(note, [6, 7, 0], progress=False)
    assert made == [0, 3, 6, 7]
    # A line that was cut off counts for nothing, and the rest of its file
    # for what it is.
    record = next((tmp_path / 'records').iterdir())
    record.write_text(record.read_text() + '4\t{"squa')
    folder.fill(note, [4], workers=20, progress=False)  # here: but one
    folder.fill(note, range(9), progress=False)
    assert made == [0, 3, 6, 7, 4, 1, 2, 5, 8]
    assert list(folder.records()) == list(range(9))


def test_a_killed_worker_is_reported_and_its_samples_kept(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job(tmp_path)
    folder.claim()
    # The first worker has 0, 2, 4, ..: it dies at its third sample.
    with pytest.raises(RuntimeError, match='died without a word'):
        folder.fill(functools.partial(write, folder=tmp_path, die_at=4),
                    range(9), workers=2, progress=False)
    there = set(folder.records())
    assert {0, 2} <= there <= {0, 1, 2, 3, 5, 7}
    folder.fill(functools.partial(write, folder=tmp_path), range(9),
                progress=False)
    folder.close()
    assert files(tmp_path) == WHOLE


def test_a_folder_is_shared_without_a_lock(tmp_path: Path) -> None:
    # Three that start at once, two of them with the same samples.
    def share(part: range) -> None:
        folder = job(tmp_path)
        folder.check()
        folder.claim()
        folder.fill(functools.partial(write, folder=tmp_path), part,
                    progress=False)

    before = torch.get_num_threads()
    threads = [threading.Thread(target=share, args=(part,))
               for part in (range(0, 9, 2), range(0, 9, 2), range(1, 9, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.set_num_threads(before)  # they were in each other's way
    folder = job(tmp_path)
    assert list(folder.records()) == list(range(9))
    folder.close()
    assert files(tmp_path) == WHOLE


def test_a_late_process_finds_the_folder_closed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, late = job(tmp_path), job(tmp_path)
    first.claim()
    late.claim()
    read = late._read

    def overtaken() -> dict:
        found = read()
        first.fill(functools.partial(write, folder=tmp_path), range(9),
                   progress=False)
        first.close()
        return found

    monkeypatch.setattr(late, '_read', overtaken)
    late.fill(functools.partial(write, folder=tmp_path), range(9),
              progress=False)
    assert files(tmp_path) == WHOLE
    # So it is for a worker, who says that nothing more will come.
    results = queue.Queue()
    work(late, [3, 4], results, os.getppid(), monkeypatch)
    assert list(results.queue) == [None]
    assert files(tmp_path) == WHOLE


def work(folder: ResumableFolder, part: list[int], results: queue.Queue,
         parent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a worker in this process."""
    with monkeypatch.context() as patch:
        # What it sets for itself is not for this process.
        patch.setattr(signal, 'signal', lambda *_: None)
        patch.setattr(cv2, 'setNumThreads', lambda _: None)
        folder._work(
            pickle.dumps(functools.partial(write, folder=folder.folder)),
            part, results, parent)


def test_a_folder_that_was_removed_is_no_closed_one(tmp_path: Path) -> None:
    folder = job(tmp_path / 'gone')
    with pytest.raises(FileNotFoundError, match='records'):
        folder.fill(functools.partial(write, folder=tmp_path), range(2),
                    progress=False)


def test_a_worker_whose_parent_is_gone_stops(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job(tmp_path)
    folder.claim()
    orphan, kept = queue.Queue(), queue.Queue()
    work(folder, [0, 1, 2], orphan, os.getppid() + 1, monkeypatch)
    assert list(orphan.queue) == [0]
    assert list(folder.records()) == [0]
    work(folder, [1, 2], kept, os.getppid(), monkeypatch)
    assert list(kept.queue) == [1, 2, None]


def test_of_two_that_claim_a_folder_one_is_refused(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = job(tmp_path), job(tmp_path, colour='red')
    original = resumable._write_first

    def overtaken(path: Path, data: bytes) -> None:
        original(path, json.dumps(SETTINGS).encode())
        original(path, data)

    first.check()
    second.check()  # the folder is still empty
    monkeypatch.setattr(resumable, '_write_first', overtaken)
    with pytest.raises(ValueError, match="colour = 'blue', not 'red'"):
        second.claim()
    first.claim()
    assert files(tmp_path) == {'settings.json'}


def test_a_file_system_without_hard_links_will_do(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, 'link', refuse)
    job(tmp_path).claim()
    assert json.loads((tmp_path / 'settings.json').read_text()) == SETTINGS
    assert files(tmp_path) == {'settings.json'}


def test_other_folders_are_refused(tmp_path: Path) -> None:
    job(tmp_path / 'none').check()
    stranger = tmp_path / 'stranger'
    stranger.mkdir()
    (stranger / 'settings.json.1.partial').write_text('{')
    job(stranger).check()  # ours, killed at its first step
    (stranger / 'thesis.tex').write_text('precious')
    with pytest.raises(ValueError, match='is not empty and holds no'):
        job(stranger).check()
    job(tmp_path / 'blue').claim()
    with pytest.raises(ValueError, match="colour = 'blue', not None"):
        ResumableFolder(tmp_path / 'blue', dict(num=9), ()).check()


def test_closing_sweeps_up(tmp_path: Path) -> None:
    folder = job(tmp_path)
    folder.claim()
    (tmp_path / 'data' / '3.txt.0f.partial').write_bytes(b'half')
    (tmp_path / 'settings.json.0f.partial').write_bytes(b'half')
    folder.close()
    assert files(tmp_path) == {'settings.json'}
    folder.close()


def test_a_file_is_whole_or_not_there(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.txt'

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', stop)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, b'abc')
    assert not path.exists()
    # Swept up by a process that made the same file, or by a stranger.
    def swept(source: Path, target: Path) -> None:
        source.unlink()
        raise FileNotFoundError(source)

    monkeypatch.setattr(os, 'replace', swept)
    with pytest.raises(FileNotFoundError):
        write_whole(path, b'abc')
    path.write_bytes(b'abc')
    write_whole(path, b'abc')


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with threadpool_limits(2, 'blas'):
            several = blas_threads()  # OpenCV's own may have but one
            assert 2 in several
            with one_thread():
                assert torch.get_num_threads() == 1
                assert blas_threads() == {1}
            assert torch.get_num_threads() == 2
            assert blas_threads() == several
    finally:
        torch.set_num_threads(before)
