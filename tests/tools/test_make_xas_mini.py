"""The command that makes XaS-Mini."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import cv2
import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'make_xas_mini.py'


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    monkeypatch.syspath_prepend(str(TOOL.parent))
    runpy.run_path(str(TOOL), run_name='__main__')


def test_make_show_and_describe(tmp_path, monkeypatch, capsys):
    out, sheet = tmp_path / 'mini', tmp_path / 'new' / 'sheet.jpg'
    run(monkeypatch, '--out', str(out), '--frames', '1', '--seed', '4',
        '--image-size', '48', '--subjects', 'S1', 'S11', '--actions',
        'Sitting', 'Photo', '--body', 'human', '--mask-quality', 'segmenter',
        '--contact-sheet', str(sheet))
    stored = json.loads((out / 'settings.json').read_text())
    assert stored == dict(
        name='XaS-Mini', version='1.0', frames=1, seed=4, image_size=48,
        mask_quality='segmenter', subjects=['S1', 'S11'],
        actions=['Sitting', 'Photo'], body='human', supersampling=2)
    captured = capsys.readouterr()
    checksum = (out / 'checksum.txt').read_text().strip()
    assert captured.out == (f'16 pictures: {out}\nchecksum {checksum}\n'
                            f'contact sheet: {sheet}\n')
    assert '4/4' in captured.err  # the progress bar
    assert cv2.imread(str(sheet)).shape == (150, 8 * 150, 3)

    run(monkeypatch, '--describe', str(out))
    numbers = json.loads(capsys.readouterr().out)
    assert numbers['train']['pictures'] == 8
    # No exact masks to compare with.
    assert 'segmenter_iou' not in numbers['train']


def test_a_folder_is_needed(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert '--out (or --describe) is needed' in capsys.readouterr().err


def test_a_sheet_of_no_known_kind_is_refused_first(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r'sheet\.txt must end with .jpg'):
        run(monkeypatch, '--out', str(tmp_path / 'a'), '--frames', '1',
            '--image-size', '8', '--subjects', 'S1', '--actions', 'Photo',
            '--body', 'human', '--contact-sheet', str(tmp_path / 'sheet.txt'))
    assert not (tmp_path / 'a').exists()


def test_a_sheet_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    sheet = tmp_path / 'sheet.jpg'
    sheet.mkdir()
    with pytest.raises(OSError, match=r'cannot write .*sheet\.jpg'):
        run(monkeypatch, '--out', str(tmp_path / 'a'), '--frames', '1',
            '--image-size', '48', '--subjects', 'S1', '--actions', 'Photo',
            '--body', 'human', '--contact-sheet', str(sheet))


def test_unknown_actions_are_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r'actions are some of .*got Flying'):
        run(monkeypatch, '--out', str(tmp_path / 'a'), '--actions', 'Flying')
    assert not (tmp_path / 'a').exists()
