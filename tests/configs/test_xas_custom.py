"""Training on a folder of pictures and masks, without annotations."""
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

CONFIG = Path(__file__).resolve().parents[2] / 'configs/xas_custom.py'


def test_nothing_of_a_target_picture_is_known_but_its_mask(
        own_data: None, monkeypatch: pytest.MonkeyPatch):
    # Whatever is set for the other configs.
    monkeypatch.setenv('XAS_CROP_RULE', 'root')
    dataset = DATASETS.build(
        Config.fromfile(CONFIG).train_dataloader.dataset)
    # 2 pictures, and 4 pairs of the two bodies that are not held out.
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [s.domain for s in samples] == ['target'] * 2 + ['synthetic'] * 4
    assert {s.crop_rule for s in samples} == {'mask'}
    for sample in samples[:2]:
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert 'camera_param' not in sample
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
    for sample in samples[2:]:
        assert sample.gt_instance_labels.keypoint_weights.sum() == 18
