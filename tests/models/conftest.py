"""A detector with all losses, small enough for a test."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmpose.models.builder import build_pose_estimator
from torch import nn

from xas_mmpose.skeletons import HUMAN36M_18


@pytest.fixture
def pretext_cfg() -> dict[str, dict]:
    """Return the pretext losses of a head."""
    return dict(
        loss_skeleton_mask=dict(type='SkeletonMaskLoss'),
        loss_physique_mask=dict(
            type='PhysiqueMaskLoss',
            network=dict(type='PhysiqueNetwork', channels=(4, 8))),
        loss_symmetry=dict(type='SymmetryLoss'),
        loss_prior=dict(type='PriorGeneratorLoss'))


@pytest.fixture
def detector_cfg(pretext_cfg: dict) -> Callable[..., dict]:
    """Return a function that gives the detector's config.

    Pictures are 64x64 and volumes 16x16x8. The function takes the metainfo
    and what is to be different in the head.
    """

    def config(metainfo: dict, **head: Any) -> dict:
        return dict(
            type='TopdownPoseEstimator',
            backbone=dict(type='ResNet', depth=18, base_channels=8,
                          stem_channels=8, init_cfg=None),
            head=dict(
                type='MultiHypothesisHead', in_channels=64,
                metainfo=metainfo, deconv_out_channels=(8, 8, 8),
                deconv_kernel_sizes=(4, 4, 4),
                decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                             heatmap_size=(16, 16, 8), window=3),
                loss_synthetic_likelihood=dict(
                    type='MarginalLikelihoodLoss'),
                **{**pretext_cfg, **head}))

    return config


@pytest.fixture
def build_detector(detector_cfg: Callable[..., dict]
                   ) -> Callable[..., nn.Module]:
    """Return a function that builds it, always with the same weights."""

    def build(metainfo: dict | None = None, **head: Any) -> nn.Module:
        torch.manual_seed(0)
        model = build_pose_estimator(
            detector_cfg(metainfo or HUMAN36M_18.metainfo(), **head))
        model.init_weights()
        return model

    return build
