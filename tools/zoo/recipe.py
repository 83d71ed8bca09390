"""The command that makes a run again: its config, and what differs."""
from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from model_converters.publish_model import without_absolute_paths

#: Settings that decide the weights of a training.
TRAINING = ('model', 'data_preprocessor', 'train_dataloader', 'train_cfg',
            'auto_scale_lr', 'optim_wrapper', 'param_scheduler',
            'default_hooks', 'custom_hooks', 'randomness', 'load_from')
#: Settings that decide what a test says.
TEST = ('model', 'data_preprocessor', 'test_dataloader', 'test_cfg',
        'test_evaluator')
#: Where data lie, and what is printed and when, changes no number.
_INDIFFERENT = ('data_root', 'command', 'report_protocol', 'val_interval',
                '_scope_')
#: Hooks that only save and show.
_SHOWING = tuple(f'default_hooks.{name}' for name in (
    'checkpoint', 'logger', 'timer', 'visualization', 'badcase'))
#: Files that tools/test.py --protocol names.
_PROTOCOLS = (Path(__file__).resolve().parents[2] / 'configs' / '_base_' /
              'protocols')
#: The crop rule of configs that read it from the environment.
_CROP_RULE = 'XAS_CROP_RULE'


class Recipe:
    """How a run differs from a config.

    Args:
        path: The config.
        cfg: What was run, complete.
        settings: Which settings count.

    Raises:
        ValueError: If what was run lacks settings of the config, so that it
            cannot be of this config.
    """

    def __init__(self, path: Path, cfg: Config,
                 settings: tuple[str, ...]) -> None:
        self.rule = cfg.get('crop_rule', 'root')
        ours = dict(_leaves({name: cfg.get(name) for name in settings}))
        self.protocol = cfg.get('protocol')
        written = _read_config(path, self.rule)
        if self.protocol:
            file = (self.protocol if self.protocol.endswith('.py') else
                    _PROTOCOLS / f'{self.protocol}.py')
            written.merge_from_dict(Config.fromfile(file).to_dict())
        theirs = dict(_leaves({name: written.get(name)
                               for name in settings}))
        missing = sorted(theirs.keys() - ours.keys())
        if missing:
            raise ValueError(
                f'what was run is not {path}: it lacks '
                f'{", ".join(missing[:3])}{" ..." * (len(missing) > 3)}. '
                'Name the config of the training with --config, that of the '
                'test with --test-config')
        self.options = {key: value for key, value in ours.items()
                        if key not in theirs or theirs[key] != value}

    @property
    def is_plain(self) -> bool:
        """Whether only seeds and the checkpoint to start from differ."""
        return all(key == 'load_from' or key.rpartition('.')[2] == 'seed'
                   for key in self.options)

    def command(self, tool: str, *arguments: str) -> str:
        """Return the command.

        Args:
            tool: ``train`` or ``test``.
            arguments: The config and what follows it.
        """
        words = ['python', f'tools/{tool}.py', *arguments]
        if self.protocol:
            words += ['--protocol', self.protocol]
        if self.options:
            words += ['--cfg-options',
                      *(f'{k}={v}' for k, v in self.options.items())]
        front = '' if self.rule == 'root' else f'{_CROP_RULE}={self.rule} '
        return front + without_absolute_paths(shlex.join(words))


def _read_config(path: Path, crop_rule: str) -> Config:
    """Read a config as it reads with a crop rule."""
    before = os.environ.get(_CROP_RULE)
    os.environ[_CROP_RULE] = crop_rule
    try:
        return Config.fromfile(path)
    finally:
        if before is None:
            del os.environ[_CROP_RULE]
        else:
            os.environ[_CROP_RULE] = before


def _leaves(value: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    """Yield the settings that decide something by their dotted keys."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            inner = f'{key}.{name}' if key else name
            if name not in _INDIFFERENT and inner not in _SHOWING:
                yield from _leaves(item, inner)
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f'{key}.{index}')
    else:
        yield key, value
