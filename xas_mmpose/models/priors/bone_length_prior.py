"""The bone-length prior: depths that make bones as long as they should be."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor

from xas_mmpose.codecs import DepthModeVolume
from xas_mmpose.ops import Marginals, tree_beliefs
from xas_mmpose.ops.tree_beliefs import from_the_root
from xas_mmpose.skeletons import parents_of

from ..heads.pretext_losses import isotropic
from ..losses.process_mean import process_mean

#: Lengths below a thousandth of half a cube's side count as that.
_SHORTEST = 1e-3
#: No profile is so sure that a bin is less likely than this.
_LEAST = 1e-6


@MODELS.register_module()
class BoneLengthPrior(BaseModule):
    """Let the depth profiles of a pose's key points agree on bone lengths.

    A volume tells where each key point may be, without regard to the others:
    its depth profile may hold two places, of which only one is a bone's
    length from where the key point's neighbours are. Here the profiles of all
    key points are the unary factors of a distribution over whole poses, and
    the lengths of the bones between them, as labelled poses have them, its
    pairwise factors; each profile is replaced by its marginal
    (:func:`~xas_mmpose.ops.tree_beliefs`). x and y stay as they are. Poses
    that are reflected in depth have bones of the same length: which of two
    is seen, all key points decide together. A share of each profile stays
    as it was, so that a depth which bones speak against remains a
    hypothesis.

    A bone's factor is ``exp(-weight * min(d ** 2 / 2, outlier))``, where d is
    how far the logarithm of its length is from the labelled poses' mean, in
    their standard deviations, but at least ``spread``. The size of the whole
    pose is not known: the median over the bones of the likeliest pose is
    taken out.

    The mean and deviation are gathered in training, from the labelled poses
    that the head is shown, and lie in the checkpoint as buffers. Without them
    the profiles stay as they are.

    Not a part of the paper.

    Args:
        metainfo: ``dataset_info`` of the key points; each with its parent
            (:func:`~xas_mmpose.skeletons.parents_of`) is a bone.
        weight: Weight of a bone against a profile.
        spread: Least standard deviation of the logarithm of a length.
        outlier: Bones further off than this count as much as this.
        doubt: Share of the profiles that stays.
        momentum: Share of a batch in the running moments.

    Raises:
        ValueError: If a number is out of range, or the key points are not a
            tree with one root and two bones: the size of the pose leaves one
            bone nothing to say.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 weight: float = 1.0,
                 spread: float = 0.5,
                 outlier: float = 8.0,
                 doubt: float = 0.1,
                 momentum: float = 0.01) -> None:
        super().__init__()
        if (min(weight, spread, outlier) <= 0 or not 0 <= doubt <= 1
                or not 0 < momentum <= 1):
            raise ValueError(
                'weight, spread and outlier of BoneLengthPrior are positive, '
                'doubt goes from 0 to 1, momentum is above 0 and at most 1, '
                f'got {weight}, {spread}, {outlier}, {doubt} and {momentum}')
        self.parents = parents_of(metainfo)
        from_the_root(self.parents)
        self.bones = [k for k, p in enumerate(self.parents) if k != p]
        if len(self.bones) < 2:
            raise ValueError('BoneLengthPrior needs two bones or more, got '
                             f'parents {self.parents}: leave it out')
        self.weight = weight
        self.spread = spread
        self.outlier = outlier
        self.doubt = doubt
        self.momentum = momentum
        # Sums rather than means: those that have begun at 0, were averaged
        # over steps (EMA) or over processes still have the right quotients.
        for name in ('seen', 'first_moment', 'second_moment'):
            self.register_buffer(name, torch.zeros(len(self.parents)))
        self._warned = False

    @property
    def is_ready(self) -> bool:
        """Whether every bone has been seen."""
        return bool((self.seen[self.bones] > 0).all())

    @torch.no_grad()
    def observe(self, poses: Tensor, weight: Tensor) -> None:
        """Learn from a batch of labelled poses.

        Of several processes each learns of all their poses; all must call.

        Args:
            poses: Poses (N, K, 3), normalised.
            weight: Weights of their key points (N, K); a bone counts where
                both its ends have one.
        """
        known = ((weight > 0) & (weight[:, self.parents] > 0)).to(poses)
        # Key points without a weight may be no numbers.
        logs = torch.where(known > 0, self._log_lengths(poses), 0)
        sums = process_mean(torch.stack([
            known.sum(0), (known * logs).sum(0), (known * logs**2).sum(0)]))
        # A batch counts by its poses where it lacks some bone.
        largest = sums[0].max().clamp_min(1e-12)
        share = self.momentum * (largest > 1e-12)
        for buffer, value in zip(
                (self.seen, self.first_moment, self.second_moment), sums):
            buffer.lerp_((value / largest).to(buffer), share)

    def _log_lengths(self, poses: Tensor) -> Tensor:
        """Return log lengths (..., K) of poses (..., K, 3); 0 for roots."""
        poses = isotropic(poses)
        lengths = (poses - poses[..., self.parents, :]).norm(dim=-1)
        return lengths.clamp_min(_SHORTEST).log()

    def forward(self, marginals: Marginals,
                decoder: DepthModeVolume) -> Marginals:
        """Replace depth profiles by those that agree.

        Args:
            marginals: Of a batch, (B, K, W or H or D).
            decoder: The codec that says where cells and bins lie.

        Returns:
            The marginals with other ``z``; the same ones, with a warning
            once, while no lengths are known.
        """
        if not self.is_ready:
            if self._warned:
                return marginals
            self._warned = True
            print_log(
                'BoneLengthPrior knows no lengths: the checkpoint is none of '
                'a training with it. Depths are those of single key points',
                'current', logging.WARNING)
            return marginals
        likeliest = decoder.decode_marginals(marginals)[0][:, 0]
        mean = self.first_moment / self.seen.clamp_min(1e-12)
        deviation = (self.second_moment / self.seen.clamp_min(1e-12)
                     - mean**2).clamp_min(self.spread**2).sqrt()
        size = _median((self._log_lengths(likeliest) - mean)[:, self.bones])
        off = (self._log_distances(likeliest, decoder)
               - (mean + size[:, None])[:, :, None, None])
        off = (off / deviation[:, None, None])**2 / 2
        beliefs = tree_beliefs(
            marginals.z.clamp_min(_LEAST).log(),
            -self.weight * off.clamp_max(self.outlier), self.parents)
        return marginals._replace(
            z=(1 - self.doubt) * beliefs + self.doubt * marginals.z)

    def _log_distances(self, pose: Tensor,
                       decoder: DepthModeVolume) -> Tensor:
        """Return the log length of each bone for each depth of its ends.

        Args:
            pose: Poses (B, K, 3), normalised, for their x and y.
            decoder: The codec.

        Returns:
            Log lengths (B, K, D, D), the key point's depth first.
        """
        num = decoder.heatmap_size[2]
        bins = torch.arange(num, dtype=pose.dtype, device=pose.device)
        depth = isotropic(decoder.index_to_normalised(
            torch.stack([bins] * 3, -1)))[:, 2]
        across = (pose - pose[:, self.parents])[..., :2].square().sum(-1)
        along = (depth[:, None] - depth).square()
        squares = across[:, :, None, None] + along
        return squares.clamp_min(_SHORTEST**2).log() / 2


def _median(values: Tensor) -> Tensor:
    """Return the lower median of the last axis; sorting is exportable."""
    return values.sort(-1).values[..., (values.shape[-1] - 1) // 2]
