"""XaS-Mini in Human3.6M's place: its class and config, unchanged."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import METRICS

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'xas_h36m.py'


@pytest.fixture(params=['root', 'mask'])
def config(request: pytest.FixtureRequest, mini_data: None,
           monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return Human3.6M's config with small sizes; its data stay as said."""
    monkeypatch.setenv('XAS_CROP_RULE', request.param)
    config = Config.fromfile(CONFIG)
    config.model.backbone.update(init_cfg=None, base_channels=8,
                                 stem_channels=8)
    config.model.head.update(in_channels=256, deconv_out_channels=[8] * 3)
    config.test_dataloader.update(
        num_workers=0, persistent_workers=False, batch_size=4)
    return config


def true_poses(root: Path) -> dict[str, np.ndarray]:
    """Return the file's key points (18, 3), camera frame, mm, by picture."""
    with np.load(root / 'annotation_body3d/fps10/h36m_test.npz') as arrays:
        points = arrays['S'][..., :3] * 1000
        thorax = points[:, [11, 14]].mean(1, keepdims=True)
        return dict(zip(arrays['imgname'].tolist(),
                        np.concatenate([points, thorax], 1)))


def score(config: Config, samples: list, poses: list[np.ndarray]) -> dict:
    """Return the errors of poses (18, 3), each in all three hypotheses."""
    for sample, pose in zip(samples, poses, strict=True):
        sample.pred_instances = InstanceData(
            hypotheses_3d=np.stack([pose] * 3)[None],
            hypothesis_scores=np.ones((1, 3, 18)))
    metric = METRICS.build(config.test_evaluator)
    metric.process(None, [sample.to_dict() for sample in samples])
    return metric.compute_metrics(metric.results)


def test_the_truth_fed_back_scores_zero(config, build_model, mini_root):
    loader = Runner.build_dataloader(config.test_dataloader)
    samples = [s for batch in loader for s in batch['data_samples']]
    truth = true_poses(mini_root)
    names = [str(Path(s.img_path).relative_to(mini_root / 'images'))
             for s in samples]
    assert sorted(names) == sorted(truth)
    assert {s.crop_rule for s in samples} == {config.crop_rule}
    errors = score(config, samples, [truth[name] for name in names])
    assert {'MPJPE/top1', 'P-MPJPE/oracle', 'MPJPE/top1/Walking'} <= set(
        errors)
    assert max(errors.values()) < 0.005
    # Another camera's truth is another pose: not everything scores 0.
    wrong = score(config, samples, [truth[name] for name in names[::-1]])
    assert wrong['MPJPE/top1'] > 100

    if config.crop_rule == 'root':
        # And through the crop: labels of the network, read by its head.
        head = build_model(config).head
        labels = np.stack([
            s.gt_instance_labels.keypoint_labels.double().numpy()
            for s in samples])
        ones = np.ones(labels.shape[:3])
        decoded = head._instances(labels, ones, ones,
                                  [s.metainfo for s in samples])
        assert max(score(config, samples,
                         [pose.keypoints_3d[0] for pose in decoded]
                         ).values()) < 0.005
