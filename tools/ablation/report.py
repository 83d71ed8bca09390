"""The ablation's numbers, and the page that shows them."""
from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .plan import Run, Table

#: Shown in the page's table; the JSON has all that were measured.
COLUMNS = tuple(f'{metric}/{rule}' for rule in ('top1', 'oracle')
                for metric in ('MPJPE', 'N-MPJPE', 'P-MPJPE'))

PROTOCOL = (
    'Errors in mm, both poses centred on the root; MPJPE aligns nothing else, '
    'N-MPJPE a scale, P-MPJPE scale, rotation and translation. top1: the '
    'first hypothesis, chosen without the truth; oracle: the whole '
    'hypothesis of the least MPJPE. Left and right are never exchanged. The '
    "crop rule 'root' reads the annotated place of the root, 'mask' nothing "
    'but the mask. '
    'Every run counts with its last checkpoint. ± is the standard deviation '
    'over seeds (n - 1).')


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, sample standard deviation and number of values.

    Args:
        values: One value a seed, at least one.

    Returns:
        ``mean``, ``std`` (None for a single value) and ``n``.
    """
    return dict(
        mean=statistics.fmean(values),
        std=statistics.stdev(values) if len(values) > 1 else None,
        n=len(values))


def compare(before: Mapping[str, Mapping], after: Mapping[str, Mapping],
            metric: str) -> dict[str, Any] | None:
    """Return how much more error there is after a change, seed by seed.

    Args:
        before: Metrics of each seed.
        after: The same after the change.
        metric: Which of them.

    Returns:
        The :func:`summary` of after minus before over the seeds that both
        have, ``improved``, the number of seeds with less error, and
        ``verdict``: ``better`` or ``worse`` if the mean difference is larger
        than its own standard deviation and than those of both rows over
        these seeds, else ``within the spread``; ``one seed`` if there is
        none. None without a common seed.
    """
    seeds = [seed for seed in before if seed in after]
    if not seeds:
        return None
    pairs = [(before[s][metric], after[s][metric]) for s in seeds]
    differences = [b - a for a, b in pairs]
    result = summary(differences)
    spreads = [summary(v)['std'] for v in (*zip(*pairs), differences)]
    if None in spreads:
        verdict = 'one seed'
    elif abs(result['mean']) <= max(spreads):
        verdict = 'within the spread'
    else:
        verdict = 'better' if result['mean'] < 0 else 'worse'
    return dict(result, improved=sum(d < 0 for d in differences),
                verdict=verdict)


def make_report(table: Table, runs: Sequence[Run],
                mean_pose: Mapping[str, float],
                settings: Mapping[str, Any]) -> dict[str, Any]:
    """Collect all numbers.

    Args:
        table: The rows.
        runs: Their runs, tested or not.
        mean_pose: Errors of the mean pose by metric.
        settings: What else the reader should know, for JSON.

    Returns:
        The report as JSON keeps it. A row that was not measured is None.
    """
    means: dict[str, Any] = {}
    about: dict[str, Any] = {}
    for row in table.rows:
        about[row.name] = dict(
            text=row.text, config=row.config, start=row.start,
            weights=row.weights, options=dict(row.options or {}))
        if row.config is None:
            means[row.name] = {f'{metric}/top1': summary([value])
                               for metric, value in mean_pose.items()}
            continue
        results = {str(run.seed): run.result() for run in runs
                   if run.row.name == row.name and run.result()}
        seeds = {seed: r['metrics'] for seed, r in results.items()}
        about[row.name].update(
            seeds=seeds,
            **{key: sorted({r[key] for r in results.values()}, key=str)
               for key in ('epochs', 'steps', 'version', 'commit')})
        means[row.name] = {
            metric: summary([values[metric] for values in seeds.values()])
            for metric in next(iter(seeds.values()))} if seeds else None
    differences = [
        dict(before=a, after=b,
             **{metric: compare(about[a].get('seeds', {}),
                                about[b].get('seeds', {}), metric)
                for metric in table.compared})
        for a, b in table.comparisons]
    return dict(title=table.title,
                protocol=f'{PROTOCOL} {table.note}'.rstrip(),
                settings=dict(settings), rows=means,
                differences=differences, about=about)


def format_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report, in Markdown.

    Args:
        report: What :func:`make_report` returns, or its JSON.
    """
    settings = report['settings']
    lines = [
        f'# Ablation on {report["title"]}', '',
        f'Made by `{settings["command"]}`; the numbers stand in '
        f'`{settings["json"]}`, too.', '',
        '| mm | ' + ' | '.join(COLUMNS) + ' | seeds |',
        '| --- |' + ' ---: |' * (len(COLUMNS) + 1)]
    for name, values in report['rows'].items():
        cells = [_cell((values or {}).get(column)) for column in COLUMNS]
        count = max((v['n'] for v in (values or {}).values()), default=0)
        if report['about'][name]['config'] is None:
            count = '-'
        lines.append(f'| {name} | ' + ' | '.join(cells) + f' | {count} |')
    lines += ['', 'A dash stands for what was not measured.', '',
              '## Protocol', '', report['protocol'], '']
    lines += [f'- {key.replace("_", " ")}: {_words(settings[key])}'
              for key in settings if key not in ('command', 'json')]
    lines += ['', '## The rows', '']
    for name, about in report['about'].items():
        lines.append(f'- **{name}**: {about["text"]}')
        lines += [f'  - {line}' for line in _recipe(about)]
    if report['differences']:
        lines += ['', '## What helps', '', *_comparison_table(report)]
    return '\n'.join(lines) + '\n'


def _comparison_table(report: Mapping[str, Any]) -> list[str]:
    """Return the lines on differences between rows."""
    compared = [key for key in report['differences'][0]
                if key not in ('before', 'after')]
    lines = [
        'The error of the second row minus that of the first one, seed by '
        'seed: less than 0 is better. A difference counts if its mean is '
        'larger than its standard deviation over the seeds and than those '
        'of both rows.', '',
        '| from | to | ' + ' | '.join(
            f'{metric} | seeds better | verdict' for metric in compared)
        + ' |',
        '| --- | --- |' + ' ---: | ---: | --- |' * len(compared)]
    verdicts: dict[str, list[str]] = {}
    for entry in report['differences']:
        cells = [entry['before'], entry['after']]
        for metric in compared:
            value = entry[metric]
            cells += (['-', '-', '-'] if value is None else
                      [_cell(value, sign='+'),
                       f'{value["improved"]} of {value["n"]}',
                       value['verdict']])
            if value is not None:
                verdicts.setdefault(value['verdict'], []).append(
                    f'{entry["before"]} → {entry["after"]} ({metric})')
        lines.append('| ' + ' | '.join(cells) + ' |')
    names = {'better': 'Helps', 'worse': 'Harms',
             'within the spread': 'Makes no difference beyond the spread',
             'one seed': 'Cannot be told from one seed'}
    for verdict, name in names.items():
        if verdict in verdicts:
            lines += ['', f'{name}: {", ".join(verdicts[verdict])}.']
    return lines


def _recipe(about: Mapping[str, Any]) -> list[str]:
    """Return how a row is trained, one fact a line."""
    if about['config'] is None:
        return []
    first = f'`{about["config"]}`'
    if about['start']:
        first += f", from the seed's last checkpoint of {about['start']}"
    if about.get('weights'):
        first += (f", the seed's last checkpoint of {about['weights']}, not "
                  'trained again')
    if about['seeds']:
        first += (f'; epochs: {_words(about["epochs"])}, steps: '
                  f'{_words(about["steps"])}, trained with version '
                  f'{_words(about["version"])}, commit '
                  f'{_words(about["commit"])}')
    return [first, *(f'`{key}={value}`'
                     for key, value in about['options'].items())]


def _cell(value: Mapping[str, Any] | None, sign: str = '') -> str:
    """Return mean ± standard deviation, or a dash."""
    if value is None or not math.isfinite(value['mean']):
        return '-'
    text = f'{value["mean"]:{sign}.1f}'
    return text if value['std'] is None else f'{text} ± {value["std"]:.1f}'


def _words(value: Any) -> str:
    """Return a value of the settings for people."""
    if isinstance(value, Mapping):
        return ', '.join(f'{k} {_words(v)}' for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ', '.join(map(_words, value))
    return 'unknown' if value is None else str(value)
