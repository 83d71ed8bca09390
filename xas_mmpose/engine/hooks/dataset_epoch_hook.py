"""Tell data sets that make their own samples which epoch it is."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS

from xas_mmpose.datasets.samplers import PairedSourceSampler


def epoch_datasets(dataset: Any) -> Iterator[Any]:
    """Yield the data sets with a ``set_epoch`` in a tree of wrappers.

    Args:
        dataset: A data set, or a wrapper of one (``dataset``) or several
            (``datasets``).
    """
    if hasattr(dataset, 'set_epoch'):
        yield dataset
    inner = getattr(dataset, 'datasets', None)
    if inner is None:
        inner = [dataset.dataset] if hasattr(dataset, 'dataset') else []
    for part in inner:
        yield from epoch_datasets(part)


@HOOKS.register_module()
class DatasetEpochHook(Hook):
    """Call ``set_epoch`` of the training's data sets before each epoch.

    MMEngine does so for samplers alone. A training that is resumed names the
    epoch that it goes on with. Iteration-based training has no epochs: a
    warning says what to do there.

    The indices of a
    :class:`~xas_mmpose.datasets.samplers.PairedSourceSampler` tell data sets
    more than that, and the hook is not needed beside it.
    """

    def before_train(self, runner: Runner) -> None:
        """Warn where samples would come round again."""
        sampler = getattr(runner.train_dataloader.batch_sampler, 'sampler',
                          None)
        if isinstance(runner.train_loop, EpochBasedTrainLoop) or isinstance(
                sampler, PairedSourceSampler):
            return
        for dataset in epoch_datasets(runner.train_dataloader.dataset):
            print_log(
                f'{type(dataset).__name__} has {len(dataset)} samples, and '
                'this training no epochs: once all are shown they come '
                'round again. Draw them by a PairedSourceSampler, or give '
                'the data set as many as the training draws from it',
                'current', logging.WARNING)

    def before_train_epoch(self, runner: Runner) -> None:
        """Hand on the epoch."""
        for dataset in epoch_datasets(runner.train_dataloader.dataset):
            dataset.set_epoch(runner.epoch)
