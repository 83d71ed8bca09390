"""Looking for many files without asking the disk about each of them."""
from __future__ import annotations

import os
from collections.abc import Iterable


class FolderIndex:
    """Answer whether files exist; each folder is listed once.

    A set of 300,000 frames lies in some hundred folders: listing these takes
    seconds where asking for each file takes minutes on a network disk.
    """

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def __contains__(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._names:
            try:
                with os.scandir(folder or '.') as entries:
                    self._names[folder] = frozenset(e.name for e in entries)
            except (FileNotFoundError, NotADirectoryError):
                self._names[folder] = frozenset()
        return name in self._names[folder]


def require_files(kind: str, paths: Iterable[str], index: FolderIndex,
                  cure: str) -> None:
    """Raise unless all files exist.

    Args:
        kind: What the files are, for the message: 'image', 'mask'.
        paths: The files.
        index: Where to look.
        cure: What the user can do about it.

    Raises:
        FileNotFoundError: If some are missing; names the first three.
    """
    missing = [path for path in paths if path not in index]
    if missing:
        more = f' and {len(missing) - 3} more' if len(missing) > 3 else ''
        raise FileNotFoundError(
            f'missing {kind} file{"s" if len(missing) > 1 else ""}: '
            f'{", ".join(missing[:3])}{more}. {cure}')
