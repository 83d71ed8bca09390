"""Masks from a camera that stands still: what is not background moves."""
from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .cleaning import NoMaskError, clean_mask

#: Fewer frames do not tell the background from who stands before it.
MIN_FRAMES = 3
#: A shadow leaves this share of the light, or more.
_SHADOW = 0.5
#: Rows whose median is taken at a time: bounds the memory.
_STRIP = 64
#: Noise of so many standard deviations is not foreground.
_DEVIATIONS = 4


@dataclass(frozen=True)
class BackgroundMethod:
    r"""Learns the background of a clip and finds what stands before it.

    Who stands still for most of a clip becomes background.

    Args:
        name: ``'median'``: the median of the frames, and what differs from
            it; ``'mog2'``: OpenCV's mixture of Gaussians (Zivkovic, ICPR
            2004), learned from the same frames and then kept.
        threshold: For the median, the difference in grey levels of any
            channel; more is asked where the frames are noisy. For the
            mixture, the squared distance in standard deviations. None for
            15 and 25.
        num_frames: Frames to learn from, spread evenly over the clip.
        shadows: Whether pixels that are merely darker than the background,
            in its own colour, are foreground.
        clip: A regular expression with groups: pictures are of one clip
            whose names, found in their path, have the same groups. None for
            names that differ in the number at their end alone. With
            ``(S\d+)_.*\.(\d+)_`` all that a camera of Human3.6M saw of a
            subject is one clip, and nobody stands still in all of it.

    Raises:
        ValueError: If a number or the expression makes no sense.
    """

    name: str = 'median'
    threshold: float | None = None
    num_frames: int = 60
    shadows: bool = False
    clip: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ('median', 'mog2'):
            raise ValueError("name is 'median' or 'mog2', got "
                             f'{self.name!r}')
        if self.num_frames < MIN_FRAMES:
            raise ValueError(f'num_frames starts at {MIN_FRAMES}, got '
                             f'{self.num_frames}')
        if self.threshold is not None and not 0 < self.threshold < np.inf:
            raise ValueError('threshold is a positive number, got '
                             f'{self.threshold}')
        try:
            groups = 1 if self.clip is None else re.compile(self.clip).groups
        except re.error as error:
            raise ValueError(f'clip is no regular expression: {self.clip!r}: '
                             f'{error}') from error
        if not groups:
            raise ValueError(f'clip has no group (...): {self.clip!r}')

    def clip_of(self, name: str) -> str:
        """Return the clip of a picture.

        Without an expression ``S1/seq.54138969_000001.jpg`` is of the clip
        ``S1/seq.54138969_``.

        Args:
            name: Its path below the folder of pictures.

        Raises:
            ValueError: If the expression finds nothing in it.
        """
        if self.clip is None:
            return re.sub(r'\d+$', '', os.path.splitext(name)[0])
        match = re.search(self.clip, name)
        if match is None:
            raise ValueError(f'the expression of clips, {self.clip}, finds '
                             f'nothing in {name}')
        return ' '.join(map(str, match.groups()))

    def chosen(self, num: int) -> list[int]:
        """Return which of a clip's frames are learned from.

        Args:
            num: Number of the clip's frames.

        Raises:
            NoMaskError: If these are too few.
        """
        if num < MIN_FRAMES:
            raise NoMaskError(
                f'the clip has {num} frame{"s" * (num != 1)}: a background '
                f'takes {MIN_FRAMES} or more of one standing camera, whose '
                'names differ in the number at the end alone. For single '
                'pictures take grabcut, maskrcnn or sam')
        return np.unique(np.linspace(0, num - 1, min(num, self.num_frames)
                                     ).round().astype(int)).tolist()

    def learn(self, frames: Sequence[np.ndarray]
              ) -> Callable[[np.ndarray], np.ndarray]:
        """Learn a background.

        Args:
            frames: Frames of one camera (H, W, 3), BGR uint8.

        Returns:
            A function from a frame (H, W, 3) to its mask (H, W), uint8, 0 or
            255. It raises :class:`NoMaskError` where nothing moves or the
            frame is of another size.

        Raises:
            NoMaskError: If the frames are too few, or of several sizes.
        """
        sizes = {frame.shape for frame in frames}
        if len(sizes) > 1:
            raise NoMaskError(
                'the frames of the clip are of several sizes, '
                f'{sorted(s[1::-1] for s in sizes)}: they are not of one '
                'standing camera')
        if len(frames) < MIN_FRAMES:
            raise NoMaskError(
                f'{len(frames)} of the frames that the background is learned '
                f'from can be read, and it takes {MIN_FRAMES}')
        find = (self._median if self.name == 'median' else self._mixture)(
            frames)

        def mask_of(frame: np.ndarray) -> np.ndarray:
            if frame.shape not in sizes:
                raise NoMaskError(
                    f'the picture is {frame.shape[1]}x{frame.shape[0]} px, '
                    "unlike its clip's others")
            opened = cv2.morphologyEx(
                find(frame).astype(np.uint8), cv2.MORPH_OPEN,
                cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
            mask = clean_mask(opened)
            if not mask.any():
                raise NoMaskError('nothing differs from the background: '
                                  'nobody is there, or stands still for most '
                                  'of the clip')
            return mask

        return mask_of

    def _median(self, frames: Sequence[np.ndarray]
                ) -> Callable[[np.ndarray], np.ndarray]:
        """Return what finds the foreground (H, W), bool, by the median."""
        background, deviation = median_background(frames)
        least = self.threshold or 15.0
        noise = _DEVIATIONS * deviation.max(2)
        # People pass: where they do so often, that is no noise.
        allowed = np.clip(noise, least, 2 * least)

        def find(frame: np.ndarray) -> np.ndarray:
            frame = frame.astype(np.float32)
            moved = _largest(cv2.absdiff(frame, background)) > allowed
            if not self.shadows:
                moved[moved] = ~_is_shadow(frame[moved], background[moved],
                                           least)
            return moved

        return find

    def _mixture(self, frames: Sequence[np.ndarray]
                 ) -> Callable[[np.ndarray], np.ndarray]:
        """Return what finds the foreground (H, W), bool, by MOG2."""
        model = cv2.createBackgroundSubtractorMOG2(
            history=len(frames), varThreshold=self.threshold or 25.0,
            detectShadows=not self.shadows)
        # All frames are known from the start, and people cross a pixel in
        # many of them: what is seen less than most of the time is no
        # background, where OpenCV takes all but the rarest tenth.
        model.setBackgroundRatio(0.6)
        for count, frame in enumerate(frames, 1):
            model.apply(frame, learningRate=1 / count)  # all weigh the same
        # Nothing is learned any more: each mask depends on its frame alone.
        # What MOG2 takes for a shadow is grey.
        return lambda frame: model.apply(frame, learningRate=0) == 255


def median_background(
        frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of frames, and how much they differ from it.

    Args:
        frames: N frames (H, W, 3), uint8.

    Returns:
        The median (H, W, 3) and the standard deviation (H, W, 3) by the
        median absolute deviation, both float32, in grey levels.
    """
    median = np.empty(frames[0].shape, np.float32)
    deviation = np.empty_like(median)
    for top in range(0, len(median), _STRIP):
        rows = np.s_[top:top + _STRIP]
        strip = np.stack([frame[rows] for frame in frames])
        median[rows] = np.median(strip, 0)
        deviation[rows] = 1.4826 * np.median(
            np.abs(strip - median[rows]), 0)
    return median, deviation


def _largest(values: np.ndarray) -> np.ndarray:
    """Return the largest of the channels (H, W, 3) of each pixel (H, W)."""
    # numpy takes ten times as long along so short an axis.
    first, second, third = cv2.split(values)
    return np.maximum(np.maximum(first, second), third)


def _is_shadow(pixels: np.ndarray, background: np.ndarray,
               tolerance: float) -> np.ndarray:
    """Say which pixels (N, 3) are the background's with less light (N,)."""
    light = ((pixels * background).sum(1)
             / np.maximum((background * background).sum(1), 1))
    left = np.abs(pixels - light[:, None] * background).max(1)
    return (light >= _SHADOW) & (light < 1) & (left < tolerance / 2)
