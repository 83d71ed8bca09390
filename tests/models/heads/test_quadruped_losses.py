"""All losses on animals: a rendered one to learn from, masks of another."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import DATASETS, MODELS

from xas_mmpose.engine import AdversarialPriorHook
from xas_mmpose.models import SkeletonMaskLoss, SymmetryLoss
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.synthetic_set import write_synthetic_set
from xas_mmpose.skeletons import ANIMAL3D_26

METAINFO = ANIMAL3D_26.metainfo()
SCENE = SceneSettings(image_size=96, supersampling=1)
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    dict(type='GetCubeBox', rule='mask'),
    dict(type='RandomFlipPose3D', prob=0.5),
    dict(type='RandomCubeTransform'),
    dict(type='CubeAffine', input_size=(64, 64)),
    dict(type='RemoveBackground'),
    dict(type='NormaliseKeypoints3D'),
    dict(type='PackXasInputs'),
]


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a set of horses and one of foxes' masks."""
    folder = tmp_path_factory.mktemp('animals')
    for name, body in (('pairs', 'horse'), ('target', 'fox')):
        write_synthetic_set(folder / name, SyntheticSetSettings(
            num=2, body=body, poses=('clips', 'ranges'), scene=SCENE))
    # Nothing but pictures and masks.
    (folder / 'target' / 'annotations.json').unlink()
    return folder


def moving(loss: torch.Tensor, module: torch.nn.Module) -> float:
    """Return the sum of a loss' absolute gradients in a module."""
    grads = torch.autograd.grad(loss, list(module.parameters()),
                                retain_graph=True, allow_unused=True)
    return sum(float(g.abs().sum()) for g in grads if g is not None)


def test_a_step_of_all_losses(
        pairs: Path, build_detector: Callable[..., torch.nn.Module]) -> None:
    rendered, masked = (
        DATASETS.build(dict(metainfo=METAINFO, pipeline=PIPELINE, **dataset))
        for dataset in (
            dict(type='SyntheticPairDataset', data_root=str(pairs / 'pairs')),
            dict(type='MaskedFolderDataset',
                 data_root=str(pairs / 'target'))))
    batch = pseudo_collate([masked[0], rendered[0], masked[1], rendered[1]])
    domains = [sample.metainfo['domain'] for sample in batch['data_samples']]
    assert domains == ['target', 'synthetic'] * 2
    for sample in batch['data_samples'][::2]:
        assert 'keypoints_3d' not in sample.get('gt_instances', {})

    model = build_detector(METAINFO)
    model.data_preprocessor = MODELS.build(dict(
        type='PoseDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3))
    hook = AdversarialPriorHook(dict(
        type='GCNPoseDiscriminator', channels=8, header_channels=16))
    runner = SimpleNamespace(
        model=model, _train_loop=Mock(spec=EpochBasedTrainLoop),
        train_dataloader=(), hooks=())
    hook.before_run(runner)
    hook.before_train(runner)
    losses = model.forward(
        **model.data_preprocessor(batch, training=True), mode='loss')
    assert set(losses) == {
        'loss_synthetic', 'loss_synthetic_likelihood', 'loss_skeleton_mask',
        'loss_physique_mask', 'loss_symmetry', 'loss_prior'}
    for name, loss in losses.items():
        assert loss.isfinite(), name
        assert loss > 0, name
        assert moving(loss, model.backbone) > 0, name
    physique = model.head.pretext.physique_mask
    assert moving(losses['loss_physique_mask'], physique) > 0
    poses = model.head.pretext.take_prior_poses()
    assert poses.fake.shape == (2, 3, 26, 3)
    assert poses.real.shape == (2, 26, 3)
    # Poses stand on the base of the tail, which no index 0 is.
    assert METAINFO['root_index'] == ANIMAL3D_26.index('tail_base') == 7
    assert not poses.real[:, 7].any()
    assert poses.real[:, 0].abs().max() > 0.1

    before = [p.clone() for p in hook.discriminator.parameters()]
    logs = hook.step(poses)
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert any(not torch.equal(a, b) for a, b in zip(
        before, hook.discriminator.parameters()))


@pytest.mark.parametrize('paw, joint', [
    ('left_front_paw', 'left_front_knee'), ('left_back_paw',
                                            'left_back_knee'),
    ('left_back_knee', 'left_back_thigh'),
    ('left_front_thigh', 'left_shoulder'), ('left_ear', 'left_eye')])
def test_legs_are_compared_with_the_other_side(paw: str,
                                               joint: str) -> None:
    loss = SymmetryLoss(METAINFO)
    end, start = ANIMAL3D_26.index(paw), ANIMAL3D_26.index(joint)
    bones = loss.bones.tolist()
    flip = ANIMAL3D_26.flip_indices
    assert [[end, start], [flip[end], flip[start]]] in bones
    # Neither spine nor tail has another side.
    middle = {i for i, j in enumerate(flip) if i == j}
    assert not any(end in middle for pair in bones for end, _ in pair)
    poses = torch.zeros(1, 1, 26, 3)
    assert float(loss(poses)) == 0
    poses[0, 0, end, 1] = 0.3
    assert float(loss(poses)) > 0


def test_legs_are_drawn_finer_than_the_trunk() -> None:
    widths = dict(zip(map(tuple, METAINFO['mask_links']),
                      METAINFO['mask_link_widths']))
    of = ANIMAL3D_26.index
    trunk = [widths[of('tail_base'), of('neck')],
             widths[of('left_shoulder'), of('tail_base')]]
    for link, width in widths.items():
        for end in ('front', 'back'):
            for side in ('left', 'right'):
                if of(f'{side}_{end}_paw') in link:
                    assert width < min(trunk) / 4
        assert widths[link] == widths.get(
            tuple(ANIMAL3D_26.flip_indices[i] for i in link), width)


def test_drawn_bones_fill_silhouettes() -> None:
    # As well as those of people: 0.75 for them, at the same line width.
    loss = SkeletonMaskLoss(METAINFO)
    shares = []
    for body in ('horse', 'bull', 'fox'):
        generator = SyntheticSetGenerator(SyntheticSetSettings(
            num=4, body=body, look='parts', scene=SCENE))
        for i in range(4):
            sample = generator.sample(i)
            x, y, width, height = cv2.boundingRect(sample.mask)
            side = 1.25 * max(width, height)
            center = np.array([x + width / 2, y + height / 2])
            scale = 64 / side
            affine = np.column_stack([np.eye(2) * scale,
                                      32 - scale * center])
            mask = cv2.warpAffine(sample.mask, affine, (64, 64)) > 127
            keypoints = 2 * (sample.keypoints - center) / side
            drawn = loss.draw(torch.from_numpy(keypoints)[None].float(),
                              (64, 64), (64, 64))[0, 0].numpy() > 0.5
            shares.append((drawn & mask).sum() / (drawn | mask).sum())
    assert np.mean(shares) > 0.66
