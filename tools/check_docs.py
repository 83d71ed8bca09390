#!/usr/bin/env python
r"""Check the documentation: its commands, links, paths and messages.

    python tools/check_docs.py            all of it, and run what can be run
    python tools/check_docs.py --static   without running anything
    python tools/check_docs.py --pages docs/own_data.md

Every block of bash or Python says in the line before what is done with it:

    <!-- run -->              run here and by the tests
    <!-- run slow -->         run here alone
    <!-- config -->           loaded as a config, here and by the tests
    <!-- not run: REASON -->  only looked at

Blocks are run in a scratch copy of the checkout, page after page, with small
numbers in the place of large ones. Of all of them the commands are read with
the tools' own parsers, so that an option that is gone is found without
running anything.
"""
from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from documentation.commands import wrong_commands
from documentation.messages import texts_of_code, unknown_messages
from documentation.pages import (
    Block,
    broken_links,
    find_pages,
    missing_paths,
    read_blocks,
    unmarked,
)
from documentation.running import BlockError, make_scratch, run_block

import xas_mmpose  # noqa: F401  (the environment is checked first)

ROOT = Path(__file__).resolve().parents[1]
#: The page whose quoted messages the code must have.
MESSAGES = Path('docs/troubleshooting.md')


def static_faults(root: Path, pages: Sequence[Path]) -> Iterator[str]:
    """Yield what is wrong with pages, without running anything."""
    for page in pages:
        blocks = read_blocks(page)
        yield from unmarked(blocks)
        yield from broken_links(page)
        yield from missing_paths(page, root)
        for block in blocks:
            if block.language == 'bash':
                yield from wrong_commands(block, root)
            elif block.language == 'python':
                try:
                    compile(block.text, str(block), 'exec')
                except SyntaxError as error:
                    yield f'{block}: {error}'
        if page == root / MESSAGES:
            yield from unknown_messages(blocks, texts_of_code(
                path for folder in ('xas_mmpose', 'tools')
                for suffix in ('py', 'sh')
                for path in sorted((root / folder).rglob(f'*.{suffix}'))))


def run_all(blocks: Sequence[Block], folder: Path) -> Iterator[str]:
    """Run blocks in a scratch copy; yield what fails."""
    for block in blocks:
        start = time.monotonic()
        try:
            run_block(block, folder)
        except BlockError as error:
            yield str(error)
        print(f'{time.monotonic() - start:6.1f} s  {block}', flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the pages; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--static', action='store_true',
                        help='run nothing')
    parser.add_argument('--pages', nargs='+', type=Path,
                        help='these alone; they may build on pages before')
    args = parser.parse_args(arguments)
    pages = [p.resolve() for p in args.pages or find_pages(ROOT)]
    faults = list(static_faults(ROOT, pages))
    blocks = [block for page in pages for block in read_blocks(page)]
    print(', '.join(f'{mark}: {number}' for mark, number in sorted(Counter(
        block.mark for block in blocks if block.mark).items())))
    if not args.static:
        with tempfile.TemporaryDirectory() as folder:
            make_scratch(ROOT, Path(folder))
            faults += run_all(
                [b for b in blocks if b.mark and b.mark != 'not run'],
                Path(folder))
    print(*faults, sep='\n', file=sys.stderr)
    return int(bool(faults))


if __name__ == '__main__':
    sys.exit(main())
