"""The command that converts MPI-INF-3DHP."""
from __future__ import annotations

import runpy
import sys
from collections import Counter
from pathlib import Path

import pytest

TOOL = (Path(__file__).resolve().parents[3] / 'tools' / 'dataset_converters'
        / 'mpi_inf_3dhp.py')


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_arguments_reach_the_conversion(
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    asked = []

    def write(root, out, settings, workers):
        asked.append((root, out, settings, workers))
        return dict(test=Counter({'kept': 3, 'not valid': 2, 'pictures': 3}),
                    train=Counter(kept=4, pictures=20))

    monkeypatch.setattr(
        'xas_mmpose.datasets.mpi_inf_3dhp_set.write_mpi_inf_3dhp', write)
    run(monkeypatch, 'mpi', '--out', 'out', '--cameras', '0', '5',
        '--interval', '1', '--no-filters', '--no-masks', '--workers', '3')
    (root, out, settings, workers), = asked
    assert (root, out, workers) == (Path('mpi'), Path('out'), 3)
    assert (settings.cameras, settings.interval, settings.filters,
            settings.masks) == ((0, 5), 1, False, False)
    assert capsys.readouterr().out == (
        'test: 3 pictures of 3 moments; left out: 2 not valid\n'
        'train: 20 pictures of 4 moments; left out: none\n')


def test_an_empty_folder_is_an_error(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match='neither S1/Seq1 nor TS1'):
        run(monkeypatch, str(tmp_path), '--out', str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
