"""People of COCO's form: made up, and real ones with both kinds of masks."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS
from xtcocotools import mask as coco_mask

from xas_mmpose.datasets.datasets import XasCocoDataset
from xas_mmpose.datasets.joint_tables import COCO_17
from xas_mmpose.skeletons import HUMAN36M_18

LOAD = [dict(type='LoadImage'), dict(type='LoadMask')]


@pytest.fixture
def coco(tmp_path: Path) -> dict[str, Any]:
    """Write a picture of three people: polygon, run lengths, crowd."""
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.jpg'), np.zeros((60, 80, 3)))
    mask = np.zeros((60, 80), np.uint8, order='F')
    mask[10:50, 50:70] = 1
    code = coco_mask.encode(mask)
    rng = np.random.default_rng(0)
    people = []
    for number, outline in enumerate((
            [[4.5, 4.5, 24.5, 4.5, 24.5, 49.5, 4.5, 49.5]],
            dict(code, counts=code['counts'].decode()),
            dict(counts=[4800], size=[60, 80]))):
        points = np.column_stack([rng.uniform(5, 50, (17, 2)),
                                  rng.integers(0, 3, 17)])
        people.append(dict(
            id=7 + number, image_id=3, category_id=1, bbox=[5, 5, 20, 45],
            iscrowd=int(number == 2), segmentation=outline,
            keypoints=points.ravel().tolist()))
    (tmp_path / 'people.json').write_text(json.dumps(dict(
        images=[dict(id=3, file_name='a.jpg', width=80, height=60)],
        annotations=people, categories=[dict(id=1, name='person')])))
    return dict(data_root=str(tmp_path), ann_file='people.json',
                data_prefix=dict(img='images', mask='masks'))


def stored(coco: dict[str, Any]) -> list[dict]:
    content = json.loads(Path(coco['data_root'], 'people.json').read_text())
    return content['annotations']


def test_masks_come_from_the_file(coco: dict[str, Any]):
    dataset = DATASETS.build(dict(type='XasCocoDataset', pipeline=LOAD,
                                  **coco))
    assert len(dataset) == 2  # no crowds
    first, second = (dataset[i]['img_mask'] for i in range(2))
    assert (first[5:50, 5:25] == 255).all()
    assert (first > 0).sum() == 45 * 20
    assert (second[10:50, 50:70] == 255).all()
    assert (second > 0).sum() == 40 * 20
    info = dataset.get_data_info(0)
    assert (info['domain'], info['id']) == ('target', 7)
    assert not {'keypoints', 'keypoints_3d', 'bbox'} & set(info)


def test_labels_are_human36ms(coco: dict[str, Any]):
    dataset = XasCocoDataset(carry_labels=True, **coco)
    for row, person in enumerate(stored(coco)[:2]):
        info = dataset.get_data_info(row)
        truth = np.reshape(person['keypoints'], (17, 3))
        for k, name in enumerate(HUMAN36M_18.keypoint_names):
            want = (truth[COCO_17.index(name)] if name in COCO_17
                    else np.zeros(3))
            seen = want[2] > 0
            assert info['keypoints_visible'][0, k] == seen, name
            np.testing.assert_allclose(info['keypoints'][0, k],
                                       want[:2] * seen)
    assert len(set(COCO_17) & set(HUMAN36M_18.keypoint_names)) == 13


def test_masks_may_have_files(coco: dict[str, Any]):
    with pytest.raises(FileNotFoundError, match=r'a_0\.png.*Every person '):
        XasCocoDataset(mask_layout='person', **coco)
    with pytest.raises(ValueError, match='one of person, annotation, pict'):
        XasCocoDataset(mask_layout='animal', **coco)


def test_a_code_of_another_picture_is_named(coco: dict[str, Any]):
    path = Path(coco['data_root'], 'people.json')
    path.write_text(path.read_text().replace('"height": 60', '"height": 61'))
    with pytest.raises(ValueError, match=r'people\.json: annotation 8 of a\.j'
                                         'pg has a run-length code of ano'):
        XasCocoDataset(**coco)


@pytest.mark.parametrize('name, people', [
    ('coco', 14), ('ochuman', 5), ('macaque', 2)])
def test_real_masks(sample_data: Path, name: str, people: int):
    dataset = XasCocoDataset(
        data_root=str(sample_data), ann_file=f'{name}/test_{name}.json',
        data_prefix=dict(img=name), pipeline=LOAD)
    assert len(dataset) == people
    drawn = 0
    for i in range(people):
        sample = dataset[i]
        mask = sample['img_mask'] > 0
        stem = Path(sample['img_path']).stem
        path = sample_data / f'masks/{name}/{stem}_{sample["id"]}.png'
        if path.is_file():
            # They were drawn by another hand: edge pixels differ.
            truth = cv2.imread(str(path), 0) > 127
            assert (mask & truth).sum() > 0.9 * (mask | truth).sum()
            drawn += 1
    assert drawn >= people - 2
