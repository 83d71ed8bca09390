from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from xas_mmpose.apis import MMDetector


@pytest.fixture
def mmdet(monkeypatch):
    """Stand in for MMDetection; its detector sees four boxes."""
    calls = []

    class DetInferencer:
        def __init__(self, *args, **kwargs):
            calls.append((args, kwargs))

        def __call__(self, image, return_datasamples):
            assert return_datasamples
            found = InstanceData(
                bboxes=torch.tensor([[0., 0, 10, 10], [50, 50, 60, 70],
                                     [0, 0, 10, 11], [20, 20, 30, 30]]),
                scores=torch.tensor([0.6, 0.7, 0.9, 0.1]),
                labels=torch.tensor([0, 0, 0, 0]))
            found.labels[1] = int(image.max())
            return dict(predictions=[SimpleNamespace(pred_instances=found)])

    module = ModuleType('mmdet.apis')
    module.DetInferencer = DetInferencer
    monkeypatch.setitem(sys.modules, 'mmdet.apis', module)
    return calls


def test_boxes_of_sure_people(mmdet, tmp_path):
    weights = tmp_path / 'weights.pth'
    weights.touch()
    detector = MMDetector('config.py', weights, 'cpu')
    assert mmdet == [(('config.py', str(weights)),
                      dict(device='cpu', show_progress=False))]
    image = np.zeros((80, 80, 3), np.uint8)
    # The first overlaps the third, which is surer; the last is in doubt.
    boxes, scores = detector(image)
    np.testing.assert_array_equal(boxes, [[0, 0, 10, 11], [50, 50, 60, 70]])
    np.testing.assert_allclose(scores, [0.9, 0.7])
    boxes, _ = detector(image + np.uint8(1))  # of another category
    assert len(boxes) == 1
    all_of_them = MMDetector('config.py', weights, min_score=0,
                             max_overlap=1)
    assert len(all_of_them(image)[0]) == 4
    nobody = MMDetector('config.py', weights, category=7)
    assert nobody(image)[0].shape == (0, 4)


def test_what_is_missing(mmdet, monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint no\.pth'):
        MMDetector('config.py', 'no.pth')
    monkeypatch.setitem(sys.modules, 'mmdet.apis', None)
    with pytest.raises(ImportError, match='a detector needs MMDetection'):
        MMDetector('config.py', 'no.pth')
