#!/usr/bin/env python
"""Load every sample of a config's data sets, and say what is wrong.

    python tools/check_dataset.py configs/xas_h36m.py --workers 8

Every sample of every split is read and taken through its pipeline. Broken,
which makes the exit status 1: files that are missing, unreadable or cut off,
masks that are empty or of another size, numbers that are not finite, boxes
out of the picture, 3D key points that the camera does not project on the 2D
ones. Suspicious, to look at: joints off the mask or out of the picture,
sides of the body that differ in length, knees that bend backward or eyes on
the wrong sides of a face (left and right exchanged, or a mirrored camera).

--out gets report.json and, for each data set, a contact sheet with outlines
of the masks, and joints where the data set carries labels. A check that was
stopped goes on where it was.
"""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checking.records import Records
from checking.report import lines_of, summarise
from checking.sheet import chosen
from checking.sources import SPLITS, Source, read_sources
from checking.workers import Crew, LoadError
from mmengine.config import Config, DictAction
from tqdm import tqdm

from xas_mmpose.render.resumable import write_whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Check data sets; return the exit status."""
    args = parse_args(arguments)
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    out = args.out or Path('work_dirs') / f'check_{args.config.stem}'
    records = out / 'records'
    records.mkdir(parents=True, exist_ok=True)
    parts: dict[str, dict[str, Any]] = {}
    with Crew(args.workers) as crew:
        for source in read_sources(config.to_dict(), args.splits):
            part = (dict(same_as=source.same_as) if source.same_as
                    else check(source, crew, out, args.sheet))
            parts[source.name] = dict(type=source.kind, files=source.files,
                                      **part)
            print('\n'.join(lines_of(source.name, source.kind, part)))
    broken = sum('error' in part or bool(part.get('broken'))
                 for part in parts.values())
    report = dict(config=str(args.config), broken=broken > 0, sources=parts)
    write_whole(out / 'report.json', json.dumps(report, indent=1).encode())
    shutil.rmtree(records)
    print(f'{out / "report.json"}: ' + (
        f'{broken} of {len(parts)} data sets are broken' if broken else
        'nothing is broken'))
    return int(broken > 0)


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='config file')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='where report and contact sheets go (default: '
                        'work_dirs/check_<name of the config>)')
    parser.add_argument('--splits', nargs='+', choices=SPLITS,
                        default=SPLITS, help='what to check (default: all)')
    parser.add_argument('--workers', type=int, default=1,
                        help='number of processes')
    parser.add_argument('--sheet', type=int, default=24, metavar='N',
                        help='samples on a contact sheet, 0 for no sheet')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={}, metavar='KEY=VALUE',
                        help='replace settings of the config')
    args = parser.parse_args(arguments)
    if not args.config.is_file():
        parser.error(f'there is no config file {args.config}')
    if args.workers < 1 or args.sheet < 0:
        parser.error('--workers starts at 1 and --sheet at 0')
    return args


def check(source: Source, crew: Crew, out: Path,
          sheet: int) -> dict[str, Any]:
    """Check one data set.

    Args:
        source: The data set.
        crew: Who reads it.
        out: Folder of the records and the sheet.
        sheet: Samples on the sheet.

    Returns:
        Its part of the report.
    """
    store = Records(out / 'records', source)
    done = store.read()
    try:
        facts = crew.load(source)
        missing = [i for i in range(facts['num']) if i not in done]
        with tqdm(total=facts['num'], initial=len(done), unit='sample',
                  desc=source.name) as bar:
            for record in crew.records(missing):
                store.append(record)
                done[record['index']] = record
                bar.update()
    except LoadError as error:
        return dict(error=str(error))
    records = [done[index] for index in sorted(done)]
    part = summarise(records, facts)
    if sheet and records:
        path = out / f'{source.name.replace("/", "_")}.jpg'
        drawn = crew.draw(chosen(records, sheet), path)
        part['sheet'] = str(path) if drawn else None
    return part


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print('stopped; the same command goes on', file=sys.stderr)
        sys.exit(130)
