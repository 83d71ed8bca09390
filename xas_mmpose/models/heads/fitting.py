"""How many layers it takes from a backbone's map to the volumes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Channels, height and width of a feature map.
FeatureSize = tuple[int, int, int]


def fit_layers(heatmap_size: Sequence[int],
               in_channels: int | None,
               deconv_out_channels: int | Sequence[int] | None,
               deconv_kernel_sizes: int | Sequence[int] | None,
               in_index: int = -1,
               feature_sizes: Sequence[FeatureSize] | None = None
               ) -> dict[str, Any]:
    """Work out what is left open of a head, and check what is not.

    >>> fit_layers((64, 64, 64), None, 256, 4, feature_sizes=[(768, 16, 16)])
    {'in_channels': 768, 'deconv_out_channels': (256, 256), \
'deconv_kernel_sizes': (4, 4)}

    Args:
        heatmap_size: Width, height and depth of the volumes.
        in_channels: Channels of the feature map, or None.
        deconv_out_channels: Filters of each transposed convolution, which
            doubles the map; one number for as many as it takes.
        deconv_kernel_sizes: Their kernel sizes; one number for all of them.
        in_index: Which feature map.
        feature_sizes: Size (C, h, w) of each feature map, or None where
            nobody knows: then all is as it was given.

    Returns:
        ``in_channels``, ``deconv_out_channels`` and ``deconv_kernel_sizes``
        as :class:`~mmpose.models.heads.HeatmapHead` takes them.

    Raises:
        ValueError: If something is left open and no size is known, or if
            what was given does not lead from the map to the volumes.
    """
    if feature_sizes is None:
        for name, is_open in (
                ('in_channels', in_channels is None),
                ('deconv_out_channels', isinstance(deconv_out_channels, int))):
            if is_open:
                raise ValueError(
                    f'head.{name} leaves open what only model.type='
                    "'FittedTopdownPoseEstimator' works out: set that, or "
                    f'give {name} as it is for the backbone')
    else:
        channels, doublings = _measure(heatmap_size, in_index, feature_sizes)
        if in_channels not in (None, channels):
            raise ValueError(
                f'head.in_channels={in_channels}, but the feature map that '
                f'head.in_index={in_index} selects has {channels} channels; '
                'head.in_channels=None reads them from the backbone')
        in_channels = channels
        if isinstance(deconv_out_channels, int):
            deconv_out_channels = (deconv_out_channels, ) * doublings
        if len(deconv_out_channels or ()) != doublings:
            raise ValueError(
                f'head.deconv_out_channels={deconv_out_channels} doubles the '
                f'feature map {len(deconv_out_channels or ())} times, but '
                f'heatmap_size={tuple(heatmap_size)} is {doublings} times '
                'the double of it; one number, as '
                'head.deconv_out_channels=256 with '
                'head.deconv_kernel_sizes=4, does so as often as it takes')
    if isinstance(deconv_kernel_sizes, int):
        deconv_kernel_sizes = (
            deconv_kernel_sizes, ) * len(deconv_out_channels or ())
    if deconv_out_channels and (
            len(deconv_kernel_sizes or ()) != len(deconv_out_channels)):
        raise ValueError(
            f'head.deconv_kernel_sizes={deconv_kernel_sizes} does not fit '
            f'head.deconv_out_channels={deconv_out_channels}, which takes '
            f'{len(deconv_out_channels)} of them; one number, as '
            'head.deconv_kernel_sizes=4, is for all')
    return dict(in_channels=in_channels,
                deconv_out_channels=deconv_out_channels,
                deconv_kernel_sizes=deconv_kernel_sizes)


def _measure(heatmap_size: Sequence[int], in_index: int,
             feature_sizes: Sequence[FeatureSize]) -> tuple[int, int]:
    """Return a map's channels, and how often it has to be doubled."""
    if not -len(feature_sizes) <= in_index < len(feature_sizes):
        raise ValueError(
            f'head.in_index={in_index}, but the backbone (and neck) give '
            f'{len(feature_sizes)} feature maps')
    channels, height, width = feature_sizes[in_index]
    doublings = max(heatmap_size[0] // width, 1).bit_length() - 1
    if (width << doublings, height << doublings) != tuple(heatmap_size[:2]):
        raise ValueError(
            f'a feature map of {width}x{height} cells does not become '
            f'heatmap_size={tuple(heatmap_size)} by doubling: change '
            'heatmap_size or input_size of the codec, or scale the map by '
            "model.neck=dict(type='FeatureMapProcessor', scale_factor=...)")
    return channels, doublings
