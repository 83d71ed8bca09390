"""Damaged lists of animals: every reader says which file, or reads it."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.datasets.animal3d_files import read_animal3d
from xas_mmpose.datasets.coco_animal_files import read_coco_animals
from xas_mmpose.datasets.datasets import XasAnimalKeypointDataset


def animal3d(path: Path) -> None:
    flat = [[float(i), 2.5 * i, 1] for i in range(26)]
    path.write_text(json.dumps(dict(data=[dict(
        img_path='a.jpg', mask_path='a.png', supercategory=2, category='cow',
        keypoint_2d=flat, keypoint_3d=flat)])))


def coco(path: Path) -> None:
    path.write_text(json.dumps(dict(
        images=[dict(id=3, file_name='a.jpg', width=90, height=80)],
        categories=[dict(id=1, name='cow', supercategory='Bovidae')],
        annotations=[dict(
            id=5, image_id=3, category_id=1, iscrowd=0, bbox=[5, 6, 30, 40],
            segmentation=[[5, 6, 35, 6, 35, 46]],
            keypoints=[2.0] * 51)])))


def read_coco(path: Path) -> None:
    for animal in read_coco_animals(str(path)):
        animal.corners()
        animal.keypoints(17)
        animal.outline()


def draw_coco(path: Path) -> None:
    """Make the samples with their masks."""
    dataset = XasAnimalKeypointDataset(
        str(path), keypoint_set='ap10k', carry_labels=True,
        mask_layout='segmentation', check_files=False)
    for i in range(len(dataset)):
        assert dataset.get_data_info(i)['img_mask'].dtype == np.uint8


READERS = [
    ('train.json', animal3d, lambda path: read_animal3d(str(path), True)),
    ('unlabelled.json', animal3d, lambda path: read_animal3d(str(path))),
    ('ap10k.json', coco, read_coco),
    ('drawn.json', coco, draw_coco),
]


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name, write, read', READERS,
                         ids=[name for name, *_ in READERS])
def test_a_damaged_file_is_named_or_read(
        tmp_path: Path, name: str, write: Callable[[Path], None],
        read: Callable[[Path], object],
        damaged: Callable[..., bytes]):
    path = tmp_path / name
    write(path)
    read(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    messages = []
    for _ in range(200):
        path.write_bytes(damaged(content, rng))
        try:
            read(path)
        except ValueError as error:
            messages.append(str(error))
    assert [message for message in messages if name not in message] == []
    assert len(messages) > 50


@pytest.mark.parametrize('write, read', [
    (animal3d, lambda path: read_animal3d(str(path), True)),
    (coco, read_coco)])
def test_any_value_of_another_kind_is_named_or_read(
        tmp_path: Path, write: Callable[[Path], None],
        read: Callable[[Path], object]):
    path = tmp_path / 'list.json'
    write(path)
    content = path.read_text()
    messages = []

    def places(part: object, found: list) -> list:
        """List each container with each of its keys."""
        pairs = (part.items() if isinstance(part, dict) else
                 enumerate(part) if isinstance(part, list) else ())
        for key, value in pairs:
            found.append((part, key))
            places(value, found)
        return found

    for number in range(len(places(json.loads(content), []))):
        for other in (None, 'x', -1, 1e300, [], {}, [[]], True):
            broken = json.loads(content)
            holder, key = places(broken, [])[number]
            holder[key] = other
            path.write_text(json.dumps(broken))
            try:
                read(path)
            except ValueError as error:
                messages.append(str(error))
    assert [text for text in messages if 'list.json' not in text] == []
    assert len(messages) > 200
