"""The pages of the model zoo, made of the metafiles alone."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ENDING = '_metafile.yml'
#: The columns of a protocol, and what a table calls them.
_PROTOCOL = {
    'Hypothesis Rule': 'hypothesis', 'Hypothesis Order': 'order',
    'Left/Right Rule': 'left/right',
    'Root Rule': 'root', 'Joints': 'joints', 'Crop Rule': 'crop',
    'Masks': 'masks', 'Split': 'split', 'Frames': 'frames',
    'Mean Over': 'mean over', 'Unit': 'unit', 'Seed': 'seed',
    'Checkpoint': 'checkpoint',
}
#: Shown first, in this order.
_FIGURES = ('MPJPE', 'N-MPJPE', 'P-MPJPE', '3DPCK@150', 'AUC')

_LEGEND = """\
A dash stands for what nobody has measured, or written down. MPJPE and its kin
are in mm, 3DPCK, AUC and PCKh in %, unless a column tells another unit. top1:
the first hypothesis, chosen without the truth; ranked: the best whole pose by
a learned prior; oracle: the whole hypothesis of the least MPJPE, whose other
figures need not be the best; oracle-joint: the nearest hypothesis of each
joint. The order is what makes a hypothesis the first. The crop rule 'root'
reads the annotated place of the root, 'mask' nothing but the mask."""


def read_metafile(path: Path) -> dict[str, Any]:
    """Read a metafile.

    Raises:
        ValueError: If it is none.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is no YAML: {error}') from error
    if not (isinstance(content, dict) and
            {'Collections', 'Models'} <= content.keys()):
        raise ValueError(f'{path} is no metafile: it needs Collections and '
                         'Models')
    return content


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice out twice, as people do."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(content: Any) -> str:
    """Return text as the metafiles are written."""
    return yaml.dump(content, Dumper=_Plain, sort_keys=False,
                     allow_unicode=True, width=79)


def zoo_files(root: Path) -> dict[Path, str]:
    """Return what the metafiles say the pages and the index should be.

    Args:
        root: The repository.

    Returns:
        Their text by path: ``configs/NAME.md`` of every
        ``configs/NAME_metafile.yml``, and ``model-index.yml``.
    """
    metafiles = sorted((root / 'configs').glob(f'*{ENDING}'))
    files = {page_of(path): _page(path) for path in metafiles}
    index = {'Import': [path.relative_to(root).as_posix()
                        for path in metafiles]}
    return {**files, root / 'model-index.yml': to_yaml(index)}


def page_of(metafile: Path) -> Path:
    """Return the page of a metafile."""
    return metafile.with_name(metafile.name.removesuffix(ENDING) + '.md')


def table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a table of models, a row for each protocol.

    Args:
        models: Entries of a metafile.
    """
    results = [result for model in models
               for result in model['Results'] or []]
    measured = {figure for result in results for figure in _figures(result)}
    figures = [f for f in _FIGURES if f in measured or f in _FIGURES[:3]]
    figures += sorted(measured - set(figures))
    # Where every number is in the unit of its kind none is named.
    rules = {key: name for key, name in _PROTOCOL.items() if key != 'Unit'
             or any(key in result['Protocol'] for result in results)}
    head = ['Arch', 'test set', *rules.values(), *figures, 'ckpt']
    lines = [_row(head), _row([':---'] * (2 + len(rules)) +
                              ['---:'] * len(figures) + [':---'])]
    for model in models:
        arch = f'[{model["Name"]}]({_from_configs(model["Config"])})'
        weights = model['Weights']
        link = f'[ckpt]({_from_configs(weights)})' if weights else '-'
        for result in model['Results'] or [{}]:
            protocol = result.get('Protocol', {})
            metrics = _figures(result)
            lines.append(_row([
                arch, result.get('Dataset', '-'),
                *(_cell(protocol.get(key)) for key in rules),
                *(_digits(f, metrics[f]) if f in metrics else '-'
                  for f in figures), link]))
    return lines


def _digits(figure: str, value: float) -> str:
    """Return a number with the digits that its kind deserves."""
    return f'{value:.3f}' if 'ambiguity' in figure else f'{value:.1f}'


def _figures(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of one protocol without its rules in their keys."""
    rule = result.get('Protocol', {}).get('Hypothesis Rule')
    return {_figure(key, rule): value
            for key, value in result.get('Metrics', {}).items()}


def _figure(key: str, rule: str | None) -> str:
    """Return ``MPJPE`` of ``MPJPE/top1,joints=14/per-action``.

    Figures in the picture name no rule: ``2D/px,joints=14/per-category``.
    """
    figure = key.rpartition(f'/{rule}')[0]
    if figure:
        return figure
    return key.partition(',')[0].partition('/per-')[0]


def _page(metafile: Path) -> str:
    """Return the page of a metafile."""
    content = read_metafile(metafile)
    collection = content['Collections'][0]
    paper = collection['Paper']
    lines = [
        f'<!-- Made of {metafile.name} by tools/report.py: change that, and '
        'run it. -->', '',
        f'# {collection["Name"]}: {page_of(metafile).stem}', '',
        '<!-- [ALGORITHM] -->', '',
        f'[{paper["Title"]}]({paper["URL"]})', '',
        '## Results', '', *table(content['Models']), '', _LEGEND, '',
        '## How each was made', '']
    for model in content['Models']:
        lines += [f'### {model["Name"]}', '', *_recipe(model), '']
    return '\n'.join(lines).rstrip() + '\n'


def _recipe(model: Mapping[str, Any]) -> list[str]:
    """Return what stands behind a row, one fact a line."""
    lines = []
    commands = []
    for key, value in model['Metadata'].items():
        if key.endswith('Command'):
            commands.append(value)
        elif key == 'Data Cards':
            value = [f'[{card}]({_from_configs(card)})' for card in value]
            lines.append(f'- {key}: {_cell(value)}')
        elif value is not None:
            lines.append(f'- {key}: {_cell(value)}')
    for result in model['Results'] or []:
        if result.get('Test Command') not in (None, *commands):
            commands.append(result['Test Command'])
    if commands:
        lines += ['', '```bash', *commands, '```']
    return lines


def _from_configs(path: str) -> str:
    """Return a path of the repository as a page in configs/ links to it."""
    return path if '://' in path else os.path.relpath(path, 'configs')


def _row(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f'| {" | ".join(cells)} |'


def _cell(value: Any) -> str:
    """Return a value for people."""
    if isinstance(value, Mapping):
        return ', '.join(f'{k} {_cell(v)}' for k, v in value.items())
    if isinstance(value, list):
        return '; '.join(map(_cell, value))
    return '-' if value is None else str(value)
