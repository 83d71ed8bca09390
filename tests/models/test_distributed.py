"""Two processes give the gradients that one gives with the whole batch."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from xas_mmpose.skeletons import HUMAN36M_18

#: The full method, detector and physique network and then the
#: discriminator's step, on four pictures that two processes share. DETECTOR
#: is its config.
SCRIPT = """
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from xas_mmpose.engine import AdversarialPriorHook

init_default_scope('mmpose')
torch.set_num_threads(1)
# By the process that holds them: equal shares; one process without target
# pictures; one without synthetic ones; nothing in common.
T, S = 'target', 'synthetic'
CASES = [((T, S), (T, S)), ((T, S), (S, S)), ((T, S), (T, T)),
         ((S, S), (T, T))]


def sample(domain, seed):
    # Not all key points are known, and not all lie within the volume.
    rng = np.random.default_rng(seed)
    result = PoseDataSample(metainfo=dict(domain=domain))
    weights = rng.random((1, 18)) < (0.8 if seed == 22 else 1.0)
    result.gt_instance_labels = InstanceData(
        keypoint_labels=torch.from_numpy(
            rng.uniform(-.6, .6, (1, 18, 3)).astype(np.float32)),
        keypoint_weights=torch.from_numpy(weights).float() * (domain == S))
    result.gt_fields = PixelData(masks=torch.from_numpy(
        rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)))
    return result


def build():
    torch.manual_seed(0)
    model = MODELS.build(DETECTOR)
    hook = AdversarialPriorHook(
        dict(type='GCNPoseDiscriminator', channels=8, header_channels=16,
             dropout=0.0), optimizer=dict(type='SGD', lr=0.0))
    runner = SimpleNamespace(model=model, train_dataloader=(), hooks=(),
                             _train_loop=Mock(spec=EpochBasedTrainLoop))
    hook.before_run(runner)
    hook.before_train(runner)
    return model.eval(), hook  # batch norm is frozen


def gradients(model, hook, net, kinds, first):
    # Picture i of a case is the same, whoever holds it.
    pictures = [np.random.default_rng(10 + first + i).random(
        (3, 64, 64), np.float32) for i in range(len(kinds))]
    inputs = torch.from_numpy(np.stack(pictures))
    samples = [sample(k, 20 + first + i) for i, k in enumerate(kinds)]
    model.zero_grad()
    losses = net(inputs, samples, mode='loss')
    sum(losses.values()).backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    # The optimizer finds the discriminator's.
    hook.optimizer.step = lambda: grads.update(
        {'discriminator.' + name: p.grad.clone()
         for name, p in hook.discriminator.named_parameters()})
    hook.step(model.head.pretext.take_prior_poses())
    return grads, sorted(losses)


model, hook = build()
if rank == 0:
    result = [gradients(model, hook, model, a + b, 0)[0] for a, b in CASES]
    torch.save(result, f'{folder}/one.pth')
meet()
net, result = MMDistributedDataParallel(model), []
for case in CASES:
    grads, keys = gradients(model, hook, net, case[rank], 2 * rank)
    everyone = [None, None]
    dist.all_gather_object(everyone, keys)
    assert everyone[0] == everyone[1], everyone
    result.append(grads)
if rank == 0:
    torch.save(result, f'{folder}/two.pth')
"""


def test_gradients_equal_those_of_one_process(
        tmp_path: Path, two_processes: Callable[[str], None],
        detector_cfg: Callable[..., dict]):
    detector = detector_cfg(HUMAN36M_18.metainfo())
    two_processes(f'DETECTOR = {detector!r}\n{SCRIPT}')
    one = torch.load(tmp_path / 'one.pth')
    two = torch.load(tmp_path / 'two.pth')
    print('\nlargest deviation over the largest gradient of a tensor:')
    worst = []
    for a, b in zip(one, two, strict=True):
        assert list(a) == list(b)
        assert {name.split('.')[0] for name in a} == {
            'backbone', 'head', 'discriminator'}
        deviation = {name: float((a[name] - b[name]).abs().max()
                                 / a[name].abs().max()) for name in a}
        worst.append(max(deviation, key=deviation.get))
        print(f'{deviation[worst[-1]]:.1e} {worst[-1]}')
        worst[-1] = deviation[worst[-1]]
        # No tensor is without a gradient, the physique network's included.
        assert len([n for n in a if 'physique' in n]) > 10
    assert max(worst) < 1e-5
