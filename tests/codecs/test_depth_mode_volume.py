"""The codec: scales, half pixels, round trips, the released code's scale."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.codecs import DepthModeVolume
from xas_mmpose.geometry.cameras import patch_to_normalised
from xas_mmpose.ops import volume_marginals


@pytest.fixture
def codec() -> DepthModeVolume:
    return DepthModeVolume((256, 192), (64, 48, 32), num_hypotheses=2,
                           window=5)


def test_cells_are_areas_of_the_patch(codec: DepthModeVolume):
    # Cell 0 covers patch pixels -0.5 .. 3.5: its centre is pixel 1.5.
    patch = np.array([[1.5, 1.5, -1000 + 1000 / 32],
                      [253.5, 189.5, 1000 - 1000 / 32]])
    index = torch.tensor([[0.0, 0, 0], [63, 47, 31]], dtype=torch.float64)
    want = patch_to_normalised(patch[None], (256, 192), 2000.0)[0]
    np.testing.assert_allclose(codec.index_to_normalised(index), want,
                               atol=1e-12)


def test_index_round_trip(codec: DepthModeVolume):
    index = torch.rand(5, 18, 3, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(0)) * 30
    back = codec.normalised_to_index(codec.index_to_normalised(index))
    torch.testing.assert_close(back, index)


def test_mirrored_volumes_decode_to_mirrored_patches(codec: DepthModeVolume):
    volume = torch.randn(1, 3, 32, 48, 64,
                         generator=torch.Generator().manual_seed(0))
    straight, _ = codec.decode(volume[0])
    flipped, _ = codec.decode(volume.flip(-1)[0])
    np.testing.assert_allclose(flipped[..., 0], 255 - straight[..., 0],
                               atol=1e-3)
    np.testing.assert_allclose(flipped[..., 1:], straight[..., 1:],
                               atol=1e-3)


def test_an_encoded_key_point_decodes_to_itself(codec: DepthModeVolume):
    keypoints = np.array([[[100.3, 57.8, -431.0], [200.0, 3.2, 900.0]]])
    labels = codec.encode(keypoints)
    assert labels['keypoint_labels'].dtype == np.float32
    np.testing.assert_array_equal(labels['keypoint_weights'], 1)
    index = codec.normalised_to_index(
        torch.from_numpy(labels['keypoint_labels']))[0]
    # Two-cell volumes whose means are the index on each axis.
    volume = torch.full((2, 32, 48, 64), -1e4)
    for joint, place in enumerate(index):
        lower = place.floor().clamp(max=torch.tensor([62, 46, 30])).long()
        share = place - lower
        for corner in np.ndindex(2, 2, 2):
            weight = torch.stack([
                s if c else 1 - s for s, c in zip(share, corner)
            ]).prod()
            column, row, bin_ = (lower + torch.tensor(corner)).tolist()
            volume[joint, bin_, row, column] = weight.clamp_min(1e-30).log()
    decoded, scores = codec.decode(volume)
    np.testing.assert_allclose(decoded, keypoints, atol=0.02)
    assert ((scores > 0.5) & (scores <= 1)).all()


def test_encode_keeps_weights_of_unlabelled_key_points(
        codec: DepthModeVolume):
    labels = codec.encode(np.zeros((1, 2, 3)), np.array([[1, 0]]))
    assert labels['keypoint_weights'].tolist() == [[1, 0]]


def test_gradients_reach_every_axis_of_the_volume(codec: DepthModeVolume):
    volume = torch.randn(1, 2, 32, 48, 64, requires_grad=True,
                         generator=torch.Generator().manual_seed(0))
    hypotheses, scores = codec.decode_marginals(volume_marginals(volume))
    assert hypotheses.shape == (1, 2, 2, 3)
    assert scores.shape == (1, 2, 2)
    for axis in range(3):
        grad, = torch.autograd.grad(hypotheses[..., axis].sum(), volume,
                                    retain_graph=True)
        assert grad.abs().sum() > 0


def test_reference_scale():
    codec = DepthModeVolume((256, 256), (64, 64, 64), reference=True)
    index = torch.tensor([0.0, 32.0, 63.0])
    np.testing.assert_allclose(codec.index_to_normalised(index),
                               index / 64 * 2 - 1)


@pytest.mark.parametrize(('kwargs', 'match'), [
    (dict(input_size=(64, 64), heatmap_size=(16, 16)), 'heatmap_size'),
    (dict(input_size=(64, ), heatmap_size=(16, 16, 16)), 'input_size'),
])
def test_bad_sizes(kwargs: dict, match: str):
    with pytest.raises(ValueError, match=match):
        DepthModeVolume(**kwargs)


def test_labels_without_depth_are_refused(codec: DepthModeVolume):
    with pytest.raises(ValueError, match='NormaliseKeypoints3D'):
        codec.encode(np.zeros((1, 18, 2)))
