"""Pictures one after another, whatever they come as."""
from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from xas_mmpose.datasets.datasets.masked_folder import pictures_below
from xas_mmpose.datasets.masks import is_video, read_picture


class Picture(NamedTuple):
    """A picture that may not have been read yet.

    Attributes:
        name: Its path below the folder that was given, or below the folder
            in front of a pattern's first ``*``; else its file's name. For a
            frame ``VIDEO/000001``, numbered from 1; for an array its place
            among the inputs, ``000000`` first.
        path: Its file, of a frame that of the video; None for an array.
        frame: Number of the frame from 0, None for what is no video.
        image: The picture (H, W, 3), BGR uint8; None where ``path`` is read.
        problem: Why there is nothing to read.
    """

    name: str
    path: str | None
    frame: int | None = None
    image: np.ndarray | None = None
    problem: str | None = None

    def read(self) -> np.ndarray:
        """Return the picture (H, W, 3), BGR uint8.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no picture.
        """
        if self.problem is not None:
            raise ValueError(self.problem)
        if self.image is not None:
            return self.image
        if not os.path.isfile(self.path):
            raise FileNotFoundError(f'there is no picture {self.path}')
        return read_picture(self.path)


def pictures_of(inputs: Any) -> Iterator[Picture]:
    """Yield pictures; nothing is read before its turn.

    What is missing or broken is a picture whose ``read`` raises.

    Args:
        inputs: A file, folder (those in it are searched, too), pattern with
            ``*``, ``?`` or ``[``, or video; an array (H, W, 3), BGR uint8;
            a :class:`Picture`; or any number of these one after another.

    Raises:
        ValueError: If an input is none of these.
    """
    yield from _pictures_of(inputs, iter(range(2**62)))


def count_pictures(inputs: Any) -> int | None:
    """Return how many pictures there are, None if only time can tell.

    Args:
        inputs: As for :func:`pictures_of`. A video counts as it says.
    """
    if isinstance(inputs, (str, Path)) and is_video(inputs):
        video = cv2.VideoCapture(str(inputs))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        return count if count > 0 else None
    if isinstance(inputs, (str, Path)):
        return sum(1 for _ in pictures_of(inputs))
    if isinstance(inputs, np.ndarray):
        return 1
    if not isinstance(inputs, (list, tuple)):
        return None
    counts = [count_pictures(one) for one in inputs]
    return None if None in counts else sum(counts)


def _pictures_of(inputs: Any, numbers: Iterator[int]) -> Iterator[Picture]:
    """Yield pictures; arrays take their names from a count of all inputs."""
    if isinstance(inputs, Picture):
        next(numbers)
        yield inputs
    elif isinstance(inputs, np.ndarray):
        name = f'{next(numbers):06d}'
        if (inputs.ndim != 3 or inputs.shape[2] != 3 or inputs.size == 0
                or inputs.dtype != np.uint8):
            raise ValueError(
                f'picture {name} must be an array (H, W, 3) of uint8, BGR, '
                f'got {inputs.shape} of {inputs.dtype}')
        yield Picture(name, None, image=inputs)
    elif isinstance(inputs, (str, Path)):
        for picture in _files(str(inputs)):
            next(numbers)
            yield picture
    elif isinstance(inputs, Iterable):
        for one in inputs:
            yield from _pictures_of(one, numbers)
    else:
        raise ValueError('inputs are paths, arrays, or several of these; got '
                         f'{type(inputs).__name__}')


def _files(path: str) -> Iterator[Picture]:
    """Yield the pictures that a path means."""
    if os.path.isdir(path):
        empty = True
        for folder, files in pictures_below(path):
            for file in files:
                empty = False
                name = os.path.normpath(os.path.join(folder, file))
                yield Picture(name.replace(os.sep, '/'),
                              os.path.join(path, name))
        if empty:
            yield _broken(path, f'there is no picture below {path}')
    elif is_video(path):
        yield from _frames(path)
    elif glob.has_magic(path) and not os.path.exists(path):
        found = sorted(glob.glob(path, recursive=True))
        folder = os.path.dirname(path[:re.search(r'[*?[]', path).start()])
        for file in found:
            for picture in _files(file):
                if picture.path == file and picture.frame is None:
                    name = os.path.relpath(file, folder or '.')
                    picture = picture._replace(name=name.replace(os.sep, '/'))
                yield picture
        if not found:
            yield _broken(path, f'no file is named like {path}')
    else:
        yield Picture(os.path.basename(path), path)


def _frames(path: str) -> Iterator[Picture]:
    """Yield the frames of a video, one in memory at a time."""
    if not os.path.isfile(path):
        yield _broken(path, f'there is no video {path}')
        return
    video = cv2.VideoCapture(path)
    try:
        read, image = video.read()
        if not read:
            yield _broken(path, f'{path} cannot be read as a video: is it '
                          'whole? OpenCV does not know all formats')
        frame = 0
        while read:
            # Numbered as the frames that make_masks.py writes.
            yield Picture(f'{Path(path).stem}/{frame + 1:06d}', path, frame,
                          image)
            frame += 1
            read, image = video.read()
    finally:
        video.release()


def _broken(path: str, problem: str) -> Picture:
    """Return what stands for an input without pictures."""
    return Picture(os.path.basename(os.path.normpath(path)), path,
                   problem=problem)
