"""2D errors as MMEngine's evaluator uses them."""
from __future__ import annotations

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from xas_mmpose.evaluation import KeypointError2D


def _sample(offset, visible=None, head=None, **meta):
    target = np.random.default_rng(0).uniform(0, 500, (1, 18, 2))
    sample = PoseDataSample(metainfo=dict(img_path='a.jpg', **meta))
    sample.gt_instances = InstanceData(
        keypoints=target,
        keypoints_visible=np.ones((1, 18)) if visible is None else visible)
    if head is not None:
        sample.gt_instances.head_size = np.array([[head]])
    # The head of this package tells the depth, too.
    pred = np.concatenate([target, np.zeros((1, 18, 1))], -1)
    pred[..., :2] += offset
    sample.pred_instances = InstanceData(keypoints=pred)
    return sample


def test_closed_forms(evaluate):
    metric = KeypointError2D()
    samples = [_sample([3, 4], input_scale=np.array([200.0, 100])),
               _sample([0, 0], input_scale=np.array([200.0, 100]))]
    assert evaluate(metric, samples) == pytest.approx({
        '2D/px': 2.5, '2D/crop': 100 * np.hypot(3 / 200, 4 / 100) / 2})


def test_pckh_counts_joints_of_the_set(evaluate):
    visible = np.zeros((1, 18))
    visible[0, :6] = 1
    metric = KeypointError2D(('PCKh@0.5', 'PCKh@0.1'))
    # 10 px are right at heads of 30 px (six joints), wrong at 15 (18).
    samples = [_sample([6, 8], visible, head=30.0),
               _sample([6, 8], head_size=15.0)]
    assert evaluate(metric, samples) == pytest.approx(
        {'PCKh@0.5': 100 * 6 / 24, 'PCKh@0.1': 0})


def test_joints_are_named(evaluate):
    offset = np.zeros((18, 2))
    offset[17] = [0, 90]
    for joints, error in ((18, 5), (14, 0)):
        metric = KeypointError2D(('2D/px', ), joints=joints)
        assert evaluate(metric, [_sample(offset)]) == pytest.approx(
            {f'2D/px,joints={joints}': error})
    metric = KeypointError2D(('2D/px', ), joints=['thorax', 'head'])
    assert evaluate(metric, [_sample(offset)]) == pytest.approx(
        {'2D/px,joints=thorax+head': 45})


def test_people_without_joints_are_left_out(evaluate):
    nobody = _sample([30, 40], np.zeros((1, 18)))
    metric = KeypointError2D(('2D/px', ))
    assert evaluate(metric, [nobody, _sample([0, 2])]) == pytest.approx(
        {'2D/px': 2})
    assert evaluate(metric, [nobody]) == {'2D/px': None}


def test_bad_input_is_refused(evaluate):
    with pytest.raises(ValueError, match='metrics must be among'):
        KeypointError2D(('PCK', ))
    with pytest.raises(ValueError, match="PCKh needs the metainfo 'head"):
        evaluate(KeypointError2D('PCKh@0.5'), [_sample([0, 0])])
    sample = _sample([0, 0])
    sample.pred_instances.keypoints = np.zeros((1, 17, 3))
    with pytest.raises(ValueError, match=r'\(1, 17, 2\) do not fit'):
        evaluate(KeypointError2D('2D/px'), [sample])
    del sample.gt_instances.keypoints
    with pytest.raises(ValueError, match='carry_labels'):
        evaluate(KeypointError2D('2D/px'), [sample])
    metric = KeypointError2D('2D/px', joints=14)
    metric.process(None, [_sample([0, 0]).to_dict()])
    with pytest.raises(ValueError, match='set dataset_meta'):
        metric.evaluate(1)


def test_pck_by_the_box_around_the_key_points(evaluate):
    sample = _sample([0, 0])
    truth = sample.gt_instances.keypoints
    truth[0, :, 0] = np.linspace(100, 300, 18)
    truth[0, :, 1] = np.linspace(50, 150, 18)
    # An unknown one does not make the box larger.
    truth[0, 17] = [900, np.nan]
    sample.gt_instances.keypoints_visible[0, 17] = 0
    truth[0, 16] = [300, 150]
    pred = sample.pred_instances.keypoints
    pred[..., :2] = np.nan_to_num(truth)
    pred[0, 3, 1] += 19.9   # of 200 px: right at 0.1
    pred[0, 4, 0] += 20.1
    pred[0, 5, 0] -= 9.9    # right at 0.05
    metric = KeypointError2D(('PCK@0.1', 'PCK@0.05'))
    assert evaluate(metric, [sample]) == pytest.approx(
        {'PCK@0.1': 100 * 16 / 17, 'PCK@0.05': 100 * 15 / 17})
    # One key point has no box; a subset of joints keeps the whole one.
    point = np.zeros((1, 18))
    point[0, 2] = 1
    assert evaluate(metric, [_sample([0, 0], point)]) == {
        'PCK@0.1': None, 'PCK@0.05': None}
    metric = KeypointError2D('PCK@0.1', joints=['right_ankle', 'left_hip'])
    assert evaluate(metric, [sample]) == pytest.approx(
        {'PCK@0.1,joints=right_ankle+left_hip': 50})


def test_each_group_and_their_mean(evaluate):
    metric = KeypointError2D('2D/px', group_by='category')
    samples = [_sample([0, 10], category='wolf'),
               _sample([0, 30], category='wolf'),
               _sample([0, 50], category='wolf'),
               _sample([0, 2], category='cow'),
               _sample([0, 9], np.zeros((1, 18)), category='zebra')]
    assert evaluate(metric, samples) == pytest.approx({
        '2D/px': 23, '2D/px/wolf': 30, '2D/px/cow': 2,
        '2D/px/per-category': 16})
    with pytest.raises(ValueError, match=r"each category needs.*'category'"):
        evaluate(metric, [_sample([0, 0])])


def test_two_keys_with_a_group_of_one_name(evaluate):
    metric = KeypointError2D('2D/px', group_by=('category', 'family'))
    samples = [_sample([0, 10], category='fox', family='canine'),
               _sample([0, 30], category='wolf', family='fox')]
    with pytest.raises(ValueError, match='2D/px/fox would be two numbers'):
        evaluate(metric, samples)
