"""Layers that are worked out, and what does not fit."""
from __future__ import annotations

from typing import Any

import pytest

from xas_mmpose.models.heads.fitting import fit_layers

SIZES = [(32, 64, 64), (64, 32, 32), (256, 8, 8)]


def fit(in_channels: int | None = None, filters: Any = 256,
        kernels: Any = 4, **kwargs: Any) -> tuple:
    found = fit_layers(
        kwargs.pop('heatmap_size', (64, 64, 48)), in_channels, filters,
        kernels, **{'feature_sizes': SIZES, **kwargs})
    assert list(found) == ['in_channels', 'deconv_out_channels',
                           'deconv_kernel_sizes']
    return tuple(found.values())


def test_numbers_are_worked_out():
    assert fit() == (256, (256, 256, 256), (4, 4, 4))
    assert fit(in_index=1, filters=9, kernels=3) == (64, (9, ), (3, ))
    assert fit(in_index=-3) == (32, (), ())
    assert fit(feature_sizes=[(5, 12, 16)], heatmap_size=(64, 48, 8)) == (
        5, (256, 256), (4, 4))


def test_given_numbers_stay():
    assert fit(256, (16, 32, 64), (4, 2, 3)) == (256, (16, 32, 64), (4, 2, 3))
    assert fit(32, None, None, in_index=0) == (32, None, None)
    # Nobody knows the sizes: all is as it was given.
    assert fit(7, (8, 9), (4, 4), feature_sizes=None) == (7, (8, 9), (4, 4))
    assert fit(7, None, (4, 4, 4), feature_sizes=None) == (
        7, None, (4, 4, 4))


@pytest.mark.parametrize('arguments, message', [
    (dict(in_channels=2048),
     r'head\.in_channels=2048, but .*in_index=-1 selects has 256 channels'),
    (dict(filters=(256, 256)),
     r'\(256, 256\) doubles the feature map 2 times, but '
     r'heatmap_size=\(64, 64, 48\) is 3 times'),
    (dict(filters=None), 'doubles the feature map 0 times'),
    (dict(filters=(256, ), kernels=(4, 4, 4)),
     'deconv_out_channels=256 with head.deconv_kernel_sizes=4'),
    (dict(kernels=(4, 4)),
     r'head\.deconv_kernel_sizes=\(4, 4\) does not fit '
     r'head\.deconv_out_channels=\(256, 256, 256\), which takes 3 of them; '
     'one number, as head.deconv_kernel_sizes=4, is for all'),
    (dict(kernels=None), 'head.deconv_kernel_sizes=None does not fit'),
    (dict(in_channels=7, filters=(8, 9), kernels=(4, 4, 4),
          feature_sizes=None), r'\(4, 4, 4\) does not fit'),
    (dict(in_index=3), 'head.in_index=3, but .* give 3 feature maps'),
    (dict(in_index=-4), 'head.in_index=-4, but .* give 3 feature maps'),
    (dict(feature_sizes=[(8, 7, 7)]),
     r'7x7 cells does not become heatmap_size=\(64, 64, 48\)'),
    (dict(feature_sizes=[(8, 8, 16)]), '16x8 cells does not become'),
    (dict(feature_sizes=[(8, 128, 128)]), '128x128 cells does not become'),
    (dict(feature_sizes=None),
     "head.in_channels leaves open .*'FittedTopdownPoseEstimator'"),
    (dict(in_channels=8, feature_sizes=None),
     'head.deconv_out_channels leaves open'),
])
def test_what_does_not_fit_is_named(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        fit(**arguments)
