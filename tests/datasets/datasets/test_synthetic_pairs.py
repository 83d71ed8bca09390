from __future__ import annotations

import json

import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets import SyntheticPairDataset
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18


def edit(root, change):
    path = root / 'annotations.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_samples(fake_synthetic):
    dataset = DATASETS.build(dict(type='SyntheticPairDataset',
                                  data_root=str(fake_synthetic)))
    content = json.loads((fake_synthetic / 'annotations.json').read_text())
    assert len(dataset) == 6
    for i, ann in enumerate(content['annotations']):
        info = dataset.get_data_info(i)
        assert info['domain'] == 'synthetic'
        assert info['subject'] == i // 2
        assert info['img_path'] == str(fake_synthetic
                                       / f'images/{i:08d}.jpg')
        assert info['mask_path'] == str(fake_synthetic
                                        / f'masks/{i:08d}.png')
        np.testing.assert_array_equal(info['keypoints_3d'][0],
                                      ann['keypoints_3d'])
        np.testing.assert_array_equal(info['root_camera'],
                                      ann['keypoints_3d'][0])
        stored = np.reshape(ann['keypoints'], (18, 3))[:, :2]
        np.testing.assert_allclose(info['keypoints'][0], stored, atol=0.006)
        assert info['keypoints'][0, 0].tolist() == [80, 80]
        assert info['camera_param']['f'].dtype == np.float64


def test_hidden_key_points_are_labelled_and_cut_off_ones_in_3d_alone(
        fake_synthetic):
    edit(fake_synthetic, lambda content: content['annotations'][0].update(
        keypoints=[number for i, (x, y, _) in enumerate(np.reshape(
            content['annotations'][0]['keypoints'], (18, 3)).tolist())
            for number in (x, y, i % 3)]))
    info = SyntheticPairDataset(
        data_root=str(fake_synthetic)).get_data_info(0)
    assert info['keypoints_visible'].tolist() == [[0, 1, 1] * 6]
    assert info['keypoints_3d_visible'].tolist() == [[1] * 18]


def test_animals_are_read_with_their_own_key_points(tmp_path):
    write_synthetic_set(tmp_path, SyntheticSetSettings(
        num=2, body='horse,fox', scene=SceneSettings(image_size=32)),
        progress=False)
    dataset = SyntheticPairDataset(
        data_root=str(tmp_path), metainfo=ANIMAL3D_26.metainfo(),
        pipeline=[dict(type='LoadImage'), dict(type='LoadMask')])
    content = json.loads((tmp_path / 'annotations.json').read_text())
    assert [ann['body'] for ann in content['annotations']] == ['horse', 'fox']
    assert content['categories'][0]['name'] == 'animal'
    for i, ann in enumerate(content['annotations']):
        sample = dataset[i]
        np.testing.assert_array_equal(sample['keypoints_3d'][0],
                                      ann['keypoints_3d'])
        np.testing.assert_array_equal(
            sample['root_camera'],
            ann['keypoints_3d'][ANIMAL3D_26.index('tail_base')])
        assert len(ann['body_pose']) == 3 * 34
        assert sample['img_mask'].shape == (32, 32)
    with pytest.raises(ValueError, match='no key points root'):
        SyntheticPairDataset(data_root=str(tmp_path))


def test_bodies_are_split(fake_synthetic):
    def subjects(**options):
        dataset = SyntheticPairDataset(data_root=str(fake_synthetic),
                                       **options)
        return [dataset.get_data_info(i)['subject']
                for i in range(len(dataset))]

    assert subjects(split='train') == [0, 0, 1, 1]
    assert subjects(split='heldout') == [2, 2]
    assert subjects(split='heldout', heldout_fraction=0.5) == [1, 1, 2, 2]
    assert subjects(subjects=[0, 2]) == [0, 0, 2, 2]
    assert subjects(subjects=[0, 2], split='train') == [0, 0]
    assert subjects(sample_interval=2) == [0, 1, 2]
    with pytest.raises(ValueError, match='sample_interval starts at 1'):
        subjects(sample_interval=0)
    with pytest.raises(ValueError, match=r'no sample is left.*subjects=\[7'):
        subjects(subjects=[7])
    with pytest.raises(ValueError, match="'train', 'heldout' or None"):
        subjects(split='test')
    with pytest.raises(ValueError, match='between 0 and 1'):
        subjects(heldout_fraction=1.0)


def test_rendered_pictures_may_stand_in_for_real_ones(fake_synthetic):
    def keys(**options):
        info = SyntheticPairDataset(data_root=str(fake_synthetic),
                                    domain='target',
                                    **options).get_data_info(0)
        assert info['domain'] == 'target'
        return set(info) & {'keypoints', 'keypoints_visible', 'keypoints_3d',
                            'keypoints_3d_visible', 'root_camera'}

    assert keys() == set()
    assert keys(carry_root=True) == {'root_camera'}
    assert len(keys(carry_labels=True)) == 5
    with pytest.raises(ValueError, match="'synthetic' or 'target', got 're"):
        SyntheticPairDataset(data_root=str(fake_synthetic), domain='real')
    with pytest.raises(ValueError, match='teach nothing'):
        SyntheticPairDataset(data_root=str(fake_synthetic),
                             carry_labels=False)


def test_key_points_are_found_by_name(fake_synthetic):
    names = ('left_knee', 'root')
    metainfo = dict(
        dataset_name='two', sigmas=[], joint_weights=[1.0] * 2,
        skeleton_info={},
        keypoint_info={i: dict(name=n) for i, n in enumerate(names)})
    options = dict(data_root=str(fake_synthetic), metainfo=metainfo)
    full = SyntheticPairDataset(data_root=str(fake_synthetic))
    info = SyntheticPairDataset(**options).get_data_info(4)
    order = [HUMAN36M_18.index(name) for name in names]
    np.testing.assert_array_equal(
        info['keypoints_3d'],
        full.get_data_info(4)['keypoints_3d'][:, order])
    np.testing.assert_array_equal(info['root_camera'],
                                  full.get_data_info(4)['root_camera'])
    metainfo['keypoint_info'][2] = dict(name='tail_base')
    metainfo['joint_weights'] = [1.0] * 3
    with pytest.raises(ValueError, match='no key points tail_base'):
        SyntheticPairDataset(**options)


def test_a_missing_set_names_its_command(fake_synthetic, tmp_path):
    with pytest.raises(FileNotFoundError,
                       match=r'python tools/synthesize\.py --num \d+ --out '
                             + str(tmp_path / 'none')):
        SyntheticPairDataset(data_root=str(tmp_path / 'none'))
    (fake_synthetic / 'masks/00000003.png').unlink()
    with pytest.raises(FileNotFoundError,
                       match=r'missing mask file: .*00000003\.png.*synthes'):
        SyntheticPairDataset(data_root=str(fake_synthetic))
    SyntheticPairDataset(data_root=str(fake_synthetic), check_files=False)


def test_what_else_a_camera_says_is_let_be(fake_synthetic):
    edit(fake_synthetic, lambda content: content['annotations'][0][
        'camera_param'].update(id=3, name='left'))
    camera = SyntheticPairDataset(
        data_root=str(fake_synthetic))[0]['camera_param']
    assert {'f', 'c'} <= set(camera)
    assert not {'id', 'name'} & set(camera)


def test_bad_annotations_are_named(fake_synthetic):
    options = dict(data_root=str(fake_synthetic))
    edit(fake_synthetic, lambda content: content['annotations'][2][
        'keypoints_3d'][5].__setitem__(0, 900.0))
    with pytest.raises(ValueError, match=r'annotation 2 projects.*px'):
        SyntheticPairDataset(**options)
    edit(fake_synthetic,
         lambda content: content['annotations'][0].pop('camera_param'))
    with pytest.raises(ValueError, match=r"its annotations lacks \['camera"):
        SyntheticPairDataset(**options)
    edit(fake_synthetic, lambda content: content.update(annotations=[]))
    with pytest.raises(ValueError, match='has no annotations'):
        SyntheticPairDataset(**options)
    (fake_synthetic / 'annotations.json').write_text('{')
    with pytest.raises(ValueError, match='is no JSON file'):
        SyntheticPairDataset(**options)
