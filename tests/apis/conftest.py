"""A small model with random weights, and the pipeline that it is tested by."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.apis import init_model
from torch import nn

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'xas_mini.py'


@pytest.fixture(scope='session')
def model() -> nn.Module:
    """Return configs/xas_mini.py, smaller, with a lively last layer."""
    torch.manual_seed(0)
    config = Config.fromfile(CONFIG)
    config.model.backbone.update(base_channels=8, stem_channels=8)
    config.model.head.update(in_channels=64, deconv_out_channels=(16, 16))
    model = init_model(config, None, device='cpu')
    # Else all key points lie in the middle.
    with torch.no_grad():
        features = model.extract_feat(torch.randn(2, 3, 128, 128))
        weight = model.head.final_layer.weight
        weight *= 40 / model.head(features).std(dim=(-2, -1)).mean()
    return model
