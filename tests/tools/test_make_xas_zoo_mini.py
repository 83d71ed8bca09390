"""The command that makes XaS-Zoo-Mini."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import cv2
import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'make_xas_zoo_mini.py'


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    monkeypatch.syspath_prepend(str(TOOL.parent))
    runpy.run_path(str(TOOL), run_name='__main__')


def test_make_show_and_describe(tmp_path, monkeypatch, capsys):
    out, sheet = tmp_path / 'zoo', tmp_path / 'sheet.png'
    run(monkeypatch, '--out', str(out), '--frames', '1', '--seed', '4',
        '--image-size', '64', '--subjects', 'S2', 'S11', '--actions', 'Walk',
        'Eating', '--contact-sheet', str(sheet))
    stored = json.loads((out / 'settings.json').read_text())
    assert stored == dict(
        name='XaS-Zoo-Mini', version='1.0', frames=1, seed=4, image_size=64,
        mask_quality='exact', subjects=['S2', 'S11'],
        actions=['Walk', 'Eating'], supersampling=2)
    checksum = (out / 'checksum.txt').read_text().strip()
    assert capsys.readouterr().out == (
        f'16 pictures: {out}\nchecksum {checksum}\n'
        f'contact sheet: {sheet}\n')
    assert cv2.imread(str(sheet)).shape == (150, 8 * 150, 3)

    run(monkeypatch, '--describe', str(out))
    numbers = json.loads(capsys.readouterr().out)
    for split in ('train', 'test'):
        assert numbers[split]['pictures'] == 8
        assert numbers[split]['keypoints_inside_mask'] > 0.9
        assert numbers[split]['touching_the_border'] == 0
        distance = numbers[split]['p_mpjpe_to_prior_mm']
        assert 20 < distance['nearest'] < distance['mean'] < 600


def test_there_is_no_body_to_choose(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, '--out', 'x', '--body', 'horse')
    assert 'unrecognized arguments: --body' in capsys.readouterr().err
