"""Goldens 04, 05 and 12: the layers of every network but the backbone."""
from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xas_mmpose.models import MultiHypothesisHead
from xas_mmpose.models.priors import (
    REFERENCE_DISCRIMINATORS,
    GCNPoseDiscriminator,
    PhysiqueNetwork,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .registry import Comparison, Golden, component

LAYERS = 1e-5
DISCRIMINATORS = 4e-6


def load_by_name(module: torch.nn.Module, keys: dict[str, str],
                 state: dict[str, Tensor]) -> None:
    """Load the authors' tensors, all of them.

    Args:
        module: Where to.
        keys: Our names to theirs.
        state: Their tensors.

    Raises:
        ValueError: If a tensor has no place.
    """
    left = set(state) - set(keys.values())
    if left:
        raise ValueError(f'no place for {sorted(left)}')
    module.load_state_dict({ours: state[key] for ours, key in keys.items()})


@component('physique network', '04_physique.npz')
def check_physique(c: Comparison) -> None:
    """Compare both modes, gradients and the statistics of batch norm."""
    state = c.golden.under('sd/')
    for mode in ('eval', 'train'):
        network = PhysiqueNetwork()
        keys = network.reference_keys()
        load_by_name(network, keys, state)
        network.train(mode == 'train')
        drawn = c.golden.tensor('input').requires_grad_()
        out = network(drawn)
        gradient, = torch.autograd.grad(out.sum(), drawn)
        c.close(f'{mode}_out', out, LAYERS)
        c.close(f'{mode}_grad_input', gradient, LAYERS)
    after = network.state_dict()
    for ours, key in keys.items():
        if f'sd_after_train/{key}' in c.golden:
            c.close(f'sd_after_train/{key}', after[ours], LAYERS)


def _discriminator(golden: Golden, variant: str, state: dict[str, Tensor],
                   **options: Any) -> GCNPoseDiscriminator:
    """Build a discriminator as large as its state dict says."""
    embed = next(v for k, v in state.items() if k.endswith(
        'input_layer.weight'))
    options['channels'] = embed.shape[0]
    # res_gcn has one convolution before its blocks; all have one behind.
    numbers = {int(k.split('gcn.')[1].split('.')[0]) for k in state
               if 'gcn.' in k}
    options['num_blocks'] = max(numbers) - (variant == 'res_gcn')
    if embed.shape[1] == 3:
        options['code'] = None
    if 'header.layer1.weight' in state:
        options['header_channels'] = len(state['header.layer1.weight'])
    discriminator = GCNPoseDiscriminator(
        HUMAN36M_18.metainfo(),
        **{**REFERENCE_DISCRIMINATORS[variant], **options}).eval()
    load_by_name(discriminator, discriminator.reference_keys(), state)
    return discriminator


def reference_discriminator(golden: Golden,
                            prefix: str) -> GCNPoseDiscriminator:
    """Build the authors' two-stream discriminator from stored weights."""
    return _discriminator(golden, 'decouple', golden.under(prefix))


def _check_discriminator(c: Comparison, variant: str) -> None:
    start, end = c.golden['edge_index']
    discriminator = _discriminator(
        c.golden, variant, c.golden.under('sd/'),
        self_loops=bool((start == end).any()))

    def logits(poses: Tensor) -> Tensor:
        return discriminator(poses)[:, None]

    features = {}
    for name, stream in discriminator.streams.items():
        stream.register_forward_hook(
            lambda stream, inputs, out, name=name: features.update(
                {name: out.flatten(0, 1)}))
    poses = c.golden.tensor('keypoints').requires_grad_()
    out = logits(poses)
    c.close('logits', out, DISCRIMINATORS)
    for name, feature in features.items():
        if f'{name}_feat_first8' in c.golden:
            c.close(f'{name}_feat_first8', feature[:, :8], DISCRIMINATORS)
            c.close(f'{name}_feat_mean_abs', feature.abs().mean(-1),
                    DISCRIMINATORS)
    for name, value in (('logit_sum', out.sum()),
                        ('gen_loss', (out - 1).square().mean())):
        gradient, = torch.autograd.grad(value, poses, retain_graph=True)
        c.close(f'grad_input_of_{name}', gradient, DISCRIMINATORS)
    c.close('logits_each_alone',
            torch.cat([logits(pose[None]) for pose in poses]),
            DISCRIMINATORS)
    c.close('logits_first_two', logits(poses[:2]), DISCRIMINATORS)
    c.close('logits_last_sample_tripled',
            logits(torch.cat([poses[:-1], poses[-1:] * 3])), DISCRIMINATORS)
    bones = np.argwhere(np.triu(discriminator.links.numpy(), 1))
    pairs = np.sort(np.stack([c.golden['links_parent'],
                              c.golden['links_child']], -1), -1)
    c.equal('links_parent', bones, want=pairs[np.lexsort(pairs.T[::-1])])
    if 'positional_encoding' in c.golden:
        c.close('positional_encoding', discriminator.code, DISCRIMINATORS)


for _file, _variant in (('decouple', 'decouple'), ('resgcn', 'res_gcn'),
                        ('sage', 'sage'), ('sage_nope_noloop', 'sage')):
    component(f'discriminator {_file}', f'05_disc_{_file}.npz')(
        lambda c, variant=_variant: _check_discriminator(c, variant))


def golden_head(golden: Golden) -> MultiHypothesisHead:
    """Build a head as small as the golden's."""
    channels, count, filters, kernel, _, num_keypoints, depth = (
        golden['config'].tolist())
    height, width = golden['eval_out'].shape[-2:]
    return MultiHypothesisHead(
        in_channels=channels,
        metainfo=dict(keypoint_info={
            i: dict(name=str(i), id=i) for i in range(num_keypoints)}),
        decoder=dict(type='DepthModeVolume',
                     input_size=(width * 4, height * 4),
                     heatmap_size=(width, height, depth), num_hypotheses=3,
                     window=3),
        deconv_out_channels=[filters] * count,
        deconv_kernel_sizes=[kernel] * count)


@component('head', '12_deconv_head.npz')
def check_head(c: Comparison) -> None:
    """Compare the volumes in both modes."""
    head = golden_head(c.golden)
    state = c.golden.under('sd/')
    # Both lists follow the layers.
    keys = dict(zip(head.state_dict(), state, strict=True))
    for mode in ('eval', 'train'):
        load_by_name(head, keys, state)
        head.train(mode == 'train')
        volumes = head((c.golden.tensor('input'), ))
        c.close(f'{mode}_out', volumes.flatten(1, 2), LAYERS)
