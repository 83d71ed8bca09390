"""The network that gives a stick figure its flesh."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class PhysiqueNetwork(BaseModule):
    """Turn drawn skeletons into full silhouettes.

    The encoder-decoder of Sec. 3.2 of arXiv 2411.13026: at each width but
    the last two 3x3 convolutions, the second of which halves the map, and
    the same way back with bilinear enlarging before every second one. Each
    has a bias, batch norm and a leaky ReLU; a last 3x3 convolution and a
    sigmoid give the silhouette.

    Args:
        channels: Widths from the full map to the smallest.
        norm_cfg: Norm layer; ``dict(type='SyncBN')``, the authors', needs
            CUDA where several processes train.
        init_cfg: Initialisation. By default Kaiming normal, and a last
            layer close to 0, so that training starts at an even grey.

    Raises:
        ValueError: If ``channels`` are fewer than two.
    """

    def __init__(self,
                 channels: Sequence[int] = (32, 64, 128),
                 norm_cfg: Mapping[str, Any] | None = None,
                 init_cfg: Any = None) -> None:
        super().__init__(init_cfg or [
            dict(type='Kaiming', layer='Conv2d', a=0.01, mode='fan_in',
                 nonlinearity='leaky_relu',
                 override=dict(type='Normal', name='out', std=0.01))
        ])
        if len(channels) < 2:
            raise ValueError('channels needs at least two widths, got '
                             f'{list(channels)}')
        norm_cfg = dict(norm_cfg or dict(type='BN'))
        down = [_layer(1, channels[0], norm_cfg)]
        up = []
        for fine, coarse in pairwise(channels):
            down.append(_layer(fine, fine, norm_cfg))
            down.append(_layer(fine, coarse, norm_cfg, stride=2))
            up.append(_layer(coarse, fine, norm_cfg))
            up.append(_layer(coarse, coarse, norm_cfg))
        self.encoder = nn.ModuleList(down)
        self.decoder = nn.ModuleList(up[::-1])
        self.out = nn.Conv2d(channels[0], 1, 3, padding=1)
        self.stride = 2**(len(channels) - 1)

    def forward(self, lines: Tensor) -> Tensor:
        """Compute silhouettes.

        Args:
            lines: Drawn skeletons (B, 1, H, W) in 0..1.

        Returns:
            Silhouettes (B, 1, H, W) in 0..1.

        Raises:
            ValueError: If the map cannot be halved as often as needed.
        """
        height, width = lines.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'the physique network needs maps whose sides are multiples '
                f'of {self.stride}, got {width}x{height}: change map_size')
        features = lines
        for layer in self.encoder:
            features = layer(features)
        for number, layer in enumerate(self.decoder):
            if number % 2:
                features = F.interpolate(features, scale_factor=2,
                                         mode='bilinear')
            features = layer(features)
        return self.out(features).sigmoid()

    def reference_keys(self) -> dict[str, str]:
        """Return the name of each tensor in the authors' checkpoints.

        Returns:
            Our key to the authors', without their ``physique_network.``.
        """
        keys = {}
        for key in self.state_dict():
            part, *rest = key.split('.')
            if part == 'out':
                place = f'decoder.{len(self.decoder)}'
            else:
                number, layer, *rest = rest
                # Their enlarging is the first layer of its block.
                first = int(part == 'decoder' and int(number) % 2)
                place = f'{part}.{number}.{first + (layer != "conv")}'
            keys[key] = '.'.join([place, *rest])
        return keys


def _layer(in_channels: int, out_channels: int, norm_cfg: dict[str, Any],
           stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution with its norm and leaky ReLU."""
    # mmcv's ConvModule would warn of the bias before a norm, which the
    # authors' checkpoints hold.
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(in_channels, out_channels, 3, stride, 1),
        norm=build_norm_layer(norm_cfg, out_channels)[1],
        activate=nn.LeakyReLU(0.01, inplace=True)))
