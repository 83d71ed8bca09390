"""Colours as other cameras, lights and filters would show them."""
from __future__ import annotations

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from torch import Tensor
from torchvision.transforms import functional

from .randomness import pipeline_generator

#: Largest change of brightness, contrast, saturation and hue (turns).
_JITTER = dict(brightness=0.5, contrast=0.2, saturation=0.5, hue=0.3)
#: Width and height of the blur's window in px, and its standard deviation.
_WINDOW, _SIGMA = (5, 9), (0.1, 5.0)


@TRANSFORMS.register_module()
class RandomColorChange(BaseTransform):
    """Change a picture's colours in one of four ways; for training only.

    As the authors' released code (arXiv 2411.13026) does with TikTok's
    frames: 40 % stay as they are; of the others a quarter each has its
    brightness, contrast, saturation and hue jittered, its histogram
    equalised, is blurred, or is inverted. The numbers are theirs; that the
    four are alike likely is not told.

    Stands behind ``LoadImage``, in front of ``RemoveBackground``. The blur is
    as wide in px wherever it stands.

    Args:
        prob: How often a picture is changed at all.

    Raises:
        ValueError: If ``prob`` is no probability.
    """

    def __init__(self, prob: float = 0.6) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob is a probability, got {prob}')
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Modify ``img`` (H, W, 3), BGR uint8."""
        rng = pipeline_generator()
        if rng.random() >= self.prob:
            return results
        change = (_jitter, _equalise, _blur, _invert)[rng.integers(4)]
        rgb = torch.from_numpy(cv2.cvtColor(results['img'],
                                            cv2.COLOR_BGR2RGB))
        changed = change(rgb.permute(2, 0, 1), rng).permute(1, 2, 0)
        results['img'] = cv2.cvtColor(changed.contiguous().numpy(),
                                      cv2.COLOR_RGB2BGR)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


def _jitter(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Jitter the colours of a picture (3, H, W), uint8, in any order."""
    names = list(_JITTER)
    for i in rng.permutation(len(names)):
        name, span = names[i], _JITTER[names[i]]
        # Hue is shifted, the others are multiplied.
        amount = float(name != 'hue') + rng.uniform(-span, span)
        image = getattr(functional, f'adjust_{name}')(image, amount)
    return image


def _equalise(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Equalise the histogram of each channel."""
    return functional.equalize(image)


def _blur(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur a picture, more so up and down."""
    return functional.gaussian_blur(image, list(_WINDOW),
                                    [rng.uniform(*_SIGMA)])


def _invert(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the negative of a picture."""
    return functional.invert(image)
