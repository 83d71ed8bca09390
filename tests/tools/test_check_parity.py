"""All components agree with the goldens, and a wrong golden is found."""
from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='module')
def main() -> Iterator[Callable[[list[str]], int]]:
    """Return the tool's main function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield importlib.import_module('check_parity').main
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] in ('check_parity', 'parity',
                                            'model_converters')]:
            del sys.modules[name]


@pytest.fixture
def copied(goldens: Path, tmp_path: Path) -> Callable:
    """Return a function that copies one file and may change an array."""

    def copy(name: str, array: str | None = None,
             change: Callable | None = None) -> Path:
        if array is None:
            shutil.copyfile(goldens / name, tmp_path / name)
        else:
            with np.load(goldens / name) as file:
                arrays = dict(file)
            arrays[array] = change(arrays[array])
            np.savez(tmp_path / name, **arrays)
        return tmp_path

    return copy


def verdict(printed: str, component: str) -> str:
    line, = (line for line in printed.splitlines()
             if line.startswith(f'{component}  '))
    return line.split('  ')[-1].strip()


def test_every_component_agrees(main, goldens, tmp_path, capsys):
    path = tmp_path / 'parity' / 'table.json'
    assert main([str(goldens), '--json', str(path)]) == 0
    printed = capsys.readouterr().out
    rows = json.loads(path.read_text())
    files = {p.name for p in goldens.glob('[0-9]*.*')}
    # 07 has two text files besides.
    assert {row['file'] for row in rows} == {
        f for f in files if f.endswith(('.npz', '.json'))}
    skipped = 0
    for row in rows:
        assert verdict(printed, row['component']) == row['verdict']
        if row['verdict'].startswith('skipped'):
            skipped += 1
            assert 'geodesic' in row['component'] or (
                'weights' in row['component'])
            continue
        assert row['verdict'] == 'ok'
        assert row['deviation'] <= row['tolerance']
        assert row['arrays'] >= 2
    assert printed.splitlines()[-1] == f'{len(rows) - skipped} ok' + (
        f', {skipped} skipped' if skipped else '')


def moved(values: np.ndarray) -> np.ndarray:
    """Change one number by a hundredth of the largest."""
    values = values.copy()
    values.flat[-1] += 0.01 * np.abs(values).max()
    return values


@pytest.mark.parametrize('component, file, array, change', [
    ('line renderer', '02_draw_lines.npz', 'small_ext_max', moved),
    ('losses', '03_losses.npz', 'disc_3d_2d_grad_real', moved),
    ('discriminator sage', '05_disc_sage.npz', 'logits', moved),
    ('coordinate chain', '06_coords.npz', 'patch_to_world',
     lambda a: a[..., :2]),
    ('evaluation', '09_evaluation.npz', 'mpjpe_procrustes',
     lambda a: a * np.nan),
    ('head', '12_deconv_head.npz', 'sd/features.9.bias', moved),
])
def test_a_wrong_golden_is_named(main, copied, capsys, component, file,
                                 array, change):
    folder = copied(file)
    # The files that are not there are failures, too.
    assert main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert verdict(printed, component) == 'ok'
    assert verdict(printed, 'depth decoding') == 'no file'
    assert main([str(copied(file, array, change))]) == 1
    printed = capsys.readouterr().out
    assert verdict(printed, component) == 'FAILED'
    assert f'\n{component}: ' in printed


@pytest.mark.parametrize('component, file, axis, skip', [
    ('depth decoding', '01_depth_decode.npz', 0, ('sp_names', )),
    ('line renderer', '02_draw_lines.npz', 0,
     ('links_', 'large_ext_lines_sel')),
    ('coordinate chain', '06_coords.npz', -3, ('cam_', )),
])
def test_sizes_are_read_from_the_arrays(main, goldens, tmp_path, capsys,
                                        component, file, axis, skip):
    """A golden of one sample is as good as the whole one."""
    with np.load(goldens / file) as arrays:
        arrays = dict(arrays)
    for key, array in arrays.items():
        if key.startswith('cam_'):  # by camera, then by person
            arrays[key] = array[:, :1]
        elif key == 'rot3d_angle':
            arrays[key] = array[:1]
        elif array.ndim > 1 and not key.startswith(skip) and (
                'depth_prob_map' not in key):
            arrays[key] = array.take([0], axis)
    np.savez(tmp_path / file, **arrays)
    assert main([str(tmp_path)]) == 1
    assert verdict(capsys.readouterr().out, component) == 'ok'


def test_one_wrong_file_among_all_is_a_failure(main, goldens, copied,
                                               capsys, monkeypatch):
    folder = copied('03_losses.npz', 'gen_2d', lambda a: a * 1.001)
    for path in goldens.iterdir():
        if path.name != '03_losses.npz':
            (folder / path.name).symlink_to(path)
    # The slow ones would not be different.
    from parity import registry
    slow = ('state dict', 'depth decoding')
    monkeypatch.setattr(sys.modules['check_parity'], 'COMPONENTS', [
        c for c in registry.COMPONENTS if c.name not in slow])
    assert main([str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if 'FAILED' in line][:-1] == [
        line for line in lines if line.startswith('losses  ')]
    assert any(line.startswith('losses: gen_2d deviates by 1.0e-03')
               for line in lines)


def test_a_check_that_breaks_is_a_failure_of_its_own(main, copied, capsys):
    folder = copied('06_coords.npz', 'cam_k_mat', lambda a: a[0])
    shutil.copyfile(folder / '06_coords.npz', folder / '04_physique.npz')
    assert main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert verdict(printed, 'physique network') == 'FAILED'
    assert '\nphysique network: ' in printed
    assert verdict(printed, 'coordinate chain') == 'FAILED'


def test_damaged_files_are_failures(main, tmp_path, capsys):
    (tmp_path / '04_physique.npz').write_bytes(b'words')
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert verdict(printed, 'physique network') == 'FAILED'


def test_missing_scikit_fmm_is_counted(main, copied, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'skfmm', None)
    folder = copied('08_geodesic.npz')
    main([str(folder)])
    printed = capsys.readouterr().out
    assert verdict(printed, 'geodesic weight') == (
        'skipped: install scikit-fmm')
    assert '1 skipped' in printed.splitlines()[-1]


@pytest.mark.parametrize('name', ['.', 'nowhere'])
def test_a_folder_without_goldens_is_an_error(main, tmp_path, capsys, name):
    assert main([str(tmp_path / name)]) == 1
    assert 'holds no goldens' in capsys.readouterr().err
