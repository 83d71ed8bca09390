"""xas_h36m.py behind other backbones: trains and predicts."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpose.registry import MODELS
from torch import nn

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Channels of the feature map that the head uses, and how often it is
#: doubled to become a quarter of the picture.
LAYERS = {
    'convnext-t': (768, 3), 'cspnext-m': (768, 3), 'hrformer-s': (480, 0),
    'hrnet-w32': (480, 0), 'litehrnet-18': (40, 0), 'mobilenetv2': (1280, 3),
    'pvt-s': (512, 3), 'res101': (2048, 3), 'resnext50': (2048, 3),
    'seresnet50': (2048, 3), 'shufflenetv2': (1024, 3), 'swin-t': (768, 3),
    'vit-s': (384, 2)}
LOSSES = ['loss_physique_mask', 'loss_prior', 'loss_skeleton_mask',
          'loss_symmetry', 'loss_synthetic', 'loss_synthetic_likelihood']
NAMES = sorted({path.stem.removeprefix('xas_h36m_')
                for path in CONFIGS.glob('*.py')
                if '_base_/any_' in path.read_text()} | set(LAYERS))


@pytest.fixture
def load_backbone(fake_h36m, fake_synthetic: Path,
                  monkeypatch: pytest.MonkeyPatch
                  ) -> Callable[[str], Config]:
    """Return a function that reads a config, for crops of 64x64 px.

    Backbone and head are those of the config, weights are random.
    """
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))

    def load(name: str) -> Config:
        config = Config.fromfile(CONFIGS / f'xas_h36m_{name}.py')
        config.model.backbone.init_cfg = None
        config.model.head.decoder.update(
            input_size=(64, 64), heatmap_size=(16, 16, 16), window=5)
        for loss in ('loss_skeleton_mask', 'loss_physique_mask'):
            config.model.head[loss].map_size = (32, 32)
        config.train_dataloader.dataset.datasets[0].update(
            fake_h36m.options)
        config.test_dataloader.dataset.update(fake_h36m.options)
        config.train_dataloader.sampler.samples_per_source = [2, 2]
        for loader, batch in ((config.train_dataloader, 4),
                              (config.test_dataloader, 2)):
            loader.update(num_workers=0, persistent_workers=False,
                          batch_size=batch)
            for step in loader.dataset.pipeline:
                if step.type == 'CubeAffine':
                    step.input_size = (64, 64)
        return config

    return load


@pytest.mark.parametrize('name', NAMES)
def test_one_step_of_training_and_a_prediction(
        name: str, load_backbone: Callable, build_model: Callable,
        check_prediction: Callable):
    assert name in LAYERS, f'LAYERS lacks configs/xas_h36m_{name}.py'
    if name in ('convnext-t', 'vit-s'):
        pytest.importorskip('mmpretrain')
    config = load_backbone(name)
    model = build_model(config)
    deconvs = [layer for layer in model.head.deconv_layers.modules()
               if isinstance(layer, nn.ConvTranspose2d)]
    assert (model.head.in_channels, len(deconvs)) == LAYERS[name]

    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    before = {key: value.clone() for key, value in model.named_parameters()}
    batch = next(iter(Runner.build_dataloader(config.train_dataloader)))
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    assert sorted(losses) == LOSSES
    assert all(0 < loss < np.inf for loss in losses.values())
    model.parse_losses(losses)[0].backward()
    # DDP would wait for a weight that no picture reaches.
    silent = [key for key, value in model.named_parameters()
              if value.grad is None or not torch.isfinite(value.grad).all()]
    assert silent == []
    wrapper.step()
    after = dict(model.named_parameters())
    moved = [key for key, value in before.items()
             if not torch.equal(value, after[key])]
    assert {key.split('.')[0] for key in moved} == {'backbone', 'head'}
    assert all(torch.isfinite(value).all() for value in after.values())

    check_prediction(model, config)


def test_it_differs_from_xas_h36m_in_the_model_alone():
    plain = Config.fromfile(CONFIGS / 'xas_h36m.py').to_dict()
    other = Config.fromfile(CONFIGS / 'xas_h36m_mobilenetv2.py').to_dict()
    model, reference = other.pop('model'), plain.pop('model')
    assert other == plain
    assert {key for key in reference if model[key] != reference[key]} == {
        'type', 'backbone', 'head'}
    head, reference = model['head'], reference['head']
    assert {key for key in reference if head[key] != reference[key]} == {
        'in_channels', 'deconv_out_channels', 'deconv_kernel_sizes'}


def test_transformers_keep_norms_and_positions_from_decay(
        load_backbone: Callable, build_model: Callable):
    config = load_backbone('swin-t')
    model = build_model(config)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    decay = {id(value): group['weight_decay']
             for group in wrapper.param_groups for value in group['params']}
    decays = {key: decay[id(value)]
              for key, value in model.named_parameters()}
    free = {key for key, value in decays.items() if value == 0}
    assert {key for key in decays if 'position_bias_table' in key} < free
    assert {key for key in decays if '.norm' in key} < free
    assert 'head.final_layer.weight' not in free
    assert set(decays.values()) == {0, 0.05}
    assert [schedule.type for schedule in config.param_scheduler] == [
        'LinearLR', 'MultiStepLR', 'MultiStepLR']


def test_trains_and_tests_by_the_tools(
        mini_data: None, tmp_path: Path, small: Callable, run_tool: Callable):
    path = CONFIGS / 'xas_h36m_mobilenetv2.py'
    options = {
        # The options of a ResNet, which this is not.
        key: value for key, value in small(
            Config.fromfile(CONFIGS / 'xas_h36m.py')).items()
        if key.split('.')[-1] not in ('base_channels', 'stem_channels',
                                      'in_channels')}
    options.update({'model.backbone.widen_factor': 0.25,
                    'model.head.deconv_out_channels': 8})
    run_tool('train', path, '--work-dir', tmp_path / 'work', options=options)
    checkpoint = tmp_path / 'work/epoch_2.pth'
    run_tool('test', path, checkpoint, '--work-dir', tmp_path / 'test',
             '--out', tmp_path / 'metrics.json', options=options)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert 0 < metrics['P-MPJPE/oracle'] < 5000


def test_a_wrong_number_is_named(load_backbone: Callable):
    config = load_backbone('mobilenetv2')
    config.model.head.in_channels = 2048
    with pytest.raises(ValueError, match=r'head\.in_channels=2048, .*1280'):
        MODELS.build(config.model)
