"""The method as the paper tells it, in the plainest PyTorch: a yardstick.

Nothing here is shared with the package but the layers of the networks.
Volumes of probabilities are kept whole, every link is drawn into a map of its
own as large as the picture, and the detector runs three times an iteration,
as in the authors' released code of arXiv 2411.13026. The size of the map that
the physique network sees is a setting: a config may choose a smaller one.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def decode(volume: Tensor, num_hypotheses: int, window: int) -> Tensor:
    """Return hypotheses of volumes of scores.

    Args:
        volume: Scores (B, K, D, H, W).
        num_hypotheses: Number M.
        window: Odd width in bins over which a peak's depth is averaged.

    Returns:
        Hypotheses (B, M, K, 3), highest peak first: index / size * 2 - 1.
    """
    depth, height, width = volume.shape[2:]
    probability = torch.softmax(volume.flatten(2), -1).view(volume.shape)
    x = (probability.sum((2, 3)) * torch.arange(width)).sum(-1)
    y = (probability.sum((2, 4)) * torch.arange(height)).sum(-1)
    profile = probability.sum((3, 4))
    inner = profile[..., 1:-1]
    is_peak = F.pad((inner >= profile[..., :-2])
                    & (inner >= profile[..., 2:]), (1, 1))
    peaks = (profile * is_peak).topk(num_hypotheses, -1).indices
    bins = torch.arange(depth)
    near = (bins - peaks[..., None]).abs() <= window // 2
    share = profile[:, :, None] * near
    z = (share * bins).sum(-1) / share.sum(-1)
    index = torch.stack([
        (x / width)[..., None].expand_as(z),
        (y / height)[..., None].expand_as(z), z / depth
    ], -1)
    return index.transpose(1, 2) * 2 - 1


def draw(points: Tensor, links: Sequence[tuple[int, int]], widths: Tensor,
         side: int) -> Tensor:
    """Draw each link as a soft line, and take the maximum of all.

    Args:
        points: Poses (B, K, 2); -1 and 1 are the centres of the outer
            pixels.
        links: Pairs of indices, L of them.
        widths: Squared distance at which each line has faded to 1/e (L,).
        side: Width and height of the map.

    Returns:
        Maps (B, 1, side, side).
    """
    axis = torch.linspace(-1, 1, side, dtype=points.dtype)
    y, x = torch.meshgrid(axis, axis, indexing='ij')
    grid = torch.stack([x, y], -1)
    start = points[:, [a for a, _ in links], None, None]
    ray = points[:, [b for _, b in links], None, None] - start
    gap = grid - start
    t = ((gap * ray).sum(-1) / (ray.square().sum(-1) + 1e-8)).clamp(0, 1)
    square = (gap - t[..., None] * ray).square().sum(-1)
    lines = torch.exp(-square / widths[:, None, None])
    return lines.max(1, keepdim=True).values


@dataclass
class Batch:
    """What an iteration sees.

    Attributes:
        real: Target pictures (B, 3, S, S).
        masks: Their masks (B, 1, S, S) in 0..1.
        synthetic: Labelled pictures (N, 3, S, S).
        poses: Their poses (N, K, 3), normalised.
    """

    real: Tensor
    masks: Tensor
    synthetic: Tensor
    poses: Tensor


@dataclass
class NaiveTwin:
    """One training iteration with all losses, second stage.

    Poses stay in the detector's frame: turning them into a world frame, as
    the authors do for the symmetry and the prior, is no work to speak of.

    Attributes:
        detector: From pictures to scores (B, K, D, H, W).
        physique: From drawn skeletons to silhouettes.
        discriminator: From poses (B, K, 3) to logits (B,).
        optimizer: Of the first two.
        prior_optimizer: Of the discriminator.
        links: Links that are drawn.
        widths: Their widths (L,).
        num_hypotheses: Number M.
        window: As for :func:`decode`.
    """

    detector: nn.Module
    physique: nn.Module
    discriminator: nn.Module
    optimizer: torch.optim.Optimizer
    prior_optimizer: torch.optim.Optimizer
    links: Sequence[tuple[int, int]]
    widths: Tensor
    num_hypotheses: int
    window: int

    def iterate(self, batch: Batch) -> None:
        """Let the discriminator learn, then the others."""
        self.prior_loss(batch).backward()
        self.prior_optimizer.step()
        self.prior_optimizer.zero_grad()
        self.loss(batch).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def prior_loss(self, batch: Batch) -> Tensor:
        """Tell predicted poses from those of the body model."""
        fake = self._judge(self._poses(batch.real).detach())
        real = self.discriminator(batch.poses)
        return (0.5 * (real - 1).square().mean()
                + 0.5 * fake.square().amin(1).mean())

    def loss(self, batch: Batch) -> Tensor:
        """Sum all losses of the detector up."""
        poses = self._poses(batch.real)
        drawn = draw(poses[:, 0, :, :2], self.links, self.widths,
                     batch.masks.shape[-1])
        skeleton = (drawn - batch.masks).square().mean()
        flesh = (self.physique(drawn) - batch.masks).square().mean()
        symmetry = self._symmetry(poses).mean(0).amin()
        fake = self._judge(poses - poses[:, :1].detach())
        prior = (fake - 1).square().amin(1).mean()
        labelled = self._poses(batch.synthetic)
        synthetic = (labelled - batch.poses[:, None]).square().mean(
            (0, 2, 3)).amin()
        return (3 * synthetic + 0.02 * skeleton + 0.02 * flesh + symmetry
                + 0.5 * prior)

    def _poses(self, pictures: Tensor) -> Tensor:
        """Return hypotheses (B, M, K, 3)."""
        return decode(self.detector(pictures), self.num_hypotheses,
                      self.window)

    def _judge(self, poses: Tensor) -> Tensor:
        """Return the logits (B, M) of hypotheses (B, M, K, 3)."""
        return torch.stack([self.discriminator(p) for p in poses.unbind(1)],
                           1)

    def _symmetry(self, poses: Tensor) -> Tensor:
        """Return how unlike successive limb segments are (B, M)."""
        upper, middle, lower = poses[..., [[14, 11, 1, 4], [15, 12, 2, 5],
                                           [16, 13, 3, 6]], :].unbind(-3)
        lengths = [(a - b).norm(dim=-1)
                   for a, b in ((upper, middle), (middle, lower))]
        sides, centre = poses[..., [[11, 1], [14, 4]], :], poses[..., [17, 0],
                                                                 :]
        offset = sides.mean(-3) - centre
        return (0.1 * (lengths[0] - lengths[1]).square().mean(-1)
                + 0.1 * offset.square().mean((-2, -1)))
