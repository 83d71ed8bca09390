"""What a check has found so far, so that a stopped one goes on."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .sources import Source


class Records:
    """The records of one source's samples, a line each, in a file.

    A stopped check goes on behind them, but for broken samples, which
    somebody may have seen to meanwhile. If the config or one of the
    annotation files has changed, it begins anew.

    Args:
        folder: Where the file lies.
        source: The source.
    """

    def __init__(self, folder: Path, source: Source) -> None:
        name = source.name.replace('/', '_')
        self.path = folder / f'{name}.{_fingerprint(source)}.jsonl'
        for other in folder.glob(f'{name}.*.jsonl'):
            if other != self.path:
                other.unlink()

    def read(self) -> dict[int, dict[str, Any]]:
        """Return the records of samples that need not be read again."""
        records = {}
        for record in self._lines():
            records[record['index']] = record
        return {index: record for index, record in records.items()
                if not record['broken']}

    def append(self, record: dict[str, Any]) -> None:
        """Add a record."""
        with self.path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(record) + '\n')

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Yield all records; a line that a kill cut off is none."""
        if not self.path.is_file():
            return
        for line in self.path.read_text(encoding='utf-8').splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def _fingerprint(source: Source) -> str:
    """Return a word that differs where the samples may."""
    parts = [repr(source.config)]
    for path in source.files:
        if os.path.isfile(path):
            status = os.stat(path)
            parts.append(f'{path} {status.st_size} {status.st_mtime_ns}')
    return hashlib.sha256('\n'.join(parts).encode()).hexdigest()[:16]
