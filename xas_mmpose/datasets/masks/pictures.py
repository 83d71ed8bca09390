"""The pictures that masks are made of, as the training reads them."""
from __future__ import annotations

from pathlib import Path

import cv2
import mmcv
import numpy as np

from .cleaning import NoMaskError


class UnreadableError(NoMaskError):
    """A picture that is broken, or too large to be read; says which."""


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture by the function that ``LoadImage`` reads it by.

    So picture and mask lie upright alike, whatever a phone writes into its
    pictures about which side is up. A transparent layer is left out, 16 bits
    become 8, and grey or CMYK becomes BGR.

    Args:
        path: Its file.

    Returns:
        The picture (H, W, 3), BGR uint8.

    Raises:
        UnreadableError: If it cannot be read.
    """
    reason = ''
    try:
        image = mmcv.imread(str(path))
    except cv2.error as error:  # an empty file, or too many pixels
        image, reason = None, f': {error.err}'
    except OSError as error:
        image, reason = None, f': {error}'
    if image is None:
        raise UnreadableError(f'{path} cannot be read as a picture{reason}')
    return image
