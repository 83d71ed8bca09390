#!/usr/bin/env python
r"""Make a checkpoint of a training fit to be handed out.

    python tools/model_converters/publish_model.py \
        work_dirs/xas_mini/epoch_7.pth weights/xas_mini.pth \
        --command 'python tools/train.py configs/xas_mini.py' \
        --data data/synthetic data/xas_mini \
        --licence 'CC0-1.0: computed pictures of the free human'

writes weights/xas_mini-<8 digits of its SHA-256>_<date of the training>.pth
with weights in half precision (statistics of batch norm and biases stay as
they are) and how they came about: config, command, seed, package version,
checksums and settings of the training data, and their licence. Optimizer, log
history and the hooks' state are left out. Of a training with EMAHook it has
the running mean of the weights.

Everything that reads MMPose's checkpoints reads the file: tools/test.py,
init_model, load_from. It holds tensors and plain values only, so that
torch.load(weights_only=True) needs nothing allowed. The same checkpoint gives
the same bytes.
"""
from __future__ import annotations

import argparse
import hashlib
import io
import json
import pickle
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import xas_mmpose
from xas_mmpose.render.fingerprint import set_checksum
from xas_mmpose.render.resumable import write_whole

#: What is kept of a checkpoint's meta data beside config and metainfo.
KEPT = ('epoch', 'iter', 'seed', 'mmengine_version')
#: Folders that hold a folder for each user.
HOMES = ('home', 'homes', 'user', 'users')
#: What ends a path in a text.
_END = r'\s\'"`:,;=()\[\]{}<>|&'
#: A path from the root or from a home on, or a whole URL.
_ABSOLUTE = re.compile(
    rf'(?P<url>(?!file:)\b[a-zA-Z][\w+.-]+://[^\s\'"]*)'
    rf'|(?<![^\s\'"`:,;=(\[{{<>|&])(?:~(?=/)|~[a-zA-Z_][^{_END}/]*|(?=/))'
    rf'(?:/+[^{_END}/]+)*/*')


def plain(value: Any, name: str) -> Any:
    """Turn arrays and numpy's numbers into Python's own.

    Args:
        value: A value, which may hold others.
        name: What it is called, for the message.

    Raises:
        ValueError: If there is something else in it.
    """
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item, f'{name}.{key}')
                for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item, name) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f'the checkpoint has a {type(value).__name__} in {name}, '
                     'which is no plain value')


def without_absolute_paths(text: str) -> str:
    """Shorten absolute paths to their last two parts, or to fewer.

    Where somebody's data lie says nothing to others, and their name is
    nobody's business. So a home and what lies before it go, and elsewhere
    the first two parts, which may hold a name, too.

    Args:
        text: Any text. Relative paths and URLs in it stay.

    Example:
        >>> without_absolute_paths('/home/me/data/h36m /home/me/a.pth ~/b')
        'data/h36m a.pth b'
        >>> without_absolute_paths('/scratch/me/a.pth /home/me')
        'a.pth ~'
    """
    return _ABSOLUTE.sub(_shortened, text)


def _shortened(match: re.Match) -> str:
    """Return what stays of an absolute path."""
    if match['url']:
        return match['url']
    parts = [p for p in posixpath.normpath(match[0]).split('/') if p]
    homes = [i + 2 for i, part in enumerate(parts[:-1])
             if part.lower() in HOMES]
    if match[0].startswith('~') or parts[:1] == ['root']:
        homes.append(1)
    if homes:
        return '/'.join(parts[max(homes):][-2:]) or '~'
    return '/'.join(parts[2:][-2:] or parts[-1:]) or match[0]


def half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights in half precision.

    Vectors and single numbers (statistics and weights of batch norm, biases,
    counters) are few and stay as they are.

    Raises:
        ValueError: If a weight is not finite in half precision.
    """
    out = {}
    for name, tensor in tensors.items():
        narrow = tensor.is_floating_point() and tensor.ndim > 1
        out[name] = tensor.half() if narrow else tensor
        if not torch.isfinite(out[name]).all():
            raise ValueError(f'{name} is not finite in half precision: the '
                             'training has diverged, or its weights are '
                             'larger than 65504')
        # A view would bring its whole storage along.
        out[name] = out[name].clone().contiguous()
    return out


def describe_set(folder: Path) -> dict[str, Any]:
    """Return name, checksum and settings of a training set.

    Args:
        folder: A set that this package's tools have made.

    Raises:
        FileNotFoundError: If there is no ``settings.json``.
    """
    settings = folder / 'settings.json'
    if not settings.is_file():
        raise FileNotFoundError(
            f'{settings} is missing; --data takes folders that '
            'tools/synthesize.py or tools/make_xas_mini.py has made')
    return dict(
        name=folder.resolve().name, sha256=set_checksum(folder),
        settings=json.loads(without_absolute_paths(settings.read_text())))


def publish(checkpoint: Mapping[str, Any], command: str, licence: str,
            data: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is handed out of a training's checkpoint.

    Args:
        checkpoint: As MMEngine saves it. Its ``state_dict`` is that of the
            running mean where EMAHook was at work, which exchanges the two.
        command: What made it.
        licence: Licence of the training data.
        data: See :func:`describe_set`.

    Returns:
        ``state_dict`` and ``meta``.

    Raises:
        ValueError: If something is missing or cannot be handed out.
    """
    meta = checkpoint.get('meta', {})
    missing = [name for name, found in (
        ('state_dict', checkpoint), ('cfg', meta), ('dataset_meta', meta))
        if name not in found]
    if missing:
        raise ValueError(f'it has no {", ".join(missing)}; only checkpoints '
                         'that a training has saved can be published')
    return dict(
        state_dict=half(checkpoint['state_dict']),
        meta=dict(
            {key: plain(meta[key], key) for key in KEPT if key in meta},
            cfg=without_absolute_paths(meta['cfg']),
            dataset_meta=plain(meta['dataset_meta'], 'dataset_meta'),
            weights='running mean (EMAHook)'
            if 'ema_state_dict' in checkpoint else 'last step',
            xas_mmpose_version=xas_mmpose.__version__,
            command=command,
            training_data=data,
            training_data_licence=licence))


def write(published: dict[str, Any], out: Path, date: str) -> Path:
    """Write a file whose name holds its checksum.

    Args:
        published: See :func:`publish`.
        out: Its name without checksum and date.
        date: Date of the training.

    Returns:
        The file.
    """
    buffer = io.BytesIO()
    torch.save(published, buffer)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = out.with_name(f'{out.stem}-{digest[:8]}_{date}.pth')
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return path


def main(arguments: list[str] | None = None) -> Path:
    """Publish one checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='of a training')
    parser.add_argument('out', type=Path,
                        help='file to write; checksum and date are added')
    parser.add_argument('--command', required=True,
                        help='the command that trained it')
    parser.add_argument('--data', type=Path, nargs='+', required=True,
                        help='folders of the training data')
    parser.add_argument('--licence', required=True,
                        help='licence of the training data')
    args = parser.parse_args(arguments)
    if not args.checkpoint.is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    try:
        checkpoint = torch.load(args.checkpoint, map_location='cpu',
                                weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError,
            EOFError) as error:
        raise ValueError(f'{args.checkpoint} cannot be read: '
                         f'{error}') from error
    try:
        published = publish(
            checkpoint, without_absolute_paths(args.command), args.licence,
            [describe_set(folder) for folder in args.data])
    except ValueError as error:
        raise ValueError(f'{args.checkpoint}: {error}') from None
    # As '20261231_235959'.
    date = str(checkpoint['meta'].get('time', 'undated')).partition('_')[0]
    path = write(published, args.out, date)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB, '
          f"weights of the {published['meta']['weights']}, epoch "
          f"{published['meta'].get('epoch', '?')}")
    return path


if __name__ == '__main__':
    main()
