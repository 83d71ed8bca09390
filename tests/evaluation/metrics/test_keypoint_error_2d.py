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
