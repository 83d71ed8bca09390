"""Several stages of training in one run."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from torch import nn

from xas_mmpose.datasets.samplers import PairedBatchSampler

SETTINGS = ('begin', 'loss_weights', 'lr_factor', 'samples_per_source')


@HOOKS.register_module()
class StageScheduleHook(Hook):
    """Change what is trained, how fast, and on what, as training goes on.

    What a stage does not mention stays as it was. The stage follows from the
    epoch alone, so a resumed training goes on as the unbroken one.

    Args:
        stages: Dictionaries with

            - ``begin``: first epoch (or iteration) of the stage, from 0 on,
              rising; the first stage begins at 0
            - ``loss_weights``: weight of each loss of the head by its name
              (``dict(loss_synthetic=3.0, loss_prior=None)``); None for the
              one that the model's config gives it
            - ``lr_factor``: what the learning rates, as the config has them,
              are multiplied with when the stage begins; schedules in
              ``param_scheduler`` go on from there
            - ``samples_per_source``: how many samples of each data set stand
              in a batch. An epoch keeps its number of batches.

        by_epoch: Whether ``begin`` counts epochs or iterations.

    Raises:
        ValueError: If the stages are wrong in themselves, or do not fit the
            model, the data or the kind of training.
    """

    # Before hooks that look at what it sets.
    priority = 'HIGH'

    def __init__(self,
                 stages: Sequence[Mapping[str, Any]],
                 by_epoch: bool = True) -> None:
        begins = [stage.get('begin') for stage in stages]
        if not begins or begins[0] != 0 or any(
                not isinstance(b, int) for b in begins) or (
                    begins != sorted(set(begins))):
            raise ValueError("the stages' begins must be whole numbers that "
                             f'rise from 0, got {begins}')
        unknown = {key for stage in stages for key in stage} - set(SETTINGS)
        if unknown:
            raise ValueError(f'a stage has the unknown settings '
                             f'{sorted(unknown)}; there are {SETTINGS}')
        if not by_epoch and any('samples_per_source' in s for s in stages):
            raise ValueError(
                'samples_per_source can change between epochs only: batches '
                'are drawn in advance. Use by_epoch=True')
        self.stages = [dict(stage) for stage in stages]
        self.by_epoch = by_epoch
        self._current: int | None = None
        self._configured: dict[str, float] = {}

    def before_run(self, runner: Runner) -> None:
        """Note the learning rates before a checkpoint changes them."""
        if self._is_training(runner):
            for group in runner.optim_wrapper.param_groups:
                group.setdefault('initial_lr', group['lr'])

    def _is_training(self, runner: Runner) -> bool:
        # val() and test() call before_run, too, without an optimizer built.
        return hasattr(runner.optim_wrapper, 'param_groups')

    def before_train(self, runner: Runner) -> None:
        """Check the stages against the run.

        Args:
            runner: The runner.

        Raises:
            ValueError: If a stage names a loss that the head lacks, or
                numbers that do not fit the data loader.
        """
        if self.by_epoch and not isinstance(runner.train_loop,
                                            EpochBasedTrainLoop):
            raise ValueError(
                'this training counts iterations: give StageScheduleHook '
                'by_epoch=False, or train_cfg by_epoch=True')
        modules = _loss_modules(runner)
        for name, module in modules.items():
            if module is not None:
                self._configured.setdefault(name, module.loss_weight)
        for stage in self.stages:
            for name in stage.get('loss_weights', {}):
                if modules.get(name) is None:
                    present = [n for n, m in modules.items() if m is not None]
                    raise ValueError(
                        f"stage {stage['begin']} weighs {name}, which the "
                        f'head has not; it has {present}. Add '
                        f'model.head.{name} to the config')
            if 'samples_per_source' in stage:
                _batch_sampler(runner).sampler.check_samples_per_source(
                    stage['samples_per_source'])
        self._current = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Enter the epoch's stage."""
        if self.by_epoch:
            self._enter(runner, runner.epoch)

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: Any = None) -> None:
        """Enter the iteration's stage."""
        if not self.by_epoch:
            self._enter(runner, runner.iter)

    def _enter(self, runner: Runner, now: int) -> None:
        """Set what the stage of an epoch or iteration says."""
        number = sum(stage['begin'] <= now for stage in self.stages) - 1
        if number == self._current:
            return
        self._current = number
        modules = _loss_modules(runner)
        # A resumed training has not seen the stages before this one.
        for stage in self.stages[:number + 1]:
            for name, weight in self._weights(stage).items():
                modules[name].loss_weight = weight
            if 'samples_per_source' in stage:
                _batch_sampler(runner).set_samples_per_source(
                    stage['samples_per_source'], stage['begin'])
        stage = self.stages[number]
        # Within a stage the checkpoint has brought the learning rate.
        if 'lr_factor' in stage and stage['begin'] == now:
            for group in runner.optim_wrapper.param_groups:
                group['lr'] = group['initial_lr'] * stage['lr_factor']
        shown = dict(stage, loss_weights=self._weights(stage))
        runner.logger.info(f'Stage {number + 1} of {len(self.stages)}: '
                           f'{shown}')

    def _weights(self, stage: Mapping[str, Any]) -> dict[str, float]:
        """Return the weights that a stage sets."""
        return {name: self._configured[name] if weight is None else weight
                for name, weight in stage.get('loss_weights', {}).items()}


def _loss_modules(runner: Runner) -> dict[str, nn.Module | None]:
    """Return the losses of the model's head, whatever wraps the model."""
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    modules = getattr(getattr(model, 'head', None), 'loss_modules', None)
    if modules is None:
        raise ValueError('StageScheduleHook needs a model with a '
                         'MultiHypothesisHead')
    return modules


def _batch_sampler(runner: Runner) -> PairedBatchSampler:
    """Return the sampler that can change what stands in a batch."""
    sampler = runner.train_dataloader.batch_sampler
    if not isinstance(sampler, PairedBatchSampler):
        raise ValueError(
            'samples_per_source needs train_dataloader.sampler='
            "dict(type='PairedSourceSampler', ...) and batch_sampler="
            "dict(type='PairedBatchSampler')")
    return sampler
