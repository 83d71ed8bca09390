from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.datasets import (
    AnimalPoseDataset,
    AP10KDataset,
    Horse10Dataset,
    ZebraDataset,
)
from mmpose.registry import DATASETS

from xas_mmpose.datasets.animal_joint_tables import ANIMAL_KEYPOINT_SETS
from xas_mmpose.datasets.datasets import XasAnimalKeypointDataset
from xas_mmpose.datasets.masks import GrabCutMethod, read_people, write_masks
from xas_mmpose.skeletons import ANIMAL3D_26

LABELS = {'keypoints', 'keypoints_visible', 'bbox'}
#: Picture, place, species, whether a crowd, and number of known key points.
ANIMALS = (('a/1.jpg', 60, 1, 0, 17), ('a/1.jpg', 150, 2, 1, 17),
           ('a/1.jpg', 140, 2, 0, 17), ('2.jpg', 80, 2, 0, 0),
           ('3.jpg', 70, 1, 0, 9))
LOAD = [
    dict(type='LoadImage'), dict(type='LoadMask'),
    dict(type='GetCubeBox', rule='mask'),
    dict(type='CubeAffine', input_size=(64, 64)),
    dict(type='RemoveBackground'), dict(type='PackXasInputs'),
]


def save_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def silhouette(x: int) -> np.ndarray:
    mask = np.zeros((150, 200), np.uint8)
    mask[30:110, x - 20:x + 20] = 255
    return mask


@pytest.fixture
def ap10k(tmp_path: Path) -> Path:
    """Return a folder in AP-10K's form, with masks as the tool names them."""
    rng = np.random.default_rng(0)
    images, annotations, pictures = {}, [], {}
    numbers: dict[str, int] = {}
    for row, (name, x, category, crowd, known) in enumerate(ANIMALS):
        image = images.setdefault(name, dict(
            id=10 + len(images), file_name=name, width=200, height=150))
        points = np.zeros((17, 3))
        points[:known] = np.column_stack([
            rng.uniform([x - 15, 40], [x + 15, 100], (known, 2)),
            np.full(known, 2)])
        # The second cow is the largest, and partly outside.
        side = 70 if row == 2 else 40
        annotations.append(dict(
            id=7 - row, image_id=image['id'], category_id=category,
            iscrowd=crowd, keypoints=points.ravel().tolist(),
            num_keypoints=known, bbox=[x - 20, 30, side, 80], area=3200,
            segmentation=[[x - 20, 30, x + 19, 30, x + 19, 109, x - 20, 109]]))
        if not crowd:
            pictures.setdefault(name, rng.integers(
                0, 60, (150, 200, 3), dtype=np.uint8))[
                    silhouette(x) > 0] += np.uint8(190)
            number = numbers[name] = numbers.get(name, -1) + 1
            save_picture(
                (tmp_path / 'masks' / name).with_name(
                    f'{Path(name).stem}_{number}.png'), silhouette(x))
    for name, picture in pictures.items():
        save_picture(tmp_path / 'data' / name, picture)
    (tmp_path / 'test.json').write_text(json.dumps(dict(
        images=list(images.values()), annotations=annotations, categories=[
            dict(id=1, name='wolf', supercategory='Canidae'),
            dict(id=2, name='cow', supercategory='Bovidae')])))
    return tmp_path


def build(root: Path, **options) -> XasAnimalKeypointDataset:
    return DATASETS.build({
        'type': 'XasAnimalKeypointDataset', 'data_root': str(root),
        'ann_file': 'test.json',
        'data_prefix': dict(img='data', mask='masks'), **options})


def change(root: Path, edit: Callable[[dict], object]) -> None:
    content = json.loads((root / 'test.json').read_text())
    edit(content)
    (root / 'test.json').write_text(json.dumps(content))


def values(dataset: XasAnimalKeypointDataset, key: str) -> list:
    return [dataset.get_data_info(i)[key] for i in range(len(dataset))]


def masks(dataset: XasAnimalKeypointDataset, root: Path) -> list[str]:
    return [str(Path(path).relative_to(root / 'masks'))
            for path in values(dataset, 'mask_path')]


def test_one_sample_an_animal_without_labels(ap10k: Path):
    dataset = build(ap10k)
    # The crowd is none.
    assert values(dataset, 'id') == [7, 5, 4, 3]
    assert values(dataset, 'img_id') == [10, 10, 11, 12]
    assert values(dataset, 'category') == ['wolf', 'cow', 'cow', 'wolf']
    assert values(dataset, 'supercategory')[:2] == ['Canidae', 'Bovidae']
    assert set(values(dataset, 'domain')) == {'target'}
    assert set(values(dataset, 'dataset_name')) == {'animal3d_26'}
    for i in range(4):
        assert not LABELS & set(dataset.get_data_info(i))


def test_labels_are_not_read_where_they_are_not_carried(ap10k: Path):
    def spoil(content: dict) -> None:
        for entry in content['annotations']:
            entry.update(keypoints=[float('nan')], bbox=[float('nan')] * 4)
    change(ap10k, spoil)
    assert len(build(ap10k)) == 4
    with pytest.raises(ValueError, match=r'annotation 7 of a/1\.jpg'):
        build(ap10k, keypoint_set='ap10k', carry_labels=True)


def test_masks_as_the_tool_and_others_name_them(ap10k: Path):
    assert masks(build(ap10k), ap10k) == ['a/1_0.png', 'a/1_1.png', '2_0.png',
                                          '3_0.png']
    folder = ap10k / 'masks'
    # The only animal of a picture may have the picture's mask.
    (folder / '2_0.png').rename(folder / '2.png')
    assert masks(build(ap10k), ap10k)[2] == '2.png'
    (folder / 'a/1_1.png').rename(folder / 'a/1.png')
    with pytest.raises(FileNotFoundError,
                       match=r"mask file: .*a/1_1\.png.*'auto'"):
        build(ap10k)
    with pytest.raises(FileNotFoundError, match=r"2_0\.png.*'animal'"):
        build(ap10k, mask_layout='animal')
    with pytest.raises(FileNotFoundError, match=r"a/1_7\.png.*'annotation'"):
        build(ap10k, mask_layout='annotation')
    for name, number in (('a/1_0', 'a/1_7'), ('a/1', 'a/1_5'), ('2', '2_4'),
                         ('3_0', '3_3')):
        (folder / f'{name}.png').rename(folder / f'{number}.png')
    dataset = build(ap10k, mask_layout='annotation')
    assert masks(dataset, ap10k) == ['a/1_7.png', 'a/1_5.png', '2_4.png',
                                     '3_3.png']
    with pytest.raises(ValueError, match=r"animal, annotation.*'nested'"):
        build(ap10k, mask_layout='nested')


def test_animals_without_a_mask_can_be_left_out(ap10k: Path):
    (ap10k / 'masks/a/1_0.png').unlink()
    with pytest.warns(UserWarning, match='1 of 4 animals have no mask'):
        dataset = build(ap10k, skip_unmasked=True)
    assert values(dataset, 'id') == [5, 4, 3]
    assert len(build(ap10k, skip_unmasked=True, data_prefix=dict(img='data'),
                     mask_layout='segmentation')) == 4
    with (pytest.warns(UserWarning, match='4 of 4 animals'),
          pytest.raises(ValueError, match=r'none of its 4.*unmasked=True')):
        build(ap10k, skip_unmasked=True, mask_layout='annotation')


def test_one_mask_a_picture_is_that_of_the_largest(ap10k: Path):
    for name in ('a/1', '2', '3'):
        save_picture(ap10k / f'masks/{name}.png', silhouette(80))
    dataset = build(ap10k, mask_layout='picture')
    assert masks(dataset, ap10k) == ['a/1.png', '2.png', '3.png']
    assert values(dataset, 'id') == [5, 4, 3]


@pytest.mark.parametrize('which, layout', [('each', 'animal'),
                                           ('main', 'picture')])
def test_the_tool_makes_the_masks_that_are_looked_for(
        ap10k: Path, which: str, layout: str):
    people = read_people(ap10k / 'test.json')
    write_masks(ap10k / 'data', ap10k / 'made',
                GrabCutMethod(prompt='box', iterations=1), people, which,
                progress=False)
    dataset = build(ap10k, mask_layout=layout,
                    data_prefix=dict(img='data', mask='made'))
    assert len(dataset) == (4 if which == 'each' else 3)
    # The masks lie in the boxes of the animals that they are said to be of.
    boxes = {entry['id']: entry['bbox'] for entry in json.loads(
        (ap10k / 'test.json').read_text())['annotations']}
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_GRAYSCALE)
        x, y, width, height = cv2.boundingRect(mask)
        left, top, *size = boxes[info['id']]
        assert x >= left - 1
        assert y >= top - 1
        assert x + width <= left + size[0] + 1
        assert y + height <= top + size[1] + 1


def test_masks_of_polygons(ap10k: Path):
    dataset = build(ap10k, mask_layout='segmentation',
                    data_prefix=dict(img='data'))
    for i, x in enumerate((60, 140, 80, 70)):
        info = dataset.get_data_info(i)
        assert not {'mask_path', 'outline', 'picture_size'} & set(info)
        mask = info['img_mask']
        assert mask.shape == (150, 200)
        assert mask.dtype == np.uint8
        # A polygon's edge goes through pixels: one row, one column.
        assert (mask != silhouette(x)).sum() <= 80 + 40
    packed = build(ap10k, mask_layout='segmentation', pipeline=LOAD,
                   data_prefix=dict(img='data'))[1]['data_samples']
    assert packed.crop_rule == 'mask'
    assert packed.gt_fields.masks.shape == (1, 64, 64)
    assert 0.3 < (packed.gt_fields.masks > 127).float().mean() < 0.45
    change(ap10k, lambda content: content['annotations'][3].update(
        segmentation=dict(counts='x', size=[150, 200])))
    with pytest.raises(ValueError, match=r'annotation 4 of 2\.jpg has a run-'):
        build(ap10k, mask_layout='segmentation')
    change(ap10k, lambda content: content['annotations'][3].update(
        segmentation=[]))
    with pytest.raises(ValueError, match=r'annotation 4 of 2\.jpg has no seg'):
        build(ap10k, mask_layout='segmentation')


def test_species_and_families(ap10k: Path):
    assert values(build(ap10k, categories=['cow']), 'id') == [5, 4]
    assert values(build(ap10k, categories=['Canidae']), 'id') == [7, 3]
    # An animal keeps its number whoever else is left out.
    assert masks(build(ap10k, categories=['cow']), ap10k)[0] == 'a/1_1.png'
    with pytest.raises(ValueError, match=r"none of its 4 animals.*\['ox'\]"):
        build(ap10k, categories=['ox'])


def test_labels_under_animal3ds_names(ap10k: Path):
    dataset = build(ap10k, keypoint_set='ap10k', carry_labels=True)
    # The one without key points is left out.
    assert values(dataset, 'id') == [7, 5, 3]
    raw = {entry['id']: np.reshape(entry['keypoints'], (17, 3)) for entry in
           json.loads((ap10k / 'test.json').read_text())['annotations']}
    names = list(ANIMAL_KEYPOINT_SETS['ap10k'])
    for i in range(3):
        info = dataset.get_data_info(i)
        assert info['keypoints'].shape == (1, 26, 2)
        visible = info['keypoints_visible'][0]
        # 17 without the neck; 9 without it.
        assert visible.sum() == (8 if info['id'] == 3 else 16)
        theirs = raw[info['id']]
        for ours, name in (('left_front_thigh', 'L_Shoulder'),
                           ('left_front_knee', 'L_Elbow'),
                           ('tail_base', 'Root of tail'), ('nose', 'Nose')):
            np.testing.assert_allclose(
                info['keypoints'][0, ANIMAL3D_26.index(ours)],
                theirs[names.index(name), :2])
        for name in ('neck', 'left_ear', 'tail_mid', 'left_shoulder'):
            k = ANIMAL3D_26.index(name)
            assert visible[k] == 0
            assert info['keypoints'][0, k].tolist() == [0, 0]
    with pytest.raises(ValueError, match='carry_labels needs keypoint_set'):
        build(ap10k, carry_labels=True)
    with pytest.raises(ValueError, match='keypoint_set is one of'):
        build(ap10k, carry_labels=True, keypoint_set='atrw')
    with pytest.raises(ValueError, match=r'annotation 7 .* keypoints'):
        build(ap10k, carry_labels=True, keypoint_set='animalpose')


@pytest.mark.parametrize('edit, message', [
    (lambda c: c.pop('images'), 'no list of images'),
    (lambda c: c['categories'].append(3), 'no list of categories'),
    (lambda c: c['images'][0].pop('id'), 'images lacks an id'),
    (lambda c: c['images'][1].update(file_name=None), 'annotation 3 .*name'),
    (lambda c: c['images'][1].update(width=0), r'picture of \(0, 150\) px'),
    (lambda c: c['images'][1].update(width=1e300), r'picture of .* px'),
    (lambda c: c['annotations'][4].pop('category_id'), 'annotation 4 lacks'),
    (lambda c: c['annotations'][4].update(image_id=99), 'annotation 4 .*99'),
    (lambda c: c['annotations'][4].update(bbox=[1, 2, 0, 4]),
     r'annotation 3 of 3\.jpg has a bbox without area'),
    (lambda c: c['annotations'][4].update(keypoints=[1.0] * 50),
     r'annotation 3 of 3\.jpg lacks or misshapes its keypoints'),
    (lambda c: c['annotations'][4].update(keypoints=[float('inf')] * 51),
     r'annotation 3 of 3\.jpg has a keypoints that is not finite'),
    (lambda c: c.update(annotations=[]), 'no animal'),
])
def test_bad_entries_are_named(ap10k: Path, edit, message: str):
    change(ap10k, edit)
    with pytest.raises(ValueError, match=message) as error:
        build(ap10k, keypoint_set='ap10k', carry_labels=True)
    assert 'test.json' in str(error.value)


def test_missing_files(ap10k: Path):
    (ap10k / 'data/3.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'image file: .*data/3\.jpg'):
        build(ap10k)
    (ap10k / 'test.json').write_text('{')
    with pytest.raises(ValueError, match=r'test\.json is no JSON'):
        build(ap10k)
    (ap10k / 'test.json').unlink()
    with pytest.raises(FileNotFoundError, match="test\\.json: COCO's images"):
        build(ap10k)


#: MMPose's class, key points of the set, and its file.
REAL = (
    ('ap10k', AP10KDataset, 2), ('animalpose', AnimalPoseDataset, 2),
    ('horse10', Horse10Dataset, 3), ('zebra', ZebraDataset, 2))


@pytest.mark.parametrize('name, theirs, num', REAL)
def test_the_real_animals_are_mmposes(sample_data: Path, name: str, theirs,
                                      num: int):
    options = dict(ann_file=f'{name}/test_{name}.json',
                   data_root=str(sample_data), test_mode=True)
    ours = XasAnimalKeypointDataset(
        keypoint_set=name, carry_labels=True, data_prefix=dict(img=name),
        **options)
    other = theirs(data_prefix=dict(img=f'{name}/'), **options)
    infos = {info['id']: info for info in
             (ours.get_data_info(i) for i in range(len(ours)))}
    assert len(infos) == len(other) == num
    table = ANIMAL_KEYPOINT_SETS[name].values()
    for i in range(num):
        wanted = other.get_data_info(i)
        info = infos[wanted['id']]
        assert info['img_path'] == wanted['img_path']
        if name != 'zebra':  # MMPose takes the whole picture there
            np.testing.assert_allclose(info['bbox'], wanted['bbox'])
        known = 0
        for k, mapped in enumerate(table):
            if mapped is None:
                continue
            here = ANIMAL3D_26.index(mapped)
            visible = wanted['keypoints_visible'][0, k]
            assert info['keypoints_visible'][0, here] == visible
            if visible:
                known += 1
                np.testing.assert_allclose(info['keypoints'][0, here],
                                           wanted['keypoints'][0, k],
                                           rtol=1e-6)
        assert info['keypoints_visible'].sum() == known > 3


@pytest.mark.parametrize('name, num', [('ap10k', 2), ('animalpose', 2),
                                       ('horse10', 2)])
def test_the_real_animals_are_on_their_masks(
        sample_data: Path, tmp_path: Path, name: str, num: int):
    content = json.loads(
        (sample_data / f'{name}/test_{name}.json').read_text())
    # One picture has no mask.
    content['annotations'] = [
        entry for entry in content['annotations'] if entry['id'] != 900]
    (tmp_path / 'test.json').write_text(json.dumps(content))
    dataset = build(
        tmp_path, keypoint_set=name, carry_labels=True,
        mask_layout='annotation', pipeline=LOAD, data_prefix=dict(
            img=str(sample_data / name),
            mask=str(sample_data / 'masks' / name)))
    assert len(dataset) == num
    for i in range(num):
        sample = dataset[i]['data_samples']
        assert sample.crop_rule == 'mask'
        truth = sample.gt_instances
        info = dataset.get_data_info(i)
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_GRAYSCALE)
        x, y = truth.keypoints[truth.keypoints_visible > 0].round().astype(
            int).T
        assert (mask[y, x] > 127).mean() > 0.7
