"""What the tests of configs share: XaS-Mini with few pictures, models."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import nn

from xas_mmpose.render.studio import XasMiniSettings, write_studio_set

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture(scope='package')
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of XaS-Mini with a few small pictures."""
    root = tmp_path_factory.mktemp('mini') / 'xas_mini'
    write_studio_set(root, XasMiniSettings(
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


@pytest.fixture
def load(fake_h36m, fake_synthetic: Path, tmp_path: Path,
         monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """Return a function that loads a config, made quick to train.

    It validates and tests nothing, and its batches are 2 + 2.
    """
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')

    def load(name: str) -> Config:
        config = Config.fromfile(CONFIGS / f'{name}.py')
        config.model.backbone.init_cfg = None
        config.model.backbone.update(base_channels=8, stem_channels=8)
        head = config.model.head
        head.in_channels = 256 if config.model.backbone.depth == 50 else 64
        head.deconv_out_channels = [8] * len(head.deconv_out_channels)
        loader = config.train_dataloader
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
        loader.sampler.update(samples_per_source=[2, 2], num_batches=2)
        for hook in config.get('custom_hooks', []):
            for stage in hook.get('stages', []):
                stage.pop('samples_per_source', None)
        loader.dataset.datasets = [
            dict(type='XasHuman36mDataset', carry_labels=False,
                 carry_root=True, **fake_h36m.options),
            dict(type='SyntheticPairDataset', ann_file='annotations.json',
                 data_root=str(fake_synthetic))
        ]
        for key in ('val_dataloader', 'val_cfg', 'val_evaluator',
                    'test_dataloader', 'test_cfg', 'test_evaluator'):
            config[key] = None
        config.default_hooks.checkpoint = dict(
            type='CheckpointHook', interval=1)
        config.default_hooks.pop('visualization', None)
        config.work_dir = str(tmp_path / 'work' / name)
        config.log_level = 'ERROR'
        config.load_from = None
        return config

    return load
