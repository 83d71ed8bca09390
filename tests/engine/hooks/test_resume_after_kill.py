"""A training that is killed and resumed ends where the unbroken one does."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]

#: A hook that kills its process, as no signal handler can prevent, and a
#: config that is not formatted: that alone would take eight seconds.
MODULE = """
import os
import signal

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpose.registry import HOOKS, MODELS

Config.pretty_text = ''


@MODELS.register_module()
class NoisyNeck(torch.nn.Module):
    def forward(self, features):
        return [torch.nn.functional.dropout(f, 0.1, self.training)
                for f in features]


@HOOKS.register_module()
class KillHook(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter + 1 == int(os.environ.get('KILL_AT', 0)):
            os.kill(os.getpid(), signal.SIGKILL)
"""

#: Everything at once: pairs made online, target pictures, stock and own
#: augmentation, dropout, all losses, the discriminator, stages, schedules,
#: averaged weights, their teaching, statistics of target pictures.
CONFIG = """
_base_ = [{root!r} + '/configs/_base_/datasets/human36m_18.py']
custom_imports = dict(imports=['xas_mmpose', 'kill_hook'],
                      allow_failed_imports=False)
default_scope = 'mmpose'
log_level = 'ERROR'
randomness = dict(seed=5)
by_epoch = {by_epoch}

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[0.0, 0.0, 0.0],
                           std=[255.0, 255.0, 255.0], bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8,
                  init_cfg=None),
    neck=dict(type='NoisyNeck'),
    head=dict(
        type='MultiHypothesisHead', in_channels=64,
        metainfo={{{{_base_.dataset_info}}}},
        deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4),
        decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                     heatmap_size=(8, 8, 8), window=3),
        loss_synthetic=dict(type='WinnerTakesAllLoss'),
        loss_synthetic_likelihood=dict(type='MarginalLikelihoodLoss'),
        loss_skeleton_mask=dict(type='SkeletonMaskLoss', map_size=(16, 16)),
        loss_physique_mask=dict(
            type='PhysiqueMaskLoss', map_size=(16, 16),
            network=dict(type='PhysiqueNetwork', channels=(4, 8))),
        loss_symmetry=dict(type='SymmetryLoss'),
        loss_prior=dict(type='PriorGeneratorLoss'),
        loss_teacher=dict(type='TeacherLoss')))

train_dataloader = dict(
    batch_size=5,
    num_workers=0,
    sampler=dict(type='PairedSourceSampler', samples_per_source=[2, 3],
                 num_batches=10, infinite=not by_epoch),
    batch_sampler=dict(type='PairedBatchSampler'),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='XasCombinedDataset',
        metainfo={{{{_base_.dataset_info}}}},
        datasets=[
            dict(type='XasHuman36mDataset',
                 data_root={data_root!r},
                 ann_file='annotations/h36m_train.npz',
                 data_prefix=dict(img='images', mask='masks')),
            dict(type='OnlineSyntheticPairDataset', num=25,
                 settings=dict(scene=dict(image_size=32))),
        ],
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadMask'),
            dict(type='GetCubeBox', rule='mask'),
            dict(type='RandomFlipPose3D', prob=0.5),
            dict(type='RandomCubeTransform'),
            dict(type='CubeAffine', input_size=(64, 64)),
            dict(type='PhotometricDistortion'),
            dict(type='RemoveBackground'),
            dict(type='NormaliseKeypoints3D'),
            dict(type='PackXasInputs'),
        ]))

train_cfg = (dict(by_epoch=True, max_epochs=4) if by_epoch else
             dict(by_epoch=False, max_iters=40))
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3),
                     clip_grad=dict(max_norm=5.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=25, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=25, end=40,
         by_epoch=False),
]
default_hooks = dict(checkpoint=dict(
    type='CheckpointHook', by_epoch=by_epoch, interval=2 if by_epoch else 20,
    max_keep_ckpts=2))
stages = [
    dict(begin=0, loss_weights=dict(loss_prior=0.0, loss_teacher=0.0)),
    dict(begin=5, loss_weights=dict(loss_prior=0.5, loss_teacher=None)),
    dict(begin=30, loss_weights=dict(loss_physique_mask=2.0)),
]
if by_epoch:
    stages[1].update(begin=1, samples_per_source=[3, 2])
    stages[2].update(begin=3, samples_per_source=[1, 4])
custom_hooks = [
    dict(type='AdversarialPriorHook',
         discriminator=dict(type='GCNPoseDiscriminator', channels=8,
                            header_channels=16, dropout=0.5),
         param_scheduler=[dict(type='LinearLR', start_factor=0.1, end=30,
                               by_epoch=False)]),
    dict(type='StageScheduleHook', stages=stages, by_epoch=by_epoch),
    dict(type='ExactResumeHook'),
    dict(type='EMAHook', ema_type='ExponentialMovingAverage',
         momentum=0.1),
    dict(type='MeanTeacherHook'),
    dict(type='TargetStatisticsHook', num_pictures=4, by_epoch=by_epoch,
         interval=1 if by_epoch else 10),
    dict(type='KillHook'),
]
"""


def start(config: Path, work_dir: Path, *options: str,
          kill_at: int = 0) -> subprocess.Popen:
    """Start tools/train.py in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'tools' / 'train.py'), str(config),
         '--work-dir', str(work_dir), *options],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'KILL_AT': str(kill_at),
             'PYTHONPATH': os.pathsep.join([str(ROOT), str(config.parent)])},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def differences(a: Any, b: Any, where: str = '') -> tuple[list[str], int]:
    """Return where nested states differ in a bit, and how many tensors."""
    if isinstance(a, torch.Tensor):
        return [where] * (not torch.equal(a, b)), 1
    if isinstance(a, dict | list | tuple):
        keys = list(a) if isinstance(a, dict) else list(range(len(a)))
        assert len(b) == len(keys), where
        found = [differences(a[k], b[k], f'{where}.{k}') for k in keys]
        return [d for f in found for d in f[0]], sum(f[1] for f in found)
    return [where] * (a != b), 0


@pytest.mark.parametrize('by_epoch', [True, False])
def test_forty_iterations_at_once_or_killed_between(
        fake_h36m, tmp_path: Path, by_epoch: bool):
    (tmp_path / 'kill_hook.py').write_text(MODULE)
    config = tmp_path / 'everything.py'
    config.write_text(CONFIG.format(root=str(ROOT), by_epoch=by_epoch,
                                    data_root=str(fake_h36m.root)))
    names = [f'epoch_{i}' if by_epoch else f'iter_{10 * i}'
             for i in (2, 3, 4)]
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    # Neither the number of loading processes nor their lead matters.
    workers = ('--cfg-options', 'train_dataloader.num_workers=2',
               'train_dataloader.persistent_workers=True')
    unbroken = start(config, whole)
    killed = start(config, broken, *workers, kill_at=27)
    error = killed.communicate()[1]
    assert killed.returncode == -signal.SIGKILL, error
    assert [p.stem for p in broken.glob('*.pth')] == names[:1]
    resumed = start(config, broken, '--resume')
    for process in (unbroken, resumed):
        error = process.communicate()[1]
        assert process.returncode == 0, error
    first, want, got = (
        torch.load(path, weights_only=False)
        for path in (broken / f'{names[0]}.pth', whole / f'{names[2]}.pth',
                     broken / f'{names[2]}.pth'))
    # Least number of tensors in each.
    parts = {'state_dict': 100, 'ema_state_dict': 100, 'optimizer': 200,
             'adversarial_prior': 50, 'param_schedulers': -1}
    for part, tensors in parts.items():
        wrong, number = differences(want[part], got[part], part)
        assert wrong == []
        assert number > tensors
    # All of that had moved since.
    wrong, number = differences(
        [first[part] for part in parts][:4], [got[part] for part in parts][:4])
    assert len(wrong) > 0.95 * number
    assert want['adversarial_prior']['steps'] == (30 if by_epoch else 35)
    assert want['meta']['iter'] == got['meta']['iter'] == 40
