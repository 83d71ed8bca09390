"""What tests of hooks share: a small detector, pictures, and its training."""
from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from xas_mmpose.skeletons import HUMAN36M_18

#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


@pytest.fixture
def global_states() -> Callable[[], tuple]:
    """Return a function that returns where all global generators are."""

    def global_states() -> tuple:
        return (torch.get_rng_state().tolist(), random.getstate(),
                np.random.get_state()[1].tolist())  # noqa: NPY002

    return global_states


@pytest.fixture
def pictures() -> Callable[..., list[dict]]:
    """Return a function that returns pictures of the domains in turn.

    Each is what a data set gives; target ones' labels are ``label``.
    """

    def pictures(num: int = 8,
                 domains: tuple[str, ...] = ('target', 'synthetic'),
                 label: float = 0.0, seed: int = 5) -> list[dict]:
        rng = np.random.default_rng(seed)
        data = []
        for i in range(num):
            domain = domains[i % len(domains)]
            labels = rng.uniform(-.4, .4, (1, 18, 3)).astype(np.float32)
            sample = PoseDataSample(metainfo=dict(domain=domain))
            sample.gt_instance_labels = InstanceData(
                keypoint_labels=torch.from_numpy(
                    labels if domain == 'synthetic' else labels * 0 + label),
                keypoint_weights=torch.full(
                    (1, 18), float(domain == 'synthetic')))
            sample.gt_fields = PixelData(masks=torch.from_numpy(
                rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)))
            # No two alike in brightness.
            data.append(dict(data_samples=sample, inputs=torch.from_numpy(
                rng.integers(0, 40 + 30 * (i % 8), (3, 64, 64),
                             dtype=np.uint8))))
        return data

    return pictures


@pytest.fixture
def detector() -> Callable[..., dict]:
    """Return a function that returns a detector's config, by its losses."""

    def detector(**losses: Any) -> dict:
        return dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor',
                                   mean=[0, 0, 0], std=[255, 255, 255]),
            backbone=dict(type='ResNet', depth=18, base_channels=8,
                          stem_channels=8, init_cfg=None),
            head=dict(
                type='MultiHypothesisHead', in_channels=64,
                metainfo=HUMAN36M_18.metainfo(),
                deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4),
                decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                             heatmap_size=(8, 8, 8), window=3), **losses))

    return detector


@pytest.fixture
def make_runner(tmp_path: Path, pictures: Callable[..., list[dict]]
                ) -> Callable[..., Runner]:
    """Return a function that makes a runner of a model and of hooks."""

    def make_runner(model: dict, hooks: list[Any], epochs: int = 1,
                    data: Any = None, folder: str = 'work',
                    **kwargs: Any) -> Runner:
        options = dict(
            model=model, work_dir=str(tmp_path / folder),
            train_dataloader=dict(
                dataset=pictures() if data is None else data, batch_size=4,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='pseudo_collate')),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
            custom_hooks=hooks,
            default_hooks=dict(logger=None, runtime_info=None),
            default_scope='mmpose', log_level='ERROR',
            randomness=dict(seed=0),
            experiment_name=f'hooks_{next(RUNS)}')
        return Runner(**{**options, **kwargs})

    return make_runner
