"""The metric as MMEngine's evaluator uses it."""
from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from xas_mmpose.evaluation import MultiHypothesisMPJPE
from xas_mmpose.geometry import cameras


def _sample(target, hypotheses, scores=None, visible=None, tensors=False,
            **meta):
    """Return a data sample of one person."""
    if scores is None:
        scores = np.linspace(0.9, 0.3, len(hypotheses))[:, None] * np.ones(
            (1, len(target)))
    visible = np.ones(len(target)) if visible is None else visible
    wrap = torch.from_numpy if tensors else np.asarray
    sample = PoseDataSample(metainfo=dict(img_path='a.jpg', **meta))
    sample.gt_instances = InstanceData(
        keypoints_3d=target[None], keypoints_3d_visible=visible[None])
    sample.pred_instances = InstanceData(
        hypotheses_3d=wrap(hypotheses[None]),
        hypothesis_scores=wrap(scores[None]))
    return sample


def _evaluate(metric, samples):
    evaluator = Evaluator(metric)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


@pytest.fixture
def target():
    """Return one true pose (18, 3) in mm, absolute camera frame."""
    return np.random.default_rng(0).normal([0, 90, 4000], 300, (18, 3))


@pytest.fixture
def log():
    """Return the messages that the current logger writes."""
    messages = []

    class Keep(logging.Handler):

        def emit(self, record):
            messages.append(record.getMessage())

    logger, handler = MMLogger.get_current_instance(), Keep()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def test_truth_scores_zero_and_errors_have_closed_forms(target):
    first, second = target.copy(), target.copy()
    first[1] += [0, 0, 180]
    second[2] += [36, 0, 0]
    samples = [
        _sample(target, np.stack([target, first]) - target[0]),
        _sample(target, np.stack([first, second]) - target[0], tensors=True),
    ]
    metric = METRICS.build(
        dict(type='mmpose.MultiHypothesisMPJPE', metrics=('MPJPE', ),
             hypothesis_rules=('top1', 'oracle', 'oracle-joint')))
    result = _evaluate(metric, samples)
    assert list(result) == ['MPJPE/top1', 'MPJPE/oracle',
                            'MPJPE/oracle-joint']
    assert result['MPJPE/top1'] == pytest.approx((0 + 10) / 2)
    assert result['MPJPE/oracle'] == pytest.approx((0 + 2) / 2)
    assert result['MPJPE/oracle-joint'] == pytest.approx(0, abs=1e-9)


def test_all_metrics_by_default(target):
    hypotheses = np.stack([1.2 * (target - target[0]),
                           (target - target[0]) * [-1, 1, 1]])
    result = _evaluate(MultiHypothesisMPJPE(), [_sample(target, hypotheses)])
    assert set(result) == {
        f'{metric}/{rule}' for metric in ('MPJPE', 'N-MPJPE', 'P-MPJPE')
        for rule in ('top1', 'oracle')
    }
    relative = np.linalg.norm(target - target[0], axis=-1).mean()
    assert result['MPJPE/top1'] == pytest.approx(0.2 * relative)
    assert result['N-MPJPE/top1'] == pytest.approx(0, abs=1e-9)
    assert result['P-MPJPE/top1'] == pytest.approx(0, abs=1e-9)
    # The mirrored pose alone: no alignment makes it right.
    result = _evaluate(MultiHypothesisMPJPE(),
                       [_sample(target, hypotheses[1:])])
    assert result['P-MPJPE/oracle'] > 50


def test_ground_truth_of_the_real_frames_scores_zero(sample_data):
    # Through the crop and back: normalised hypotheses to camera mm.
    frames = json.loads((sample_data / 'h36m_frames.json').read_text())
    samples = []
    for frame in frames['frames']:
        inner = frame['intrinsics']
        f = np.array([inner['fx'], inner['fy']])
        c = np.array([inner['cx'], inner['cy']])
        k, p = (np.array(frame['distortion'][key]) for key in 'kp')
        joints = np.array(frame['joints_3d_cam_mm'])
        center, size = cameras.cube_box(joints[0], f, c, 2000.0, k, p)
        affine = cameras.crop_affine(center, size, (256, 256))
        depth = cameras.box_root_depth(size, f)
        patch = cameras.image_to_patch(
            cameras.camera_to_image(joints, f, c, k, p), affine, depth)
        normalised = cameras.patch_to_normalised(patch, (256, 256))
        assert np.abs(normalised).max() < 1
        patch = cameras.normalised_to_patch(normalised, (256, 256))
        image = cameras.patch_to_image(patch, affine, depth)
        back = cameras.image_to_camera(image, f, c, k, p)
        samples.append(_sample(joints, (back - back[0])[None]))
    result = _evaluate(MultiHypothesisMPJPE(), samples)
    assert len(samples) == 4
    np.testing.assert_allclose(list(result.values()), 0, atol=0.005)


def test_hidden_joints_do_not_count(target):
    pred, visible = target - target[0], np.ones(18)
    pred[4] += 1000
    visible[4] = 0
    result = _evaluate(MultiHypothesisMPJPE(),
                       [_sample(target, pred[None], visible=visible)])
    np.testing.assert_allclose(list(result.values()), 0, atol=1e-9)


def test_another_root(target):
    pred = target.copy()
    pred[0] += [18, 0, 0]
    metric = MultiHypothesisMPJPE(('top1', ), ('MPJPE', ), root_index=8)
    result = _evaluate(metric, [_sample(target, pred[None])])
    assert result['MPJPE/top1'] == pytest.approx(1)
    # The oracle centres on it as well. About joint 0 the first pose would
    # be 17 joints wrong, and the second two.
    other = target.copy()
    other[1:3] += [0, 36, 0]
    metric = MultiHypothesisMPJPE(('oracle', ), ('MPJPE', ), root_index=8)
    result = _evaluate(metric, [_sample(target, np.stack([other, pred]))])
    assert result['MPJPE/oracle'] == pytest.approx(1)


def test_per_action_weighs_actions_alike(target):
    def wrong(distance, action):
        pred = target - target[0]
        pred[1] += [0, distance * 18, 0]
        return _sample(target, pred[None], action=action)

    samples = [wrong(10, 'Walking_1'), wrong(20, 'Walking 2'),
               wrong(60, 'Eating'), wrong(30, 'Walking')]
    metric = MultiHypothesisMPJPE(('top1', ), ('MPJPE', ), per_action=True)
    result = _evaluate(metric, samples)
    assert result == pytest.approx({
        'MPJPE/top1': 30,
        'MPJPE/top1/Walking': 20,
        'MPJPE/top1/Eating': 60,
        'MPJPE/top1/per-action': 40,
    })
    with pytest.raises(ValueError, match=r"'action'.*meta_keys"):
        _evaluate(metric, [_sample(target, (target - target[0])[None])])


def test_protocol_is_logged(target, log):
    pred = (target - target[0])[None]
    samples = [_sample(target, pred, crop_rule='root')] * 3
    _evaluate(MultiHypothesisMPJPE(), samples)
    line, = [message for message in log if 'Protocol' in message]
    for words in ('3 frames', "'root' (annotated root depth): 3",
                  'top1, oracle;', 'exchange none', 'joint 0', 'unit mm'):
        assert words in line


def test_mixed_crop_rules_are_pointed_out(target, log):
    pred = (target - target[0])[None]
    _evaluate(MultiHypothesisMPJPE(), [
        _sample(target, pred, crop_rule='root'),
        _sample(target, pred, crop_rule='mask'),
        _sample(target, pred, crop_rule='mask')
    ])
    text = '\n'.join(log)
    assert "'mask' (no annotation): 2" in text
    assert 'different rules' in text


def test_nan_does_not_vanish_in_a_mean(target):
    pred = (target - target[0])[None].copy()
    pred[0, 3, 2] = np.nan
    with pytest.raises(ValueError, match='joint 3 of'):
        _evaluate(MultiHypothesisMPJPE(),
                  [_sample(target, pred - 0),
                   _sample(target, (target - target[0])[None])])


def test_missing_truth_and_predictions_say_what_to_do(target):
    pred = (target - target[0])[None]
    for group, key, message in (
            ('gt_instances', 'keypoints_3d', 'carry_labels'),
            ('gt_instances', 'keypoints_3d_visible', 'carry_labels'),
            ('pred_instances', 'hypotheses_3d', 'head'),
            ('pred_instances', 'hypothesis_scores', 'head')):
        sample = _sample(target, pred).to_dict()
        del sample[group][key]
        with pytest.raises(ValueError,
                           match=f'a.jpg has no {group}.{key}.*{message}'):
            MultiHypothesisMPJPE().process(None, [sample])
        del sample[group]
        with pytest.raises(ValueError, match=group):
            MultiHypothesisMPJPE().process(None, [sample])


def test_other_key_points_are_refused(target):
    pred = (target - target[0])[None]
    with pytest.raises(ValueError, match=r'predicted 18 .* has 17'):
        _evaluate(MultiHypothesisMPJPE(), [_sample(target[:17], pred)])


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match='hypothesis_rules must be among'):
        MultiHypothesisMPJPE(hypothesis_rules=('best', ))
    with pytest.raises(ValueError, match='metrics must be among'):
        MultiHypothesisMPJPE(metrics=())
    # A single name is not taken for its letters.
    assert MultiHypothesisMPJPE('oracle', 'MPJPE').metrics == ('MPJPE', )
