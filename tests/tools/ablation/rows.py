"""What tests ask of planned runs, and change in the table of tiny rows."""
from __future__ import annotations

from pathlib import Path

#: A row that tests another's weights; it stands before the other.
BORROWED = """
    again=dict(text='Another test.', config='tiny.py', weights='steep',
               options={'model.slope': 1.0}),
    second=dict("""


def names(runs: list) -> list[tuple[str, int]]:
    return [(run.row.name, run.seed) for run in runs]


def keys(runs: list) -> dict[str, str]:
    return {run.row.name: run.key for run in runs}


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def borrow(table_file: Path) -> None:
    """Put a row in that borrows weights."""
    rewrite(table_file, '    second=dict(', BORROWED.replace(
        'tiny.py', str(table_file.with_name('tiny.py'))))
