"""What MMEngine forgets when a training is broken off and resumed."""
from __future__ import annotations

import itertools
import logging
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
)
from mmengine.runner.base_loop import BaseLoop
from mmpose.registry import HOOKS

from xas_mmpose.datasets.samplers import PairedSourceSampler
from xas_mmpose.datasets.transforms.randomness import seed_global_generators

#: Where the checkpoint keeps the hook's state.
KEY = 'exact_resume'


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Let a resumed training end as the unbroken one would, bit for bit.

    MMEngine brings back weights, optimizer, schedules and counters. The
    samples and their augmentation come back by themselves, where a
    :class:`~xas_mmpose.datasets.samplers.PairedSourceSampler` draws them
    from a :class:`~xas_mmpose.datasets.datasets.XasCombinedDataset`. What is
    left is done here:

    - What a model draws at random, as dropout does, becomes a function of
      the run's seed, the iteration and the process: the global generators
      are seeded before each iteration.
    - The sampler's seed goes into the checkpoint, as a config without
      ``randomness`` has another one each time.
    - Iteration-based training would load all batches that it has seen, and
      drop them. A sampler with ``infinite`` begins behind them instead.

    Epoch-based training resumes at the beginning of an epoch alone: of a
    checkpoint from the midst of one MMEngine repeats the whole epoch. The
    hook warns where such checkpoints are saved.
    """

    # Before hooks that might draw.
    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Pass over the batches that iteration-based training has seen."""
        loop, sampler = runner.train_loop, _sampler(runner)
        if isinstance(loop, EpochBasedTrainLoop) and any(
                isinstance(hook, CheckpointHook) and not hook.by_epoch
                and hook.interval > 0 and hook.interval % len(loop.dataloader)
                for hook in runner.hooks):
            print_log(
                'a training that counts epochs resumes at the beginning of '
                'one: from a checkpoint in the midst of an epoch it will not '
                'end as the unbroken one. Save between epochs '
                '(default_hooks.checkpoint.by_epoch=True) or count '
                'iterations (train_cfg.by_epoch=False)', 'current',
                logging.WARNING)
        if (isinstance(loop, IterBasedTrainLoop) and loop.iter
                and sampler is not None and sampler.infinite):
            sampler.first_batch = loop.iter
            # The loop takes as many as it has seen, whatever they are.
            loop.dataloader_iterator = itertools.chain(
                itertools.repeat(None, loop.iter), iter(loop.dataloader))

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: Any = None) -> None:
        """Seed the global generators."""
        # The last number tells this from what samples are made from.
        seed_global_generators(runner.seed, runner.iter, get_rank(), 1)
        # The accelerator's as well.
        torch.manual_seed(torch.initial_seed())

    def before_save_checkpoint(self, runner: Runner,
                               checkpoint: dict) -> None:
        """Put the sampler's seed in."""
        sampler = _sampler(runner)
        if sampler is not None:
            checkpoint[KEY] = dict(sampler_seed=sampler.seed)

    def after_load_checkpoint(self, runner: Runner,
                              checkpoint: dict) -> None:
        """Take it out again, when training is resumed."""
        # Only train() has built its loop by now.
        if not (runner._resume and isinstance(runner._train_loop, BaseLoop)):
            return
        sampler = _sampler(runner)
        if sampler is not None and KEY in checkpoint:
            sampler.seed = checkpoint[KEY]['sampler_seed']


def _sampler(runner: Runner) -> PairedSourceSampler | None:
    """Return the sampler, if it is one whose draws can be found again."""
    sampler = getattr(runner.train_dataloader.batch_sampler, 'sampler', None)
    return sampler if isinstance(sampler, PairedSourceSampler) else None
