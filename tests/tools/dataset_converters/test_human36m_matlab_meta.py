"""The command that converts the authors' Human3.6M."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

TOOL = (Path(__file__).resolve().parents[3] / 'tools' / 'dataset_converters'
        / 'human36m_matlab_meta.py')


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_arguments_reach_the_conversion(
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    asked = []

    def convert(*args, **kwargs):
        asked.append((args, kwargs))
        return dict(train=3)

    monkeypatch.setattr('xas_mmpose.datasets.human36m_meta.convert_human36m',
                        convert)
    run(monkeypatch, 'hm36', '--out', 'out', '--masks', 'm', '--splits',
        'train', 'validfull', '--seed', '4', '--copy')
    run(monkeypatch, 'hm36', '--out', 'out')
    assert asked == [
        ((Path('hm36'), Path('out'), ('train', 'validfull'), Path('m'), 4),
         dict(link=False)),
        ((Path('hm36'), Path('out'), ('train_selected', 'valid'), None, 0),
         dict(link=True))]
    assert '3 pictures: out/annotation_body3d/h36m_train.npz' in (
        capsys.readouterr().out)


def test_an_empty_folder_is_an_error(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match='holds annot and images'):
        run(monkeypatch, str(tmp_path), '--out', str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
