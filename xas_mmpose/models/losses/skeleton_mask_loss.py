"""The mask loss: the drawn skeleton must fill the foreground."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from xas_mmpose.ops import skeleton_mask
from xas_mmpose.skeletons import mask_links_of


@MODELS.register_module()
class SkeletonMaskLoss(nn.Module):
    """Squared error between the drawn skeleton and the foreground mask.

    Sec. 3.2 of arXiv 2411.13026.

    Args:
        metainfo: ``dataset_info`` that holds the links and their widths
            (:func:`~xas_mmpose.skeletons.mask_links_of`).
        line_width: Squared distance from a bone, in normalised units, at
            which the line has faded to 1/e.
        map_size: Width and height of the drawn map; None draws at the
            masks' size. A mask of another size is averaged down to it.
        clip: Only pixels count at which the drawn skeleton is above this
            value; None counts all.
        reference_clip: Without weights, do as the authors' released code,
            which multiplies the mean error of all pixels by the *fraction*
            of pixels above ``clip``; by default the clip acts per pixel.
        reference_scale: Draw as the released code, which takes a patch to
            end at the *centres* of its outer pixels.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If the metainfo has no links, the width is not positive,
            or ``reference_clip`` has nothing to clip at.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 line_width: float = 0.003,
                 map_size: tuple[int, int] | None = None,
                 clip: float | None = None,
                 reference_clip: bool = False,
                 reference_scale: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        self.links, factors = mask_links_of(metainfo)
        if line_width <= 0:
            raise ValueError(f'line_width must be positive, got {line_width}')
        if reference_clip and clip is None:
            raise ValueError('reference_clip needs a clip; the released '
                             "code's is 0.1")
        self.register_buffer('widths', torch.tensor(factors) * line_width,
                             persistent=False)
        self.map_size = None if map_size is None else tuple(map_size)
        self.clip = clip
        self.reference_clip = reference_clip
        self.reference_scale = reference_scale
        self.loss_weight = loss_weight

    def draw(self, keypoints: Tensor, input_size: tuple[int, int],
             map_size: tuple[int, int]) -> Tensor:
        """Draw skeletons.

        Args:
            keypoints: Poses (B, K, 2), normalised.
            input_size: Width and height of the patch in px.
            map_size: Width and height of the map.

        Returns:
            Maps (B, 1, H, W) in 0..1.
        """
        size = keypoints.new_tensor(map_size)
        if self.reference_scale:
            half, shift = (size - 1) / 2, 0
        else:
            # A patch of S px has its first pixel's centre at normalised -1,
            # and map pixels cover S / s patch pixels each.
            half = size / 2
            shift = half / keypoints.new_tensor(input_size) - 0.5
        return skeleton_mask((keypoints + 1) * half + shift, self.links,
                             self.widths * half.prod(), map_size)

    def forward(self,
                keypoints: Tensor,
                masks: Tensor,
                weight: Tensor | None = None,
                drawn: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            keypoints: Poses (B, K, 2), normalised.
            masks: Foreground (B, 1, H, W) in 0..1, of the patch's size.
            weight: Weight of each pixel (B, 1, H, W), as
                :func:`~xas_mmpose.ops.geodesic_weight` makes them, of the
                masks' or of the drawn map's size.
            drawn: What :meth:`draw` has made of the key points, where it is
                at hand: two losses of equal links, width and size may share
                one drawing.

        Returns:
            Mean over samples and pixels, 0-d; 0 for an empty batch.
        """
        if not len(keypoints):
            return keypoints.sum()
        input_size = (masks.shape[-1], masks.shape[-2])
        map_size = self.map_size or input_size
        if map_size != input_size:
            masks = F.interpolate(masks, size=map_size[::-1], mode='area')
            if weight is not None:
                weight = F.interpolate(weight, size=map_size[::-1],
                                       mode='area')
        if drawn is None:
            drawn = self.draw(keypoints, input_size, map_size)
        return self.compare(drawn, masks, weight) * self.loss_weight

    def compare(self, drawn: Tensor, masks: Tensor,
                weight: Tensor | None) -> Tensor:
        """Compare drawn skeletons with masks of their size.

        Args:
            drawn: Maps (B, 1, H, W) in 0..1.
            masks: Foreground (B, 1, H, W) in 0..1.
            weight: Weight of each pixel (B, 1, H, W), or None.

        Returns:
            Mean over samples and pixels, 0-d.
        """
        error = (drawn - masks).square()
        if weight is not None:
            error = error * weight
        if self.clip is None:
            return error.mean()
        above = drawn > self.clip
        if self.reference_clip and weight is None:
            return error.mean() * above.to(error).mean()
        return (error * above).mean()
