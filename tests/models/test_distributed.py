"""Two processes give the gradients that one gives."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
import numpy as np
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import xas_mmpose
from xas_mmpose.skeletons import HUMAN36M_18

init_default_scope('mmpose')
torch.set_num_threads(1)
METAINFO = HUMAN36M_18.metainfo()


def sample(domain, seed):
    rng = np.random.default_rng(seed)
    result = PoseDataSample(metainfo=dict(domain=domain))
    result.gt_instance_labels = InstanceData(
        keypoint_labels=torch.from_numpy(
            rng.uniform(-.4, .4, (1, 18, 3)).astype(np.float32)),
        keypoint_weights=torch.full((1, 18), float(domain == 'synthetic')))
    result.gt_fields = PixelData(masks=torch.from_numpy(
        rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)))
    return result


def build():
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='TopdownPoseEstimator',
        backbone=dict(type='ResNet', depth=18, base_channels=8,
                      stem_channels=8, init_cfg=None),
        head=dict(
            type='MultiHypothesisHead', in_channels=64, metainfo=METAINFO,
            deconv_out_channels=(8, 8, 8), deconv_kernel_sizes=(4, 4, 4),
            decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                         heatmap_size=(16, 16, 8), window=3),
            loss_synthetic_likelihood=dict(type='MarginalLikelihoodLoss'),
            loss_skeleton_mask=dict(type='SkeletonMaskLoss'),
            loss_physique_mask=dict(
                type='PhysiqueMaskLoss',
                network=dict(type='PhysiqueNetwork', channels=(4, 8))),
            loss_symmetry=dict(type='SymmetryLoss'),
            loss_prior=dict(type='PriorGeneratorLoss'))))
    discriminator = MODELS.build(dict(
        type='GCNPoseDiscriminator', metainfo=METAINFO, channels=8))
    model.head.pretext.judge = discriminator.score
    return model.eval()  # batch norm as it is: batches differ in size


def batch(rank):
    rng = np.random.default_rng(10 + rank)
    inputs = torch.from_numpy(rng.random((2, 3, 64, 64), np.float32))
    # The second process has no target picture at all.
    kinds = ('target', 'synthetic') if rank == 0 else ('synthetic', ) * 2
    return inputs, [sample(k, 20 + 2 * rank + i)
                    for i, k in enumerate(kinds)]


def gradients(model, rank):
    inputs, samples = batch(rank)
    losses = model(inputs, samples, mode='loss')
    sum(losses.values()).backward()
    return sorted(losses)


model = build()
if sys.argv[1] == 'one':
    for rank in range(2):
        gradients(model, rank)
    grads = [p.grad / 2 for p in model.parameters()]
    torch.save(grads, sys.argv[2])
else:
    dist.init_process_group('gloo')
    keys = gradients(MMDistributedDataParallel(model), dist.get_rank())
    everyone = [None, None]
    dist.all_gather_object(everyone, keys)
    assert everyone[0] == everyone[1], everyone
    if dist.get_rank() == 0:
        torch.save([p.grad for p in model.parameters()], sys.argv[2])
    dist.destroy_process_group()
"""


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, done.stderr[-3000:]


def test_gradients_equal_those_of_one_process(tmp_path: Path):
    script = tmp_path / 'two.py'
    script.write_text(SCRIPT)
    run(str(script), 'one', str(tmp_path / 'one.pth'))
    run('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
        str(script), 'two', str(tmp_path / 'two.pth'))
    one = torch.load(tmp_path / 'one.pth')
    two = torch.load(tmp_path / 'two.pth')
    assert len(one) == len(two) > 60
    for a, b in zip(one, two):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)
    assert sum(float(g.abs().sum()) for g in one) > 0
