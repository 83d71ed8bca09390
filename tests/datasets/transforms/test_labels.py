from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import TopdownPoseEstimator

from xas_mmpose.datasets.datasets import (
    SyntheticPairDataset,
    XasHuman36mDataset,
)
from xas_mmpose.datasets.transforms import NormaliseKeypoints3D
from xas_mmpose.datasets.transforms.labels import normalised_labels
from xas_mmpose.geometry.cameras import (
    box_root_depth,
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)
from xas_mmpose.skeletons import HUMAN36M_18

LOAD = [dict(type='LoadImage'), dict(type='LoadMask')]
JITTER = dict(type='RandomCubeTransform', shift_factor=0.2, rotate_prob=1.0,
              scale_factor=(0.6, 1.5))
CROPS = dict(
    plain=[], flip=[dict(type='RandomFlipPose3D', prob=1.0)],
    jitter=[JITTER],
    both=[dict(type='RandomFlipPose3D', prob=1.0), JITTER])


def back_to_camera(results, labels, root_depth):
    """Invert the labels, as a prediction would be."""
    patch = normalised_to_patch(labels, results['input_size'],
                                results['cube_size'])
    image = patch_to_image(patch, results['crop_affine'], root_depth)
    camera = results['camera_param']
    return image_to_camera(image, camera['f'], camera['c'], camera.get('k'),
                           camera.get('p'))


def make(kind, rule, crop, request, **options):
    pipeline = [*LOAD, dict(type='GetCubeBox', rule=rule), *CROPS[crop],
                dict(type='CubeAffine', input_size=(128, 128)),
                dict(type='NormaliseKeypoints3D')]
    if kind == 'synthetic':
        root = request.getfixturevalue('fake_synthetic')
        return SyntheticPairDataset(data_root=str(root), pipeline=pipeline)
    fake = request.getfixturevalue('fake_h36m')
    return XasHuman36mDataset(carry_labels=True, pipeline=pipeline,
                              **fake.options, **options)


@pytest.mark.parametrize('crop', CROPS)
@pytest.mark.parametrize('rule', ['root', 'mask'])
@pytest.mark.parametrize('kind', ['target', 'lens', 'synthetic'])
def test_labels_lead_back_to_the_truth(kind, rule, crop, request):
    dataset = make(kind, rule, crop, request,
                   **(dict(lens=True) if kind == 'lens' else {}))
    for row in range(6):
        results = dataset[row]
        truth = results['keypoints_3d']
        labels = normalised_labels(results)
        camera = back_to_camera(results, labels, truth[0, 0, 2])
        np.testing.assert_allclose(camera, truth, atol=1e-6)
        packed = results['keypoint_labels']
        assert packed.dtype == np.float32
        np.testing.assert_allclose(
            back_to_camera(results, packed.astype(float), truth[0, 0, 2]),
            truth, atol=2e-3)
        if rule == 'root' or kind == 'synthetic':
            # The box alone gives the root's depth back.
            depth = box_root_depth(results['input_scale'],
                                   results['camera_param']['f'],
                                   results['cube_size'])
            assert depth == pytest.approx(truth[0, 0, 2], rel=1e-12)
        if rule == 'root' and crop in ('plain', 'flip'):
            np.testing.assert_allclose(labels[0, 0], 0, atol=1e-12)
            # At the root's depth one unit of x, y is a metre.
            size = results['input_scale'] / results['camera_param']['f']
            np.testing.assert_allclose(size * truth[0, 0, 2], 2000)


def test_weights(request):
    target = make('target', 'root', 'plain', request)[0]
    assert target['keypoint_weights'].tolist() == [[0] * 18]
    assert np.abs(target['keypoint_labels']).max() > 0.1
    synthetic = make('synthetic', 'root', 'plain', request)[0]
    assert synthetic['keypoint_weights'].tolist() == [[1] * 18]
    assert synthetic['keypoint_weights'].dtype == np.float32


def test_what_is_not_known_weighs_nothing(request):
    results = make('synthetic', 'root', 'plain', request)[0]
    results['keypoints_3d'][0, 3] = np.nan
    results['keypoints_3d'][0, 4, 2] = -5
    results['keypoints_3d_visible'][0, 5] = 0
    out = NormaliseKeypoints3D()(results)
    assert np.flatnonzero(out['keypoint_weights'][0] == 0).tolist() == [
        3, 4, 5]
    assert not out['keypoint_labels'][0, 3:6].any()
    results['root_camera'] = np.full(3, np.nan)
    out = NormaliseKeypoints3D()(results)
    assert not out['keypoint_weights'].any()
    assert not out['keypoint_labels'].any()


def test_without_labels():
    out = NormaliseKeypoints3D()(dict(
        domain='target', flip_indices=HUMAN36M_18.flip_indices))
    assert out['keypoint_labels'].shape == (1, 18, 3)
    assert not out['keypoint_labels'].any()
    assert out['keypoint_weights'].tolist() == [[0] * 18]
    assert NormaliseKeypoints3D()(dict(img=1)) == dict(img=1)
    with pytest.raises(ValueError, match='need crop_affine, camera_param'):
        NormaliseKeypoints3D()(dict(keypoints_3d=np.zeros((1, 18, 3))))


def test_real_truth_as_prediction_is_exact(sample_data):
    """What a perfect head says, restored by MMPose, is the annotation."""
    dataset = XasHuman36mDataset(
        data_root=str(sample_data), ann_file='h36m/test_h36m_body3d.npz',
        camera_param_file='h36m/cameras.pkl', carry_labels=True,
        data_prefix=dict(img='h36m', mask='masks/h36m_grabcut'),
        test_mode=True, pipeline=[
            *LOAD, dict(type='GetCubeBox'),
            dict(type='CubeAffine', input_size=(256, 256)),
            dict(type='NormaliseKeypoints3D'), dict(type='PackXasInputs')])
    frames = json.loads(
        (sample_data / 'h36m_frames.json').read_text())['frames']
    estimator = TopdownPoseEstimator.__new__(TopdownPoseEstimator)
    torch.nn.Module.__init__(estimator)
    estimator.test_cfg = {}
    for row, frame in enumerate(frames):
        sample = dataset[row]['data_samples']
        labels = sample.gt_instance_labels.keypoint_labels.numpy()
        patch = normalised_to_patch(labels.astype(float), sample.input_size,
                                    sample.cube_size)
        restored, = estimator.add_pred_to_datasample(
            [InstanceData(keypoints=patch.copy(),
                          keypoint_scores=np.ones((1, 18)))], None, [sample])
        image = restored.pred_instances.keypoints
        depth = box_root_depth(sample.input_scale,
                               sample.camera_param['f'], sample.cube_size)
        image[..., 2] += depth
        camera = image_to_camera(image, sample.camera_param['f'],
                                 sample.camera_param['c'])
        apart = np.linalg.norm(
            camera[0, :17] - frame['joints_3d_cam_mm'], axis=-1)
        assert apart.max() < 0.005
        np.testing.assert_allclose(restored.gt_instances.keypoints_3d[0, :17],
                                   frame['joints_3d_cam_mm'], atol=1e-3)
