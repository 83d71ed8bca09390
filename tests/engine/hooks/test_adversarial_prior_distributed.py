"""Two processes teach the discriminator what one does."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import torch

#: Three steps on poses that two processes share unevenly; the third has
#: none on the second process.
SCRIPT = """
from types import SimpleNamespace
from unittest.mock import Mock

import torch
import torch.distributed as dist
from mmengine.registry import init_default_scope
from mmengine.runner import EpochBasedTrainLoop

from xas_mmpose.engine import AdversarialPriorHook
from xas_mmpose.models import MultiHypothesisHead
from xas_mmpose.models.heads.pretext_losses import PriorPoses
from xas_mmpose.skeletons import HUMAN36M_18

init_default_scope('mmpose')
torch.set_num_threads(1)


def learn(hypotheses, two):
    torch.manual_seed(rank)
    head = MultiHypothesisHead(
        8, HUMAN36M_18.metainfo(), dict(
            type='DepthModeVolume', input_size=(32, 32),
            heatmap_size=(8, 8, 8), window=3),
        (8, ), (4, ), loss_prior=dict(type='PriorGeneratorLoss'))
    # The processes must not depend on equal seeds.
    hook = AdversarialPriorHook(
        dict(type='GCNPoseDiscriminator', channels=8, header_channels=16,
             dropout=0.0),
        dict(type='PriorDiscriminatorLoss', hypotheses=hypotheses),
        dict(type='SGD', lr=0.01), seed=rank)
    hook.before_run(SimpleNamespace(
        model=SimpleNamespace(head=head), train_dataloader=(),
        _train_loop=Mock(spec=EpochBasedTrainLoop)))
    parameters = list(hook.discriminator.parameters())
    result = []
    step = hook.optimizer.step
    hook.optimizer.step = lambda: (
        result.append([p.grad.clone() for p in parameters]), step())
    for number, parts in enumerate([((5, 2), (3, 1)), ((4, 4), (2, 2)),
                                    ((4, 3), (0, 0))]):
        generator = torch.Generator().manual_seed(number)
        reals, fakes = map(sum, zip(*parts))
        real = torch.rand(reals, 18, 3, generator=generator)
        fake = torch.rand(fakes, 3, 18, 3, generator=generator) - 0.2
        if two:
            start = parts[0] if rank else (0, 0)
            real = real[start[0]:][:parts[rank][0]]
            fake = fake[start[1]:][:parts[rank][1]]
        hook.step(PriorPoses(fake, real) if len(real) else None)
    # Nobody has a real pose: nobody steps, and nobody waits.
    assert hook.step(PriorPoses(fake, real[:0])) == {}
    assert hook.steps == 3
    return [*result, [p.detach() for p in parameters]]


if rank == 0:
    torch.save(learn('all', False) + learn('best', False),
               f'{folder}/one.pth')
meet()
result = learn('all', True) + learn('best', True)
everyone = [None, None]
dist.all_gather_object(everyone, result)
for mine, other in zip(sum(everyone[0], []), sum(everyone[1], [])):
    assert torch.equal(mine, other)
if rank == 0:
    torch.save(result, f'{folder}/two.pth')
"""


def test_two_processes_learn_what_one_does(
        tmp_path: Path, two_processes: Callable[[str], None]):
    two_processes(SCRIPT)
    one, two = (torch.load(tmp_path / f'{name}.pth')
                for name in ('one', 'two'))
    assert len(one) == 8  # twice the gradients of three steps, and weights
    worst = 0.0
    for a, b in zip(itertools.chain(*one), itertools.chain(*two)):
        largest = float(a.abs().max())
        assert largest > 0
        worst = max(worst, float((a - b).abs().max()) / largest)
    print(f'\nlargest relative deviation: {worst:.1e}')
    assert worst < 1e-5
