"""XaS-Zoo-Mini as a data set: its own key points, species, no labels."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets import XasZooMiniDataset
from xas_mmpose.geometry.cameras import camera_to_image
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18


def build(root: Path, split: str, **changes) -> XasZooMiniDataset:
    return DATASETS.build(dict(
        type='XasZooMiniDataset', data_root=str(root),
        ann_file=f'annotation_body3d/fps10/h36m_{split}.npz',
        camera_param_file='annotation_body3d/cameras.pkl',
        data_prefix=dict(img='images', mask='masks'), **changes))


@pytest.mark.parametrize('split, subject, species', [
    ('train', 'S2', 'fox'), ('test', 'S11', 'stag')])
def test_rows_keep_what_is_theirs(zoo_mini, split, subject, species):
    dataset = build(zoo_mini, split, carry_labels=True)
    assert len(dataset) == 4
    assert dataset.keypoint_names == list(ANIMAL3D_26.keypoint_names)
    with np.load(zoo_mini / f'annotation_body3d/fps10/h36m_{split}.npz') as f:
        part, points = f['part'][..., :2], f['S'][..., :3] * 1000
    for i in range(4):
        info = dataset.get_data_info(i)
        assert (info['subject'], info['category']) == (subject, species)
        assert info['action'] == 'Walk'
        assert info['dataset_name'] == 'animal3d_26'
        camera = info['camera_param']
        np.testing.assert_allclose(info['keypoints_3d'][0], points[i])
        np.testing.assert_allclose(info['root_camera'], points[i, 7])
        np.testing.assert_allclose(
            camera_to_image(points[i], camera['f'], camera['c'])[:, :2],
            part[i], atol=0.01)
        assert info['keypoints_3d_visible'].tolist() == [[1] * 26]


def test_no_label_leaves_unless_asked_for(zoo_mini):
    labels = {'keypoints', 'keypoints_visible', 'keypoints_3d',
              'keypoints_3d_visible', 'root_camera', 'bbox'}
    info = build(zoo_mini, 'train').get_data_info(0)
    assert not labels & set(info)
    assert info['category'] == 'fox'
    rooted = build(zoo_mini, 'train', carry_root=True).get_data_info(0)
    assert labels & set(rooted) == {'root_camera'}


def test_key_points_of_people_are_refused(zoo_mini):
    with pytest.raises(ValueError, match=r'asks for root, right_hip.*'
                       r'skeletons\.ANIMAL3D_26\.metainfo\(\)'):
        build(zoo_mini, 'test', carry_labels=True,
              metainfo=HUMAN36M_18.metainfo())


def test_a_missing_set_names_its_tool(tmp_path):
    with pytest.raises(FileNotFoundError,
                       match=r'python tools/make_xas_zoo_mini\.py --out DIR'):
        build(tmp_path, 'train')
