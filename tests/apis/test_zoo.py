from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from xas_mmpose.apis import find_model, pose_3d_inferencer, zoo

METAFILE = """
Models:
- {Name: fox_s1, Config: configs/fox_s1.py, Weights: null}
- {Name: fox_s2, Config: configs/fox_s2.py, Weights: weights/fox.pth}
- {Name: fox_big, Config: configs/fox_big.py, Weights: weights/gone.pth}
"""


def test_names_of_models_and_of_families(tmp_path):
    for name in ('configs', 'weights'):
        (tmp_path / name).mkdir()
    (tmp_path / 'configs/fox_metafile.yml').write_text(METAFILE)
    with pytest.raises(ValueError, match='there are no weights below'):
        find_model('fox', tmp_path)
    (tmp_path / 'weights/fox.pth').touch()
    expected = (tmp_path / 'configs/fox_s2.py', tmp_path / 'weights/fox.pth')
    assert find_model('fox_s2', tmp_path) == expected
    assert find_model('fox', tmp_path) == expected
    for name in ('fox_s1', 'fox_big', 'wolf'):
        with pytest.raises(ValueError, match=f"'{name}' is neither.*have "
                                             'weights are fox, fox_s2'):
            find_model(name, tmp_path)


def test_an_installation_has_its_configs_within(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / 'site-packages/xas_mmpose'
    shutil.copytree(Path(zoo.__file__).parent, package / 'apis')
    for name in ('configs', 'weights'):
        (package / '.mim' / name).mkdir(parents=True)
    # Of somebody else, who has no model index.
    (package.parent / 'configs').mkdir()
    (package / '.mim/configs/fox_metafile.yml').write_text(METAFILE)
    (package / '.mim/configs/fox_s1.py').touch()
    installed = runpy.run_path(str(package / 'apis/zoo.py'))
    root = package.resolve() / '.mim'
    assert installed['ROOT'] == root
    with pytest.raises(ValueError, match=r'no weights below .*wheel.*give '
                       r'checkpoint=, with a config file or its name'):
        installed['find_model']('fox')
    # Nobody's weights are in it, but one's own go with the name.
    (tmp_path / 'mine.pth').touch()
    monkeypatch.setattr(pose_3d_inferencer, 'ROOT', installed['ROOT'])
    assert pose_3d_inferencer._files('fox_s1', tmp_path / 'mine.pth') == (
        root / 'configs/fox_s1.py', str(tmp_path / 'mine.pth'))
    # A checkout has both; there links lie in the package, too.
    (package.parent / 'model-index.yml').touch()
    assert zoo.models_root(package) == package.parent


def test_the_checkouts_own():
    if not list((Path(__file__).resolve().parents[2] / 'weights').glob(
            '*.pth')):
        pytest.skip('this checkout has no weights')
    model = find_model('xas_mini')
    assert model.config.is_file()
    assert model.checkpoint.is_file()
