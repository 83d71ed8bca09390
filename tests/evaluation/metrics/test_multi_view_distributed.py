"""Views of an instant meet again, whichever process and batch had them."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

#: Three instants of three views on two processes, by neighbours: no process
#: has all views of an instant, and with padding one has a sample again.
SCRIPT = """
import json

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from scipy.spatial.transform import Rotation

from xas_mmpose.evaluation import MultiViewMPJPE
from xas_mmpose.skeletons import HUMAN36M_18

samples = []
for view in range(3):
    for instant in range(3):
        world = np.random.default_rng(instant).normal(0, 300, (18, 3))
        R = Rotation.from_euler('y', 80 * view, degrees=True).as_matrix()
        target = world @ R.T + [0, 0, 5000]
        # The worst of all is the sample that padding gives twice.
        spread = 0.5 if view == instant == 0 else 0.02
        rng = np.random.default_rng([view, instant])
        flat = target / 1000 * [1, 1, 0.5] - [0, 0, 2.5]
        hypotheses = flat + rng.normal(0, spread, (2, 18, 3))
        sample = PoseDataSample(metainfo=dict(
            img_path=f'{view}_{instant}.jpg', frame_id=f'{instant}',
            action='Walking', crop_rule='root', input_size=(256, 256),
            input_center=np.array([500., 500]), cube_size=2000.,
            input_scale=np.array([400., 400]), camera_param=dict(
                f=np.array([1000., 1000]), c=np.array([500., 500]), R=R,
                T=np.array([0, 0, 5000.]))))
        sample.gt_instances = InstanceData(
            keypoints_3d=target[None], keypoints_3d_visible=np.ones((1, 18)))
        sample.pred_instances = InstanceData(
            hypotheses=hypotheses[None], hypotheses_3d=hypotheses[None],
            hypothesis_scores=np.ones((1, 2, 18)))
        samples.append(sample)


def evaluate(round_up, batch_size):
    evaluator = Evaluator([MultiViewMPJPE(prefix='standard'),
                           MultiViewMPJPE('reference', prefix='authors')])
    evaluator.dataset_meta = dict(flip_indices=list(HUMAN36M_18.flip_indices))
    own = list(DefaultSampler(samples, shuffle=False, round_up=round_up))
    for i in range(0, len(own), batch_size):
        evaluator.process([samples[j] for j in own[i:i + batch_size]])
    return len(own), evaluator.evaluate(len(samples))


results = [evaluate(True, 9), evaluate(True, 4)]
meet()
results += [evaluate(True, 2), evaluate(False, 3)]
with open(f'{folder}/{rank}.json', 'w') as file:
    json.dump(results, file)
"""


def test_views_meet_across_processes_and_batches(
        tmp_path: Path, two_processes: Callable[[str], None]):
    two_processes(SCRIPT)
    ranks = [json.loads((tmp_path / f'{rank}.json').read_text())
             for rank in range(2)]
    lengths = [[length for length, _ in results] for results in ranks]
    assert lengths == [[9, 9, 5, 5], [9, 9, 5, 4]]
    alone = ranks[0][0][1]
    assert alone['standard/MPJPE/top1,triangulated'] > 1
    assert alone['authors/MPJPE/oracle-joint,reference'] > 1
    for results in ranks:
        for _, result in results:
            assert result == alone
