"""What the numbers of finished runs say, and the page of them."""
from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


def write_result(run: Any, **metrics: float) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / 'result.json').write_text(json.dumps(dict(
        test_key=run.test_key, epochs=2, steps=4, version='0', commit=None,
        metrics={f'{name}/top1': value for name, value in metrics.items()})))


@pytest.fixture
def report(make_plan, table_file, tool) -> dict:
    """Return a report of rows with 3, 2, 0 and 1 measured seeds."""
    runs = make_plan(seeds=(0, 1, 2))
    values = {
        'first': {0: 100., 1: 104., 2: 108.},
        'second': {0: 90., 2: 97.},
        'steep': {2: 99.},
    }
    for run in runs:
        value = values.get(run.row.name, {}).get(run.seed)
        if value is not None:
            write_result(run, **{'MPJPE': value, 'P-MPJPE': value / 2,
                                 'N-MPJPE': value})
    return tool.report.make_report(
        tool.plan.read_table(table_file), runs, dict(MPJPE=250.),
        dict(command='x', json='y.json', seeds=[0, 1, 2]))


def test_report_has_means_and_spreads(report):
    rows = report['rows']
    assert rows['nothing'] == {
        'MPJPE/top1': dict(mean=250., std=None, n=1)}
    # Deviations of -4, 0, 4: 32 over 2 degrees of freedom.
    assert rows['first']['MPJPE/top1'] == dict(mean=104., std=4., n=3)
    assert rows['first']['P-MPJPE/top1'] == dict(mean=52., std=2., n=3)
    assert rows['second']['MPJPE/top1'] == dict(
        mean=93.5, std=pytest.approx(7 / np.sqrt(2)), n=2)
    assert rows['steep']['MPJPE/top1'] == dict(mean=99., std=None, n=1)
    assert rows['other'] is None
    assert report['about']['second']['seeds']['2']['MPJPE/top1'] == 97.
    assert report['about']['steep']['options'] == {'model.slope': 3.0}


def test_report_compares_seed_by_seed(report):
    first, second = report['differences']
    assert (first['before'], first['after']) == ('first', 'second')
    # Seeds 0 and 2: -10 and -11; the rows themselves spread by 5.7 and 4.9.
    assert first['MPJPE/top1'] == dict(
        mean=-10.5, std=pytest.approx(np.sqrt(0.5)), n=2, improved=2,
        verdict='better')
    assert second['MPJPE/top1'] == dict(
        mean=2., std=None, n=1, improved=0, verdict='one seed')


@pytest.mark.parametrize('before, after, verdict, improved', [
    ([10, 11, 12], [5, 6, 7], 'better', 3),
    ([5, 6, 7], [10, 11, 12], 'worse', 0),
    # Always 1 better, but the seeds differ by more.
    ([10, 12, 14], [9, 11, 13], 'within the spread', 3),
    # Rows at rest, differences that are not: -4, 2, -4.
    ([10, 10, 10], [6, 12, 6], 'within the spread', 2),
    ([10, 10], [10, 10], 'within the spread', 0),
])
def test_verdicts(before, after, verdict, improved, tool):
    sides = [{str(i): dict(m=float(v)) for i, v in enumerate(values)}
             for values in (before, after)]
    result = tool.report.compare(*sides, 'm')
    assert result['verdict'] == verdict
    assert result['improved'] == improved
    assert result['mean'] == pytest.approx(
        statistics.fmean(after) - statistics.fmean(before))


def test_no_common_seed_is_no_comparison(tool):
    assert tool.report.compare({'0': dict(m=1.)}, {'1': dict(m=1.)},
                               'm') is None


def test_page_says_what_the_numbers_say(report, tool):
    page = tool.report.format_page(json.loads(json.dumps(report)))
    assert page == tool.report.format_page(report)
    assert ('| first | 104.0 ± 4.0 | 104.0 ± 4.0 | 52.0 ± 2.0 | - | - | - | '
            '3 |') in page
    assert '| other | - | - | - | - | - | - | 0 |' in page
    assert '| nothing | 250.0 | - | - | - | - | - | - |' in page
    assert ('| first | second | -10.5 ± 0.7 | 2 of 2 | better | -5.2 ± 0.4 | '
            '2 of 2 | better |') in page
    assert ('Helps: first → second (MPJPE/top1), first → second '
            '(P-MPJPE/top1).') in page
    assert 'Cannot be told from one seed: second → steep' in page
    assert 'Harms' not in page
    assert '  - `model.slope=3.0`' in page


def test_a_table_says_what_is_compared_and_what_to_know(
        table_file, make_plan, tool):
    with table_file.open('a') as file:
        file.write("compared = ['N-MPJPE/top1']\nnote = 'Ones are odd.'\n")
    for run in make_plan(seeds=(0, )):
        write_result(run, **{'MPJPE': 2., 'P-MPJPE': 1., 'N-MPJPE': 3.})
    report = tool.report.make_report(
        tool.plan.read_table(table_file), make_plan(seeds=(0, )), {},
        dict(command='x', json='y.json'))
    first, _ = report['differences']
    assert set(first) == {'before', 'after', 'N-MPJPE/top1'}
    page = tool.report.format_page(report)
    assert '| from | to | N-MPJPE/top1 | seeds better | verdict |' in page
    assert report['protocol'] == tool.report.PROTOCOL + ' Ones are odd.'
    assert report['protocol'] in page


def test_nothing_compared_is_no_section(report, tool):
    page = tool.report.format_page(dict(report, differences=[]))
    assert 'What helps' not in page
    assert '| first | 104.0' in page


def test_page_in_the_docs_is_what_its_numbers_say(tool):
    numbers = ROOT / 'docs' / 'ablation_xas_mini.json'
    report = json.loads(numbers.read_text())
    assert tool.report.format_page(report) == (
        numbers.with_suffix('.md').read_text())
    table = tool.plan.read_table(ROOT / 'configs/ablation/xas_mini.py')
    assert list(report['rows']) == [row.name for row in table.rows]
