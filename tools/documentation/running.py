"""Blocks of the pages, run in a scratch copy of the checkout."""
from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from xas_mmpose.render import SceneSettings
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)

from .pages import Block

#: What makes commands small: what is found is replaced. Numbers that they
#: print mean nothing then.
SMALL = (
    (r' --(num|image-size|workers|repeats) \d+', ''),
    (r'(tools/synthesize\.py)(?! --(?:body list|help))',
     r'\1 --num 6 --image-size 96'),
    (r'(tools/make_xas_mini\.py)(?=.* --out)',
     r'\1 --frames 1 --image-size 96 --actions Eating Walking'),
    (r'(tools/make_xas_zoo_mini\.py)(?=.* --out)',
     r'\1 --frames 1 --image-size 96 --actions Idle Walk'),
    (r'(tools/demo\.py)', r'\1 --mini-frames 1 --num-pictures 4'),
    (r'(tools/benchmark\.py)', r'\1 --quick --repeats 1'),
)
#: Frames of the film: a background is learned from some.
_FRAMES = 40


class BlockError(Exception):
    """A block does not do what its page says."""


def make_scratch(root: Path, folder: Path) -> None:
    """Copy a checkout without its results, and put a few pictures in.

    There are ``photo.jpg``, ``photos/`` with ``masks/``, and ``walk.mp4``, in
    which somebody passes a camera that stands still.
    """
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others',
         '--exclude-standard'], cwd=root, capture_output=True, check=True)
    for name in listed.stdout.decode().split('\0'):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    pairs = folder / 'pairs'
    write_synthetic_set(pairs, SyntheticSetSettings(
        num=2, scene=SceneSettings(image_size=128)), progress=False)
    (pairs / 'images').rename(folder / 'photos')
    (pairs / 'masks').rename(folder / 'masks')
    shutil.rmtree(pairs)
    shutil.copy(folder / 'photos/00000000.jpg', folder / 'photo.jpg')
    _film(folder)
    # What the pages call python is the Python that checks them.
    python = folder / '.bin/python'
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)


def run_block(block: Block, folder: Path) -> None:
    """Run a block in a scratch copy, or load it as a config.

    Raises:
        BlockError: If it fails.
    """
    if block.language == 'python':
        try:
            _run_here(block, folder)
        except Exception as error:
            raise BlockError(
                f'{block}: {type(error).__name__}: {error}\n'
                f'{block.text}') from error
        return
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', small(block.text)], cwd=folder,
        env=_environment(folder), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise BlockError(f'{block}: exit status {done.returncode}\n'
                         f'{block.text}\n{done.stdout[-3000:]}')


def _run_here(block: Block, folder: Path) -> None:
    """Run Python in this process, which has imported all that takes long."""
    if block.mark == 'config':
        config = folder / 'configs/my_config.py'
        config.write_text(block.text)
        Config.fromfile(config)
        return
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.text, str(block), 'exec'), {})
    finally:
        os.chdir(before)


def small(text: str) -> str:
    """Return a script whose commands take seconds."""
    text = re.sub(r'\\\n\s*', '', text)
    for pattern, replacement in SMALL:
        text = re.sub(pattern, replacement, text)
    return text


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment without what names data of one's own."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith('XAS_')}
    env['PATH'] = f'{folder / ".bin"}{os.pathsep}{env["PATH"]}'
    env['PYTHONPATH'] = str(folder)
    return env


def _film(folder: Path) -> None:
    """Write ``walk.mp4``: the person of ``photo.jpg`` before a wall."""
    picture = cv2.imread(str(folder / 'photo.jpg'))
    mask = cv2.imread(str(folder / 'masks/00000000.png'),
                      cv2.IMREAD_GRAYSCALE)
    height, width = mask.shape
    wall = cv2.GaussianBlur(np.random.default_rng(0).integers(
        60, 200, (height, 3 * width, 3), dtype=np.uint8), (0, 0), 3)
    writer = cv2.VideoWriter(
        str(folder / 'walk.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10,
        (3 * width, height))
    for x in np.linspace(0, 2 * width, _FRAMES).astype(int):
        frame = wall.copy()
        frame[:, x:x + width][mask > 127] = picture[mask > 127]
        writer.write(frame)
    writer.release()
