"""One training iteration, beside the bare network and the naive twin."""
from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import OPTIMIZERS, init_default_scope
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import HOOKS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

import xas_mmpose  # noqa: F401  (registers)
from xas_mmpose.models.priors import REFERENCE_DISCRIMINATORS

from .measuring import Figures, medians_ms, peak_bytes
from .naive_twin import Batch, NaiveTwin

CONFIG = Path(__file__).resolve().parents[2] / 'configs/xas_h36m_s2.py'

#: Pictures of each kind.
TARGETS = SYNTHETIC = 4


def bench_step(repeats: int, quick: bool) -> Figures:
    """Time a whole iteration of configs/xas_h36m_s2.py.

    Bare is the network alone, from 8 pictures to the scores and back: no
    decoding, no loss, no optimizer. The product is what a training does with
    4 target and 4 synthetic pictures that are loaded: all losses, both
    optimizers' steps, the discriminator's learning. The naive twin's
    iteration has the same parts, and both have the same optimizers.

    In one setting they differ: the config gives the product's physique
    network maps of the volumes' size (``map_size``), the twin gives it maps
    of the pictures' size, as the authors' released code does. That is a
    choice and no optimisation, so the product is measured with
    ``map_size=None``, too, in the same rounds: the figures with ``full_map``
    compare like with like.

    Peaks of memory are those of :func:`peak_bytes`: all that an iteration
    holds at once, gradients among it, beyond what stays between iterations
    (``resident_mib``: the product's weights and moments; the twin's are the
    same but for 0.1 % of the discriminator's, which it has not).
    ``peak_memory_ratio`` is the product's peak over the twin's.
    """
    init_default_scope('mmpose')
    # Else each weight's initialisation is told.
    MMLogger.get_instance('mmengine', log_level='ERROR')
    config = _config(quick)
    size = config.codec.input_size[0]
    batch = Batch(
        real=torch.rand(TARGETS, 3, size, size),
        masks=(torch.rand(TARGETS, 1, size, size) > 0.5).float(),
        synthetic=torch.rand(SYNTHETIC, 3, size, size),
        poses=torch.rand(SYNTHETIC, 18, 3) - 0.5)
    width, height = config.model.head.loss_physique_mask.map_size
    print(f'(the physique network sees {width}x{height} cells in the '
          f"product, a choice of the config's; {size}x{size} in "
          'product_full_map and in the naive twin)', flush=True)
    product, twin = Product(config, batch), _twin(config)
    full_map = Product(_with_full_map(config), batch)
    calls = dict(bare=product.bare, product=product.iterate,
                 product_full_map=full_map.iterate,
                 naive=lambda: twin.iterate(batch))
    times = medians_ms(calls, repeats)
    for name, value in times.items():
        yield f'{name}_ms', value
    yield 'ratio_to_bare', times['product'] / times['bare']
    yield 'ratio_to_bare_full_map', times['product_full_map'] / times['bare']
    yield 'naive_ratio_to_bare', times['naive'] / times['bare']
    peaks = {name: peak_bytes(calls[name])
             for name in ('product', 'product_full_map', 'naive')}
    for name, value in peaks.items():
        yield f'{name}_peak_mib', value / 2**20
    yield 'resident_mib', product.resident_bytes() / 2**20
    yield 'peak_memory_ratio', peaks['product'] / peaks['naive']
    yield ('peak_memory_ratio_full_map',
           peaks['product_full_map'] / peaks['naive'])


def _config(quick: bool) -> Config:
    """Read the config; small where the whole thing only has to run."""
    config = Config.fromfile(CONFIG)
    # Times do not depend on the weights, which would have to be loaded.
    config.model.backbone.init_cfg = None
    if quick:
        config.codec.update(input_size=(64, 64), heatmap_size=(16, 16, 16))
        config.model.backbone.update(base_channels=8, stem_channels=8)
        config.model.head.update(in_channels=256, decoder=config.codec,
                                 deconv_out_channels=[8, 8, 8])
        config.model.head.loss_physique_mask.update(
            network=dict(type='PhysiqueNetwork', channels=(4, 8)),
            map_size=(32, 32))
    return config


def _with_full_map(config: Config) -> Config:
    """Return the config with a physique map of the pictures' size."""
    config = copy.deepcopy(config)
    config.model.head.loss_physique_mask.map_size = None
    return config


class Product:
    """A training as MMEngine's runner runs it, without loading.

    Args:
        config: The whole config.
        batch: What each iteration sees.
    """

    def __init__(self, config: Config, batch: Batch) -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(config.model).train()
        self.model.init_weights()
        self.wrapper = build_optim_wrapper(self.model, config.optim_wrapper)
        self.inputs = torch.cat([batch.real, batch.synthetic])
        self.samples = _samples(batch)
        # All that the hook asks of a runner.
        self.runner = SimpleNamespace(
            model=self.model, iter=0, train_dataloader=(), hooks=(),
            _train_loop=object.__new__(EpochBasedTrainLoop),
            message_hub=MessageHub.get_instance('benchmark'))
        self.hook = HOOKS.build(_prior_hook(config))
        self.hook.before_run(self.runner)
        self.hook.before_train(self.runner)

    def bare(self) -> None:
        """Run the network alone, forward and backward."""
        self.model.head(self.model.extract_feat(self.inputs)).sum().backward()
        self.model.zero_grad()

    def iterate(self) -> None:
        """Train on the batch."""
        losses = self.model.loss(self.inputs, self.samples)
        self.wrapper.update_params(self.model.parse_losses(losses)[0])
        self.hook.after_train_iter(self.runner, 0)

    def resident_bytes(self) -> int:
        """Count the weights and what the optimizers remember."""
        modules = self.model, self.hook.discriminator
        tensors = [t for m in modules
                   for t in (*m.parameters(), *m.buffers())]
        for optimizer in (self.wrapper.optimizer, self.hook.optimizer):
            for state in optimizer.state.values():
                tensors += [t for t in state.values() if torch.is_tensor(t)]
        return sum(t.numel() * t.element_size() for t in tensors)


def _samples(batch: Batch) -> list[PoseDataSample]:
    """Return the samples as a data set's pipeline packs them."""
    samples = []
    size = batch.real.shape[-1]
    for number in range(len(batch.real) + len(batch.synthetic)):
        sample = PoseDataSample()
        labelled = number - len(batch.real)
        sample.set_metainfo(dict(
            domain='target' if labelled < 0 else 'synthetic',
            input_size=(size, size), cube_size=2000.0))
        labels = InstanceData()
        labels.keypoint_labels = batch.poses[[max(labelled, 0)]]
        labels.keypoint_weights = torch.full(
            labels.keypoint_labels.shape[:2], float(labelled >= 0))
        sample.gt_instance_labels = labels
        mask = batch.masks[min(number, len(batch.masks) - 1)]
        sample.gt_fields = PixelData(masks=(mask * 255).to(torch.uint8))
        samples.append(sample)
    return samples


class _Detector(nn.Module):
    """From pictures to scores.

    Args:
        model: An estimator of MMPose's.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute volumes (B, K, D, H, W)."""
        return self.model.head(self.model.extract_feat(pictures))


def _twin(config: Config) -> NaiveTwin:
    """Build the twin of the product, with the same detector.

    The discriminator is the authors', with fewer weights.
    """
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    model.init_weights()
    pretext = model.head.pretext
    prior = _prior_hook(config)
    discriminator = MODELS.build(dict(
        prior['discriminator'],
        metainfo=config.model.head.metainfo,
        **REFERENCE_DISCRIMINATORS['decouple']))
    codec = config.codec
    return NaiveTwin(
        detector=_Detector(model),
        physique=pretext.physique_mask.network,
        discriminator=discriminator,
        optimizer=build_optim_wrapper(
            model, config.optim_wrapper).optimizer,
        prior_optimizer=OPTIMIZERS.build(dict(
            prior['optimizer'], params=discriminator.parameters())),
        links=pretext.skeleton_mask.links,
        widths=pretext.skeleton_mask.widths,
        num_hypotheses=codec.num_hypotheses,
        window=codec.window)


def _prior_hook(config: Config) -> dict[str, Any]:
    """Return the config of the adversarial prior."""
    return next(dict(hook) for hook in config.custom_hooks
                if hook['type'] == 'AdversarialPriorHook')
