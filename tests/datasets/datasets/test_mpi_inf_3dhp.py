"""MPI-INF-3DHP as MMPose's converter writes it, made up and real."""
from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, METRICS

from xas_mmpose.datasets.datasets import XasMpiInf3dhpDataset
from xas_mmpose.geometry.cameras import apply_affine
from xas_mmpose.skeletons import HUMAN36M_18

NAMES = ('S4_Seq2_Cam0_001033.jpg', 'S1_Seq1_Cam8_000001.jpg',
         'S4_Seq2_Cam0_001034.jpg')
#: Where HUMAN36M_18's first 17 stand in the file, joint by joint.
PLACES = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)


@pytest.fixture
def mpi(tmp_path: Path) -> tuple[dict, np.ndarray]:
    """Return a data set's options, and its joints (3, 17, 3) in mm."""
    rng = np.random.default_rng(3)
    f, c = np.array([230.0, 231.0]), np.array([100.0, 96.0])
    camera = dict(R=np.eye(3), T=np.zeros((3, 1)), f=f[:, None], c=c[:, None],
                  w=210, h=190, name='made up')
    points = rng.uniform([-500, -500, 3500], [500, 500, 4500], (3, 17, 3))
    for folder in ('images', 'masks', 'annotations'):
        (tmp_path / folder).mkdir()
    blank = np.zeros((190, 210), np.uint8)
    for name in NAMES:
        cv2.imwrite(str(tmp_path / 'images' / name), blank)
        cv2.imwrite(str(tmp_path / f'masks/{Path(name).stem}.png'), blank)
    known = np.ones((3, 17, 1))
    known[0, 4] = 0  # the right wrist is outside the picture
    np.savez(tmp_path / 'annotations/train.npz', imgname=np.array(NAMES),
             S=np.concatenate([points / 1000, known], -1))
    (tmp_path / 'annotations/cameras.pkl').write_bytes(pickle.dumps(
        {'S4_Seq2_Cam0': camera, 'S1_Seq1_Cam8': camera}))
    return dict(
        data_root=str(tmp_path), ann_file='annotations/train.npz',
        camera_param_file='annotations/cameras.pkl',
        data_prefix=dict(img='images', mask='masks')), points


def test_joints_are_put_in_order(mpi):
    options, points = mpi
    dataset = DATASETS.build(dict(type='XasMpiInf3dhpDataset',
                                  carry_labels=True, **options))
    assert len(dataset) == 3
    for row in range(3):
        info = dataset.get_data_info(row)
        truth = points[row, list(PLACES)]
        thorax = (points[row, 2] + points[row, 5]) / 2
        np.testing.assert_allclose(info['keypoints_3d'][0],
                                   [*truth, thorax], atol=1e-9)
        np.testing.assert_allclose(info['root_camera'], points[row, 14],
                                   atol=1e-9)
        wrist = HUMAN36M_18.index('right_wrist')
        hidden = np.flatnonzero(info['keypoints_3d_visible'][0] == 0)
        assert hidden.tolist() == ([wrist] if row == 0 else [])
    assert (info['subject'], info['action'], info['camera_id']) == (
        'S4', 'Seq2', 'Seq2_Cam0')
    assert info['mask_path'].endswith('masks/S4_Seq2_Cam0_001034.png')


def test_all_eighteen_are_taken_where_they_are(mpi):
    options, points = mpi
    path = Path(options['data_root'], options['ann_file'])
    arrays = dict(np.load(path))
    whole = np.concatenate([points[:, list(PLACES)], points[:, :1] + 7], 1)
    known = np.ones((3, 18, 1))
    known[1, 7] = 0
    np.savez(path, **arrays, S18=np.concatenate([whole / 1000, known], -1))
    dataset = XasMpiInf3dhpDataset(carry_labels=True, **options)
    for row in range(3):
        info = dataset.get_data_info(row)
        np.testing.assert_allclose(info['keypoints_3d'][0], whole[row],
                                   atol=1e-9)
        hidden = np.flatnonzero(info['keypoints_3d_visible'][0] == 0)
        assert hidden.tolist() == ([7] if row == 1 else [])
    np.savez(path, **arrays, S18=whole[:, :17])
    with pytest.raises(ValueError, match=r'S18 has .*; \(3, 18, 4\) of'):
        XasMpiInf3dhpDataset(carry_labels=True, **options)


def test_mmposes_key_points_may_be_asked_for_where_all_are_there(mpi):
    options, points = mpi
    path = Path(options['data_root'], options['ann_file'])
    plain = XasMpiInf3dhpDataset(carry_labels=True, **options)
    with pytest.raises(ValueError, match=r'train\.npz .*S18 is not a'):
        XasMpiInf3dhpDataset(carry_labels=True, points='S18', **options)
    whole = np.concatenate([points[:, list(PLACES)] + 5,
                            points[:, :1] + 7], 1)
    np.savez(path, **dict(np.load(path)), S18=whole / 1000)
    for choice, want in (('S', plain.get_data_info(1)['keypoints_3d'][0]),
                         ('S18', whole[1]), ('auto', whole[1])):
        dataset = XasMpiInf3dhpDataset(carry_labels=True, points=choice,
                                       **options)
        np.testing.assert_allclose(
            dataset.get_data_info(1)['keypoints_3d'][0], want, atol=1e-9)
        root = XasMpiInf3dhpDataset(carry_root=True, points=choice,
                                    **options).get_data_info(1)
        np.testing.assert_allclose(root['root_camera'], want[0], atol=1e-9)
    with pytest.raises(ValueError, match="'auto', 'S' or 'S18', got 'S28'"):
        XasMpiInf3dhpDataset(points='S28', **options)


def test_only_the_root_leaves_where_it_alone_is_asked_for(mpi):
    options, points = mpi
    info = XasMpiInf3dhpDataset(carry_root=True, **options).get_data_info(1)
    assert 'keypoints_3d' not in info
    np.testing.assert_allclose(info['root_camera'], points[1, 14])
    assert 'root_camera' not in XasMpiInf3dhpDataset(
        **options).get_data_info(1)


def test_filters_and_intervals(mpi):
    def rows(**choice):
        dataset = XasMpiInf3dhpDataset(**mpi[0], **choice)
        return [dataset.get_data_info(i)['img_id']
                for i in range(len(dataset))]

    assert rows(subjects=['S4']) == [0, 2]
    assert rows(actions=['Seq1']) == [1]
    assert rows(sample_interval=2) == [0, 1]


def test_the_views_of_an_instant_have_one_frame_id(mpi):
    dataset = XasMpiInf3dhpDataset(**mpi[0])
    assert [dataset.get_data_info(i)['frame_id'] for i in range(3)] == [
        'S4_Seq2_001033', 'S1_Seq1_000001', 'S4_Seq2_001034']


def test_names(mpi):
    dataset = XasMpiInf3dhpDataset(**mpi[0])
    assert dataset.split_imgname('TS1_002001.jpg') == ('TS1', 'TS1', '')
    with pytest.raises(ValueError, match=r"'S1_Dir_1\.jpg' is no picture"):
        dataset.split_imgname('S1_Dir_1.jpg')


def test_what_is_missing_is_named(mpi):
    options, _ = mpi
    with pytest.raises(FileNotFoundError,
                       match=r'no\.npz; .*preprocess_mpi_inf_3dhp\.py'):
        XasMpiInf3dhpDataset(**dict(options, ann_file='no.npz'))
    path = Path(options['data_root'], options['camera_param_file'])
    cameras = pickle.loads(path.read_bytes())
    del cameras['S1_Seq1_Cam8']
    path.write_bytes(pickle.dumps(cameras))
    with pytest.raises(ValueError, match=r"no camera \('S1', 'Seq1_Cam8'\)"):
        XasMpiInf3dhpDataset(**options)


def real_frames(sample_data: Path, split: str, **options) -> dict:
    """Return the config of two real frames."""
    return dict(
        type='XasMpiInf3dhpDataset', data_root=str(sample_data),
        ann_file=f'mpi_inf_3dhp/test_3dhp_{split}.npz',
        camera_param_file=f'mpi_inf_3dhp/cameras_{split}.pkl',
        data_prefix=dict(img='mpi_inf_3dhp', mask='masks/mpi_inf_3dhp'),
        carry_labels=True, **options)


def test_the_real_frames(sample_data):
    described = {
        Path(frame['file']).name: frame for frame in json.loads(
            (sample_data / 'mpi_frames.json').read_text())['frames']}
    seen = []
    for split in ('train', 'test'):
        dataset = DATASETS.build(real_frames(sample_data, split))
        for i in range(len(dataset)):
            info = dataset.get_data_info(i)
            frame = described[Path(info['img_path']).name]
            seen.append(Path(info['img_path']).name)
            np.testing.assert_allclose(
                info['keypoints_3d'][0, :17],
                np.array(frame['joints_3d_cam_mm'])[list(PLACES)], atol=1e-3)
            assert info['keypoints_visible'][0, :17].tolist() == np.array(
                frame['joints_visible'])[list(PLACES)].tolist()
            # The files' own 2D joints: exact but for hips and torso, which
            # disagree with the 3D ones at their source by up to 2.2 px.
            off = np.linalg.norm(
                info['keypoints'][0, :17]
                - np.array(frame['joints_2d_px'])[list(PLACES)], axis=1)
            loose = [HUMAN36M_18.index(name)
                     for name in ('right_hip', 'left_hip', 'torso')]
            assert off[loose].max() < 2.2
            assert np.delete(off, loose).max() < 0.17
            assert ('R' in info['camera_param']) == (split == 'train')
    assert sorted(seen) == sorted(described)


@pytest.mark.parametrize('rule', ['root', 'mask'])
def test_truth_scores_nothing_in_the_sets_own_chain(sample_data, rule):
    pipeline = [dict(type='LoadImage'), dict(type='LoadMask'),
                dict(type='GetCubeBox', rule=rule),
                dict(type='CubeAffine', input_size=(128, 128)),
                dict(type='RemoveBackground'),
                dict(type='NormaliseKeypoints3D'),
                dict(type='PackXasInputs')]
    metric = METRICS.build(dict(type='MultiHypothesisMPJPE',
                                hypothesis_rules=('top1', 'oracle')))
    for split in ('train', 'test'):
        dataset = DATASETS.build(real_frames(
            sample_data, split, test_mode=True, pipeline=pipeline))
        for i in range(len(dataset)):
            sample = pseudo_collate([dataset[i]])['data_samples'][0]
            truth = sample.gt_instances.keypoints_3d
            mask = sample.gt_fields.masks[0].numpy() > 127
            # All of the person is in the patch, and the person only.
            assert 0.02 < mask.mean() < 0.6
            points = apply_affine(sample.gt_instances.keypoints[0],
                                  sample.crop_affine)
            known = sample.gt_instances.keypoints_visible[0] > 0
            assert ((points[known] > 0) & (points[known] < 127)).all()
            near = np.rint(points[known]).astype(int)
            assert mask[near[:, 1], near[:, 0]].mean() > 0.8
            sample.pred_instances = InstanceData(
                hypotheses_3d=truth[:, None],
                hypothesis_scores=np.ones((1, 1, truth.shape[1])))
            metric.process(None, [sample.to_dict()])
    results = metric.evaluate(4)
    assert set(results) >= {'MPJPE/top1', 'P-MPJPE/oracle'}
    for name, value in results.items():
        assert value == pytest.approx(0, abs=5e-3), name
