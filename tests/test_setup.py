"""A wheel holds what the package and OpenMMLab's `mim` look for."""
from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.config.utils import _get_cfg_metainfo
from mmengine.infer import BaseInferencer

ROOT = Path(__file__).resolve().parents[1]
#: What a build reads; the checkout itself is left as it is.
SOURCES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md',
           'LICENSE', 'model-index.yml', 'requirements', 'configs', 'tools',
           'xas_mmpose')


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a build reads."""
    for name in SOURCES:
        source, target = ROOT / name, tmp_path / 'checkout' / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(
                '__pycache__', '.mim'))
        else:
            shutil.copy(source, target)
    return tmp_path / 'checkout'


def build(checkout: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, 'setup.py', '-q', *command], cwd=checkout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def files_of(checkout: Path, *folders: str) -> set[str]:
    return {path.relative_to(checkout).as_posix() for folder in folders
            for path in (checkout / folder).rglob('*') if path.is_file()}


def test_a_wheel_made_of_the_source_archive(checkout: Path, tmp_path: Path):
    tools = files_of(checkout, 'configs', 'tools')
    modules = files_of(checkout, 'xas_mmpose')
    build(checkout, 'sdist', '-d', str(tmp_path))
    archive, = tmp_path.glob('*.tar.gz')
    shutil.unpack_archive(archive, tmp_path / 'source')
    source, = (tmp_path / 'source').iterdir()
    build(source, 'bdist_wheel', '-d', str(tmp_path))
    wheel, = tmp_path.glob('*.whl')
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        file.extractall(tmp_path / 'site')
    mim = {name.removeprefix('xas_mmpose/.mim/') for name in names
           if name.startswith('xas_mmpose/.mim/')}
    assert mim == tools | {'model-index.yml'}
    package = {name for name in names if name.startswith('xas_mmpose/')
               and '/.mim/' not in name}
    assert package == modules
    # As OpenMMLab's tools read it.
    installed = tmp_path / 'site' / 'xas_mmpose'
    models = list(BaseInferencer._get_models_from_metafile(
        str(installed / '.mim')))
    assert len(models) > 5
    for model in models:
        name = model['Config'].removeprefix('configs/')
        assert _get_cfg_metainfo(str(installed), name)['Name']
        cfg = Config.fromfile(installed / '.mim' / model['Config'])
        assert cfg.model.head.type == 'MultiHypothesisHead'
    # And as our own inferencer looks for its names.
    root = runpy.run_path(str(installed / 'apis' / 'zoo.py'))['ROOT']
    assert root == (installed / '.mim').resolve()


def test_an_editable_installation_has_links(checkout: Path):
    code = ('import setuptools, runpy, sys; from unittest import mock\n'
            'with mock.patch("setuptools.setup") as setup:\n'
            '    runpy.run_path("setup.py")\n'
            'arguments = setup.call_args.kwargs\n'
            'command = arguments["cmdclass"]["build_py"](\n'
            '    setuptools.Distribution(arguments))\n'
            'command.ensure_finalized()\n'
            'command.editable_mode = True\n'
            'command.run(); command.run()\n')
    subprocess.run([sys.executable, '-c', code], cwd=checkout, check=True)
    mim = checkout / 'xas_mmpose' / '.mim'
    assert {path.name for path in mim.iterdir()} == {
        'configs', 'tools', 'model-index.yml'}
    assert all(path.is_symlink() for path in mim.iterdir())
    assert (mim / 'configs' / 'xas_h36m.py').read_text() == (
        ROOT / 'configs' / 'xas_h36m.py').read_text()
    # Neither a link nor what is behind it gets into a wheel twice.
    assert not (checkout / 'build').exists()
