"""The command that writes synthetic pairs."""
from __future__ import annotations

import json
import math
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.render import SceneSettings
from xas_mmpose.render.camera_effects import CameraEffects
from xas_mmpose.render.fingerprint import set_checksum
from xas_mmpose.render.pair_generator import SyntheticSetSettings

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'synthesize.py'


def run(*arguments: object) -> None:
    """Run the tool as from the command line."""
    runpy.run_path(str(TOOL))['main']([str(a) for a in arguments])


def read(*arguments: object) -> SyntheticSetSettings:
    """Return the settings that arguments stand for."""
    tool = runpy.run_path(str(TOOL))
    return tool['read_settings'](
        tool['make_parser']().parse_args([str(a) for a in arguments]))


def test_a_set_is_written_with_a_bar_and_a_checksum(
        tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'deep' / 'set'
    arguments = ('--num', 2, '--out', out, '--seed', 9, '--image-size', 32,
                 '--num-subjects', 1, '--image-format', 'png', '--parts',
                 '--supersampling', 1)
    run(*arguments)
    captured = capsys.readouterr()
    assert f'2 pairs: {out}' in captured.out
    assert '2/2' in captured.err  # the progress bar
    assert 'checksum' not in captured.out
    data = json.loads((out / 'annotations.json').read_text())
    assert data['info']['generator'] == SyntheticSetSettings(
        num=2, seed=9, num_subjects=1, image_format='png', parts=True,
        scene=SceneSettings(image_size=32, supersampling=1)).described
    assert (out / 'parts' / '00000001.png').is_file()
    run(*arguments, '--checksum')
    assert f'checksum {set_checksum(out)}' in capsys.readouterr().out
    with pytest.raises(ValueError, match='seed = 9, not 1'):
        run(*arguments, '--seed', 1)


def test_defaults_are_those_of_the_library() -> None:
    # To the last bit: a set that Python began, the command may finish.
    assert read('--num', 5) == SyntheticSetSettings(num=5)


def test_every_argument_reaches_the_settings() -> None:
    assert read(
        '--num', 3, '--body', 'horse,cow', '--look', 'texture',
        '--textures', 'skins', '--uv-template', 'a.obj', '--poses', 'a.npz',
        'b', '--pose-step', 4, '--pose-rule', 'negative',
        '--keep-crossing', '--depth', '--extent', 3000, '--distance',
        2000, 3000, '--yaw', -90, 90, '--elevation', 0, 45, '--off-axis',
        0.1, '--truncation', 0.2, '--occlusion', 0.3, '--backgrounds',
        'photos', '--blur', 0, '--gamma', 1, 2,
    ) == SyntheticSetSettings(
        num=3, body='horse,cow', look='texture', textures='skins',
        uv_template='a.obj', poses=('a.npz', 'b'), pose_step=4,
        pose_rule='negative', reject_crossing=False,
        depth=True, backgrounds='photos', scene=SceneSettings(
            extent=3000.0, distance=(2000.0, 3000.0),
            yaw=(-math.pi / 2, math.pi / 2), elevation=(0.0, math.pi / 4),
            off_axis=0.1, truncation=0.2, occlusion=0.3,
            effects=CameraEffects(blur=0.0, gamma=(1.0, 2.0))))


@pytest.mark.parametrize('arguments, said', [
    (('--body', 'gone.pkl'), r'body: there is no model file gone\.pkl'),
    (('--textures', 'gone'), 'textures: there is no folder .*leave textures'),
    (('--uv-template', 'gone.obj'), r'uv_template: there is no \.obj'),
    (('--family-data', 'gone.pkl'), 'family_data: there is no file of'),
    (('--poses', 'gone.npz'), 'poses: there is no file or folder of poses'),
    (('--backgrounds', 'gone'), 'backgrounds: there is no folder of photo'),
])
def test_missing_files_are_named_with_their_cure(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple,
        said: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=said):
        run('--num', 1, '--out', tmp_path / 'set', *arguments)
    assert not (tmp_path / 'set').exists()


@pytest.mark.parametrize('arguments, said', [
    (('--extent', 'nan'), 'extent must be finite, got nan'),
    (('--off-axis', 'nan'), 'off_axis must be finite'),
    (('--workers', '-1'), 'workers is a number .*got -1'),
])
def test_impossible_numbers_claim_no_folder(tmp_path: Path, arguments: tuple,
                                            said: str) -> None:
    with pytest.raises(ValueError, match=said):
        run('--num', 1, '--out', tmp_path / 'set', *arguments)
    assert not (tmp_path / 'set').exists()


@pytest.mark.parametrize('word', ['quadruped', 'animals'])
def test_all_animals_make_a_set(word: str) -> None:
    bodies = read('--num', 3, '--body', word).bodies
    assert len(bodies) >= 6
    assert {'horse', 'fox'} < set(bodies)
    assert not any('human' in name for name in bodies)


def test_the_bodies_are_listed(capsys: pytest.CaptureFixture) -> None:
    run('--body', 'list')
    names = capsys.readouterr().out.split()
    assert names[:2] == ['human', 'human_full']
    assert 'horse' in names


def test_shards_say_when_the_set_is_whole(
        tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ('--num', 3, '--out', tmp_path, '--image-size', 24)
    run(*arguments, '--shard', '2/2')
    assert 'shard 2/2' in capsys.readouterr().out
    assert not (tmp_path / 'annotations.json').exists()
    run(*arguments, '--shard', '1/2')
    assert f'3 pairs: {tmp_path}' in capsys.readouterr().out


@pytest.mark.parametrize('arguments, said', [
    (('--num', '3'), '--out are needed'),
    (('--out', 'a'), '--num and'),
    (('--num', '3', '--out', 'a', '--shard', '3/2'), 'no share like 2/8'),
    (('--num', '3', '--out', 'a', '--shard', '2'), 'no share like 2/8'),
])
def test_wrong_arguments_are_named(arguments: tuple, said: str,
                                   capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        run(*arguments)
    assert said in capsys.readouterr().err


def test_the_authors_layout_brings_its_framing(tmp_path: Path) -> None:
    arguments = ('--num', 1, '--layout', 'surreal_h36m_pose')
    assert read(*arguments).scene == SceneSettings(image_size=256,
                                                   extent=2000.0)
    run(*arguments, '--out', tmp_path, '--image-size', 40)
    joints = np.load(tmp_path / 'joints' / 'joint_000000.npy')
    assert joints.shape == (18, 3)
    assert cv2.imread(str(tmp_path / 'mask/mask_000000.png')).max() == 1


def test_a_contact_sheet_needs_no_set(tmp_path: Path) -> None:
    sheet = tmp_path / 'new' / 'sheet.png'
    run('--num', 2, '--image-size', 24, '--contact-sheet', sheet)
    assert cv2.imread(str(sheet)).shape[1] > 2 * 2 * 256
    assert [path.name for path in tmp_path.iterdir()] == ['new']
    with pytest.raises(ValueError, match=r'sheet\.txt'):
        run('--num', 1, '--image-size', 24, '--contact-sheet',
            tmp_path / 'sheet.txt')


#: Runs the tool in a process that kills itself at the third picture.
KILLED = """
import os, runpy, signal, sys
from xas_mmpose.render import set_layouts
write = set_layouts._write_image
def die(path, *options):
    if path.name == '00000002.jpg':
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, *options)
set_layouts._write_image = die
runpy.run_path(sys.argv[1])['main'](sys.argv[2:])
"""


def test_a_killed_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    arguments = ['--num', '5', '--image-size', '24', '--out']
    out = tmp_path / 'killed'
    result = subprocess.run(
        [sys.executable, '-c', KILLED, str(TOOL), *arguments, str(out)],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, check=False)
    assert result.returncode == -signal.SIGKILL
    assert sorted(path.name for path in (out / 'images').iterdir()) == [
        '00000000.jpg', '00000001.jpg']
    run(*arguments, out)
    run(*arguments, tmp_path / 'whole')
    assert set_checksum(out) == set_checksum(tmp_path / 'whole')
    assert not (out / 'records').exists()
