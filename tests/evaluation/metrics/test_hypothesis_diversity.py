"""Diversity as MMEngine's evaluator uses it."""
from __future__ import annotations

import numpy as np
import pytest
from mmpose.registry import METRICS


def test_mean_over_people_without_any_truth(target, make_sample, evaluate):
    apart = np.stack([target, target])
    apart[1, 4] += [0, 0, 36]
    samples = [make_sample(target, apart), make_sample(target, apart[:1])]
    for sample in samples:
        del sample.gt_instances
    metric = METRICS.build(dict(type='mmpose.HypothesisDiversity'))
    assert evaluate(metric, samples) == pytest.approx({'diversity': 1})


def test_missing_predictions_are_named(target, make_sample, evaluate):
    sample = make_sample(target, target[None])
    del sample.pred_instances.hypotheses_3d
    metric = METRICS.build(dict(type='mmpose.HypothesisDiversity'))
    with pytest.raises(ValueError, match=r'a\.jpg has no pred_instances'):
        evaluate(metric, [sample])
