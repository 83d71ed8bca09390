"""The command that converts SURREAL."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

TOOL = (Path(__file__).resolve().parents[3] / 'tools' / 'dataset_converters'
        / 'surreal.py')


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the tool as from the command line."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_arguments_reach_the_set(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    asked = {}

    def write(root, folder, settings, keypoints, workers):
        asked.update(locals())
        return 12

    monkeypatch.setattr('xas_mmpose.datasets.surreal_set.write_surreal_set',
                        write)
    run(monkeypatch, 'clips', '--out', str(tmp_path), '--seed', '3',
        '--max-clips', '7', '--frames', '2', '--reference', '--workers', '4')
    settings = asked['settings']
    assert asked['root'] == Path('clips')
    assert (settings.layout, settings.seed, settings.max_clips,
            settings.frames, settings.reference) == (
                'surreal_h36m_pose', 3, 7, 2, True)
    assert asked['workers'] == 4
    assert asked['keypoints'].bodies == {}
    assert f'12 pairs: {tmp_path}' in capsys.readouterr().out


def test_a_body_file_goes_to_its_gender(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    monkeypatch.setattr('xas_mmpose.body_models.load_body', str)
    monkeypatch.setattr('xas_mmpose.datasets.surreal.SurrealKeypoints',
                        asked.update)
    monkeypatch.setattr('xas_mmpose.datasets.surreal_set.write_surreal_set',
                        lambda *_, **__: 1)
    run(monkeypatch, 'clips', '--out', str(tmp_path), '--neutral-body',
        'n.npz', '--male-body', 'm.npz')
    assert asked == dict(neutral='n.npz', male='m.npz')


def test_a_folder_without_clips_is_an_error(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r'no \*_info\.mat below'):
        run(monkeypatch, str(tmp_path / 'none'), '--out',
            str(tmp_path / 'out'), '--layout', 'coco')
    assert not (tmp_path / 'out').exists()
