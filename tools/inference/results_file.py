"""Results in a file that grows, and is whole whenever a run ends."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xas_mmpose.apis import PicturePoses, results_dict


class ResultsFile:
    """Writes ``results.json`` picture by picture.

    What is found is kept in ``results.json.begun``, a line a picture, until
    the run ends: a run that was killed goes on behind the last whole line.
    Memory does not grow with the number of pictures.

    Args:
        path: The JSON.
        meta: What holds for all pictures.
        settings: What was asked for; results of other settings are not gone
            on with.
        resume: Whether to go on.
    """

    def __init__(self, path: Path, meta: Mapping[str, Any],
                 settings: Mapping[str, Any], resume: bool = True) -> None:
        self.path = path
        self.meta = dict(meta)
        self._begun = path.with_name(f'{path.name}.begun')
        #: Path and frame of the pictures that are done.
        self.done: set[tuple[str | None, int | None]] = set()
        #: Name and reason of those that failed.
        self.failed: list[tuple[str, str]] = []
        head = json.dumps([self.meta, settings], sort_keys=True)
        size = len(head) + 1
        if resume and self._begun.is_file():
            with open(self._begun, encoding='utf-8', newline='\n') as file:
                if file.readline() == head + '\n':
                    size += self._read(file)
        if not self.done:
            self._begun.write_text(head + '\n', encoding='utf-8')
        # A line that a kill has cut off.
        os.truncate(self._begun, size)
        self._file = open(self._begun, 'a', encoding='utf-8')

    def add(self, poses: PicturePoses) -> None:
        """Keep the results of a picture."""
        entry = poses.to_dict()
        self._file.write(json.dumps(entry, allow_nan=False) + '\n')
        self._file.flush()
        self._count(entry)

    def close(self, complete: bool) -> None:
        """Write the JSON.

        Args:
            complete: Whether all pictures are done. Else the next run goes
                on.
        """
        self._file.close()
        head = results_dict([], dict(
            self.meta, complete=complete,
            failed=[dict(name=name, error=error)
                    for name, error in self.failed]))
        partial = self.path.with_name(f'{self.path.name}.part')
        with open(partial, 'w', encoding='utf-8') as file:
            # The list of pictures comes last, and is empty so far.
            file.write(json.dumps(head, indent=1).removesuffix(']\n}'))
            for number, line in enumerate(self._lines()):
                file.write((',\n' if number else '\n') + line)
            file.write('\n]}\n')
        os.replace(partial, self.path)
        if complete:
            self._begun.unlink()

    def _lines(self) -> Iterator[str]:
        """Yield the pictures' lines."""
        with open(self._begun, encoding='utf-8') as file:
            next(file)
            for line in file:
                yield line.rstrip('\n')

    def _read(self, file: Iterator[str]) -> int:
        """Read what is done; return the size of the whole lines."""
        size = 0
        for line in file:
            if not line.endswith('\n'):
                break
            self._count(json.loads(line))
            size += len(line.encode())
        return size

    def _count(self, entry: Mapping[str, Any]) -> None:
        """Remember a picture."""
        self.done.add((entry['path'], entry['frame']))
        if entry['error'] is not None:
            self.failed.append((entry['name'], entry['error']))
