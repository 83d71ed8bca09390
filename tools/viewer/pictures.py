"""The pictures of results, made small enough for a page."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.apis import PicturePoses
from xas_mmpose.apis.pictures import pictures_of

#: Longer sides in px that pictures may get, the best first.
SIDES = (800, 640, 512, 400, 320, 240, 180)
_QUALITY = 82


def read_pictures(poses: Sequence[PicturePoses], folder: Path | None = None,
                  allow_missing: bool = False
                  ) -> Iterator[np.ndarray | None]:
    """Yield the picture of each result (H, W, 3), BGR uint8.

    Args:
        poses: The results, frames of a video in their order.
        folder: Where the pictures lie by their names; None for the paths
            that the results hold.
        allow_missing: Whether to yield None for a picture that is gone.

    Raises:
        FileNotFoundError: If one is gone.
        ValueError: If one is broken, or is another than it was.
    """
    video: tuple[str | None, Iterator] = None, iter(())
    for one in poses:
        path = _path_of(one, folder)
        if path is None or not path.is_file():
            if not allow_missing:
                what = ('was an array in memory' if path is None else
                        f'is gone: there is no {path}')
                raise FileNotFoundError(
                    f'the picture {one.name} {what}; say where pictures are '
                    'now with --images FOLDER, or draw without those that '
                    'are gone with --allow-missing')
            yield None
            continue
        if one.frame is None:
            image = next(pictures_of(path)).read()
        else:
            if video[0] != str(path):
                video = str(path), pictures_of(path)
            image = next((frame.image for frame in video[1]
                          if frame.frame == one.frame), None)
            if image is None:
                raise ValueError(f'{path} has no frame {one.frame} any more, '
                                 f'which {one.name} was')
        if one.size is not None and image.shape[1::-1] != one.size:
            raise ValueError(
                f'{path} is {image.shape[1]} x {image.shape[0]} px, but '
                f'{one.name} was {one.size[0]} x {one.size[1]}: this is '
                'another picture, say where it is with --images FOLDER')
        yield image


def encode(image: np.ndarray) -> dict[int, bytes]:
    """Return a picture as JPEG for each of :data:`SIDES`.

    Args:
        image: The picture (H, W, 3), BGR uint8; it is never enlarged.
    """
    encoded: dict[int, bytes] = {}
    full = max(image.shape[:2])
    last = 0
    for side in SIDES:
        if min(side, full) == last:
            encoded[side] = encoded[_before(side)]
            continue
        last = min(side, full)
        size = [max(1, round(n * last / full)) for n in image.shape[1::-1]]
        small = image if last == full else cv2.resize(
            image, size, interpolation=cv2.INTER_AREA)
        encoded[side] = cv2.imencode(
            '.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return encoded


def _before(side: int) -> int:
    """Return the next larger side."""
    return SIDES[SIDES.index(side) - 1]


def _path_of(poses: PicturePoses, folder: Path | None) -> Path | None:
    """Return where a picture, or the video that it is of, should lie."""
    if folder is None or poses.path is None:
        return None if poses.path is None else Path(poses.path)
    return folder / (poses.name if poses.frame is None else
                     Path(poses.path).name)
