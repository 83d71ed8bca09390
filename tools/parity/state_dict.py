"""Golden 11: every tensor of a checkpoint has its place."""
from __future__ import annotations

import torch
from mmengine import Config
from model_converters.reference_to_mmpose import (
    CONFIG,
    PHYSIQUE,
    build_networks,
    convert,
)

from .registry import Comparison, component

PARTS = ('unsup_model', 'unsup_disc')


@component('state dict', '11_state_dict.json')
def check(c: Comparison) -> None:
    """Convert tensors of the golden names and shapes, and count numbers."""
    # Of one number each, so that they take no memory.
    checkpoint = {
        part: {key: torch.zeros(()).expand(shape)
               for key, shape in c.golden[part].items()}
        for part in PARTS
    }
    networks = build_networks(Config.fromfile(CONFIG))
    converted = convert(checkpoint, networks)
    pairs = ((networks.detector, converted['state_dict']),
             (networks.discriminator,
              converted['adversarial_prior']['discriminator']))
    for part, (network, state) in zip(PARTS, pairs):
        # Places that were filled with a tensor of their shape.
        filled = [key for key, value in network.state_dict().items()
                  if key in state and state[key].shape == value.shape]
        c.equal(part, len(filled), want=len(network.state_dict()))
    sizes = {key: p.numel()
             for key, p in networks.detector.named_parameters()}
    physique = sum(n for key, n in sizes.items() if key.startswith(PHYSIQUE))
    c.equal('n_trainable_detector', sum(sizes.values()) - physique)
    c.equal('n_trainable_physique', physique)
    c.equal('n_trainable_discriminator',
            sum(p.numel() for p in networks.reference.parameters()))
    c.equal('n_optimizer_detector_tensors', len(sizes))
    c.equal('n_optimizer_discriminator_tensors',
            len(list(networks.reference.parameters())))
