"""Two processes report what one does, padding counted once."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

#: Five frames on two processes: the sampler gives the second one a frame of
#: the first one again. Of an instant there are two views; the fifth frame is
#: a view too few, and must stay so.
SCRIPT = """
import json

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from xas_mmpose.evaluation import (
    DepthOrderAccuracy,
    HypothesisDiversity,
    KeypointError2D,
    MultiHypothesisMPJPE,
    MultiHypothesisPCK3D,
    MultiViewMPJPE,
)

samples = []
for i in range(5):
    rng = np.random.default_rng(i)
    target = rng.normal([0, 0, 4000], 300, (18, 3))
    # The frame that comes twice is the worst one.
    spread = 300 if i == 0 else 10 * i
    hypotheses = target + rng.normal(0, spread, (2, 18, 3))
    angle = i % 2 * np.pi / 2
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0],
                     [-np.sin(angle), 0, np.cos(angle)]])
    sample = PoseDataSample(metainfo=dict(
        img_path=f'{i}.jpg', action='ab'[i % 2], frame_id=(5 - i) // 2,
        category='wc'[i // 2 % 2], crop_rule='mask',
        input_center=np.array([500.0, 500]),
        input_scale=np.array([400.0, 400]), input_size=(256, 256),
        cube_size=2000.0, camera_param=dict(
            f=np.array([1000.0, 1000]), c=np.array([500.0, 500]), R=turn,
            T=np.array([0.0, 0, 4000]))))
    sample.gt_instances = InstanceData(
        keypoints_3d=target[None], keypoints_3d_visible=np.ones((1, 18)),
        keypoints=target[None, :, :2], keypoints_visible=np.ones((1, 18)))
    sample.pred_instances = InstanceData(
        hypotheses_3d=hypotheses[None], hypotheses=hypotheses[None] / 4000,
        hypothesis_scores=np.ones((1, 2, 18)),
        keypoints=hypotheses[:1])
    samples.append(sample)


def evaluate():
    evaluator = Evaluator([
        MultiHypothesisMPJPE(per_action=True, action_sets='authors-6'),
        MultiHypothesisPCK3D(group_by=('category', 'action')),
        DepthOrderAccuracy(), HypothesisDiversity(report_protocol=True),
        KeypointError2D(('2D/px', '2D/crop', 'PCK@0.1'),
                        group_by='category'),
        MultiViewMPJPE(report_protocol=True)])
    evaluator.dataset_meta = dict(flip_indices=list(range(18)))
    own = list(DefaultSampler(samples, shuffle=False, round_up=True))
    for i in own:
        evaluator.process([samples[i]])
    return len(own), evaluator.evaluate(len(samples))


alone = evaluate()
meet()
# Every process knows the result.
with open(f'{folder}/{rank}.json', 'w') as file:
    json.dump([alone, evaluate()], file)
"""


def test_two_processes_report_what_one_does(
        tmp_path: Path, two_processes: Callable[[str], None]):
    two_processes(SCRIPT)
    for rank in range(2):
        (num, alone), (num_own, together) = json.loads(
            (tmp_path / f'{rank}.json').read_text())
        assert (num, num_own) == (5, 3)
        assert len(alone) > 20
        assert alone['MPJPE/top1'] > 0
        assert alone['MPJPE/top1/authors-6'] is None
        assert together == alone
