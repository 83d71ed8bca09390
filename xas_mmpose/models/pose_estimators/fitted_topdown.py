"""A pose estimator that tells its head what the backbone gives."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpose.models import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..glance import glance


@MODELS.register_module()
class FittedTopdownPoseEstimator(TopdownPoseEstimator):
    """MMPose's estimator, with a head that fits any backbone.

    When it is built, backbone and neck see one black picture of the codec's
    ``input_size``. The head is given the sizes of their feature maps as
    ``feature_sizes``, and works out its layers from them.

    Nothing is left for the first batch to decide: optimizers, checkpoints and
    DDP find the weights that they would find with numbers in the config,
    under the same names. The black picture changes no statistics of batch
    norm and takes no random numbers.

    Args:
        backbone: Config of the backbone.
        neck: Config of the neck, or None.
        head: Config of a
            :class:`~xas_mmpose.models.MultiHypothesisHead`.
        kwargs: What ``TopdownPoseEstimator`` takes besides.

    Raises:
        ValueError: If backbone and neck give no maps, or the head cannot fit
            them.
    """

    def __init__(self,
                 backbone: Mapping[str, Any],
                 neck: Mapping[str, Any] | None = None,
                 head: Mapping[str, Any] | None = None,
                 **kwargs: Any) -> None:
        if head is None:
            raise ValueError('FittedTopdownPoseEstimator has nothing to fit '
                             'without a head')
        # MMPose builds the head last, by calling this.
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=dict(type=self._build_head, config=head),
            **kwargs)

    def _build_head(self, config: Mapping[str, Any]) -> nn.Module:
        """Build the head for the backbone and the neck that are there."""
        return MODELS.build(dict(
            config, feature_sizes=self._feature_sizes(
                *config['decoder']['input_size'])))

    def _feature_sizes(self, width: int,
                       height: int) -> list[tuple[int, int, int]]:
        """Return the size (C, h, w) of each feature map."""
        parameter = next(self.backbone.parameters())
        with glance(self):
            feats = self.extract_feat(
                parameter.new_zeros(1, 3, height, width))
        if isinstance(feats, Tensor) or not all(
                isinstance(feat, Tensor) and feat.dim() == 4
                for feat in feats):
            raise ValueError(
                f'model.backbone={type(self.backbone).__name__} (and '
                f'model.neck) give {_describe(feats)}; the head needs a '
                'sequence of feature maps (B, C, h, w). Backbones of several '
                'stages and necks that pool the maps do not fit it')
        return [tuple(feat.shape[1:]) for feat in feats]


def _describe(feats: Any) -> str:
    """Say what a backbone gives, in short."""
    if isinstance(feats, Tensor):
        return f'a tensor of shape {tuple(feats.shape)}'
    return f'[{", ".join(map(_describe, feats))}]'
