"""XaS-Zoo-Mini's configs: XaS-Mini's with other data, skeleton and body."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import METRICS

from xas_mmpose.render.studio.zoo import PAIR_SPECIES

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
STAGES = ('_s1', '_s2', '', '_full', '_full_s2')
#: What of a config the runner reads.
_READ = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader',
         'train_cfg', 'val_cfg', 'test_cfg', 'optim_wrapper',
         'param_scheduler', 'default_hooks', 'custom_hooks', 'val_evaluator',
         'test_evaluator', 'randomness', 'env_cfg',
         'find_unused_parameters')


@pytest.fixture
def load_zoo(zoo_data: None) -> Any:
    """Return a function that loads a config, quick to run, by its ending."""

    def load_zoo(stage: str) -> Config:
        config = Config.fromfile(CONFIGS / f'xas_zoo_mini{stage}.py')
        config.model.backbone.update(
            init_cfg=None, base_channels=8, stem_channels=8)
        config.model.head.update(in_channels=64, deconv_out_channels=[8] * 2)
        config.train_dataloader.batch_size = 4
        config.train_dataloader.sampler.samples_per_source = [2, 2]
        return config

    return load_zoo


def leaves(value: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    """Yield all that is not a container, by its dotted name."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f'{name}.{key}' if name else str(key))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from leaves(part, f'{name}.{i}')
    else:
        yield name, value


@pytest.mark.parametrize('stage', STAGES)
def test_only_data_skeleton_and_body_differ_from_people(stage: str):
    people, animals = (
        {key: value for key, value in Config.fromfile(
            CONFIGS / f'{name}{stage}.py').to_dict().items() if key in _READ}
        for name in ('xas_mini', 'xas_zoo_mini'))
    assert people.keys() == animals.keys()
    people, animals = dict(leaves(people)), dict(leaves(animals))
    differing = {key for key in people.keys() | animals.keys()
                 if people.get(key, 'none') != animals.get(key, 'none')}
    # Where the crop lies, which data, which key points.
    load = [f'{loader}.dataset.pipeline.2.{key}'
            for loader in ('train_dataloader', 'val_dataloader',
                           'test_dataloader')
            for key in ('rule', 'cube_size')]
    data = [f'{place}.{key}' for place in (
        'train_dataloader.dataset.datasets.0',
        'train_dataloader.dataset.datasets.1', 'val_dataloader.dataset',
        'test_dataloader.dataset') for key in ('type', 'data_root', 'command')]
    allowed = {
        *load, *data, 'val_evaluator.group_by', 'test_evaluator.group_by',
        'train_dataloader.dataset.datasets.0.carry_root',
        # How far nose and tail are apart, in sides of the crop.
        'model.head.decoder.depth_range', 'model.head.decoder.heatmap_size.2'}
    skeleton = ('train_dataloader.dataset.metainfo.',
                'train_dataloader.dataset.datasets.1.metainfo.',
                'model.head.metainfo.', 'model.head.loss_symmetry.midpoints.')
    assert {key for key in differing if not key.startswith(skeleton)
            and key not in allowed} == set()
    assert 'model.head.decoder.depth_range' in differing


def test_stage_2_starts_from_stage_1_of_its_own():
    for stage in ('_s2', '_full_s2'):
        config = Config.fromfile(CONFIGS / f'xas_zoo_mini{stage}.py')
        assert config.load_from == 'work_dirs/xas_zoo_mini_s1/epoch_6.pth'
    assert Config.fromfile(CONFIGS / 'xas_zoo_mini.py').load_from is None


def test_the_pairs_show_the_species_that_they_may():
    config = Config.fromfile(CONFIGS / 'xas_zoo_mini.py')
    command = config.train_dataloader.dataset.datasets[1].command.split()
    bodies = command[command.index('--body') + 1]
    assert tuple(bodies.split(',')) == PAIR_SPECIES


@pytest.mark.parametrize('stage', ['', '_full'])
def test_a_step_of_training(load_zoo, build_model, stage: str):
    config = load_zoo(stage)
    config.model.head.loss_teacher = None  # it takes the running trainer
    batch = next(iter(Runner.build_dataloader(config.train_dataloader)))
    samples = batch['data_samples']
    assert [s.domain for s in samples] == ['target'] * 2 + ['synthetic'] * 2
    for sample in samples[:2]:
        assert 'keypoints_3d' not in sample.gt_instances
    for sample in samples[2:]:
        # The true side of the box, not the assumed one.
        assert 1000 < sample.cube_size < 6000
        labels = sample.gt_instance_labels.keypoint_labels
        assert labels.shape == (1, 26, 3)
        assert abs(labels[0, :, 2]).max() < 2.5 / 2 * 1.3
    model = build_model(config)
    losses = model.train_step(
        batch, build_optim_wrapper(model, config.optim_wrapper))
    assert {'loss_synthetic', 'loss_skeleton_mask', 'loss_physique_mask',
            'loss_symmetry', 'loss_prior'} <= set(losses)
    assert all(torch.isfinite(loss).all() for loss in losses.values())
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_the_truth_fed_back_scores_zero(load_zoo, zoo_root):
    config = load_zoo('')
    loader = Runner.build_dataloader(config.test_dataloader)
    samples = [s for batch in loader for s in batch['data_samples']]
    with np.load(zoo_root / 'zoo/annotation_body3d/fps10/h36m_test.npz') as f:
        truth = dict(zip(f['imgname'].tolist(), f['S'][..., :3] * 1000))
    folder = zoo_root / 'zoo' / 'images'
    poses = [truth[str(Path(s.img_path).relative_to(folder))]
             for s in samples]
    assert len(poses) == len(truth) == 4

    def score(poses: list[np.ndarray]) -> dict[str, float]:
        for sample, pose in zip(samples, poses, strict=True):
            sample.pred_instances = InstanceData(
                hypotheses_3d=np.stack([pose] * 3)[None],
                hypothesis_scores=np.ones((1, 3, 26)))
        metric = METRICS.build(config.test_evaluator)
        metric.process(None, [sample.to_dict() for sample in samples])
        return metric.compute_metrics(metric.results)

    errors = score(poses)
    assert {'MPJPE/top1', 'N-MPJPE/top1', 'P-MPJPE/oracle'} <= set(errors)
    assert max(errors.values()) < 0.005
    assert score(poses[::-1])['MPJPE/top1'] > 100
