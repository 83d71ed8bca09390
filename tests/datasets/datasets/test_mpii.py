from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets import MpiiDataset
from mmpose.registry import DATASETS, METRICS
from scipy.io import savemat

from xas_mmpose.datasets.datasets import XasMpiiDataset
from xas_mmpose.datasets.joint_tables import (
    HUMAN36M_18_TO_MPII_16,
    MPII_16_TO_HUMAN36M_18,
)
from xas_mmpose.datasets.transforms import GetCubeBox, LoadMask
from xas_mmpose.skeletons import HUMAN36M_18

#: Picture, place and number of known joints of everybody.
PEOPLE = (('1.jpg', 60, 16), ('1.jpg', 120, 16), ('2.jpg', 80, 0),
          ('3.jpg', 70, 9))


def save_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def mpii(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    people = []
    for image, x, known in PEOPLE:
        joints = np.full((16, 2), -1.0)
        joints[:known] = rng.uniform([x - 20, 20], [x + 20, 120], (known, 2))
        people.append(dict(
            image=image, center=[float(x), 70.0], scale=0.5,
            joints=joints.tolist(),
            joints_vis=[1] * known + [0] * (16 - known)))
        save_picture(tmp_path / 'images' / image,
                     rng.integers(0, 255, (150, 200, 3), dtype=np.uint8))
    for name, x in (('1_0', 60), ('1_1', 120), ('2', 80), ('3', 70)):
        mask = np.zeros((150, 200), np.uint8)
        mask[20:120, x - 20:x + 20] = 255
        save_picture(tmp_path / f'masks/{name}.png', mask)
    (tmp_path / 'mpii_val.json').write_text(json.dumps(people))
    boxes = np.zeros((2, 2, len(PEOPLE)))
    boxes[1] = np.array([[30.0], [40.0]])
    savemat(tmp_path / 'mpii_gt_val.mat', dict(headboxes_src=boxes))
    return tmp_path


def options(mpii: Path) -> dict:
    return dict(data_root=str(mpii), ann_file='mpii_val.json',
                data_prefix=dict(img='images', mask='masks'))


def masks(dataset: XasMpiiDataset) -> list[str]:
    return [Path(dataset.get_data_info(i)['mask_path']).name
            for i in range(len(dataset))]


def test_the_authors_joint_tables():
    assert MPII_16_TO_HUMAN36M_18 == (
        6, 2, 1, 0, 3, 4, 5, -1, 8, -1, 9, 13, 14, 15, 12, 11, 10, 7)
    assert HUMAN36M_18_TO_MPII_16 == (
        3, 2, 1, 4, 5, 6, 0, 17, 8, 10, 16, 15, 14, 11, 12, 13)


def test_labels_are_mmposes_from_pixel_0(mpii: Path):
    dataset = DATASETS.build(dict(
        type='XasMpiiDataset', carry_labels=True,
        headbox_file='mpii_gt_val.mat', **options(mpii)))
    theirs = MpiiDataset(
        ann_file='mpii_val.json', headbox_file=str(mpii / 'mpii_gt_val.mat'),
        data_root=str(mpii), data_prefix=dict(img='images'), test_mode=True)
    # The person without joints is in neither.
    assert len(dataset) == len(theirs) == 3
    back = list(HUMAN36M_18_TO_MPII_16)
    for i in range(3):
        ours, other = dataset.get_data_info(i), theirs.get_data_info(i)
        known = other['keypoints_visible'][0] > 0
        assert (ours['keypoints_visible'][0, back] > 0).tolist() == (
            known.tolist())
        np.testing.assert_allclose(
            ours['keypoints'][0, back][known] + 1,
            other['keypoints'][0][known], atol=1e-4)
        np.testing.assert_allclose(ours['bbox'], other['bbox'], atol=1e-4)
        np.testing.assert_allclose(ours['head_size'], other['head_size'],
                                   rtol=1e-6)
        assert ours['img_path'] == other['img_path']
        nowhere = [HUMAN36M_18.index(name) for name in ('torso', 'nose')]
        assert (ours['keypoints_visible'][0, nowhere] == 0).all()
        assert 'camera_param' not in ours
    assert ours['head_size'].tolist() == [[30.0]]


def test_no_label_leaves_unless_asked_for(mpii: Path):
    dataset = XasMpiiDataset(**options(mpii))
    assert len(dataset) == 4
    labels = {'keypoints', 'keypoints_visible', 'head_size', 'bbox'}
    assert not labels & set(dataset.get_data_info(0))
    info = XasMpiiDataset(carry_box=True, **options(mpii)).get_data_info(0)
    assert labels & set(info) == {'bbox'}
    assert info['domain'] == 'target'


def test_each_person_has_a_mask(mpii: Path):
    assert masks(XasMpiiDataset(**options(mpii))) == [
        '1_0.png', '1_1.png', '2.png', '3.png']
    (mpii / 'masks/1_1.png').rename(mpii / 'masks/1.png')
    with pytest.raises(FileNotFoundError,
                       match=r"missing mask file: .*1_1\.png.*'auto'"):
        XasMpiiDataset(**options(mpii))
    # That of the first person, which is still there, is not the picture's.
    (mpii / 'masks/2.png').rename(mpii / 'masks/2.jpg')
    assert masks(XasMpiiDataset(mask_layout='picture', **options(mpii))) == [
        '1.png', '1.png', '2.jpg', '3.png']
    (mpii / 'masks/1_0.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1_0\.png.* and 1 more'):
        XasMpiiDataset(mask_layout='person', **options(mpii))
    with pytest.raises(ValueError, match="'person', 'picture' or 'auto'"):
        XasMpiiDataset(mask_layout='nested', **options(mpii))


def test_boxes_or_masks_place_the_crop(mpii: Path):
    load = [dict(type='LoadImage'), LoadMask()]
    sample = XasMpiiDataset(pipeline=[*load, GetCubeBox('mask')],
                            **options(mpii))[1]
    np.testing.assert_allclose(sample['bbox_center'], [[119.5, 69.5]])
    # The authors' box: 15 units below the centre, 250 units wide.
    sample = XasMpiiDataset(carry_box=True, pipeline=[
        *load, GetCubeBox('root')], **options(mpii))[1]
    assert sample['crop_rule'] == 'bbox'
    np.testing.assert_allclose(sample['bbox_center'], [[119, 76.5]])
    np.testing.assert_allclose(sample['bbox_scale'], [[125, 125]])


def test_truth_comes_through_the_crop(mpii: Path):
    dataset = XasMpiiDataset(carry_labels=True, pipeline=[
        dict(type='LoadImage'), dict(type='LoadMask'),
        dict(type='GetCubeBox', rule='root'),
        dict(type='CubeAffine', input_size=(64, 64)),
        dict(type='RemoveBackground'), dict(type='NormaliseKeypoints3D'),
        dict(type='PackXasInputs', pack_transformed=True)], **options(mpii))
    sample = dataset[0]['data_samples']
    truth = dataset.get_data_info(0)['keypoints']
    instances = sample.gt_instances
    np.testing.assert_allclose(instances.keypoints, truth)
    back = (instances.transformed_keypoints / 64 * sample.input_scale
            + sample.input_center - sample.input_scale / 2)
    known = truth[0].any(1)
    np.testing.assert_allclose(back[0, known], truth[0, known], atol=1e-9)
    assert sample.gt_instance_labels.keypoint_weights.sum() == 0


def test_a_known_error_is_scored(mpii: Path):
    dataset = XasMpiiDataset(
        carry_labels=True, headbox_file='mpii_gt_val.mat', test_mode=True,
        pipeline=[
            dict(type='LoadImage'), dict(type='LoadMask'),
            dict(type='GetCubeBox', rule='root'),
            dict(type='CubeAffine', input_size=(64, 64)),
            dict(type='PackXasInputs', meta_keys=(
                'img_path', 'crop_rule', 'input_scale', 'head_size'))],
        **options(mpii))
    # The heads are 30 px: 14 px are less than half of them, 16 px more.
    for shift, right in ((0, 100), (14, 100), (16, 0)):
        metric = METRICS.build(dict(type='KeypointError2D',
                                    metrics=('2D/px', 'PCKh@0.5')))
        for i in range(len(dataset)):
            sample = dataset[i]['data_samples']
            sample.pred_instances = InstanceData(
                keypoints=sample.gt_instances.keypoints
                + np.array([0.0, shift]))
            metric.process(None, [sample.to_dict()])
        assert metric.evaluate(len(dataset)) == pytest.approx(
            {'2D/px': shift, 'PCKh@0.5': right})


def test_bad_options_and_missing_pictures(mpii: Path):
    with pytest.raises(ValueError, match='asks for left_ear'):
        XasMpiiDataset(metainfo=dict(
            dataset_name='other', sigmas=[], joint_weights=[1.0],
            skeleton_info={}, keypoint_info={0: dict(name='left_ear')}),
            **options(mpii))
    (mpii / 'images/3.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'image file: .*/3\.jpg'):
        XasMpiiDataset(**options(mpii))
    people = json.loads((mpii / 'mpii_val.json').read_text())
    (mpii / 'mpii_val.json').write_text(json.dumps(people[2:3]))
    with pytest.raises(ValueError, match='nobody with key points'):
        XasMpiiDataset(carry_labels=True, **options(mpii))


def test_the_real_people(sample_data: Path):
    dataset = XasMpiiDataset(
        data_root=str(sample_data), ann_file='mpii/test_mpii.json',
        data_prefix=dict(img='mpii', mask='masks/mpii'), carry_labels=True)
    assert len(dataset) == 5
    on = []
    for i in range(5):
        info = dataset.get_data_info(i)
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_GRAYSCALE)
        assert mask.shape == cv2.imread(info['img_path']).shape[:2]
        known = info['keypoints_visible'][0] > 0
        x, y = info['keypoints'][0, known].round().astype(int).T
        inside = ((x >= 0) & (y >= 0) & (x < mask.shape[1])
                  & (y < mask.shape[0]))
        on.append((mask[y[inside], x[inside]] > 127).mean())
        # The right shoulder of somebody who faces us is on our left.
        assert known[[0, 17]].all()
    assert min(on) > 0.7
    assert np.mean(on) > 0.85
