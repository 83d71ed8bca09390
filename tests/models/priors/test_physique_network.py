"""The physique network: the released code's numbers, sizes, start."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

from xas_mmpose.models.priors import PhysiqueNetwork


def lines(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def golden_network(golden: dict[str, torch.Tensor]) -> PhysiqueNetwork:
    network = PhysiqueNetwork()
    keys = network.reference_keys()
    theirs = {k[3:] for k in golden if k.startswith('sd/')}
    assert sorted(keys.values()) == sorted(theirs)
    network.load_state_dict(
        {ours: golden[f'sd/{key}'] for ours, key in keys.items()})
    return network


def test_goldens_of_the_released_code(goldens: Path):
    with np.load(goldens / '04_physique.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    for mode in ('eval', 'train'):
        network = golden_network(golden).train(mode == 'train')
        drawn = golden['input'].clone().requires_grad_()
        out = network(drawn)
        out.sum().backward()
        for got, want in ((out.detach(), golden[f'{mode}_out']),
                          (drawn.grad, golden[f'{mode}_grad_input'])):
            np.testing.assert_allclose(got, want, rtol=0,
                                       atol=1e-5 * want.abs().max().item())
    state = network.state_dict()
    after = 0
    for ours, key in network.reference_keys().items():
        want = golden.get(f'sd_after_train/{key}')
        if want is not None:
            after += 1
            np.testing.assert_allclose(state[ours], want, rtol=0,
                                       atol=1e-5 * want.abs().max().item())
    assert after == 18


def test_size_is_the_authors():
    network = PhysiqueNetwork()
    assert sum(p.numel() for p in network.parameters()) == 417121


@pytest.mark.parametrize('channels', [(4, 8), (4, 6, 8, 10)])
def test_any_depth_keeps_the_maps_size(channels):
    out = PhysiqueNetwork(channels)(lines(2, 1, 24, 40))
    assert out.shape == (2, 1, 24, 40)
    assert ((out > 0) & (out < 1)).all()


def test_starts_even_and_grey_inside_a_parent_that_initialises_all():
    from mmengine.model import BaseModule, Sequential
    init_default_scope('mmpose')
    parent = Sequential(PhysiqueNetwork((8, 16)), init_cfg=dict(
        type='Constant', layer='Conv2d', val=1.0))
    assert isinstance(parent, BaseModule)
    parent.init_weights()
    out = parent.eval()(lines(1, 1, 16, 16))
    assert (out - 0.5).abs().max() < 0.1
    # And the layers below are not flat.
    assert parent[0].encoder[1].conv.weight.std() > 0.05


def test_norm_layers_come_from_the_config():
    network = MODELS.build(dict(type='PhysiqueNetwork',
                                norm_cfg=dict(type='SyncBN')))
    norms = [m for m in network.modules()
             if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 9
    assert all(isinstance(m, nn.SyncBatchNorm) for m in norms)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match='multiples of 4, got 30x32'):
        PhysiqueNetwork()(lines(1, 1, 32, 30))
    with pytest.raises(ValueError, match='at least two'):
        PhysiqueNetwork((32, ))
