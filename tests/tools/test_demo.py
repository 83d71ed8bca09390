"""The demo, from nothing to the table, with few pictures."""
from __future__ import annotations

import json
import math
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / 'tools' / 'demo.py'


@pytest.fixture
def h36m_root(fake_h36m) -> Path:
    """Return a made-up Human3.6M in the layout of MMPose's converter."""
    root = fake_h36m.root
    frames = root / 'annotation_body3d' / 'fps10'
    frames.mkdir(parents=True)
    shutil.copy(root / 'annotations' / 'h36m_train.npz',
                frames / 'h36m_test.npz')
    shutil.copy(root / 'annotations' / 'cameras.pkl', frames.parent)
    return root


def run_demo(out: Path, h36m_root: Path) -> str:
    """Run the demo on very little and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(DEMO), '--out', str(out), '--num-synthetic',
         '32', '--mini-frames', '1', '--epochs', '1', '--workers', '2',
         '--num-pictures', '1', '--h36m-root', str(h36m_root)],
        capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_demo_ends_with_a_table_and_is_not_done_twice(
        tmp_path: Path, h36m_root: Path):
    out = tmp_path / 'demo'
    printed = run_demo(out, h36m_root)
    results = json.loads((out / 'results.json').read_text())
    assert results['held-out synthetic subjects']['frames'] == 2
    # Two subjects, 15 actions, four cameras.
    assert results["XaS-Mini's test subjects"]['frames'] == 120
    assert results['real Human3.6M frames']['frames'] == 6
    for test in ('held-out synthetic subjects', "XaS-Mini's test subjects",
                 'real Human3.6M frames'):
        for row in ('untrained', 'mean pose', 'trained'):
            for metric in ('MPJPE/top1', 'N-MPJPE/top1', 'P-MPJPE/top1'):
                assert 0 < results[test][row][metric] < 5000
                assert math.isfinite(results[test][row][metric])
        assert f'frames: {test}' in printed
    assert 'no joints' in results['protocol']
    for folder in ('held-out', 'XaS-Mini', 'real'):
        picture, = (out / 'pictures' / folder).glob('*.png')
        assert cv2.imread(str(picture)).std() > 10
    again = run_demo(out, h36m_root)
    assert 'not trained again' in again
    assert json.loads((out / 'results.json').read_text()) == results


def test_real_frames_need_cameras_and_masks(h36m_root: Path):
    find_h36m = runpy.run_path(str(DEMO))['find_h36m']
    assert find_h36m(h36m_root / 'nowhere', None, 4) is None
    found = find_h36m(h36m_root, None, 4)
    assert found['indices'] == [0, 2, 3, 5]
    assert found['ann_file'] == 'annotation_body3d/fps10/h36m_test.npz'
    with pytest.raises(FileNotFoundError, match='--h36m-masks'):
        find_h36m(h36m_root, h36m_root / 'nowhere', 4)
    (h36m_root / 'annotation_body3d' / 'cameras.pkl').unlink()
    with pytest.raises(FileNotFoundError, match=r'cameras\.pkl is missing'):
        find_h36m(h36m_root, None, 4)
