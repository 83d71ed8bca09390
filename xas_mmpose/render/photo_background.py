"""Photographs from a folder as backgrounds."""
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

#: Endings of files that count as photographs, in small letters.
SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


class PhotoBackground:
    """Draws square pieces of the photographs of a folder.

    What is drawn depends on the folder and the generator alone: files are
    sorted by name, and those kept in memory are the same as on the disk.

    Args:
        folder: The folder; its subfolders are searched as well. It is
            listed once.
        crop: Range of the piece's side, as a share of the photograph's
            shorter side.
        num_kept: Number of photographs to keep in memory, reduced to about
            the size that is needed.

    Raises:
        FileNotFoundError: If there is no such folder, or no picture in it.
        ValueError: If ``crop`` is no range within (0, 1].
    """

    def __init__(self,
                 folder: str | Path,
                 crop: tuple[float, float] = (0.5, 1.0),
                 num_kept: int = 64) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'{self.folder}: no such folder of photographs')
        self.files = sorted(
            file for file in self.folder.rglob('*')
            if file.suffix.lower() in SUFFIXES and file.is_file())
        if not self.files:
            raise FileNotFoundError(
                f'{self.folder}: no photographs in it (files that end in '
                f'{", ".join(SUFFIXES)})')
        if not 0 < crop[0] <= crop[1] <= 1:
            raise ValueError('crop must be a range within (0, 1], got '
                             f'{crop}')
        self.crop = crop
        self.num_kept = num_kept
        self._kept: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a piece of a photograph.

        Args:
            size: Side of the piece in px, S.
            rng: Source of randomness.

        Returns:
            Picture (S, S, 3), BGR, float32, 0..1.

        Raises:
            ValueError: If the file drawn is no picture.
        """
        photo = self._read(int(rng.integers(len(self.files))), size)
        shorter = min(photo.shape[:2])
        side = max(round(shorter * rng.uniform(*self.crop)), 1)
        top, left = rng.integers(0, np.array(photo.shape[:2]) - side + 1)
        piece = photo[top:top + side, left:left + side]
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        piece = cv2.resize(
            piece, (size, size), interpolation=cv2.INTER_AREA
            if side > size else cv2.INTER_LINEAR)
        return piece.astype(np.float32) / 255

    def _read(self, index: int, size: int) -> np.ndarray:
        """Return a photograph (H, W, 3), BGR uint8, reduced if it is big."""
        key = index, size
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        file = self.files[index]
        shorter = _checked_side(file)
        # The smallest piece must not need blowing up. A reduced JPEG is
        # decoded in a fraction of the time.
        spare = shorter * self.crop[0] / size
        flag = (cv2.IMREAD_REDUCED_COLOR_8 if spare >= 8 else
                cv2.IMREAD_REDUCED_COLOR_4 if spare >= 4 else
                cv2.IMREAD_REDUCED_COLOR_2 if spare >= 2 else
                cv2.IMREAD_COLOR)
        photo = cv2.imread(str(file), flag)
        if photo is None:
            raise ValueError(f'{file}: not a picture that OpenCV can read; '
                             'remove it from the folder')
        self._kept[key] = photo
        if len(self._kept) > self.num_kept:
            self._kept.popitem(last=False)
        return photo


def _checked_side(file: Path) -> int:
    """Return the shorter side of a photograph in px, if it is whole.

    OpenCV fills what is missing of a file that was cut off with grey, and
    does not say so.
    """
    try:
        with Image.open(file) as photo:
            shorter = min(photo.size)
            # As small as JPEG can be decoded: only its errors matter.
            photo.draft('RGB', (1, 1))
            photo.load()
    except (OSError, SyntaxError, ValueError, EOFError,
            Image.DecompressionBombError) as error:
        raise ValueError(f'{file}: not a picture that can be read ({error}); '
                         'remove it from the folder') from error
    return shorter
