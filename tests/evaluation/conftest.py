"""Data samples as the evaluator hands them to metrics."""
from __future__ import annotations

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from xas_mmpose.skeletons import HUMAN36M_18


@pytest.fixture
def target():
    """Return one true pose (18, 3) in mm, absolute camera frame."""
    return np.random.default_rng(0).normal([0, 90, 4000], 300, (18, 3))


@pytest.fixture
def make_sample():
    """Return a function that makes a data sample of one person."""

    def make(target, hypotheses, visible=None, instances=None, truth=None,
             **meta):
        sample = PoseDataSample(metainfo=dict(img_path='a.jpg', **meta))
        visible = np.ones(len(target)) if visible is None else visible
        sample.gt_instances = InstanceData(
            keypoints_3d=target[None], keypoints_3d_visible=visible[None],
            **(truth or {}))
        sample.pred_instances = InstanceData(
            hypotheses_3d=hypotheses[None],
            hypothesis_scores=np.ones((1, *hypotheses.shape[:2])),
            **(instances or {}))
        return sample

    return make


@pytest.fixture
def evaluate():
    """Return a function that evaluates samples as a runner does."""

    def run(metric, samples):
        evaluator = Evaluator(metric)
        evaluator.dataset_meta = dict(
            dataset_name=HUMAN36M_18.name,
            root_index=HUMAN36M_18.root_index,
            keypoint_id2name=dict(enumerate(HUMAN36M_18.keypoint_names)),
            flip_indices=list(HUMAN36M_18.flip_indices))
        for sample in samples:
            evaluator.process([sample])
        return evaluator.evaluate(len(samples))

    return run
