"""The command that writes synthetic pairs."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'synthesize.py'


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_arguments_reach_the_set(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'deep' / 'set'
    run(monkeypatch, '--num', '2', '--out', str(out), '--seed', '9',
        '--image-size', '32', '--extent', '3000', '--num-subjects', '1',
        '--image-format', 'png', '--supersampling', '1')
    data = json.loads((out / 'annotations.json').read_text())
    assert data['info']['generator'] == dict(
        version=data['info']['version'], num=2, seed=9, num_subjects=1,
        image_format='png', body=None,
        scene=dict(image_size=32, extent=3000.0, distance=[4000.0, 6000.0],
                   elevation=[-0.15, 0.45], off_axis=0.15, supersampling=1))
    assert (out / 'images' / '00000001.png').is_file()
    captured = capsys.readouterr()
    assert f'2 pairs: {out}' in captured.out
    assert '2/2' in captured.err  # the progress bar


def test_another_seed_in_the_same_folder_is_refused(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ['--num', '1', '--out', str(tmp_path / 'set'),
                 '--image-size', '32']
    run(monkeypatch, *arguments)
    with pytest.raises(ValueError, match='seed = 0, not 1'):
        run(monkeypatch, *arguments, '--seed', '1')
