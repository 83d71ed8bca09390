#!/usr/bin/env python
"""Turn a finished run into a row of the model zoo.

    python tools/report.py work_dirs/xas_mini             # only shows it
    python tools/report.py work_dirs/xas_mini --write     # and keeps it
    python tools/report.py                                # the pages anew

It reads what tools/train.py and tools/test.py have left in the work dir:
config, logs, environment, seed and metrics, and what the data say of
themselves. The first prints an entry for configs/<name>_metafile.yml and its
rows. --write puts the entry in the place of an older one, and makes the pages
(configs/*.md) and model-index.yml of all metafiles. Without a work dir it
does only that; --check changes nothing and ends with 1 where a page differs.

Every number comes with its protocol: hypothesis rule, left/right rule, root
rule, joints, crop rule, split, seed. Numbers without one are left out and
named; metrics with report_protocol=True write it beside their numbers.
"""
from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from zoo.entry import (
    COLLECTION,
    DataCards,
    make_entry,
    make_metadata,
    make_results,
)
from zoo.finished_run import Evaluation, read_evaluations, read_training
from zoo.pages import (
    ENDING,
    page_of,
    read_metafile,
    table,
    to_yaml,
    zoo_files,
)
from zoo.recipe import TEST, TRAINING, Recipe

from xas_mmpose.render.resumable import write_whole

ROOT = Path(__file__).resolve().parents[1]
#: What a new metafile begins with.
PAPER = {
    'Title': 'X as Supervision: Contending with Depth Ambiguity in '
             'Unsupervised Monocular 3D Pose Estimation',
    'URL': 'https://arxiv.org/abs/2411.13026',
}


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path, nargs='?',
                        help='of a finished training')
    parser.add_argument('--config', help='the config of the training '
                        '(default: that of its name in configs/)')
    parser.add_argument('--test-config', help='the config of the test '
                        '(default: that of the training)')
    parser.add_argument('--evaluation', type=Path, nargs='+',
                        help='folders <time> of tools/test.py, whose results '
                        'stand side by side (default: the latest in the work '
                        'dir)')
    parser.add_argument('--name', help='of the row (default: that of the '
                        'config); needed where settings were replaced')
    parser.add_argument('--weights', help='the file that is handed out, '
                        'relative to the repository, or its URL: the one '
                        'that was tested')
    parser.add_argument('--licence', help='licence of the training data '
                        "(default: the older entry's)")
    parser.add_argument('--metafile', type=Path, help='where the entry '
                        'belongs (default: where its name or config is)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--write', action='store_true',
                      help='keep the entry')
    what.add_argument('--check', action='store_true',
                      help='only say whether the pages are up to date')
    args = parser.parse_args(arguments)
    if args.check and args.work_dir:
        parser.error('--check looks at the pages, not at a work dir')
    return args


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Report.

    Args:
        arguments: The command line.
        root: The repository.
    """
    args = parse_args(arguments)
    if args.work_dir:
        entry, left_out = report(args, root)
        print(to_yaml([entry]))
        print('\n'.join(table([entry])), flush=True)
        for key, why in left_out.items():
            print(f'left out: {key}: {why}')
        if not args.write:
            print('nothing was written; --write keeps the entry')
            return 0
        path = find_metafile(args, root, entry)
        write_whole(path, to_yaml(with_entry(path, entry)).encode())
        print(f'written: {path}')
    outdated = [path for path, text in zoo_files(root).items()
                if not path.is_file() or path.read_text() != text]
    for path in outdated:
        if args.check:
            print(f'{path} is not what its metafile says; run: '
                  'python tools/report.py')
        else:
            write_whole(path, zoo_files(root)[path].encode())
            print(f'written: {path}')
    return int(bool(args.check and outdated))


def report(args: argparse.Namespace,
           root: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entry of a run, and why numbers are left out, by key.

    Raises:
        FileNotFoundError: If something is missing.
        ValueError: If something does not fit.
    """
    training = read_training(args.work_dir)
    config = args.config or f'configs/{training.name}.py'
    test_config = args.test_config or config
    for path in (config, test_config):
        if not (root / path).is_file():
            raise FileNotFoundError(
                f'{args.work_dir} was trained with {training.name!r}, but '
                f'there is no config {path} in {root}: name it with --config '
                '(--test-config for the test)')
    recipe = Recipe(root / config, training.cfg, TRAINING)
    name = args.name or Path(config).stem
    if not (args.name or recipe.is_plain):
        changed = ' '.join(f'{k}={v}' for k, v in recipe.options.items())
        raise ValueError(
            f'{args.work_dir} was trained with other settings than {config}: '
            f'{changed}. Give its row a name of its own: --name')
    older = older_entry(root, name)
    cards = DataCards()
    licence = args.licence or older.get('Metadata', {}).get(
        'Training Data Licence')
    weights = args.weights or older.get('Weights')
    results, left_out = [], {}
    for evaluation in read_evaluations(training, config, args.evaluation):
        print(f'evaluation: {evaluation.folder}')
        handed_out = tested_weights(evaluation, weights, args, root)
        found, without = make_results(
            training, evaluation,
            Recipe(root / test_config, evaluation.cfg, TEST), test_config,
            handed_out, cards)
        results += found
        left_out.update(without)
        weights = handed_out
    metadata = make_metadata(training, recipe, config, cards, licence)
    if weights and '://' not in weights:
        # What was published says how it was made, all stages of it.
        metadata['Training Command'] = published_command(
            root / weights) or metadata['Training Command']
    return make_entry(name, config, metadata, results, weights), left_out


def tested_weights(evaluation: Evaluation, weights: str | None,
                   args: argparse.Namespace, root: Path) -> str | None:
    """Return the weights that are handed out, if they are what was tested.

    Args:
        evaluation: The test.
        weights: A path of the repository, or a URL, or None.
        args: The command line.
        root: The repository.

    Raises:
        FileNotFoundError: If the weights are not there.
        ValueError: If others were tested.
    """
    tested = evaluation.checkpoint
    if weights and Path(weights).name == tested:
        if '://' not in weights and not (root / weights).is_file():
            raise FileNotFoundError(f'there are no weights {root / weights}')
        return weights
    if args.weights:
        raise ValueError(
            f'{evaluation.folder} tested {tested}, not {args.weights}; test: '
            f'python tools/test.py CONFIG {args.weights} --work-dir '
            f'{args.work_dir / "test"}')
    if not (args.work_dir / tested).is_file():
        raise ValueError(f'{evaluation.folder} tested {tested}, which is not '
                         f'of {args.work_dir}: name it with --weights')
    return None


def published_command(path: Path) -> str | None:
    """Return the command that a published checkpoint names.

    Args:
        path: The file of tools/model_converters/publish_model.py.

    Raises:
        ValueError: If it is no checkpoint.
    """
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
        return checkpoint.get('meta', {}).get('command')
    except (OSError, RuntimeError, EOFError, AttributeError,
            pickle.UnpicklingError) as error:
        raise ValueError(f'{path} is no checkpoint that '
                         'tools/model_converters/publish_model.py has written '
                         f'({error})') from error


def older_entry(root: Path, name: str) -> dict[str, Any]:
    """Return the entry of a name, empty if there is none."""
    for path in (root / 'configs').glob(f'*{ENDING}'):
        for model in read_metafile(path)['Models']:
            if model['Name'] == name:
                return model
    return {}


def find_metafile(args: argparse.Namespace, root: Path,
                  entry: dict[str, Any]) -> Path:
    """Return the metafile that an entry belongs to."""
    if args.metafile:
        return args.metafile
    for key in ('Name', 'Config'):
        for path in sorted((root / 'configs').glob(f'*{ENDING}')):
            if entry[key] in [model[key]
                              for model in read_metafile(path)['Models']]:
                return path
    return root / 'configs' / f'{Path(entry["Config"]).stem}{ENDING}'


def with_entry(path: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Return a metafile's content with an entry in it.

    Args:
        path: The metafile; it need not be there.
        entry: Takes the place of the one of its name, else comes last.
    """
    if path.is_file():
        content = read_metafile(path)
    else:
        content = {'Collections': [{'Name': COLLECTION, 'Paper': PAPER,
                                    'README': page_of(path).name}],
                   'Models': []}
    models = content['Models']
    names = [model['Name'] for model in models]
    if entry['Name'] in names:
        models[names.index(entry['Name'])] = entry
    else:
        models.append(entry)
    return content


if __name__ == '__main__':
    sys.exit(main())
