"""Short names for what files hold, to tell whether two sets are the same."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(path: str | Path) -> str:
    """Return a checksum of a file or a folder, wherever it lies.

    A file counts by its name and bytes. A folder counts by the names and
    sizes of its files, subfolders included: photographs are too many to be
    read whole each time.

    Args:
        path: The file or folder.

    Returns:
        64 hexadecimal digits.

    Raises:
        FileNotFoundError: If there is neither.
    """
    path = Path(path)
    if not path.is_dir():
        return _combined([(path.name, _digest(path))])
    return _combined(sorted(
        (file.relative_to(path).as_posix(), str(file.stat().st_size))
        for file in path.rglob('*') if file.is_file()))


def set_checksum(folder: str | Path) -> str:
    """Return a checksum of all that a finished set holds.

    Args:
        folder: The folder, with ``settings.json``. Files beside that and its
            annotations do not count, those in its subfolders do.

    Returns:
        64 hexadecimal digits: SHA-256 of a line ``name, tab, SHA-256 of the
        file, line feed`` for each file, sorted by name.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder')
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob('*')
        if path.is_file() and (path.parent != folder
                               or path.suffix in ('.json', '.npy')))
    return _combined((name, _digest(folder / name)) for name in names)


def _combined(lines: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of names and what stands for each."""
    total = hashlib.sha256()
    for name, content in lines:
        total.update(f'{name}\t{content}\n'.encode())
    return total.hexdigest()


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    total = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()
