from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, METRICS

from xas_mmpose.datasets.animal3d_files import read_animal3d
from xas_mmpose.datasets.datasets import XasAnimal3dDataset
from xas_mmpose.skeletons import ANIMAL3D_26

#: What a test reads; there are no labels of losses.
PIPELINE = [
    dict(type='LoadImage'), dict(type='LoadMask'),
    dict(type='GetCubeBox', rule='mask', cube_size=2900),
    dict(type='CubeAffine', input_size=(64, 64)),
    dict(type='RemoveBackground'), dict(type='PackXasInputs'),
]
LABELS = {'keypoints', 'keypoints_visible', 'keypoints_3d',
          'keypoints_3d_visible', 'bbox', 'root_camera', 'camera_param'}


def change(root: Path, edit: Callable[[dict], object],
           entry: int | None = None) -> None:
    """Change one entry of test.json, or all."""
    path = root / 'test.json'
    content = json.loads(path.read_text())
    entries = content['data']
    for one in entries if entry is None else [entries[entry]]:
        edit(one)
    path.write_text(json.dumps(content))


def build(fake_animal3d, **options) -> XasAnimal3dDataset:
    return DATASETS.build(dict(
        type='XasAnimal3dDataset', data_root=str(fake_animal3d.root),
        ann_file='test.json', **options))


def test_no_label_leaves_unless_asked_for(fake_animal3d):
    dataset = build(fake_animal3d)
    assert len(dataset) == 4
    info = dataset.get_data_info(3)
    assert not LABELS & set(info)
    assert (info['id'], info['img_id'], info['domain']) == (3, 3, 'target')
    assert (info['category'], info['supercategory']) == ('horse', 'equidae')
    assert info['img_path'] == str(
        fake_animal3d.root / 'images/test/horse/3.jpg')
    assert info['mask_path'] == str(
        fake_animal3d.root / 'masks/test/horse/3.png')
    assert info['dataset_name'] == 'animal3d_26'
    assert tuple(info['flip_indices']) == ANIMAL3D_26.flip_indices


def test_labels_are_not_read_where_they_are_not_carried(fake_animal3d):
    change(fake_animal3d.root, lambda entry: entry.update(
        keypoint_2d=[[float('nan')] * 3] * 26, keypoint_3d=None))
    assert not LABELS & set(build(fake_animal3d).get_data_info(0))
    with pytest.raises(ValueError, match=r'entry 0 \(images/test/cow/0'):
        build(fake_animal3d, carry_labels=True)


def test_labels_in_pixels_and_mm(fake_animal3d):
    dataset = build(fake_animal3d, carry_labels=True)
    for i in range(4):
        info = dataset.get_data_info(i)
        visible = fake_animal3d.visible[i]
        np.testing.assert_allclose(
            info['keypoints'][0],
            np.where(visible[:, None], fake_animal3d.keypoints[i], 0))
        assert info['keypoints_visible'][0].tolist() == visible.tolist()
        np.testing.assert_allclose(info['keypoints_3d'][0],
                                   fake_animal3d.keypoints_3d[i])
        assert info['keypoints_3d_visible'].tolist() == [[1] * 26]
        assert not {'bbox', 'root_camera', 'camera_param'} & set(info)


def test_key_points_lie_on_their_masks(fake_animal3d):
    dataset = build(fake_animal3d, carry_labels=True)
    for i in range(4):
        info = dataset.get_data_info(i)
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_GRAYSCALE)
        assert mask.shape == cv2.imread(info['img_path']).shape[:2]
        known = info['keypoints_visible'][0] > 0
        x, y = info['keypoints'][0, known].round().astype(int).T
        assert (mask[y, x] > 127).mean() > 0.7


def test_fewer_key_points_by_name(fake_animal3d):
    names = ['tail_base', 'nose', 'neck']
    few = dict(
        dataset_name='few', sigmas=[], joint_weights=[1.0] * 3,
        skeleton_info={}, keypoint_info={
            i: dict(name=name) for i, name in enumerate(names)})
    order = [ANIMAL3D_26.index(name) for name in names]
    info = build(fake_animal3d, carry_labels=True,
                 metainfo=few).get_data_info(1)
    np.testing.assert_allclose(info['keypoints_3d'][0],
                               fake_animal3d.keypoints_3d[1, order])
    few['keypoint_info'][0]['name'] = 'withers'
    with pytest.raises(ValueError, match='asks for withers'):
        build(fake_animal3d, metainfo=few)


@pytest.mark.parametrize('shift', [0.0, 10.0])
def test_a_known_error_is_scored(fake_animal3d, shift: float):
    dataset = build(fake_animal3d, carry_labels=True, test_mode=True,
                    pipeline=PIPELINE)
    metrics = [
        METRICS.build(dict(type='MultiHypothesisMPJPE',
                           group_by='category')),
        METRICS.build(dict(type='KeypointError2D')),
    ]
    # The root is right by definition, and counts.
    away = np.full((26, 3), [0.0, 0.0, shift * 26 / 25])
    away[ANIMAL3D_26.root_index] = 0
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        truth = sample.gt_instances
        # Wherever the whole animal is.
        poses = truth.keypoints_3d + away + 500
        sample.pred_instances = InstanceData(
            keypoints=truth.keypoints + np.array([3.0, 4.0]),
            hypotheses_3d=poses[:, None],
            hypothesis_scores=np.ones((1, 1, 26)))
        for metric in metrics:
            metric.dataset_meta = dataset.metainfo
            metric.process(None, [sample.to_dict()])
    poses, points = (metric.evaluate(4) for metric in metrics)
    assert poses['MPJPE/top1'] == pytest.approx(shift, abs=1e-4)
    for category in ('cow', 'fox', 'horse', 'per-category'):
        assert poses[f'MPJPE/top1/{category}'] == pytest.approx(
            poses['MPJPE/top1'], abs=1e-4)
    assert poses['P-MPJPE/top1'] <= poses['MPJPE/top1'] + 1e-6
    assert points['2D/px'] == pytest.approx(5)


def test_the_root_rule_is_refused(fake_animal3d):
    pipeline = [*PIPELINE]
    pipeline[2] = dict(type='GetCubeBox', rule='root')
    dataset = build(fake_animal3d, carry_labels=True, pipeline=pipeline)
    with pytest.raises(ValueError, match=r"cow/0\.jpg.*rule='mask'"):
        dataset[0]


def test_poses_that_do_not_look_as_their_pictures(fake_animal3d):
    # OpenGL's frame: y up, z towards the camera.
    change(fake_animal3d.root, lambda entry: entry.update(
        keypoint_3d=[[x, -y, -z] for x, y, z in entry['keypoint_3d']]))
    with pytest.raises(ValueError, match=r'test\.json: y of keypoint_3d'):
        build(fake_animal3d, carry_labels=True)
    # Who reads no labels is not concerned.
    assert len(build(fake_animal3d)) == 4


@pytest.mark.parametrize('edit, message', [
    (lambda e: e.pop('img_path'), r"entry 1 \(None\).*'img_path'"),
    (lambda e: e.update(mask_path=3), 'mask_path 3'),
    (lambda e: e.pop('category'), "'category'"),
    (lambda e: e.update(supercategory=5), 'supercategory 5'),
    (lambda e: e.update(supercategory='horses'), "'horses'"),
    (lambda e: e.update(keypoint_2d=e['keypoint_2d'][:25]),
     r'entry 1 \(images/test/fox/1\.jpg\).*75 into shape \(26,3\)'),
    (lambda e: e['keypoint_3d'].append([0, 0, 0]), 'size 81'),
    (lambda e: e['keypoint_3d'][4].__setitem__(0, float('nan')),
     'not finite'),
    (lambda e: e['keypoint_2d'][4].__setitem__(slice(0, 3),
                                               [float('inf'), 3, 1]),
     'not finite'),
])
def test_bad_entries_are_named(fake_animal3d, edit, message: str):
    change(fake_animal3d.root, edit, entry=1)
    with pytest.raises(ValueError, match=message) as error:
        build(fake_animal3d, carry_labels=True)
    assert 'test.json' in str(error.value)


@pytest.mark.parametrize('content, message', [
    ('{"data": [', 'no JSON'), ('[]', 'lists no pictures'),
    ('{"data": []}', 'lists no pictures'), ('{"data": [3]}', 'no pictures'),
])
def test_other_files_are_named(tmp_path: Path, content: str, message: str):
    path = tmp_path / 'test.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_animal3d(str(path))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.json: Animal3D's"):
        read_animal3d(str(path))


def test_missing_pictures_and_masks(fake_animal3d):
    (fake_animal3d.root / 'masks/test/fox/1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'mask file: .*fox/1\.png'):
        build(fake_animal3d)
    assert len(build(fake_animal3d, check_files=False)) == 4
    (fake_animal3d.root / 'images/test/cow/2.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'image file: .*cow/2\.jpg'):
        build(fake_animal3d)


def test_every_nth_picture(fake_animal3d):
    dataset = build(fake_animal3d, sample_interval=3)
    assert [dataset.get_data_info(i)['id'] for i in range(2)] == [0, 3]
