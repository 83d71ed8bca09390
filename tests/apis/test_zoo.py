from __future__ import annotations

from pathlib import Path

import pytest

from xas_mmpose.apis import find_model

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


def test_the_checkouts_own():
    if not list((Path(__file__).resolve().parents[2] / 'weights').glob(
            '*.pth')):
        pytest.skip('this checkout has no weights')
    model = find_model('xas_mini')
    assert model.config.is_file()
    assert model.checkpoint.is_file()
