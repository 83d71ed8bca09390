"""Lists of the pictures that a split is made of."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xas_mmpose.render.resumable import write_whole


def read_split_file(path: str | Path, known: Sequence[str],
                    ann_file: str | Path) -> frozenset[str]:
    """Read the pictures of a split.

    Args:
        path: Text with a picture's name a line, as the annotation file has
            it; empty lines and those that begin with ``#`` are passed over.
        known: The pictures that are there.
        ann_file: The annotation file that lists these, for messages.

    Returns:
        The names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text, or empty, or names a picture twice or
            one that is not there.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'there is no split file {path}; make one with: python '
            f'tools/dataset_converters/make_split.py {ann_file} SPLIT')
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text with a picture's name a line: "
                         f'{error}') from error
    names = [line.strip() for line in lines
             if line.strip() and not line.startswith('#')]
    listed = frozenset(names)
    missing = sorted(listed.difference(known))
    if missing:
        raise ValueError(
            f'{path} names {len(missing)} of {len(listed)} pictures that '
            f'{ann_file} does not list, the first of them {missing[0]!r}: '
            'give the annotation file that the split was drawn from')
    if not names or len(listed) < len(names):
        raise ValueError(f'{path} names {len(names)} pictures, '
                         f'{len(listed)} different ones; each is expected '
                         'once, and some at all')
    return listed


def write_split_file(path: str | Path, names: Sequence[str],
                     about: str) -> None:
    """Write the pictures of a split.

    Args:
        path: The file.
        names: Names of the pictures, as the annotation file has them.
        about: What the split is, in a line.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = '\n'.join([f'# {about}', *names, ''])
    write_whole(Path(path), text.encode('utf-8'))
