"""Pictures by which an exported file is compared."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from xas_mmpose.apis.pictures import pictures_of

#: What takes the pictures, with Human3.6M's lens model.
CAMERA = dict(f=[1145.0, 1144.0], c=[512.0, 515.0], k=[-0.2, 0.24, -0.003],
              p=[-0.0014, -0.001])
#: Number of pictures that are made where none are given.
NUM_MADE = 8


class MaskedPicture(NamedTuple):
    """A picture and its foreground.

    Attributes:
        image: (H, W, 3), uint8, BGR.
        mask: (H, W), uint8, or None.
    """

    image: np.ndarray
    mask: np.ndarray | None


def pictures(inputs: Sequence[str] | None,
             masks: Path | None) -> Iterator[MaskedPicture]:
    """Yield pictures and their masks.

    Args:
        inputs: Files, folders and patterns; None for pictures that are made.
        masks: Folder of masks, anywhere below it under the picture's name;
            None for none.

    Raises:
        FileNotFoundError: If a picture or its mask is missing.
        ValueError: If a picture cannot be read, or two masks have the same
            name.
    """
    if not inputs:
        rng = np.random.default_rng(0)
        for _ in range(NUM_MADE):
            yield _made(rng)
        return
    found: dict[str, Path] = {}
    for path in sorted(masks.rglob('*.png')) if masks else ():
        if found.setdefault(path.stem, path) != path:
            raise ValueError(
                f'{found[path.stem]} and {path} have the same name: --masks '
                'takes a folder where each name occurs once')
    for picture in pictures_of(list(inputs)):
        image, mask = picture.read(), None
        if masks:
            path = found.get(Path(picture.name).stem)
            if path is None:
                raise FileNotFoundError(
                    f'there is no mask of {picture.name} below {masks}')
            mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        yield MaskedPicture(image, mask)


def _made(rng: np.random.Generator) -> MaskedPicture:
    """Paint somebody with round limbs in front of blurred noise."""
    size = rng.integers(300, 700, 2)
    image = cv2.GaussianBlur(
        rng.integers(0, 256, (*size, 3), dtype=np.uint8), (0, 0), 9)
    mask = np.zeros(size, np.uint8)
    middle = size[::-1] / 2
    for _ in range(9):
        ends = np.rint(middle + rng.uniform(-0.35, 0.35, (2, 2))
                       * size[::-1]).astype(int).tolist()
        colour: Any = rng.integers(0, 256, 3).tolist()
        width = int(size.min() // 12)
        cv2.line(image, *ends, colour, width)
        cv2.line(mask, *ends, 255, width)
    return MaskedPicture(image, mask)
