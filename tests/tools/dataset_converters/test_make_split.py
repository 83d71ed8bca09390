"""The command that draws a split."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from xas_mmpose.datasets.human36m_meta import CAMERA_IDS
from xas_mmpose.datasets.splits import DrawnSplit

TOOL = (Path(__file__).resolve().parents[3] / 'tools' / 'dataset_converters'
        / 'make_split.py')


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_the_same_seed_writes_the_same_bytes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture):
    names = [f'S9/S9_Waiting.{camera}_{frame:06d}.jpg'
             for camera in CAMERA_IDS for frame in range(60)]

    def draw(ann_file: Path, split: str, seed: int) -> DrawnSplit:
        return DrawnSplit(names[seed::60], 1, 2, 3)

    monkeypatch.setattr('xas_mmpose.datasets.splits.draw_split', draw)
    run(monkeypatch, tmp_path / 'h36m_test.npz', 'valid', '--seed', 7)
    out = tmp_path / 'split_valid.txt'
    assert f'{out}: 4 pictures of 1 instants of 2 recordings; passed over 3' \
        in capsys.readouterr().out
    assert out.read_text().splitlines() == [
        '# valid of h36m_test.npz, seed 7: 4 pictures of 1 instants',
        *names[7::60]]
    run(monkeypatch, tmp_path / 'h36m_test.npz', 'valid', '--seed', 7,
        '--out', tmp_path / 'again.txt')
    assert (tmp_path / 'again.txt').read_bytes() == out.read_bytes()


def test_unknown_splits_are_refused(monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        run(monkeypatch, 'x.npz', 'every64')
    assert "'test_every64'" in capsys.readouterr().err
