"""Find missing pretrained weights before training, and say what to do."""
from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.hooks import Hook
from mmengine.model import PretrainedInit, is_model_wrapper
from mmengine.runner import Runner, find_latest_checkpoint
from mmengine.runner.base_loop import BaseLoop
from mmengine.runner.checkpoint import CheckpointLoader, get_torchvision_models
from mmpose.registry import HOOKS
from torch import nn

#: What a loader raises when a file, a host or a model name is not there.
#: urllib's errors and refused or broken connections are all OSErrors.
NOT_FOUND = (OSError, HTTPException, KeyError)


def pretrained_checkpoints(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield the pretrained weights that a model starts from.

    Args:
        model: The model, not wrapped.

    Yields:
        Path of a module within the model ('' for the model itself), and the
        checkpoint that its `init_cfg` names.
    """
    for path, module in model.named_modules():
        for init_cfg in _as_list(getattr(module, 'init_cfg', None)):
            if _is_pretrained(init_cfg):
                yield path, init_cfg['checkpoint']


def _as_list(init_cfg: Any) -> list:
    if not init_cfg:
        return []
    return [init_cfg] if isinstance(init_cfg, dict) else list(init_cfg)


def _is_pretrained(init_cfg: dict) -> bool:
    return init_cfg['type'] in ('Pretrained', PretrainedInit)


def _cache_file(checkpoint: str) -> Path | None:
    """Return where a download of the checkpoint is looked for, if known."""
    scheme, _, name = checkpoint.partition('://')
    if scheme in ('torchvision', 'modelzoo'):
        checkpoint = get_torchvision_models().get(name, '')
    if not checkpoint.startswith(('http://', 'https://')):
        return None
    return (Path(torch.hub.get_dir()) / 'checkpoints' /
            Path(urlparse(checkpoint).path).name)


def _describe(path: str, checkpoint: str, error: BaseException) -> str:
    module = f'model.{path}' if path else 'model'
    place = _cache_file(checkpoint)
    if place is not None:
        cure = f'put the file at {place}'
    elif '://' in checkpoint:
        cure = 'check its name, or connect to the network'
    else:
        cure = 'check the path'
    return (f'The pretrained weights of {module} cannot be loaded from '
            f'{checkpoint} ({type(error).__name__}: {error}). Either {cure}, '
            f'or train without them: --cfg-options {module}.init_cfg=None')


def _has_checkpoint(runner: Runner) -> bool:
    """Say whether the run goes on from a checkpoint, which may be the first.

    ``resume`` without one to resume from starts anew.
    """
    return bool(runner._load_from) or (
        runner._resume
        and find_latest_checkpoint(runner.work_dir) is not None)


@HOOKS.register_module()
class PretrainedWeightsHook(Hook):
    """Load pretrained weights once before training starts, or say why not.

    Without network, MMEngine's own attempt ends in a long trace about a
    host. This hook looks at every module whose `init_cfg` is of type
    'Pretrained' and reads the checkpoint before MMEngine does: a download
    then lies in torch.hub's cache already, and one that fails is answered
    with what to do.

    Where training goes on from a checkpoint (`resume` or `load_from`), that
    brings the weights: pretrained ones that cannot be found are then skipped
    with a warning.
    """

    # Before hooks that look at the weights.
    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Check the weights, in training only.

        Args:
            runner: The runner, before the weights of its model are set.

        Raises:
            FileNotFoundError: A checkpoint can be neither found nor
                downloaded. The message names it, the module, and the options.
        """
        # before_run is called by val() and test() too, which never read
        # pretrained weights; only train() has built its loop by now.
        if not isinstance(runner._train_loop, BaseLoop):
            return
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        for path, checkpoint in list(pretrained_checkpoints(model)):
            try:
                CheckpointLoader.load_checkpoint(checkpoint,
                                                 map_location='cpu')
            except NOT_FOUND as error:
                message = _describe(path, checkpoint, error)
                if not _has_checkpoint(runner):
                    raise FileNotFoundError(message) from error
                runner.logger.warning(
                    f'{message}. Going on, as the weights come from a '
                    'checkpoint.')
                module = model.get_submodule(path)
                module.init_cfg = [
                    init_cfg for init_cfg in _as_list(module.init_cfg)
                    if not _is_pretrained(init_cfg)
                ] or None
