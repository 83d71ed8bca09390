"""A teacher for target pictures: the average of the weights so far."""
from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from xas_mmpose.models.heads.pretext_losses import is_on
from xas_mmpose.ops import Marginals
from xas_mmpose.skeletons import flip_indices_of

#: Where the checkpoint keeps the hook's state.
KEY = 'mean_teacher'


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    """Show target pictures to the averaged weights, for ``loss_teacher``.

    Before each iteration the average that MMEngine's ``EMAHook`` keeps looks
    at the batch's target pictures and at their mirror images, and hands the
    mean of both to the head, whose ``loss_teacher`` draws the detector
    towards it (Tarvainen and Valpola, arXiv 1703.01780). The detector itself
    sees the pictures darker or brighter and with holes, so that it must find
    with less what the teacher has found with more. No label is looked at.

    The teacher's batch norm uses the running mean of what it has seen of
    target pictures, which lies in the checkpoint under ``mean_teacher``: a
    batch alone has too few of them, and the detector's own statistics are of
    labelled pictures, too. Nothing of the teacher is changed by looking. Of
    several processes each goes by its own target pictures, be it
    ``SyncBatchNorm`` or not: one that has none does not ask. They resume with
    those of the first. While ``loss_teacher`` has weight 0 the hook rests.

    Not a part of the paper.

    Args:
        momentum: Share of a batch in the running statistics; of the first
            1 / momentum all count alike.
        gain: Each colour of a target picture is multiplied with a number
            drawn from 1 - gain to 1 + gain; 0 leaves colours alone.
        holes: How many boxes are cut out of it.
        hole_size: Their least and greatest side, in parts of the picture's.

    Raises:
        ValueError: If a number is out of range, or the training has no
            ``EMAHook`` or the head no ``loss_teacher``.
    """

    # Behind hooks that set weights and generators.
    priority = 'LOW'

    def __init__(self,
                 momentum: float = 0.02,
                 gain: float = 0.3,
                 holes: int = 2,
                 hole_size: tuple[float, float] = (0.06, 0.25)) -> None:
        if not 0 < momentum <= 1:
            raise ValueError('momentum is above 0 and at most 1, got '
                             f'{momentum}')
        if not 0 <= gain <= 1:
            raise ValueError(f'gain goes from 0 to 1, got {gain}')
        if holes < 0 or not 0 < hole_size[0] <= hole_size[1] <= 1:
            raise ValueError('holes must not be negative, and hole_size two '
                             'rising numbers from above 0 to 1, got '
                             f'{holes} and {hole_size}')
        self.momentum = momentum
        self.gain = gain
        self.holes = holes
        self.hole_size = hole_size
        self.statistics: dict[str, _RunningStatistics] = {}

    def before_train(self, runner: Runner) -> None:
        """Find the teacher.

        Raises:
            ValueError: If there is none, or nobody to teach.
        """
        averages = [hook for hook in runner.hooks
                    if isinstance(hook, EMAHook)]
        if not averages:
            raise ValueError(
                'MeanTeacherHook needs averaged weights: add '
                "default_hooks.ema=dict(type='EMAHook', momentum=0.02, "
                'update_buffers=True)')
        losses = getattr(_head(runner.model), 'loss_modules', {})
        if losses.get('loss_teacher') is None:
            raise ValueError(
                'MeanTeacherHook needs a head with a loss_teacher: add '
                "model.head.loss_teacher=dict(type='TeacherLoss')")
        self.teacher = averages[0].ema_model.module

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: dict[str, Any] | None = None) -> None:
        """Ask the teacher, and make the pictures harder for the detector.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: ``inputs``, pictures (3, H, W), and
                ``data_samples``. Those of target pictures are replaced.
        """
        head = _head(runner.model)
        if not is_on(head.pretext.teacher):
            return
        targets = [i for i, sample in enumerate(data_batch['data_samples'])
                   if sample.metainfo.get('domain') == 'target']
        if not targets:
            return
        head.pretext.teacher_marginals = self.ask(
            [data_batch['inputs'][i] for i in targets],
            [data_batch['data_samples'][i] for i in targets])
        # Not the global one: a resumed training goes on as the unbroken one.
        words = np.random.SeedSequence(
            (runner.seed or 0, runner.iter, get_rank(), 3)).generate_state(
                1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0]))
        data_batch['inputs'] = list(data_batch['inputs'])
        for i in targets:
            data_batch['inputs'][i] = self.disturb(data_batch['inputs'][i],
                                                   generator)

    @torch.no_grad()
    def ask(self, pictures: list[Tensor], samples: list[Any]) -> Marginals:
        """Let the teacher look at pictures and at their mirror images.

        Args:
            pictures: B pictures (3, H, W), as the data set gives them.
            samples: Their samples.

        Returns:
            Marginals of each key point, B of them.
        """
        data = self.teacher.data_preprocessor(
            dict(inputs=pictures, data_samples=samples), False)
        inputs = data['inputs']
        with self._target_statistics():
            feats = [self.teacher.extract_feat(each)
                     for each in (inputs, inputs.flip(-1))]
            return self.teacher.head.flip_average(
                feats, flip_indices_of(self.teacher.head.metainfo))

    @contextmanager
    def _target_statistics(self) -> Iterator[None]:
        """Let batch norm go by target pictures alone; all else tests."""
        self.teacher.eval()
        layers = {name: module
                  for name, module in self.teacher.named_modules()
                  if isinstance(module, _BatchNorm)}
        for name, layer in layers.items():
            # SyncBatchNorm's own would wait for processes that have nothing
            # to ask.
            layer.forward = functools.partial(self._normalise, name, layer)
        try:
            yield
        finally:
            for layer in layers.values():
                del layer.forward

    def _normalise(self, name: str, layer: _BatchNorm,
                   features: Tensor) -> Tensor:
        """Do what batch norm does, by statistics of target pictures."""
        if name not in self.statistics:
            self.statistics[name] = _RunningStatistics(
                torch.zeros_like(layer.running_mean),
                torch.zeros_like(layer.running_var))
        seen = self.statistics[name]
        seen.update(features, self.momentum)
        return F.batch_norm(features, seen.mean, seen.var, layer.weight,
                            layer.bias, eps=layer.eps)

    def before_save_checkpoint(self, runner: Runner,
                               checkpoint: dict) -> None:
        """Put the running statistics in."""
        checkpoint[KEY] = {
            name: dict(mean=seen.mean.cpu(), var=seen.var.cpu(),
                       batches=seen.batches)
            for name, seen in self.statistics.items()}

    def after_load_checkpoint(self, runner: Runner,
                              checkpoint: dict) -> None:
        """Take them out again, when training is resumed."""
        if not runner._resume:
            return
        device = next(runner.model.parameters()).device
        self.statistics = {
            name: _RunningStatistics(seen['mean'].to(device),
                                     seen['var'].to(device), seen['batches'])
            for name, seen in checkpoint.get(KEY, {}).items()}

    def disturb(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        """Return a picture (3, H, W) that shows less."""
        gain = 1 + self.gain * (2 * torch.rand(3, 1, 1, generator=generator)
                                - 1)
        picture = (picture * gain).clamp(0, 255).to(picture.dtype)
        sides = torch.tensor(picture.shape[-2:])
        low, high = self.hole_size
        for _ in range(self.holes):
            size, place = torch.rand(2, 2, generator=generator)
            size = ((low + (high - low) * size) * sides).round().long()
            top, left = (place * (sides - size)).round().long().tolist()
            height, width = size.tolist()
            picture[:, top:top + height, left:left + width] = 0
        return picture


def _head(model: nn.Module) -> nn.Module:
    """Return a model's head, whatever wraps the model."""
    return (model.module if is_model_wrapper(model) else model).head


@dataclass
class _RunningStatistics:
    """Moments of what one layer of batch norm is given.

    Attributes:
        mean: Running mean of the batches' means (C,).
        var: The same of their variances (C,).
        batches: How many there were.
    """

    mean: Tensor
    var: Tensor
    batches: int = 0

    def update(self, features: Tensor, momentum: float) -> None:
        """Count a batch of features (B, C, H, W)."""
        var, mean = torch.var_mean(features, (0, 2, 3))
        self.batches += 1
        share = max(1 / self.batches, momentum)
        self.mean.lerp_(mean, share)
        self.var.lerp_(var, share)
