"""What an entry says of data: names, versions, checksums, masks."""
from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.config import ConfigDict

from xas_mmpose.datasets.masks.background import BackgroundMethod
from xas_mmpose.datasets.masks.grabcut import GrabCutMethod
from xas_mmpose.datasets.masks.mask_set import write_masks
from xas_mmpose.datasets.masks.people import read_people
from xas_mmpose.render.fingerprint import set_checksum

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope='module')
def entry() -> Iterator[ModuleType]:
    """Return the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('zoo.entry')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] in ('zoo', 'model_converters')]:
            del sys.modules[name]


def dataset(root: Path | None, **settings: Any) -> ConfigDict:
    return ConfigDict(dict(type='XasHuman36mDataset', data_root=root and
                           str(root)), **settings)


def test_a_computed_set_says_what_it_is(entry, tmp_path):
    (tmp_path / 'settings.json').write_text(json.dumps(
        dict(name='Tiny', version='1.5', num=3, seed=0,
             mask_quality='exact')))
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.jpg').write_text('no picture')
    said = (f'Tiny (version 1.5, num 3, seed 0, exact masks, SHA-256 '
            f'{set_checksum(tmp_path)[:8]}): ')
    cards = entry.DataCards()
    assert cards.describe(dataset(tmp_path)) == said + 'labelled pairs'
    assert cards.describe(dataset(tmp_path, carry_labels=False)) == (
        said + 'pictures and masks, no joints')
    # Each set is read once; another look is another reader's.
    (tmp_path / 'images' / 'a.jpg').write_text('another one')
    assert cards.describe(dataset(tmp_path)) == said + 'labelled pairs'
    assert entry.DataCards().describe(dataset(tmp_path)) != (
        said + 'labelled pairs')


def test_others_sets_are_named(entry, tmp_path):
    cards = entry.DataCards()
    assert cards.describe(dataset(tmp_path, carry_labels=False)) == (
        'Human3.6M: pictures and masks, no joints')
    assert cards.masks(dataset(tmp_path)) is None
    assert cards.describe(dataset(None, type='OfMine')) == (
        'OfMine: labelled pairs')
    with pytest.raises(FileNotFoundError, match=r'gone is missing.*make it'):
        cards.describe(dataset(tmp_path / 'gone', command='make it'))


@pytest.mark.parametrize('method, said', [
    (BackgroundMethod('median'), 'median'), (GrabCutMethod(), 'GrabCut')])
def test_masks_say_who_made_them(method, said, entry, tmp_path):
    (tmp_path / 'images').mkdir()
    for number in range(3):
        image = np.full((40, 40, 3), 90, np.uint8)
        image[10:30, 10 + 5 * number:20 + 5 * number] = 220
        assert cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), image)
    boxes = {'images': [dict(id=i, file_name=f'{i}.png', width=40, height=40)
                        for i in range(3)],
             'annotations': [dict(id=i, image_id=i, category_id=1,
                                  bbox=[8 + 5 * i, 8, 14, 24])
                             for i in range(3)],
             'categories': [dict(id=1, name='person')]}
    (tmp_path / 'people.json').write_text(json.dumps(boxes))
    write_masks(tmp_path / 'images', tmp_path / 'made', method,
                read_people(tmp_path / 'people.json', 'person'),
                progress=False)
    cards = entry.DataCards()
    prefix = dict(img='images', mask='made')
    assert cards.masks(dataset(tmp_path, data_prefix=prefix)) == said
    assert cards.masks(dataset(tmp_path)) is None
    assert cards.describe(dataset(tmp_path, data_prefix=prefix)) == (
        f'Human3.6M ({said} masks): labelled pairs')


@pytest.mark.parametrize('info, task', [
    (dict(dataset_name='human36m_18'), 'Body 3D Keypoint'),
    (dict(dataset_name='animal3d_26'), 'Animal 3D Keypoint'),
    (None, 'Body 3D Keypoint'),
])
def test_the_task_is_that_of_the_key_points(entry, info, task):
    assert entry._task(ConfigDict(dataset_info=info)) == task


def test_units_and_ratios_are_told(entry, tmp_path):
    """A ratio keeps its digits; a unit that is not mm stands in the row."""
    pages = importlib.import_module('zoo.pages')
    finished = importlib.import_module('zoo.finished_run')
    rules = ("3 frames; crop rule 'mask' (no annotation): 3; hypothesis rule "
             'top1; hypothesis order as predicted; left/right exchange none; '
             'centred on joint 7; joints all; unit {}')
    metrics = {'MPJPE/top1': 12.34, 'ambiguity': 0.0456,
               'N-MPJPE/top1/per-category': 7.86, 'N-MPJPE/top1': 9.0}
    units = ('thousandths of a unit', 'ratio', None, 'thousandths of a unit')
    metrics |= {f'{key}/protocol': rules.format(unit)
                for key, unit in zip(metrics, units) if unit}
    cfg = ConfigDict(
        test_dataloader=dict(dataset=dataset(None)),
        dataset_info=dict(dataset_name='animal3d_26',
                          keypoint_info=dict.fromkeys(range(26))))
    training = finished.Training(
        tmp_path, cfg, 'animals', tmp_path / 'epoch_1.pth', '', 0, {}, 'CPU',
        None)
    evaluation = finished.Evaluation(tmp_path, cfg, metrics, [], 'epoch_1.pth')

    class Recipe:
        def command(self, *words: str) -> str:
            return ' '.join(words)

    results, left_out = entry.make_results(
        training, evaluation, Recipe(), 'configs/animals.py', None,
        entry.DataCards())
    assert left_out == {}
    errors, each, ratio = sorted(
        results, key=lambda result: list(result['Metrics']))
    assert errors['Metrics'] == {'MPJPE/top1': 12.3, 'N-MPJPE/top1': 9.0}
    assert ratio['Metrics'] == {'ambiguity': 0.046}
    assert each['Metrics'] == {'N-MPJPE/top1/per-category': 7.9}
    assert each['Protocol']['Mean Over'] == 'each category'
    assert each['Protocol']['Unit'] == 'thousandths of a unit'
    assert 'Unit' not in ratio['Protocol']
    assert {result['Task'] for result in results} == {'Animal 3D Keypoint'}
    model = entry.make_entry('animals', 'configs/animals.py', {}, results,
                             None)
    head, _, *rows = pages.table([model])
    cells = [dict(zip(head.split(' | '), row.split(' | '))) for row in rows]
    assert {row['unit'] for row in cells} == {'thousandths of a unit', '-'}
    assert sorted(row['ambiguity'] for row in cells) == ['-', '-', '0.046']
    assert sorted(row['N-MPJPE'] for row in cells) == ['-', '7.9', '9.0']
    del model['Results'][0]['Protocol']['Unit']
    model['Results'] = model['Results'][:1]
    assert 'unit' not in pages.table([model])[0].split(' | ')
