"""Foreground masks in a pipeline."""
from __future__ import annotations

import os

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

#: Pixels above this value are foreground where a yes or no is needed.
MASK_THRESHOLD = 127
#: Of which samples a mask may be required.
REQUIRED = ('datasets', True, False)


@TRANSFORMS.register_module()
class LoadMask(BaseTransform):
    """Read the foreground mask of a picture.

    Stands behind ``LoadImage``. Reads ``mask_path``; writes ``img_mask``
    (H, W) uint8, 0..255, as large as the picture. Masks of 0 and 1 become
    masks of 0 and 255. An ``img_mask`` that the data set brings along, as
    one does that makes its own pictures, stays as it is.

    Args:
        required: Whether a sample without ``mask_path`` is an error.
            ``'datasets'``: if it comes from any data set; a bare picture
            passes. So every pipeline also serves MMPose's inference
            functions, which know no masks, and no training or test does
            without masks unnoticed. A mask file that is named must exist.

    Raises:
        FileNotFoundError: If the mask file is missing.
        ValueError: If it is no picture, of another size than the image, or
            without foreground.
    """

    def __init__(self, required: bool | str = 'datasets') -> None:
        self.required = checked_required(required)

    def transform(self, results: dict) -> dict:
        """Add ``img_mask``."""
        if results.get('img_mask') is not None:
            _check_size(results['img_mask'],
                        'that the data set brings along', results)
            return results
        path = results.get('mask_path')
        if path is None:
            if needs_mask(self.required, results):
                raise ValueError(
                    f'{results.get("img_path")} has no mask_path: give the '
                    'data set data_prefix=dict(img=..., mask=...), or '
                    'LoadMask required=False')
            return results
        if 'img' not in results:
            raise ValueError('LoadMask compares the mask with the picture: '
                             'put it behind LoadImage')
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f'there is no mask file {path} for the picture '
                f'{results.get("img_path")}')
        mask = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise ValueError(f'the mask file {path} cannot be read as a '
                             'picture: make it again')
        _check_size(mask, path, results)
        if mask.max() == 1:
            mask = mask * np.uint8(255)
        if not (mask > MASK_THRESHOLD).any():
            raise ValueError(
                f'the mask {path} is empty: no pixel is above '
                f'{MASK_THRESHOLD}. Make it again, or leave its picture out')
        results['img_mask'] = mask
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(required={self.required!r})'


@TRANSFORMS.register_module()
class RemoveBackground(BaseTransform):
    """Multiply the picture by its mask, ``img * mask / 255``.

    As the authors' released code does after the crop; a soft mask edge dims.
    Stands in front of the packing, behind all that changes colours.

    Args:
        required: Whether a sample without mask is an error, as for
            :class:`LoadMask`. Where it is not, the picture stays as it is.
    """

    def __init__(self, required: bool | str = 'datasets') -> None:
        self.required = checked_required(required)

    def transform(self, results: dict) -> dict:
        """Modify ``img`` (H, W, 3) uint8."""
        mask = results.get('img_mask')
        if mask is None:
            if needs_mask(self.required, results):
                raise ValueError(
                    f'{results.get("img_path")} has no img_mask to remove '
                    'the background by: put LoadMask in front, or set '
                    'required=False')
            return results
        image = results['img']
        if mask.shape != image.shape[:2]:
            raise ValueError(
                f'the mask is {mask.shape[1]}x{mask.shape[0]} px here, the '
                f'picture {image.shape[1]}x{image.shape[0]}: crop both with '
                'CubeAffine')
        results['img'] = cv2.multiply(image, cv2.merge([mask] * 3),
                                      scale=1 / 255)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(required={self.required!r})'


def _check_size(mask: np.ndarray, name: str, results: dict) -> None:
    """Raise ``ValueError`` if a mask (H, W) is not as large as its picture."""
    size, mask_size = results['img'].shape[1::-1], mask.shape[::-1]
    if mask_size != size:
        raise ValueError(
            f'the mask {name} is {mask_size[0]}x{mask_size[1]} px, its '
            f'picture {results.get("img_path")} {size[0]}x{size[1]} px: '
            'make the mask from the picture as it is')


def checked_required(required: bool | str) -> bool | str:
    """Return the option, or raise ``ValueError`` if it is no such."""
    if required not in REQUIRED:
        raise ValueError(f'required is one of {REQUIRED}, got {required!r}')
    return required


def needs_mask(required: bool | str, results: dict) -> bool:
    """Say whether a sample without mask is an error.

    Args:
        required: One of :data:`REQUIRED`.
        results: The sample. Every data set of MMEngine's numbers its
            samples, MMPose's put themselves into them, and all of ours say
            their ``domain``.
    """
    if required == 'datasets':
        return not {'sample_idx', 'dataset', 'domain'}.isdisjoint(results)
    return bool(required)
