"""The adversarial prior: a discriminator that learns beside the detector."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dist import (
    all_reduce,
    all_reduce_params,
    broadcast,
    get_rank,
)
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmpose.registry import HOOKS, MODELS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from xas_mmpose.models.heads.pretext_losses import PriorPoses, is_on

#: Where the checkpoint keeps the hook's state.
KEY = 'adversarial_prior'


@HOOKS.register_module()
class AdversarialPriorHook(Hook):
    """Train a discriminator of 3D poses beside the detector.

    Sec. 3.4 of arXiv 2411.13026. The head's ``loss_prior`` asks the
    discriminator how real the poses on target pictures are, and teaches the
    detector to make them more so. After the detector's step the
    discriminator learns from the same forward pass: predictions of target
    pictures, detached, against the poses of the synthetic pictures beside
    them. Both see them root-centred, in half cube sides (metres, for a cube
    of 2 m).

    The two trainings are kept apart. The discriminator is no module of the
    detector, so neither the detector's optimizer nor DDP nor a deployed
    checkpoint's ``state_dict`` knows of it: the head holds a function alone,
    through which gradients reach poses and never weights. The detector runs
    once an iteration, so its batch norm sees every picture once. The hook
    draws no number from the global generators.

    Weights, optimizer and schedules lie in the checkpoint under
    ``'adversarial_prior'``. Resuming restores them all; with ``load_from``
    the weights alone are taken. Several processes average their gradients,
    and each learns what one process with the whole batch would (but for
    dropout, which each draws for its own poses).

    While ``loss_prior`` has weight 0 the discriminator and its schedules
    rest: its optimizer must not gather zeros before its work begins.

    A head that ranks whole poses (its ``pose_ranker``) reads the weights of
    this discriminator, and so keeps them in the model's checkpoint. So does
    the one of an average that MMEngine's ``EMAHook`` keeps: there is one
    discriminator, which is not averaged.

    Args:
        discriminator: Config of the discriminator; it is given the head's
            ``metainfo``. It needs a ``score(poses)`` through which gradients
            reach the poses alone
            (:class:`~xas_mmpose.models.GCNPoseDiscriminator`).
        loss: Config of its loss.
        optimizer: Config of its optimizer.
        param_scheduler: Configs of its schedules, as MMEngine's
            ``param_scheduler``. They count the epochs or iterations in which
            ``loss_prior`` is on.
        interval: Iterations per step of the discriminator.
        seed: Seed of its first weights and its dropout.

    Raises:
        ValueError: If ``interval`` is below 1, or the model's head has no
            ``loss_prior``.

    Note:
        In the authors' released code the prior's gradient is detached from
        the detector, and what it leaves in the discriminator is added to the
        discriminator's next step.
    """

    priority = 'NORMAL'

    def __init__(self,
                 discriminator: Mapping[str, Any] | None = None,
                 loss: Mapping[str, Any] | None = None,
                 optimizer: Mapping[str, Any] | None = None,
                 param_scheduler: Sequence[Mapping[str, Any]] = (),
                 interval: int = 1,
                 seed: int = 0) -> None:
        if interval < 1:
            raise ValueError(f'interval starts at 1, got {interval}')
        self.discriminator_cfg = dict(
            discriminator or dict(type='GCNPoseDiscriminator'))
        self.loss = MODELS.build(
            dict(loss or dict(type='PriorDiscriminatorLoss')))
        self.optimizer_cfg = dict(optimizer or dict(
            type='Adam', lr=1e-4, betas=(0.5, 0.999)))
        self.scheduler_cfgs = [dict(cfg) for cfg in param_scheduler]
        self.interval = interval
        self.seed = seed
        self.steps = 0
        #: Whether the discriminator has learned anything yet.
        self.trained = False
        self.discriminator: nn.Module | None = None

    def before_run(self, runner: Runner) -> None:
        """Build the discriminator, in training only.

        Args:
            runner: The runner, before it loads a checkpoint.

        Raises:
            ValueError: If the model's head has no ``loss_prior``.
        """
        # val() and test() call this, too; only train() has built its loop.
        if not isinstance(runner._train_loop, BaseLoop):
            return
        head = _head(runner)
        if getattr(head, 'loss_modules', {}).get('loss_prior') is None:
            raise ValueError(
                'AdversarialPriorHook needs a head with a loss_prior: add '
                "model.head.loss_prior=dict(type='PriorGeneratorLoss', "
                "loss_weight=0.5) to a MultiHypothesisHead's config")
        device = next(head.parameters()).device
        with _own_generator(device, self.seed):
            self.discriminator = MODELS.build(
                {'metainfo': head.metainfo, **self.discriminator_cfg})
            if hasattr(self.discriminator, 'init_weights'):
                self.discriminator.init_weights()
        self.discriminator.to(device).eval()
        for tensor in self.discriminator.state_dict().values():
            broadcast(tensor)
        self.optimizer = OPTIMIZERS.build(dict(
            self.optimizer_cfg, params=self.discriminator.parameters()))
        self.schedulers = [
            _build_scheduler(cfg, self.optimizer, runner.train_dataloader)
            for cfg in self.scheduler_cfgs
        ]

    def before_train(self, runner: Runner) -> None:
        """Lend the discriminator's judgement to the head."""
        discriminator = self.discriminator
        self._teach_rankers(runner)

        # A plain function: a module would become a part of the head, and a
        # copy of the head would copy a bound method's object.
        def judge(poses: Tensor) -> Tensor:
            with torch.autocast(poses.device.type, enabled=False):
                return discriminator.score(poses.float())

        _head(runner).pretext.judge = judge

    def after_train(self, runner: Runner) -> None:
        """Leave no trace in the head but the ranker's weights."""
        _head(runner).pretext.judge = None
        for ranker in _rankers(runner):
            ranker.learning = False

    def _teach_rankers(self, runner: Runner) -> None:
        """Let rankers of whole poses see the discriminator, too."""
        for ranker in _rankers(runner):
            ranker.share_prior(self.discriminator, self.trained)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Let the discriminator learn from the batch.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: Unused, part of MMEngine's interface.
            outputs: Unused, part of MMEngine's interface.
        """
        pretext = _head(runner).pretext
        poses = pretext.take_prior_poses()
        if not is_on(pretext.prior):
            return
        if self.every_n_train_iters(runner, self.interval):
            for name, value in self.step(poses).items():
                runner.message_hub.update_scalar(f'train/prior/{name}', value)
            if self.steps and not self.trained:
                self.trained = True
                self._teach_rankers(runner)
        self._step_schedulers(by_epoch=False)

    def after_train_epoch(self, runner: Runner) -> None:
        """Let the schedules know of the epoch."""
        if is_on(_head(runner).pretext.prior):
            self._step_schedulers(by_epoch=True)

    def _step_schedulers(self, by_epoch: bool) -> None:
        for scheduler in self.schedulers:
            if scheduler.by_epoch == by_epoch:
                scheduler.step()

    def step(self, poses: PriorPoses | None) -> dict[str, Tensor]:
        """Make one step of the discriminator.

        Args:
            poses: The batch's poses on this process; None counts as none.

        Returns:
            What is worth logging of this process; nothing if there was no
            step, as none of the processes has real or predicted poses.
        """
        counts = torch.zeros(2, dtype=torch.float64)
        if poses is not None:
            # In mixed precision a forward pass may overflow. The detector's
            # step is skipped then; ours must not learn from it, either.
            finite = poses.fake.isfinite().all(-1).all(-1).all(-1)
            poses = poses._replace(fake=poses.fake[finite])
            counts = counts.new_tensor([len(poses.real), len(poses.fake)])
        total = counts.clone()
        all_reduce(total)
        if total.min() == 0:
            return {}
        # Means over the whole batch are wanted, and these are over a part.
        share_real, share_fake = (counts / total).tolist()
        parameters = list(self.discriminator.parameters())
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        log = {}
        if share_real or share_fake:
            log = self._backward(poses, share_real, share_fake)
        all_reduce_params([parameter.grad for parameter in parameters])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        return log

    def _backward(self, poses: PriorPoses, share_real: float,
                  share_fake: float) -> dict[str, Tensor]:
        """Compute the gradients of one process' share."""
        device = poses.real.device
        with (_learning(self.discriminator),
              _own_generator(device, self.seed, self.steps, get_rank()),
              torch.autocast(device.type, enabled=False)):
            real = self.discriminator(poses.real.float())
            fake = self.discriminator(poses.fake.float())
            # The loss takes an empty side for 0.
            loss = (share_real * self.loss(fake[:0], real)
                    + share_fake * self.loss(fake, real[:0]))
            loss.backward()
        log = dict(loss_discriminator=self.loss(fake, real).detach())
        if len(real):
            log['accuracy_real'] = (real > 0.5).float().mean()
        if len(fake):
            log['accuracy_fake'] = (fake < 0.5).float().mean()
        return log

    def before_save_checkpoint(self, runner: Runner,
                               checkpoint: dict) -> None:
        """Put the discriminator, its optimizer and schedules in."""
        checkpoint[KEY] = dict(
            discriminator=self.discriminator.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedulers=[s.state_dict() for s in self.schedulers],
            steps=self.steps)

    def after_load_checkpoint(self, runner: Runner,
                              checkpoint: dict) -> None:
        """Take them out again.

        Args:
            runner: The runner.
            checkpoint: What it has loaded.

        Raises:
            ValueError: If training is resumed from a checkpoint that has no
                discriminator.
        """
        state = checkpoint.get(KEY)
        # Converted weights have learned elsewhere: they count no steps.
        if state is not None and state.get('steps', 1):
            self.trained = True
            for ranker in _rankers(runner):
                ranker.load_prior(state['discriminator'])
        if self.discriminator is None:  # no training
            return
        resumes = runner._resume
        if state is None:
            if resumes:
                raise ValueError(
                    'the checkpoint to resume from was saved without '
                    'AdversarialPriorHook; start from its weights with '
                    'load_from and without resume')
            return
        self.discriminator.load_state_dict(state['discriminator'])
        if resumes:
            self.optimizer.load_state_dict(state['optimizer'])
            for scheduler, saved in zip(self.schedulers,
                                        state['schedulers']):
                scheduler.load_state_dict(saved)
            self.steps = state['steps']


def _head(runner: Runner) -> nn.Module:
    """Return the model's head, whatever wraps the model."""
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    return getattr(model, 'head', None)


def _rankers(runner: Runner) -> list[nn.Module]:
    """Return what ranks whole poses: the head's and its averages', if any."""
    heads = [_head(runner)] + [
        getattr(hook.ema_model.module, 'head', None) for hook in runner.hooks
        if isinstance(hook, EMAHook)]
    rankers = [getattr(head, 'pose_ranker', None) for head in heads]
    return [ranker for ranker in rankers if ranker is not None]


def _build_scheduler(cfg: Mapping[str, Any],
                     optimizer: torch.optim.Optimizer,
                     dataloader: DataLoader) -> Any:
    """Build a schedule of MMEngine's for one optimizer."""
    cfg = dict(cfg, optimizer=optimizer)
    if cfg.pop('convert_to_iter_based', False):
        scheduler_type = PARAM_SCHEDULERS.get(cfg.pop('type'))
        return scheduler_type.build_iter_from_epoch(
            **cfg, epoch_length=len(dataloader))
    return PARAM_SCHEDULERS.build(cfg)


@contextmanager
def _learning(module: nn.Module) -> Iterator[None]:
    """Put a module into training mode for a while."""
    module.train()
    try:
        yield
    finally:
        module.eval()


@contextmanager
def _own_generator(device: torch.device, *seed: int) -> Iterator[None]:
    """Seed torch's generators for a while; afterwards they are as before.

    MMEngine does not save them, so what is drawn must not depend on where a
    training was resumed.
    """
    devices = [device] if device.type == 'cuda' else []
    with torch.random.fork_rng(devices):
        state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]))
        yield
