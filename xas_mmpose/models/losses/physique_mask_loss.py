"""The mask loss for a skeleton with flesh."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpose.registry import MODELS
from torch import Tensor

from .skeleton_mask_loss import SkeletonMaskLoss


@MODELS.register_module()
class PhysiqueMaskLoss(SkeletonMaskLoss):
    """Squared error between the fleshed-out skeleton and the mask.

    Sec. 3.2 of arXiv 2411.13026. A small network, trained by this loss
    alone, turns the drawn skeleton into a silhouette. Its gradient reaches
    the key points through the drawing.

    Args:
        metainfo: ``dataset_info`` that holds the links and their widths.
        network: Config of the network
            (:class:`~xas_mmpose.models.priors.PhysiqueNetwork`).
        line_width: As for :class:`SkeletonMaskLoss`.
        map_size: As for :class:`SkeletonMaskLoss`.
        reference_scale: As for :class:`SkeletonMaskLoss`.
        loss_weight: Factor on the loss; 0 switches it off.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 network: Mapping[str, Any] | None = None,
                 line_width: float = 0.003,
                 map_size: tuple[int, int] | None = None,
                 reference_scale: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__(metainfo, line_width, map_size,
                         reference_scale=reference_scale,
                         loss_weight=loss_weight)
        self.network = MODELS.build(network or dict(type='PhysiqueNetwork'))

    def init_weights(self) -> None:
        """Initialise the network, whatever a parent does to its layers."""
        self.network.init_weights()

    def forward(self,
                keypoints: Tensor,
                masks: Tensor,
                weight: Tensor | None = None,
                drawn: Tensor | None = None) -> Tensor:
        """Compute the loss; see :meth:`SkeletonMaskLoss.forward`."""
        if not len(keypoints):
            # Another process may hold samples: gradients must be there for
            # it to average with.
            return keypoints.sum() + 0 * sum(
                p.sum() for p in self.network.parameters())
        return super().forward(keypoints, masks, weight, drawn)

    def compare(self, drawn: Tensor, masks: Tensor,
                weight: Tensor | None) -> Tensor:
        """Compare silhouettes of drawn skeletons with masks."""
        return super().compare(self.network(drawn), masks, weight)
