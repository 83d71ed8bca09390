"""The codec between key points and their volumes."""
from __future__ import annotations

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from xas_mmpose.geometry.cameras import (
    normalised_to_patch,
    patch_to_normalised,
)
from xas_mmpose.ops import (
    Marginals,
    depth_modes,
    expectation,
    volume_marginals,
)


@KEYPOINT_CODECS.register_module()
class DepthModeVolume(BaseKeypointCodec):
    """Volumes that hold several depths per key point.

    Sec. 3.1 of arXiv 2411.13026. One softmax over a key point's volume; x
    and y are the means of its marginals, and each of the M highest peaks of
    the depth marginal is a hypothesis.

    Cells and bins are areas: cell i of W covers the W-th part of the patch,
    and the D bins cover ``depth_range`` cube sides around the root (see
    :mod:`xas_mmpose.geometry.cameras`).

    Args:
        input_size: Width and height of the patch in px.
        heatmap_size: Width, height and depth (W, H, D) of a volume.
        num_hypotheses: Number M of hypotheses.
        window: Odd width in bins over which a peak's depth is averaged.
        min_height: Share of the highest peak that a hypothesis must reach.
        depth_range: Depth that the bins cover, in cube sides.
        cube_size: Side of the cube in mm, where a sample does not say.
        reference: Decode like the authors' released code, for its weights:
            indices over the size (the right and lower edges are never
            reached), bins that span two cube sides, and its choice of peaks
            (:func:`~xas_mmpose.ops.depth_modes`).

    Raises:
        ValueError: If a size does not fit.
    """

    label_mapping_table = dict(
        keypoint_labels='keypoint_labels',
        keypoint_weights='keypoint_weights')

    def __init__(self,
                 input_size: tuple[int, int],
                 heatmap_size: tuple[int, int, int],
                 num_hypotheses: int = 3,
                 window: int = 15,
                 min_height: float = 0.01,
                 depth_range: float = 1.0,
                 cube_size: float = 2000.0,
                 reference: bool = False) -> None:
        super().__init__()
        if len(heatmap_size) != 3 or min(heatmap_size) < 1:
            raise ValueError('heatmap_size is (W, H, D), three positive '
                             f'numbers, got {heatmap_size}')
        if len(input_size) != 2 or min(input_size) < 1:
            raise ValueError('input_size is (W, H), two positive numbers, '
                             f'got {input_size}')
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.num_hypotheses = num_hypotheses
        self.window = window
        self.min_height = min_height
        self.depth_range = 2.0 if reference else depth_range
        self.cube_size = cube_size
        self.reference = reference

    def index_to_normalised(self, index: Tensor) -> Tensor:
        """Map cells and bins to the normalised frame.

        Args:
            index: Column, row and depth bin (..., 3); centres at integers.

        Returns:
            Normalised x, y, z (..., 3).
        """
        gain, offset = self._scale(index)
        return index * gain + offset

    def normalised_to_index(self, keypoints: Tensor) -> Tensor:
        """Invert :meth:`index_to_normalised`.

        Args:
            keypoints: Normalised x, y, z (..., 3).

        Returns:
            Column, row and depth bin (..., 3).
        """
        gain, offset = self._scale(keypoints)
        return (keypoints - offset) / gain

    def bin_depths(self) -> np.ndarray:
        """Return the normalised depths (D,) of the bins' centres."""
        index = torch.zeros(self.heatmap_size[2], 3, dtype=torch.float64)
        index[:, 2] = torch.arange(len(index))
        return self.index_to_normalised(index)[:, 2].numpy()

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return gain and offset (3,) of the map from index to normalised."""
        size = torch.tensor(self.heatmap_size, dtype=like.dtype,
                            device=like.device)
        extent = torch.tensor([2, 2, self.depth_range], dtype=like.dtype,
                              device=like.device)
        gain = extent / size
        if self.reference:
            return gain, -extent / 2
        # A cell's centre lies half a patch pixel left of the areas' middle,
        # since integer pixels are centres but the crop's centre is S / 2.
        half_pixel = like.new_tensor(
            [1 / self.input_size[0], 1 / self.input_size[1], 0])
        return gain, gain / 2 - extent / 2 - half_pixel

    def decode_marginals(self,
                         marginals: Marginals) -> tuple[Tensor, Tensor]:
        """Return the hypotheses of a batch; gradients pass.

        Args:
            marginals: Marginals of the volumes, (B, K, W or H or D).

        Returns:
            Hypotheses (B, M, K, 3), normalised, that of the highest peak
            first; and their probabilities (B, M, K), 0 for a hypothesis that
            the profile does not have (it repeats the first one).
        """
        modes = depth_modes(marginals.z, self.num_hypotheses, self.window,
                            self.min_height, self.reference)
        x = expectation(marginals.x)[..., None].expand_as(modes.index)
        y = expectation(marginals.y)[..., None].expand_as(modes.index)
        index = torch.stack([x, y, modes.index], dim=-1)
        return (self.index_to_normalised(index).transpose(1, 2),
                modes.mass.transpose(1, 2))

    def encode(self,
               keypoints: np.ndarray,
               keypoints_visible: np.ndarray | None = None) -> dict:
        """Turn key points into the labels that the losses take.

        Args:
            keypoints: Patch key points (N, K, 3): px, px, mm behind the
                root.
            keypoints_visible: Visibility (N, K), 0 for key points without
                label.

        Returns:
            ``keypoint_labels`` (N, K, 3) normalised, float32, and
            ``keypoint_weights`` (N, K), float32.

        Raises:
            ValueError: If the depth is missing.
        """
        if keypoints.shape[-1] != 3:
            raise ValueError(
                'encode needs key points (N, K, 3) with their depth, got '
                f'{keypoints.shape}; in a pipeline NormaliseKeypoints3D '
                'makes the labels, not GenerateTarget')
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], np.float32)
        labels = patch_to_normalised(keypoints, self.input_size,
                                     self.cube_size)
        return dict(
            keypoint_labels=labels.astype(np.float32),
            keypoint_weights=keypoints_visible.astype(np.float32))

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode the volumes of one sample into its likeliest pose.

        Args:
            encoded: Scores (K, D, H, W).

        Returns:
            Patch key points (1, K, 3): px, px, mm behind the root; and their
            scores (1, K), the probability of the chosen depth.
        """
        hypotheses, scores = self.decode_marginals(
            volume_marginals(torch.as_tensor(encoded)[None]))
        keypoints = normalised_to_patch(hypotheses[:, 0].numpy(),
                                        self.input_size, self.cube_size)
        return keypoints, scores[:, 0].numpy()
