#!/usr/bin/env python
"""Turn a checkpoint of the authors' released code into one of this package.

    python tools/model_converters/reference_to_mmpose.py CKPT.pth.tar OUT.pth

The result fits configs/xas_h36m_s2.py: detector and physique network in
``state_dict``, the discriminator where AdversarialPriorHook looks for it, so
that ``load_from`` takes all three. Every tensor must find its place, and
every place its tensor. What is not converted is printed. The physique network
has learned from maps of 256x256 cells: it fits
`--cfg-options model.head.loss_physique_mask.map_size=None`.
"""
from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor, nn

import xas_mmpose  # noqa: F401  (registers)
from xas_mmpose.engine.hooks.adversarial_prior_hook import KEY
from xas_mmpose.models.priors import GCNPoseDiscriminator

CONFIG = Path(__file__).parents[2] / 'configs' / 'xas_h36m_s2.py'
#: Where ours keeps the physique network.
PHYSIQUE = 'head.pretext.physique_mask.network.'
#: Buffers of the body model, which both of the authors' models carry along.
SMPL = 'smpl_layer.'

Tensors = dict[str, Tensor]


class Networks(NamedTuple):
    """What a config builds.

    Attributes:
        detector: The pose estimator.
        discriminator: That of its AdversarialPriorHook.
        reference: The same with the authors' code of the key points: the
            names and shapes of their tensors.
    """

    detector: nn.Module
    discriminator: GCNPoseDiscriminator
    reference: GCNPoseDiscriminator


def build_networks(config: Config) -> Networks:
    """Build what a checkpoint must fit, without loading any weights.

    Args:
        config: Config of a detector with a physique network and a prior.

    Returns:
        The networks.

    Raises:
        ValueError: If the config has no ``loss_physique_mask`` or no
            AdversarialPriorHook.
    """
    init_default_scope('mmpose')
    cfg = config.model.to_dict()
    cfg['backbone']['init_cfg'] = None
    hooks = [hook for hook in config.get('custom_hooks') or ()
             if hook['type'] == 'AdversarialPriorHook']
    if not hooks or not cfg['head'].get('loss_physique_mask'):
        raise ValueError(
            f'{config.filename} needs model.head.loss_physique_mask and an '
            "AdversarialPriorHook: an authors' checkpoint holds the networks "
            'of both (see configs/xas_h36m_s2.py)')
    prior = dict(hooks[0].get('discriminator')
                 or dict(type='GCNPoseDiscriminator'))
    prior = {'metainfo': cfg['head']['metainfo'], **prior}
    return Networks(
        MODELS.build(cfg), MODELS.build(dict(prior)),
        MODELS.build(dict(prior, code='reference')))


def detector_keys(detector: nn.Module) -> dict[str, str]:
    """Return our key of each of the detector's tensors to the authors'."""
    head = detector.head
    physique = head.pretext.physique_mask.network.reference_keys()
    last = f'features.{len(head.deconv_layers)}.'
    keys = {}
    for key in detector.state_dict():
        if key.startswith(PHYSIQUE):
            name = physique[key.removeprefix(PHYSIQUE)]
            keys[key] = f'physique_network.{name}'
        else:
            name = key.replace('head.deconv_layers.', 'head.features.')
            name = name.replace('head.final_layer.', f'head.{last}')
            keys[key] = f'regressor.net.{name}'
    return keys


def discriminator_keys(reference: GCNPoseDiscriminator) -> dict[str, str]:
    """Return our key of each of the discriminator's tensors to theirs."""
    return {ours: f'smpl_discriminator.{theirs}'
            for ours, theirs in reference.reference_keys().items()}


def take(tensors: Mapping[str, Tensor], keys: Mapping[str, str],
         like: Mapping[str, Tensor], part: str) -> Tensors:
    """Rename tensors; none may be left over, missing or of another shape.

    Args:
        tensors: The authors' tensors.
        keys: Our names to theirs.
        like: Tensors of the wanted shapes under our names.
        part: Which of the checkpoint's models it is, for messages.

    Returns:
        Tensors under our names.

    Raises:
        ValueError: If anything does not fit; it lists everything.
    """
    tensors = {key.removeprefix('module.'): value
               for key, value in tensors.items()}
    wrong = [f'left over: {key}' for key in tensors
             if key not in set(keys.values()) and not key.startswith(SMPL)]
    for ours, theirs in keys.items():
        if theirs not in tensors:
            wrong.append(f'missing: {theirs}')
        elif tensors[theirs].shape != like[ours].shape:
            wrong.append(f'{theirs} has shape {tuple(tensors[theirs].shape)},'
                         f' expected {tuple(like[ours].shape)}')
    if wrong:
        raise ValueError(f'{part} is no checkpoint of this config:\n  '
                         + '\n  '.join(wrong))
    return {ours: tensors[theirs] for ours, theirs in keys.items()}


def fold_code(state: Mapping[str, Tensor],
              networks: Networks) -> Tensors:
    """Let the weights hold what the authors' code tells of key points.

    A stream begins with a linear layer of coordinates and code, so any
    constant code can be written as weights of a one-hot one.

    Args:
        state: State dict of ``networks.reference``.
        networks: The networks.

    Returns:
        State dict of ``networks.discriminator``; it computes the same.
    """
    theirs, ours = networks.reference.code, networks.discriminator.code
    if ours.shape == theirs.shape:
        return dict(state)
    if ours.shape[1] != len(ours):
        raise ValueError("the config's discriminator tells no key point from "
                         "another (code=None), the authors' does; take "
                         "code='one_hot' or 'reference'")
    folded = dict(state)
    for key, weight in state.items():
        if key.endswith('embed.weight'):
            folded[key] = torch.cat(
                [weight[:, :3], weight[:, 3:] @ theirs.T], 1)
    return folded


def convert(checkpoint: Mapping[str, Any],
            networks: Networks) -> dict[str, Any]:
    """Convert a loaded checkpoint.

    Args:
        checkpoint: The authors' checkpoint: ``unsup_model``, ``unsup_disc``.
        networks: What it must fit.

    Returns:
        A checkpoint of this package: ``state_dict``, ``meta`` and the
        discriminator.

    Raises:
        ValueError: If a part is missing or a tensor does not fit.
    """
    for part in ('unsup_model', 'unsup_disc'):
        if not isinstance(checkpoint.get(part), Mapping):
            raise ValueError(
                f'the checkpoint has no {part!r} but {sorted(checkpoint)}; '
                "it is not one of the authors' released code")
    detector = take(checkpoint['unsup_model'],
                    detector_keys(networks.detector),
                    networks.detector.state_dict(), 'unsup_model')
    discriminator = take(checkpoint['unsup_disc'],
                         discriminator_keys(networks.reference),
                         networks.reference.state_dict(), 'unsup_disc')
    return {
        'state_dict': detector,
        'meta': dict(source="the authors' released code"),
        KEY: dict(discriminator=fold_code(discriminator, networks)),
    }


def load_reference(path: Path) -> dict[str, Any]:
    """Read an authors' checkpoint, tensors and plain values only.

    Args:
        path: The ``.pth.tar``.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no checkpoint, or loading it would run code.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as e:
        raise ValueError(
            f'{path} was not loaded. Only tensors and plain values are read, '
            'as anything else could run code; if you trust the file, save '
            "its 'unsup_model' and 'unsup_disc' alone and convert that. "
            f'({str(e).splitlines()[0] if str(e) else type(e).__name__})'
        ) from e
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} holds a {type(checkpoint).__name__}, not '
                         "an authors' checkpoint")
    return checkpoint


def main(arguments: list[str] | None = None) -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help="the authors' .pth.tar")
    parser.add_argument('out', type=Path, help='checkpoint to write')
    parser.add_argument('--config', type=Path, default=CONFIG,
                        help='what it must fit (default: %(default)s)')
    options = parser.parse_args(arguments)
    source = load_reference(options.checkpoint)
    networks = build_networks(Config.fromfile(options.config))
    try:
        converted = convert(source, networks)
    except ValueError as e:
        raise ValueError(f'{options.checkpoint}: {e}') from None
    options.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(converted, options.out)
    smpl = [key for part in ('unsup_model', 'unsup_disc')
            for key in source[part] if SMPL in key]
    others = sorted(set(source) - {'unsup_model', 'unsup_disc'})
    print(f"{options.out}: {len(converted['state_dict'])} tensors of "
          'detector and physique network (batch counters among them), '
          f"{len(converted[KEY]['discriminator'])} of the discriminator")
    print(f'left out: {len(smpl)} SMPL buffers'
          + ''.join(f', {key}' for key in others))
    print('A discriminator of this config judges each pose by itself and '
          "root-centred;\nthe authors' normalises over the batch "
          "(norm='reference_batch', center=False).")


if __name__ == '__main__':
    main()
