#!/usr/bin/env python
"""Hold every component against numbers of the authors' released code.

    python tools/check_parity.py GOLDEN_DIR [--json FILE]

GOLDEN_DIR holds inputs and outputs that were recorded from their functions;
any folder with files of the same names and arrays will do, as all sizes are
read from the arrays. Each row shows the deviation that is nearest to its
tolerance: relative to the largest magnitude of the array, or absolute (abs:
px, mm, grey levels or counts). The exit status is 1 unless all agree.
"""
from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from mmengine.registry import init_default_scope
from parity import (  # noqa: F401  (each registers its components)
    coordinates,
    crops,
    depth_decoding,
    evaluation,
    geodesic,
    iteration,
    line_renderer,
    loader,
    losses,
    networks,
    pose_prior,
    state_dict,
    surreal,
)
from parity.registry import COMPONENTS, FAILED, NO_FILE, OK, Result, run


def format_table(results: list[Result]) -> str:
    """Return one row per component, and what is wrong below."""
    rows = [('component', 'file', 'arrays', 'deviation', 'tolerance', 'of',
             'verdict')]
    for result in results:
        worst = result.worst
        rows.append((result.component.name, result.component.file,
                     str(result.num_arrays), str(worst or '-'),
                     f'{worst.tolerance:.1e}' if worst else '-',
                     worst.array if worst else '-', result.verdict))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ['  '.join(cell.ljust(width)
                       for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    for result in results:
        name = result.component.name
        if result.error:
            lines.append(f'{name}: {result.error}')
        lines += [f'{name}: {d.array} deviates by {d}, allowed are '
                  f'{d.tolerance:.1e}' for d in result.deviations if not d.ok]
    return '\n'.join(lines)


def as_json(result: Result) -> dict:
    """Return a result in plain values; null for no finite deviation."""
    worst = result.worst
    finite = worst is not None and math.isfinite(worst.value)
    return dict(
        component=result.component.name,
        file=result.component.file,
        arrays=result.num_arrays,
        deviation=worst.value if finite else None,
        tolerance=worst.tolerance if worst else None,
        relative=worst.relative if worst else None,
        array=worst.array if worst else None,
        verdict=result.verdict,
        error=result.error,
        not_compared=result.unread)


def main(arguments: list[str] | None = None) -> int:
    """Check all components.

    Args:
        arguments: Those of the command line.

    Returns:
        The exit status: 0 if all that could be checked agrees, else 1.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('goldens', type=Path, metavar='GOLDEN_DIR')
    parser.add_argument('--json', type=Path, help='file for the results')
    options = parser.parse_args(arguments)
    files = {component.file for component in COMPONENTS}
    if not any((options.goldens / file).is_file() for file in files):
        print(f'{options.goldens} holds no goldens: none of '
              f'{", ".join(sorted(files))} is there', file=sys.stderr)
        return 1
    init_default_scope('mmpose')
    results = [run(component, options.goldens) for component in COMPONENTS]
    print(format_table(results))
    counts = {OK: 0, FAILED: 0, NO_FILE: 0, 'skipped': 0}
    for result in results:
        counts[result.verdict.split(':')[0]] += 1
    print(', '.join(f'{number} {name}' for name, number in counts.items()
                    if number or name == OK))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps([as_json(result) for result in results], indent=2)
            + '\n')
    return int(any(result.failed for result in results))


if __name__ == '__main__':
    sys.exit(main())
