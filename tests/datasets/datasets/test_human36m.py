from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.datasets.human36m import parse_imgname
from xas_mmpose.geometry.cameras import camera_to_image


def test_names_are_split():
    assert parse_imgname(
        'S1/S1_Directions_1.54138969/S1_Directions_1.54138969_000001.jpg'
    ) == ('S1', 'Directions', '54138969')
    assert parse_imgname('S5_SittingDown.54138969_002061.jpg') == (
        'S5', 'SittingDown', '54138969')
    assert parse_imgname('S1_TakingPhoto_1.60457274_000006.jpg')[1] == 'Photo'
    with pytest.raises(ValueError, match=r"'TS1_002001\.jpg' is no picture"):
        parse_imgname('TS1_002001.jpg')


def test_rows_keep_what_is_theirs(fake_h36m):
    dataset = DATASETS.build(dict(type='XasHuman36mDataset',
                                  carry_labels=True, **fake_h36m.options))
    assert len(dataset) == 6
    for row in range(6):
        info = dataset.get_data_info(row)
        truth = fake_h36m.keypoints_3d[row]
        truth = np.concatenate([truth, [(truth[11] + truth[14]) / 2]])
        pixels = truth[:, :2] / truth[:, 2:] * fake_h36m.f[row]
        pixels += fake_h36m.c[row]
        np.testing.assert_allclose(info['keypoints_3d'][0], truth, atol=1e-9)
        np.testing.assert_allclose(info['keypoints'][0], pixels, atol=1e-9)
        np.testing.assert_allclose(info['root_camera'], truth[0], atol=1e-9)
        assert info['keypoints_visible'].tolist() == [[1] * 18]
        assert info['img_id'] == info['id'] == row
        assert info['domain'] == 'target'
        assert info['dataset_name'] == 'human36m_18'
        assert set(info['camera_param']) == {'f', 'c', 'R', 'T', 'w', 'h'}
    second = dataset.get_data_info(1)
    assert (second['subject'], second['action']) == ('S1', 'WalkDog')
    assert second['img_path'].endswith('S1_WalkingDog.54138969_000011.jpg')
    assert second['mask_path'].endswith('S1_WalkingDog.54138969_000011.png')


def test_the_views_of_an_instant_have_one_frame_id(fake_h36m):
    dataset = XasHuman36mDataset(**fake_h36m.options)
    frames = [dataset.get_data_info(i)['frame_id'] for i in range(6)]
    assert frames == [
        'S9_Waiting_1_000001', 'S1_WalkingDog_000011',
        'S11_Directions_2_000006', 'S1_Directions_1_000001',
        'S9_Directions_000021', 'S9_Waiting_1_000002']


def test_no_label_leaves_unless_asked_for(fake_h36m):
    info = XasHuman36mDataset(**fake_h36m.options).get_data_info(0)
    label_keys = {'keypoints', 'keypoints_visible', 'keypoints_3d',
                  'keypoints_3d_visible', 'root_camera', 'bbox',
                  'bbox_center', 'bbox_scale'}
    assert not label_keys & set(info)
    info = XasHuman36mDataset(carry_root=True,
                              **fake_h36m.options).get_data_info(0)
    assert label_keys & set(info) == {'root_camera'}


def test_lens_terms_only_where_asked_for(fake_h36m):
    dataset = XasHuman36mDataset(carry_labels=True, lens=True,
                                 **fake_h36m.options)
    info = dataset.get_data_info(3)
    camera = info['camera_param']
    assert camera['k'].tolist() == [-0.2, 0.24, 0.007]
    bent = camera_to_image(info['keypoints_3d'], camera['f'], camera['c'],
                           camera['k'], camera['p'])[..., :2]
    np.testing.assert_allclose(info['keypoints'], bent, atol=1e-9)
    pinhole = XasHuman36mDataset(carry_labels=True, **fake_h36m.options)
    shift = np.abs(info['keypoints']
                   - pinhole.get_data_info(3)['keypoints']).max()
    assert 0.01 < shift < 5


def test_filters(fake_h36m):
    def rows(**options):
        dataset = XasHuman36mDataset(**fake_h36m.options, **options)
        return [dataset.get_data_info(i)['img_id']
                for i in range(len(dataset))]

    assert rows(subjects=['S9']) == [0, 4, 5]
    assert rows(actions=['Directions']) == [2, 3, 4]
    assert rows(subjects=['S9'], actions=['Waiting']) == [0, 5]
    # The interval counts within each sequence: only row 5 is a second frame.
    assert rows(sample_interval=2) == [0, 1, 2, 3, 4]
    assert rows(indices=2) == [0, 1]
    with pytest.raises(ValueError, match=r"h36m_train\.npz.*subjects=\['S5'"):
        rows(subjects=['S5'])


def test_masks_nested_flat_or_either(fake_h36m):
    flat = fake_h36m.root / 'flat'
    flat.mkdir()
    for path in (fake_h36m.root / 'masks').rglob('*.png'):
        shutil.copy(path, flat / path.name)
    options = dict(fake_h36m.options)
    options['data_prefix'] = dict(img='images', mask='flat')
    for layout in ('flat', 'auto'):
        dataset = XasHuman36mDataset(mask_layout=layout, **options)
        path = dataset.get_data_info(0)['mask_path']
        assert path == str(flat / 'S9_Waiting_1.60457274_000001.png')
    with pytest.raises(FileNotFoundError, match=r'missing mask files: .*S9/'):
        XasHuman36mDataset(mask_layout='nested', **options)
    with pytest.raises(ValueError, match="'nested', 'flat' or 'auto'"):
        XasHuman36mDataset(mask_layout='elsewhere', **options)
    options['data_prefix'] = dict(img='images')
    assert 'mask_path' not in XasHuman36mDataset(**options).get_data_info(0)


def test_missing_files_are_named_before_training(fake_h36m):
    options = fake_h36m.options
    image = next((fake_h36m.root / 'images/S11').rglob('*.jpg'))
    image.unlink()
    with pytest.raises(FileNotFoundError,
                       match=r'missing image file: .*S11.*000006\.jpg'):
        XasHuman36mDataset(**options)
    assert len(XasHuman36mDataset(check_files=False, **options)) == 6
    shutil.rmtree(fake_h36m.root / 'images/S9')
    with pytest.raises(FileNotFoundError, match=r'image files.* and 1 more'):
        XasHuman36mDataset(**options)
    with pytest.raises(FileNotFoundError, match=r'nothing\.npz.*preprocess'):
        XasHuman36mDataset(**{**options, 'ann_file': 'nothing.npz'})
    with pytest.raises(FileNotFoundError, match=r'no\.pkl'):
        XasHuman36mDataset(**{**options, 'camera_param_file': 'no.pkl'})


def test_a_missing_mask_is_named(fake_h36m):
    mask = next((fake_h36m.root / 'masks/S11').rglob('*.png'))
    mask.unlink()
    with pytest.raises(FileNotFoundError,
                       match=r'missing mask file: .*000006\.png.*255 = '):
        XasHuman36mDataset(**fake_h36m.options)


def test_a_missing_camera_is_named(fake_h36m):
    path = fake_h36m.root / 'annotations/cameras.pkl'
    cameras = pickle.loads(path.read_bytes())
    del cameras['S11', '55011271']
    path.write_bytes(pickle.dumps(cameras))
    with pytest.raises(ValueError,
                       match=r"no camera \('S11', '55011271'\).*S11_Dir"):
        XasHuman36mDataset(**fake_h36m.options)


def test_labels_need_cameras_but_pictures_do_not(fake_h36m):
    options = fake_h36m.options
    del options['camera_param_file']
    assert 'camera_param' not in XasHuman36mDataset(
        **options).get_data_info(0)
    for option in ('carry_labels', 'carry_root'):
        with pytest.raises(ValueError, match='need camera_param_file'):
            XasHuman36mDataset(**options, **{option: True})


def test_joints_that_do_not_fit(fake_h36m):
    options = dict(fake_h36m.options, carry_labels=True)
    with pytest.raises(ValueError, match='asks for nose_tip'):
        XasHuman36mDataset(metainfo=dict(
            dataset_name='other', sigmas=[], joint_weights=[1.0, 1.0],
            skeleton_info={}, keypoint_info={
                0: dict(name='root'), 1: dict(name='nose_tip')}), **options)
    path = fake_h36m.root / 'annotations/h36m_train.npz'
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, 'S': arrays['S'][:, :16]})
    with pytest.raises(ValueError, match=r'shape \(6, 16, .*; \(6, 17, 4\)'):
        XasHuman36mDataset(**options)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'h36m_train\.npz is no annotation'):
        XasHuman36mDataset(**options)
    np.savez(path, imgname=arrays['imgname'])
    with pytest.raises(ValueError, match=r'h36m_train\.npz.*\bS\b'):
        XasHuman36mDataset(**options)


def test_key_points_follow_the_metainfo(fake_h36m):
    names = ('head', 'root', 'thorax')
    metainfo = dict(
        dataset_name='three', sigmas=[], joint_weights=[1.0] * 3,
        skeleton_info={},
        keypoint_info={i: dict(name=n) for i, n in enumerate(names)})
    info = XasHuman36mDataset(metainfo=metainfo, carry_labels=True,
                              **fake_h36m.options).get_data_info(2)
    truth = fake_h36m.keypoints_3d[2]
    np.testing.assert_allclose(
        info['keypoints_3d'][0],
        [truth[10], truth[0], (truth[11] + truth[14]) / 2])
    np.testing.assert_allclose(info['root_camera'], truth[0])


def test_unknown_joints_are_not_visible(fake_h36m):
    path = fake_h36m.root / 'annotations/h36m_train.npz'
    arrays = dict(np.load(path))
    arrays['S'][0, 11, 3] = 0
    arrays['S'][0, 16, :3] = np.nan
    np.savez(path, **arrays)
    info = XasHuman36mDataset(carry_labels=True,
                              **fake_h36m.options).get_data_info(0)
    hidden = np.flatnonzero(info['keypoints_3d_visible'][0] == 0)
    assert hidden.tolist() == [11, 16, 17]


def test_the_real_frames(sample_data):
    dataset = XasHuman36mDataset(
        data_root=str(sample_data), ann_file='h36m/test_h36m_body3d.npz',
        camera_param_file='h36m/cameras.pkl', carry_labels=True, lens=True,
        data_prefix=dict(img='h36m', mask='masks/h36m_grabcut'))
    frames = json.loads(
        (sample_data / 'h36m_frames.json').read_text())['frames']
    assert len(dataset) == len(frames) == 4
    for row, frame in enumerate(frames):
        info = dataset.get_data_info(row)
        assert info['img_path'].endswith(frame['file'])
        np.testing.assert_allclose(info['keypoints_3d'][0, :17],
                                   frame['joints_3d_cam_mm'], atol=1e-3)
        np.testing.assert_allclose(info['keypoints'][0, :17],
                                   frame['joints_2d_px'], atol=1e-3)
    assert [dataset.get_data_info(i)['action'] for i in range(4)] == [
        'Directions', 'SittingDown', 'Greeting', 'WalkDog']
