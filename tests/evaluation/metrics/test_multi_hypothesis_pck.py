"""3DPCK, AUC and the order of depths as MMEngine's evaluator uses them."""
from __future__ import annotations

import numpy as np
import pytest
from mmpose.registry import METRICS


def test_shares_have_closed_forms(target, make_sample, evaluate):
    pred = target - target[0]
    pred[1:10] += [0, 0, 72]
    pred[10:] += [160, 0, 0]
    other = target - target[0]
    samples = [make_sample(target, pred[None]),
               make_sample(target, other[None])]
    metric = METRICS.build(dict(type='mmpose.MultiHypothesisPCK3D',
                                hypothesis_rules=('top1', )))
    result = evaluate(metric, samples)
    right = 3000 / 31
    assert result == pytest.approx({
        '3DPCK@150/top1': (1000 / 18 + 100) / 2,
        'AUC/top1': ((9 * 1600 / 31 + right) / 18 + right) / 2
    })
    metric = METRICS.build(dict(type='mmpose.MultiHypothesisPCK3D',
                                hypothesis_rules='top1', threshold=50))
    assert evaluate(metric, samples)['3DPCK@50/top1'] == pytest.approx(
        (100 / 18 + 100) / 2)


def test_depth_order_of_each_rule(target, make_sample, evaluate):
    mirrored = target * [1, 1, -1]
    hypotheses = np.stack([mirrored, target])
    metric = METRICS.build(dict(type='mmpose.DepthOrderAccuracy'))
    result = evaluate(metric, [make_sample(target, hypotheses)])
    assert result == pytest.approx({'depth-order@100/top1': 0,
                                    'depth-order@100/oracle': 100})


def test_poses_without_pairs_do_not_count(target, make_sample, evaluate):
    visible = np.zeros(18)
    visible[0] = 1
    pred = (target - target[0])[None]
    metric = METRICS.build(dict(type='mmpose.DepthOrderAccuracy',
                                hypothesis_rules='top1', margin=50))
    alone = make_sample(target, pred, visible)
    key = 'depth-order@50/top1'
    assert evaluate(metric, [alone, make_sample(target, pred)]) == {key: 100}
    assert evaluate(metric, [alone]) == {key: None}


def test_bad_thresholds_are_refused():
    with pytest.raises(ValueError, match='threshold must be positive'):
        METRICS.build(dict(type='mmpose.MultiHypothesisPCK3D', threshold=0))
    with pytest.raises(ValueError, match='margin starts at 0'):
        METRICS.build(dict(type='mmpose.DepthOrderAccuracy', margin=-1))
