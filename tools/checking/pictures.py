"""Reading pictures and masks so that nothing broken passes."""
from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np

from xas_mmpose.datasets.coco_masks import fill_segmentation
from xas_mmpose.datasets.transforms.mask import MASK_THRESHOLD


def read_picture(path: str, gray: bool = False) -> np.ndarray:
    """Read a picture, whole.

    OpenCV fills what a broken-off file lacks with grey and says nothing: the
    file must have its end.

    Args:
        path: The file.
        gray: Whether it is a mask.

    Returns:
        Picture (H, W, 3) BGR, or mask (H, W), uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no picture, or not all of one.
    """
    kind = 'mask' if gray else 'picture'
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no {kind} {path}')
    with open(path, 'rb') as file:
        content = file.read()
    if not _has_its_end(content):
        raise ValueError(f'the {kind} {path} is broken off: copy it again')
    picture = None
    if content:
        picture = cv2.imdecode(
            np.frombuffer(content, np.uint8),
            cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f'the {kind} {path} cannot be read')
    return picture


def read_mask(info: dict[str, Any],
              picture: np.ndarray) -> np.ndarray | None:
    """Read the mask of a sample.

    Args:
        info: The sample: ``img_mask``, ``mask_path`` or COCO's
            ``segmentation``.
        picture: Its picture (H, W, 3).

    Returns:
        Foreground (H, W), bool; None where the sample has no mask.

    Raises:
        FileNotFoundError: If the mask is missing.
        ValueError: If it is unreadable, of another size, or empty.
    """
    height, width = picture.shape[:2]
    if info.get('img_mask') is not None:
        mask, name = info['img_mask'], 'its mask'
    elif info.get('mask_path'):
        mask, name = read_picture(info['mask_path'], True), info['mask_path']
    elif _is_outline(info.get('segmentation')):
        mask, name = fill_segmentation(
            info['segmentation'], height, width), 'its mask'
    else:
        return None
    if mask.shape != (height, width):
        raise ValueError(
            f'the mask {name} is {mask.shape[1]}x{mask.shape[0]} px, its '
            f'picture {width}x{height} px')
    if mask.max(initial=0) == 1:
        mask = mask * np.uint8(255)
    foreground = mask > MASK_THRESHOLD
    if not foreground.any():
        raise ValueError(
            f'the mask {name} is empty: {MASK_THRESHOLD + 1} and above is '
            f'foreground, its largest value is {mask.max(initial=0)}')
    return foreground


def _has_its_end(content: bytes) -> bool:
    """Say whether a jpg, png or webp has its end; others always do."""
    if content.startswith(b'\xff\xd8'):
        # These two bytes do not occur within the data of a scan.
        return content.rfind(b'\xff\xd9') > content.rfind(b'\xff\xda')
    if content.startswith(b'\x89PNG'):
        return b'IEND\xaeB`\x82' in content  # the last part with its sum
    if content.startswith(b'RIFF'):
        return len(content) >= 8 + int.from_bytes(content[4:8], 'little')
    return True


def _is_outline(segmentation: Any) -> bool:
    """Say whether COCO's field describes an area."""
    return bool(segmentation) and (
        isinstance(segmentation, dict)
        or (isinstance(segmentation, list)
            and all(isinstance(polygon, list) and len(polygon) >= 6
                    for polygon in segmentation)))
