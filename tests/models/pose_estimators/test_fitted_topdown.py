"""The estimator that measures its backbone."""
from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from xas_mmpose.skeletons import HUMAN36M_18

RESNET = dict(type='ResNet', depth=18, base_channels=8, stem_channels=8,
              init_cfg=None)
PYRAMID = dict(RESNET, out_indices=(0, 1, 2, 3))
HEAD = dict(
    type='MultiHypothesisHead', in_channels=None,
    metainfo=HUMAN36M_18.metainfo(),
    decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                 heatmap_size=(16, 16, 8), num_hypotheses=3, window=3),
    deconv_out_channels=8, deconv_kernel_sizes=4)


def build(kind: str = 'FittedTopdownPoseEstimator', backbone: Any = RESNET,
          neck: Any = None, **head: Any) -> nn.Module:
    torch.manual_seed(0)
    # Some backbones of MMPose write into their config.
    return MODELS.build(copy.deepcopy(dict(
        type=kind, backbone=backbone, neck=neck, head=dict(HEAD, **head))))


def volumes(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model.head(model.extract_feat(torch.zeros(2, 3, 64, 64)))


def test_it_is_mmposes_estimator_with_the_numbers_typed():
    fitted = build()
    typed = build('TopdownPoseEstimator', in_channels=64,
                  deconv_out_channels=(8, 8, 8),
                  deconv_kernel_sizes=(4, 4, 4))
    ours, theirs = fitted.state_dict(), typed.state_dict()
    assert list(ours) == list(theirs)
    # The black picture has taken no random number, and no batch norm has
    # seen it.
    for name, value in theirs.items():
        assert torch.equal(ours[name], value), name
    assert fitted.head.test_cfg == typed.head.test_cfg == {}
    modes = [module.training for module in typed.modules()]
    assert [module.training for module in fitted.modules()] == modes
    assert volumes(fitted).shape == (2, 18, 8, 16, 16)


def test_frozen_parts_stay_frozen():
    frozen = dict(RESNET, frozen_stages=1, norm_eval=True)
    fitted = build(backbone=frozen)
    typed = build('TopdownPoseEstimator', frozen, in_channels=64,
                  deconv_out_channels=(8, 8, 8),
                  deconv_kernel_sizes=(4, 4, 4))
    modes = [module.training for module in typed.modules()]
    assert False in modes
    assert [module.training for module in fitted.modules()] == modes
    assert [p.requires_grad for p in fitted.parameters()] == [
        p.requires_grad for p in typed.parameters()]


@pytest.mark.parametrize('neck, in_index, channels, deconvs', [
    (None, -1, 64, 3),
    (None, 0, 8, 0),
    (dict(type='FeatureMapProcessor', select_index=2), -1, 32, 2),
    (dict(type='FeatureMapProcessor', concat=True), -1, 120, 0),
    (dict(type='FeatureMapProcessor', select_index=3, scale_factor=2.0),
     -1, 64, 2),
    (dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=12,
          num_outs=4), 0, 12, 0),
    (dict(type='ChannelMapper', in_channels=[8, 16, 32, 64],
          out_channels=12), -1, 12, 3),
])
def test_necks(neck: dict | None, in_index: int, channels: int, deconvs: int):
    model = build(backbone=PYRAMID, neck=neck, in_index=in_index)
    assert model.head.in_channels == channels
    layers = [layer for layer in model.head.deconv_layers.modules()
              if isinstance(layer, nn.ConvTranspose2d)]
    assert len(layers) == deconvs
    assert volumes(model).shape == (2, 18, 8, 16, 16)


def test_one_number_of_filters_is_enough():
    head = dict(HEAD)
    del head['deconv_kernel_sizes']
    model = MODELS.build(copy.deepcopy(dict(
        type='FittedTopdownPoseEstimator', backbone=PYRAMID,
        head=dict(head, in_index=2))))
    assert volumes(model).shape == (2, 18, 8, 16, 16)


def test_what_the_head_cannot_use_is_named():
    with pytest.raises(ValueError, match='ResNet .*a tensor of shape '
                       r'\(1, 64\).*pool the maps'):
        build(neck=dict(type='GlobalAveragePooling'))
    with pytest.raises(ValueError, match=r'RSN .*several stages'):
        build(backbone=dict(
            type='RSN', unit_channels=8, num_stages=1, num_units=2,
            num_blocks=[1, 1], num_steps=2))
    with pytest.raises(ValueError, match=r'in_channels=2048, .* 64 channels'):
        build(in_channels=2048)
    with pytest.raises(ValueError, match='without a head'):
        MODELS.build(dict(type='FittedTopdownPoseEstimator',
                          backbone=RESNET))


def test_with_the_numbers_typed_the_first_picture_tells():
    model = build('TopdownPoseEstimator', in_channels=32,
                  deconv_out_channels=(8, 8, 8),
                  deconv_kernel_sizes=(4, 4, 4))
    with pytest.raises(ValueError, match='the feature map has 64 channels, '
                       r'but head\.in_channels=32'):
        volumes(model)
    with pytest.raises(ValueError, match='FittedTopdownPoseEstimator'):
        build('TopdownPoseEstimator')
