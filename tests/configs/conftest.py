"""What the tests of configs share: XaS-Mini with few pictures, models."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import nn

from xas_mmpose.render.studio import XasMiniSettings, write_xas_mini


@pytest.fixture(scope='package')
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of XaS-Mini with a few small pictures."""
    root = tmp_path_factory.mktemp('mini') / 'xas_mini'
    write_xas_mini(root, XasMiniSettings(
        frames=1, image_size=96, subjects=('S1', 'S9'),
        actions=('Walking', ), body='human'), progress=False)
    return root


@pytest.fixture
def build_model() -> Callable[[Config], nn.Module]:
    """Return a function that builds a config's model.

    Where the config has a prior its discriminator judges, as in training.
    """

    def build(config: Config) -> nn.Module:
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        model.init_weights()
        for hook in config.get('custom_hooks', []):
            if hook.type == 'AdversarialPriorHook':
                model.head.pretext.judge = MODELS.build(dict(
                    hook.discriminator,
                    metainfo=config.model.head.metainfo)).score
        return model

    return build
