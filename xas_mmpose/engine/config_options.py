"""Options of the command line that replace settings of a config."""
from __future__ import annotations

import inspect
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

#: Settings that MMEngine reads of any config, whether it has them or not.
_RUNNER = {
    *inspect.signature(Runner.__init__).parameters, 'activation_checkpointing',
    'auto_scale_lr', 'compile', 'efficient_conv_bn_eval',
    'find_unused_parameters', 'model_wrapper_cfg', 'sync_bn'
} - {'self', 'cfg'}
#: How alike two names are of which one is a slip of the other: names of
#: groups, and of the settings in them, some of which differ by little.
_GROUPS, _SETTINGS = 0.8, 0.92


class OptionsAction(DictAction):
    """MMEngine's ``--cfg-options KEY=VALUE ..``, with errors that name it."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace,
                 values: Any, option_string: str | None = None) -> None:
        """Read the options."""
        for value in values:
            if '=' not in value:
                raise ArgumentError(
                    self, f'{value!r} is no KEY=VALUE; options stand last, '
                    'behind all other arguments')
        super().__call__(parser, namespace, values, option_string)


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Replace settings of a config, and refuse slips of the pen.

    MMEngine adds what a config does not have, so that a mistyped option
    would change nothing, without a word.

    Args:
        cfg: The config, changed in place.
        options: Values by dotted keys, as ``--cfg-options`` gives them.

    Raises:
        ValueError: If a key's first part is no setting of the config or of
            MMEngine, if a later one looks like a slip of one that is there,
            or if a number points behind the end of a list.
    """
    settings = cfg.to_dict()
    for key in options:
        _check(settings, key)
    cfg.merge_from_dict(dict(options))


def _check(settings: dict[str, Any], key: str) -> None:
    """Raise ValueError where a key looks like a slip of the pen."""
    node: Any = settings
    parts = key.split('.')
    for place, part in enumerate(parts):
        where = '.'.join(parts[:place]) or 'the config'
        if isinstance(node, list | tuple):
            if not part.isdecimal() or int(part) >= len(node):
                raise ValueError(
                    f'--cfg-options {key}: {where} is a list with the '
                    f'numbers 0 to {len(node) - 1}, without {part!r}')
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            known = list(node) if isinstance(node, Mapping) else []
            if place == 0:
                if part in _RUNNER:
                    return
                raise ValueError(f'--cfg-options {key}: there is no setting '
                                 f'{part!r}{_meant(part, [*known, *_RUNNER])}')
            last = place == len(parts) - 1
            meant = _meant(part, known, _SETTINGS if last else _GROUPS)
            if meant:
                raise ValueError(
                    f'--cfg-options {key}: {where} has no {part!r}{meant}')
            return


def _meant(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Return a question whether another name was meant, or ''."""
    found = get_close_matches(name, sorted(known), 1, alike)
    return f'; do you mean {found[0]!r}?' if found else ''
