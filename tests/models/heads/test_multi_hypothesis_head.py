"""The head: golden layers, both kinds of samples, frames, flip, errors."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils import register_all_modules

from xas_mmpose.geometry.cameras import (
    camera_to_image,
    crop_affine,
    cube_box,
    image_to_patch,
    patch_to_normalised,
)
from xas_mmpose.models import MultiHypothesisHead
from xas_mmpose.ops import volume_marginals
from xas_mmpose.skeletons import HUMAN36M_18

register_all_modules()

METAINFO = HUMAN36M_18.metainfo()
DECODER = dict(type='DepthModeVolume', input_size=(64, 64),
               heatmap_size=(16, 16, 8), num_hypotheses=3, window=3)
CAMERA = dict(f=np.array([1100.0, 1090.0]), c=np.array([500.0, 510.0]))


def build_head(**kwargs: Any) -> MultiHypothesisHead:
    torch.manual_seed(0)
    head = MultiHypothesisHead(**{
        **dict(in_channels=8, metainfo=METAINFO, decoder=DECODER,
               deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4),
               loss_synthetic_likelihood=dict(
                   type='MarginalLikelihoodLoss'),
               loss_skeleton_mask=dict(type='SkeletonMaskLoss')), **kwargs})
    head.init_weights()
    return head


def sample(domain: str, seed: int = 0) -> PoseDataSample:
    rng = np.random.default_rng(seed)
    result = PoseDataSample()
    result.set_metainfo(dict(
        domain=domain, input_size=(64, 64), cube_size=2000.0,
        input_center=np.array([520.0, 480.0]),
        input_scale=np.array([440.0, 436.0]), camera_param=CAMERA,
        flip_indices=list(HUMAN36M_18.flip_indices)))
    labels = InstanceData()
    labels.keypoint_labels = torch.from_numpy(
        rng.uniform(-0.5, 0.5, (1, 18, 3)).astype(np.float32))
    labels.keypoint_weights = torch.full(
        (1, 18), float(domain == 'synthetic'))
    result.gt_instance_labels = labels
    result.gt_fields = PixelData(
        masks=torch.from_numpy(
            rng.integers(0, 2, (1, 64, 64)) * 255).to(torch.uint8))
    result.gt_instances = InstanceData(
        bboxes=np.array([[300.0, 262, 740, 698]]),
        bbox_scores=np.ones(1, np.float32))
    return result


BACKBONES = [
    dict(type='ResNet', depth=18, base_channels=8, stem_channels=8,
         init_cfg=None),
    dict(type='MobileNetV2', widen_factor=0.25, init_cfg=None),
]


def build_estimator(backbone: dict) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor',
                               mean=[0, 0, 0], std=[255, 255, 255],
                               bgr_to_rgb=True),
        backbone=backbone,
        head=dict(type='MultiHypothesisHead',
                  in_channels=64 if backbone['type'] == 'ResNet' else 1280,
                  metainfo=METAINFO, decoder=DECODER,
                  deconv_out_channels=(8, 8, 8),
                  deconv_kernel_sizes=(4, 4, 4),
                  loss_synthetic=dict(type='WinnerTakesAllLoss'))))


def features(batch: int) -> tuple[torch.Tensor]:
    return (torch.randn(batch, 8, 4, 4,
                        generator=torch.Generator().manual_seed(1)), )


def test_golden_layers(goldens: Path):
    with np.load(goldens / '12_deconv_head.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    channels, count, filters, kernel, _, joints, bins = (
        golden['config'].tolist())
    height, width = golden['eval_out'].shape[-2:]
    metainfo = dict(keypoint_info={
        i: dict(name=str(i), id=i) for i in range(joints)})
    head = build_head(
        in_channels=channels, metainfo=metainfo,
        decoder=dict(DECODER, heatmap_size=(width, height, bins)),
        deconv_out_channels=[filters] * count,
        deconv_kernel_sizes=[kernel] * count, loss_skeleton_mask=None)
    ours = list(head.state_dict())
    theirs = [k for k in golden if k.startswith('sd/')]
    assert len(ours) == len(theirs)
    head.load_state_dict({
        name: golden[key].view(head.state_dict()[name].shape)
        for name, key in zip(ours, theirs)
    })
    for mode in ('train', 'eval'):
        head.load_state_dict({
            name: golden[key] for name, key in zip(ours, theirs)
        })
        head.train(mode == 'train')
        got = head((golden['input'], ))
        assert got.shape == (2, joints, bins, height, width)
        torch.testing.assert_close(got.flatten(1, 2), golden[f'{mode}_out'],
                                   rtol=0, atol=1e-5)


def test_one_forward_pass_serves_both_kinds_of_samples():
    head = build_head()
    samples = [sample('target', 0), sample('synthetic', 1),
               sample('target', 2), sample('synthetic', 3)]
    feats = features(4)
    losses = head.loss(feats, samples)
    assert sorted(losses) == ['loss_skeleton_mask', 'loss_synthetic',
                              'loss_synthetic_likelihood']
    # What each kind gives alone, with batch norm's statistics shared.
    head.eval()
    both = head.loss(feats, samples)
    target = head.loss((feats[0][[0, 2]], ), [samples[0], samples[2]])
    synthetic = head.loss((feats[0][[1, 3]], ), [samples[1], samples[3]])
    torch.testing.assert_close(both['loss_skeleton_mask'],
                               target['loss_skeleton_mask'])
    for name in ('loss_synthetic', 'loss_synthetic_likelihood'):
        torch.testing.assert_close(both[name], synthetic[name])
        assert target[name].item() == 0
    assert synthetic['loss_skeleton_mask'].item() == 0


def test_labels_of_target_samples_change_nothing():
    head = build_head().eval()
    samples = [sample('target', 0), sample('synthetic', 1)]
    before = head.loss(features(2), samples)
    samples[0].gt_instance_labels.keypoint_labels.fill_(torch.nan)
    after = head.loss(features(2), samples)
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_gradients_of_each_loss_reach_the_final_layer():
    head = build_head()
    losses = head.loss(features(2),
                       [sample('target', 0), sample('synthetic', 1)])
    for name, loss in losses.items():
        grad, = torch.autograd.grad(loss, head.final_layer.weight,
                                    retain_graph=True)
        assert torch.isfinite(grad).all(), name
        assert grad.abs().sum() > 0, name


def test_a_loss_of_weight_zero_is_not_computed():
    head = build_head(
        loss_synthetic_likelihood=None,
        loss_skeleton_mask=dict(type='SkeletonMaskLoss', loss_weight=0))
    broken = sample('target')
    del broken.gt_fields
    losses = head.loss(features(2), [broken, sample('synthetic')])
    assert list(losses) == ['loss_synthetic']


def truth_in_patch() -> tuple[np.ndarray, np.ndarray, dict]:
    """Return a pose in the camera frame, normalised, and its crop."""
    rng = np.random.default_rng(5)
    pose = rng.uniform(-400, 400, (18, 3)) + np.array([200, -100, 5000])
    center, scale = cube_box(pose[0], CAMERA['f'], CAMERA['c'])
    affine = crop_affine(center, scale, (64, 64))
    patch = image_to_patch(
        camera_to_image(pose, CAMERA['f'], CAMERA['c']), affine, pose[0, 2])
    return pose, patch_to_normalised(patch, (64, 64)), dict(
        input_center=center, input_scale=scale)


def test_truth_fed_back_is_the_truth_in_every_frame(
        monkeypatch: pytest.MonkeyPatch):
    pose, normalised, crop = truth_in_patch()
    head = build_head()
    hypotheses = torch.from_numpy(normalised)[None, None].repeat(1, 3, 1, 1)
    monkeypatch.setattr(
        head.decoder, 'decode_marginals',
        lambda marginals: (hypotheses, torch.ones(1, 3, 18)))
    data_sample = sample('target')
    data_sample.set_metainfo(crop)
    estimator = build_estimator(BACKBONES[0])
    instance, = head.predict(features(1), [data_sample])
    np.testing.assert_allclose(instance.hypotheses_3d[0, 1],
                               pose - pose[:1], atol=1e-6)
    np.testing.assert_allclose(instance.keypoints_3d[0], pose - pose[:1],
                               atol=1e-6)
    result, = estimator.add_pred_to_datasample([instance], None,
                                               [data_sample])
    image = camera_to_image(pose, CAMERA['f'], CAMERA['c'])
    np.testing.assert_allclose(result.pred_instances.keypoints[0, :, :2],
                               image[:, :2], atol=1e-6)
    np.testing.assert_allclose(result.pred_instances.keypoints[0, :, 2],
                               pose[:, 2] - pose[0, 2], atol=1e-6)


def test_every_hypothesis_stands_on_the_likeliest_root(
        monkeypatch: pytest.MonkeyPatch):
    head = build_head()
    hypotheses = torch.zeros(1, 3, 18, 3)
    hypotheses[0, 1, 0, 2] = 0.3  # another mode of the root
    hypotheses[0, 1, 5, 2] = 0.1
    monkeypatch.setattr(
        head.decoder, 'decode_marginals',
        lambda marginals: (hypotheses, torch.tensor([0.9, 0.1, 0.0])
                           .view(1, 3, 1).repeat(1, 1, 18)))
    data_sample = sample('target')
    data_sample.pop('camera_param')
    instance, = head.predict(features(1), [data_sample])
    np.testing.assert_allclose(instance.hypothesis_scores[0, :, 0], 0.9)
    np.testing.assert_allclose(instance.hypothesis_scores[0, :, 1],
                               [0.9, 0.1, 0])
    depth = instance.hypotheses_3d[0, :, :, 2]
    np.testing.assert_array_equal(depth[:, 0], 0)
    np.testing.assert_allclose(depth[1, 5], 200, rtol=1e-6)
    np.testing.assert_array_equal(np.delete(depth[1], 5), 0)


def test_whole_poses_in_every_field():
    ranker = dict(num_poses=5)
    head, plain = build_head(pose_ranker=ranker), build_head()
    volume = torch.randn(2, 18, 8, 16, 16,
                         generator=torch.Generator().manual_seed(3)) * 2
    samples = [sample('target', 0), sample('target', 1)]
    # Nothing but predictions differs.
    both = [h.loss(features(2), [samples[0], sample('synthetic')])
            for h in (head, plain)]
    assert both[0] == both[1]
    for h in (head, plain):
        h.marginals = volume_marginals
    ranked, modes = head.predict(volume, samples), plain.predict(volume,
                                                                 samples)
    for got, want in zip(ranked, modes):
        assert got.pose_ranking == dict(
            mass_weight=1.0, prior_weight=0.0, first='likeliest')
        assert 'pose_ranking' not in want
        assert got.hypotheses.shape == got.hypotheses_3d.shape == (
            1, 5, 18, 3)
        assert got.hypothesis_scores.shape == (1, 5, 18)
        score = got.hypothesis_scores[0]
        np.testing.assert_array_equal(score, score[:, :1].repeat(18, 1))
        assert (np.diff(score[:, 0]) < 0).all()
        assert 0 < score.sum(0)[0] < 1
        np.testing.assert_array_equal(got.keypoints_3d,
                                      got.hypotheses_3d[:, 0])
        # Each key point is at its likeliest mode first, which has its mass.
        best = modes_by_mass(want)
        np.testing.assert_array_equal(
            got.hypotheses[0, 0], want.hypotheses[0, best, range(18)])
        np.testing.assert_array_equal(
            got.keypoint_scores[0],
            want.hypothesis_scores[0, best, range(18)])
        # Then one key point, the most doubtful one, is at another.
        moved = (got.hypotheses[0, 1] != got.hypotheses[0, 0]).any(-1)
        assert moved.sum() == 1
        odds = np.sort(want.hypothesis_scores[0], axis=0)
        odds = odds[-2] / odds[-1]
        odds[0] = 0  # the root has one place
        assert moved.argmax() == odds.argmax()
        np.testing.assert_allclose(score[1, 0] / score[0, 0], odds.max(),
                                   rtol=1e-5)


def modes_by_mass(instance: InstanceData) -> np.ndarray:
    """Return each key point's likeliest mode (K,); the root's is the 0th."""
    best = instance.hypothesis_scores[0].argmax(0)
    best[0] = 0
    return best


def test_without_a_camera_x_and_y_are_parallel_to_the_picture(
        monkeypatch: pytest.MonkeyPatch):
    head = build_head()
    hypotheses = torch.zeros(1, 3, 18, 3)
    hypotheses[..., 1, :] = torch.tensor([0.5, -0.25, 0.1])
    monkeypatch.setattr(
        head.decoder, 'decode_marginals',
        lambda marginals: (hypotheses, torch.ones(1, 3, 18)))
    data_sample = sample('target')
    data_sample.pop('camera_param')
    instance, = head.predict(features(1), [data_sample])
    np.testing.assert_allclose(instance.keypoints_3d[0, 1],
                               [500, -250, 200], rtol=1e-6)


def test_samples_of_a_batch_do_not_share_their_cameras():
    head = build_head().eval()
    samples = [sample('target') for _ in range(4)]
    lens = dict(CAMERA, k=np.array([-0.2, 0.24, -0.003]),
                p=np.array([-0.0014, -0.001]))
    del samples[1].camera_param
    samples[2].set_metainfo(dict(camera_param=lens, cube_size=1500.0))
    samples[3].set_metainfo(dict(
        camera_param=dict(f=CAMERA['f'] * 2, c=CAMERA['c'], k=lens['k']),
        input_scale=np.array([300.0, 310.0])))
    volume = features(4)
    batch = head.predict(volume, samples)
    for i, together in enumerate(batch):
        alone, = head.predict((volume[0][i:i + 1],), samples[i:i + 1])
        assert ('roots_3d' in together) == (i != 1)
        assert set(together.keys()) == set(alone.keys())
        for key in together.keys():
            # mm, px and shares
            np.testing.assert_allclose(together[key], alone[key], atol=2e-2,
                                       rtol=1e-5, err_msg=f'{key} {i}')


def test_the_root_is_where_the_cube_fills_the_crop():
    head = build_head().eval()
    data_sample = sample('target')
    instance, = head.predict(features(1), [data_sample])
    # 2000 mm over 440 px at f = 1100, and over 436 px at f = 1090.
    depth = 5000 + instance.keypoints[0, 0, 2]
    np.testing.assert_allclose(instance.roots_3d[0, 2], depth)
    # The estimator's way from the patch to the picture.
    seen = (instance.keypoints[0, 0, :2] / 64 * data_sample.input_scale
            + data_sample.input_center - data_sample.input_scale / 2)
    np.testing.assert_allclose(
        camera_to_image(instance.roots_3d[0], **CAMERA)[:2], seen)


def test_depth_profiles_where_they_are_asked_for():
    head = build_head().eval()
    volume = features(2)
    samples = [sample('target'), sample('target')]
    assert 'depth_profiles' not in head.predict(volume, samples)[0]
    found = head.predict(volume, samples, dict(output_depth_profiles=True))
    expected = head.marginals(volume).z.detach().numpy()
    for i, instance in enumerate(found):
        assert instance.depth_profiles.shape == (1, 18, 8)
        np.testing.assert_array_equal(instance.depth_profiles[0],
                                      expected[i])


def test_flip_test_of_a_mirrored_picture_gives_the_same_pose():
    head = build_head().eval()
    volume = torch.randn(1, 18, 8, 16, 16,
                         generator=torch.Generator().manual_seed(2))
    swap = list(HUMAN36M_18.flip_indices)
    mirrored = volume[:, swap].flip(-1)
    head.marginals = volume_marginals
    plain, = head.predict(volume, [sample('target')])
    both, = head.predict([volume, mirrored], [sample('target')],
                         dict(flip_test=True))
    np.testing.assert_allclose(both.hypotheses, plain.hypotheses, atol=1e-5)
    np.testing.assert_allclose(both.hypothesis_scores,
                               plain.hypothesis_scores, atol=1e-6)


@pytest.mark.parametrize('backbone', BACKBONES)
def test_inside_mmposes_estimator_with_several_backbones(backbone: dict):
    estimator = build_estimator(backbone)
    inputs = [torch.zeros(3, 64, 64, dtype=torch.uint8)] * 2
    data = dict(inputs=inputs,
                data_samples=[sample('target'), sample('synthetic')])
    batch = estimator.data_preprocessor(data, training=True)
    losses = estimator.loss(**batch)
    assert torch.isfinite(losses['loss_synthetic'])
    estimator.eval()
    result = estimator.predict(**batch)
    pred = result[0].pred_instances
    assert pred.hypotheses_3d.shape == (1, 3, 18, 3)
    np.testing.assert_array_equal(pred.keypoints_3d[0, 0], 0)
    assert np.isfinite(pred.hypotheses_3d).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match='keypoint_info'):
        build_head(metainfo=dict(dataset_name='empty'))
    head = build_head(deconv_out_channels=(8, ), deconv_kernel_sizes=(4, ))
    with pytest.raises(ValueError, match='8x8 cells, but heatmap_size'):
        head(features(1))
    head = build_head()
    unknown = sample('target')
    unknown.pop('domain')
    with pytest.raises(ValueError, match='domain'):
        head.loss(features(1), [unknown])


def test_marginals_survive_autocast():
    head = build_head()
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(features(2),
                           [sample('target', 0), sample('synthetic', 1)])
    assert all(v.dtype == torch.float32 for v in losses.values())
    assert all(torch.isfinite(v) for v in losses.values())
