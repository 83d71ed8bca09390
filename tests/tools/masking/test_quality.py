"""Which true mask a mask is compared with."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from xtcocotools import mask as coco_mask

SIZE = (40, 60)


def box(left: int, width: int = 10) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[10:30, left:left + width] = 255
    return mask


def save(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask)


@pytest.fixture
def compare(tool: Callable[[str], ModuleType], tmp_path: Path) -> Callable:
    """Return what compares masks in ``masks`` with others."""
    def compare(truth: str, *names: str, each: bool = False) -> dict:
        return tool('masking.quality').compare(
            tmp_path / 'masks', tmp_path / truth, names, each)

    return compare


def test_names_decide(compare: Callable, tmp_path: Path):
    save(tmp_path / 'masks/a/1.png', box(10))
    save(tmp_path / 'masks/b/1.png', box(10))
    save(tmp_path / 'masks/b/2.png', box(10))
    # Folders tell the two apart; another folder and ending do not matter.
    save(tmp_path / 'truth/a/1.png', box(10))
    save(tmp_path / 'truth/b/1.png', box(15))
    save(tmp_path / 'truth/2.bmp', box(10, 20) // 255)
    scores = compare('truth', 'a/1.png', 'b/1.png', 'b/2.png', 'b/3.png')
    assert {name: score['IoU'] for name, score in scores['each'].items()
            } == {'a/1.png': 100, 'b/1.png': 33.33, 'b/2.png': 50}
    assert scores['count'] == 3
    assert scores['mean']['IoU'] == pytest.approx(61.11)
    assert scores['mean']['precision'] == pytest.approx(83.33)
    assert scores['mean']['recall'] == pytest.approx(66.67)


def test_the_best_of_several_people_counts(compare: Callable,
                                           tmp_path: Path):
    save(tmp_path / 'masks/785.png', box(10))
    save(tmp_path / 'masks/785_0.png', box(40))
    for name, left in (('785_4426', 40), ('785_17', 12)):
        save(tmp_path / f'truth/{name}.png', box(left))
    scores = compare('truth', '785.png', '785_0.png', '785_1.png', each=True)
    assert {name: score['IoU'] for name, score in scores['each'].items()
            } == {'785.png': 66.67, '785_0.png': 100, '785_1.png': 0}


def test_frames_are_not_several_people(compare: Callable, tmp_path: Path):
    save(tmp_path / 'masks/walk_1.png', box(10))
    save(tmp_path / 'masks/walk_2.png', box(10))
    save(tmp_path / 'truth/walk_2.png', box(10))
    assert list(compare('truth', 'walk_1.png', 'walk_2.png')['each']) == [
        'walk_2.png']
    with pytest.raises(FileNotFoundError, match=r'such as walk_1\.png'):
        compare('truth', 'walk_1.png')


def test_annotations_of_coco_are_drawn(compare: Callable, tmp_path: Path):
    save(tmp_path / 'masks/785.png', box(10))
    save(tmp_path / 'masks/9.png', box(30))
    runs = coco_mask.encode(np.asfortranarray(box(30)))
    runs['counts'] = runs['counts'].decode()
    plain = [40 * 30 + 10, 20, *[20, 20] * 9, 40 * 20 + 10]
    images = [dict(id=i, file_name=f'val/{i}.jpg', height=40, width=60)
              for i in (785, 9)]
    people = [
        # A polygon passes through the centres of pixels, and a bit beyond.
        dict(image_id=785, segmentation=[[10, 10, 20, 10, 20, 30, 10, 30]]),
        dict(image_id=785, segmentation=runs),
        dict(image_id=9, segmentation=dict(counts=plain, size=[40, 60])),
        dict(image_id=9, segmentation=runs, iscrowd=1)]
    (tmp_path / 'coco.json').write_text(json.dumps(
        dict(images=images, annotations=people)))
    scores = compare('coco.json', '785.png', '9.png')['each']
    assert scores['785.png']['IoU'] == 100
    assert scores['9.png']['IoU'] == 100
    # The one of the crowd would have been wrong by nothing.
    people[2]['segmentation'] = [[0, 0, 5, 0, 5, 5, 0, 5]]
    (tmp_path / 'coco.json').write_text(json.dumps(
        dict(images=images, annotations=people)))
    assert compare('coco.json', '9.png')['mean']['IoU'] == 0


def test_what_is_no_truth_is_named(compare: Callable, tmp_path: Path):
    save(tmp_path / 'masks/1.png', box(10))
    for text in ('[]', '{"images": []}', 'no json'):
        (tmp_path / 'coco.json').write_text(text)
        with pytest.raises(ValueError, match=r'coco\.json is neither'):
            compare('coco.json', '1.png')
    save(tmp_path / 'truth/1.png', box(10)[:20])
    with pytest.raises(ValueError, match=r'masks/1\.png and its truth .*'
                       r'truth/1\.png: .*one size'):
        compare('truth', '1.png')
    (tmp_path / 'truth/1.png').write_bytes(b'x')
    with pytest.raises(ValueError, match=r'truth/1\.png cannot be read'):
        compare('truth', '1.png')


def test_run_lengths_of_another_picture_are_refused(compare: Callable,
                                                    tmp_path: Path):
    save(tmp_path / 'masks/1.png', box(10))
    (tmp_path / 'coco.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='1.jpg', height=40, width=60)],
        annotations=[dict(image_id=1, segmentation=dict(
            counts=[0, 9999], size=[40, 60]))])))
    with pytest.raises(ValueError, match='another picture than one of 60x40'):
        compare('coco.json', '1.png')
