"""Batch norm that describes target pictures."""
from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import broadcast
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import Dataset

from xas_mmpose.datasets.transforms.randomness import global_generators
from xas_mmpose.models.glance import glance


@HOOKS.register_module()
class TargetStatisticsHook(Hook):
    """Let batch norm's statistics be those of target pictures alone.

    In training target and synthetic pictures share their batches, and so the
    means and variances that batch norm keeps for later. At test time there
    are target pictures alone, and they look different. At the end of an
    epoch this hook shows the model some unlabelled target pictures of the
    training set and keeps their statistics instead (Li et al., "Revisiting
    Batch Normalization For Practical Domain Adaptation", arXiv 1603.04779).
    Weights stay as they are, and so does the training: in it batch norm uses
    its own batch. Averaged weights of MMEngine's ``EMAHook`` get statistics
    of their own. Layers that the detector's features do not pass through,
    such as the physique network's, are left alone, and so are those that
    use their running statistics in training, too: frozen stages, and all of
    a backbone with ``norm_eval``.

    Not a part of the paper.

    Args:
        num_pictures: How many target pictures are shown, evenly spaced over
            each unlabelled data set and augmented as in training.
        batch_size: How many at a time.
        interval: Epochs (or iterations) between two times; the last one
            always counts.
        by_epoch: Whether ``interval`` counts epochs or iterations.

    Raises:
        ValueError: If a number is below 1, the training set has no target
            pictures, or an iteration-based training is to count epochs.
    """

    # After the step of the last iteration; before checkpoints are saved.
    priority = 'LOW'

    def __init__(self,
                 num_pictures: int = 256,
                 batch_size: int = 32,
                 interval: int = 1,
                 by_epoch: bool = True) -> None:
        for name, value in (('num_pictures', num_pictures),
                            ('batch_size', batch_size),
                            ('interval', interval)):
            if value < 1:
                raise ValueError(f'{name} starts at 1, got {value}')
        self.num_pictures = num_pictures
        self.batch_size = batch_size
        self.interval = interval
        self.by_epoch = by_epoch

    def before_train(self, runner: Runner) -> None:
        """Choose the pictures.

        Raises:
            ValueError: If the training set has no target pictures, or the
                training has no epochs to count.
        """
        if self.by_epoch and not isinstance(runner.train_loop,
                                            EpochBasedTrainLoop):
            # Its one epoch ends behind the last checkpoint.
            raise ValueError(
                'this training counts iterations: give TargetStatisticsHook '
                'by_epoch=False and an interval of iterations, or train_cfg '
                'by_epoch=True')
        dataset = runner.train_dataloader.dataset
        self.indices = _target_indices(dataset, self.num_pictures)
        if not len(self.indices):
            raise ValueError(
                'TargetStatisticsHook found no target pictures among the '
                'training data sets; take the hook out of custom_hooks, or '
                'put a data set of unlabelled pictures in')
        # With diff_rank_seed each process has another one.
        seed = torch.tensor(runner.seed or 0)
        broadcast(seed)
        self.seed = int(seed)

    def after_train_epoch(self, runner: Runner) -> None:
        """Renew the statistics."""
        if self.by_epoch and (self.every_n_epochs(runner, self.interval)
                              or self.is_last_train_epoch(runner)):
            self.renew(runner)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Renew the statistics."""
        if not self.by_epoch and (
                self.every_n_train_iters(runner, self.interval)
                or self.is_last_train_iter(runner)):
            self.renew(runner)

    def renew(self, runner: Runner) -> None:
        """Replace the statistics of the model and of its average.

        Args:
            runner: The runner. All its processes see the same pictures, so
                their statistics agree.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        # Whatever mode the averages happen to be in.
        names = {name for name, module in model.named_modules()
                 if isinstance(module, _BatchNorm) and module.training
                 and module.track_running_stats}
        models = [model] + [hook.ema_model.module for hook in runner.hooks
                            if isinstance(hook, EMAHook)]
        batches = list(self._batches(runner))
        for each in models:
            with _gathering(each, names):
                for batch in batches:
                    data = each.data_preprocessor(batch, False)
                    each(**data, mode='tensor')
        print_log(f'batch norm: statistics of {len(self.indices)} target '
                  'pictures', 'current', logging.INFO)

    def _batches(self, runner: Runner) -> Iterator[Any]:
        """Load the pictures, with augmentation of their own."""
        dataset = runner.train_dataloader.dataset
        # All batches count alike, so no small one is left over. Each reaches
        # over the whole set: of neighbours, who look alike, a batch would
        # keep a variance that is too small.
        num = -(-len(self.indices) // self.batch_size)
        parts = [self.indices[i::num] for i in range(num)]
        begin = 0
        for part in parts:
            # The training's own draws must not depend on these.
            with global_generators(self.seed, runner.iter, begin, 2):
                samples = [dataset[index] for index in part]
            begin += len(part)
            yield pseudo_collate(samples)


def _target_indices(dataset: Dataset, num: int) -> list[int]:
    """Return indices of target pictures, evenly spaced over each source."""
    lengths = [len(part) for part in getattr(dataset, 'datasets', [dataset])]
    starts = np.cumsum([0, *lengths[:-1]])
    targets = []
    with global_generators(0):
        for start, length in zip(starts, lengths):
            sample = dataset[int(start)]['data_samples']
            if sample.metainfo.get('domain') == 'target':
                targets.append((start, length))
    indices: list[int] = []
    for start, length in targets:
        share = min(length, -(-num // len(targets)))
        places = np.linspace(0, length - 1, share).round().astype(int)
        indices += (start + places).tolist()
    return indices


@contextmanager
def _gathering(model: nn.Module, names: Collection[str]) -> Iterator[None]:
    """Let layers of batch norm average what passes; all else tests."""
    kept = [_BatchNormState(module) for name, module in model.named_modules()
            if name in names]
    with glance(model):
        for state in kept:
            state.begin()
        try:
            yield
        finally:
            for state in kept:
                state.end()


class _BatchNormState:
    """One layer of batch norm while it gathers statistics."""

    def __init__(self, layer: _BatchNorm) -> None:
        self.layer = layer
        self.momentum = layer.momentum
        self.mean = layer.running_mean.clone()
        self.var = layer.running_var.clone()
        self.steps = layer.num_batches_tracked.clone()

    def begin(self) -> None:
        """Start anew; without momentum all batches count alike."""
        self.layer.reset_running_stats()
        self.layer.momentum = None
        self.layer.train()

    def end(self) -> None:
        """Keep what was gathered, if anything was."""
        layer = self.layer
        layer.momentum = self.momentum
        if not layer.num_batches_tracked:
            layer.running_mean.copy_(self.mean)
            layer.running_var.copy_(self.var)
        # It counts the training's steps.
        layer.num_batches_tracked.copy_(self.steps)
