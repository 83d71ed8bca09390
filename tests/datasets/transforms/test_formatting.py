from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmpose.datasets import CombinedDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from xas_mmpose.datasets.datasets import (
    SyntheticPairDataset,
    XasHuman36mDataset,
)
from xas_mmpose.datasets.samplers import PairedSourceSampler
from xas_mmpose.datasets.transforms import PackXasInputs
from xas_mmpose.skeletons import HUMAN36M_18


def pipeline(rule, required=True):
    return [
        dict(type='LoadImage'), dict(type='LoadMask', required=required),
        dict(type='GetCubeBox', rule=rule),
        dict(type='CubeAffine', input_size=(64, 64)),
        dict(type='RemoveBackground', required=required),
        dict(type='NormaliseKeypoints3D'), dict(type='PackXasInputs')]


def training_pipeline(rule):
    steps = pipeline(rule)
    steps[3:3] = [dict(type='RandomFlipPose3D'),
                  dict(type='RandomCubeTransform')]
    steps.insert(6, dict(type='PhotometricDistortion'))
    return steps


def as_bytes(value):
    """Return everything that a packed sample holds, as bytes."""
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        return [f'{value.dtype}{value.shape}'.encode(), value.tobytes()]
    if hasattr(value, 'all_items'):
        value = dict(value.all_items())
    if isinstance(value, dict):
        return [part for key in sorted(value)
                for part in (key.encode(), *as_bytes(value[key]))]
    return [repr(value).encode()]


def epoch(dataset):
    out = []
    for i in range(len(dataset)):
        np.random.seed(i)  # noqa: NPY002  (the stream MMEngine seeds)
        packed = dataset[i]
        out.append(as_bytes(dict(inputs=packed['inputs'],
                                 sample=packed['data_samples'])))
    return out


def spoil(fake_h36m):
    """Replace every joint annotation by NaN."""
    path = fake_h36m.root / 'annotations/h36m_train.npz'
    arrays = dict(np.load(path))
    for key, value in arrays.items():
        if key != 'imgname':
            arrays[key] = np.full_like(value, np.nan)
    np.savez(path, **arrays)


def test_a_labelled_sample(fake_h36m):
    dataset = XasHuman36mDataset(carry_labels=True, test_mode=True,
                                 pipeline=pipeline('root'),
                                 **fake_h36m.options)
    packed = dataset[2]
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 64, 64)
    assert packed['inputs'].dtype == torch.uint8
    masks = sample.gt_fields.masks
    assert masks.shape == (1, 64, 64)
    assert masks.dtype == torch.uint8
    assert masks.max() == 255
    # The background is black, the person is not.
    assert not packed['inputs'][:, masks[0] == 0].any()
    assert (packed['inputs'][1][masks[0] == 255] == 90).all()
    assert sample.gt_instances.keypoints.shape == (1, 18, 2)
    truth = fake_h36m.keypoints_3d[2]
    np.testing.assert_allclose(sample.gt_instances.keypoints_3d[0, :17],
                               truth)
    assert sample.gt_instances.keypoints_3d_visible.shape == (1, 18)
    assert sample.gt_instances.bboxes.shape == (1, 4)
    assert sample.gt_instances.bbox_scores.tolist() == [1]
    labels = sample.gt_instance_labels
    assert labels.keypoint_labels.dtype == torch.float32
    assert labels.keypoint_weights.shape == (1, 18)
    meta = sample.metainfo
    assert set(meta) == {
        'id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size',
        'input_center', 'input_scale', 'crop_affine', 'cube_size',
        'camera_param', 'domain', 'flip_indices', 'dataset_name',
        'crop_rule', 'subject', 'action', 'frame_id'}
    assert (meta['domain'], meta['subject'], meta['action'],
            meta['frame_id']) == ('target', 'S11', 'Directions',
                                  'S11_Directions_2_000006')
    np.testing.assert_allclose(meta['camera_param']['f'], fake_h36m.f[2])


def test_nan_annotations_change_no_byte_of_training(fake_h36m):
    def run():
        return epoch(XasHuman36mDataset(
            pipeline=training_pipeline('mask'), **fake_h36m.options))

    before = run()
    spoil(fake_h36m)
    assert run() == before


def test_the_nan_test_would_notice(fake_h36m):
    def run(**options):
        return epoch(XasHuman36mDataset(
            pipeline=training_pipeline('mask'), **fake_h36m.options,
            **options))

    before = run(carry_labels=True)
    spoil(fake_h36m)
    after = run(carry_labels=True)
    assert all(a != b for a, b in zip(after, before))
    with pytest.raises(ValueError, match=r'S9_Waiting.*annotated root'):
        XasHuman36mDataset(carry_root=True, pipeline=pipeline('root'),
                           **fake_h36m.options)[0]


def test_no_annotation_is_packed_with_an_unlabelled_sample(fake_h36m):
    dataset = XasHuman36mDataset(carry_root=True, pipeline=pipeline('root'),
                                 **fake_h36m.options)
    sample = dataset[0]['data_samples']
    assert set(sample.gt_instances.keys()) == {'bboxes', 'bbox_scores',
                                               'bbox_scales'}
    assert not sample.gt_instance_labels.keypoint_labels.any()
    assert not sample.gt_instance_labels.keypoint_weights.any()
    assert 'root_camera' not in sample.metainfo


@pytest.mark.parametrize('rule', ['root', 'mask'])
def test_two_kinds_of_sample_in_one_batch(fake_h36m, fake_synthetic, rule):
    dataset = CombinedDataset(
        metainfo=HUMAN36M_18.metainfo(),
        datasets=[
            dict(type=XasHuman36mDataset, carry_root=rule == 'root',
                 pipeline=training_pipeline(rule)[:3], **fake_h36m.options),
            dict(type=SyntheticPairDataset, data_root=str(fake_synthetic),
                 pipeline=training_pipeline(rule)[:3])],
        pipeline=training_pipeline(rule)[3:])
    sampler = PairedSourceSampler(dataset, [2, 3], seed=0)
    loader = torch.utils.data.DataLoader(dataset, batch_size=5,
                                         sampler=sampler,
                                         collate_fn=pseudo_collate)
    batch = next(iter(loader))
    samples = batch['data_samples']
    assert [s.domain for s in samples] == ['target'] * 2 + ['synthetic'] * 3
    assert torch.stack(batch['inputs']).shape == (5, 3, 64, 64)
    assert torch.stack([s.gt_fields.masks for s in samples]).shape == (
        5, 1, 64, 64)
    weights = torch.cat([s.gt_instance_labels.keypoint_weights
                         for s in samples])
    assert weights.sum(1).tolist() == [0, 0, 18, 18, 18]
    labels = torch.cat([s.gt_instance_labels.keypoint_labels
                        for s in samples])
    assert labels.shape == (5, 18, 3)
    assert labels.isfinite().all()
    assert {s.dataset_name for s in samples} == {'human36m_18'}


@pytest.mark.parametrize('rule', ['root', 'mask'])
def test_inference_needs_neither_mask_nor_camera(rule):
    # What mmpose.apis.inference_topdown hands to the test pipeline.
    info = dict(img=np.full((50, 60, 3), 7, np.uint8),
                bbox=np.array([[10, 5, 40, 45]], np.float32),
                bbox_score=np.ones(1, np.float32),
                **parse_pose_metainfo(HUMAN36M_18.metainfo()))
    packed = Compose(pipeline(rule, required=False))(info)
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 64, 64)
    assert 'gt_fields' not in sample
    assert sample.gt_instances.bboxes.tolist() == [[10, 5, 40, 45]]
    assert sample.input_scale.tolist() == [50, 50]
    assert sample.crop_rule == 'bbox'
    assert 'camera_param' not in sample
    assert len(sample.gt_instance_labels) == 0


def test_a_codec_does_not_displace_the_boxes():
    sample = PackXasInputs()(dict(
        img=np.zeros((4, 4, 3), np.uint8), bbox=np.zeros((1, 4)),
        lifting_target=np.zeros((1, 2, 3)),
        instance_mapping_table=dict(lifting_target='lifting_target'),
    ))['data_samples']
    assert set(sample.gt_instances.keys()) == {'bboxes', 'lifting_target'}


def test_the_head_size_is_packed_with_the_person():
    results = dict(img=np.zeros((4, 4, 3), np.uint8), bbox=np.zeros((1, 4)))
    packed = PackXasInputs()(dict(
        results, head_size=np.array([[31.5]], np.float32)))['data_samples']
    assert packed.gt_instances.head_size.tolist() == [[31.5]]
    assert 'head_size' not in PackXasInputs()(
        results)['data_samples'].gt_instances
