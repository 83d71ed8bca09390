"""The loss that makes the depth profile a probability."""
from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from xas_mmpose.ops import Marginals

from .process_mean import process_mean


@MODELS.register_module()
class MarginalLikelihoodLoss(nn.Module):
    """Divergence of the marginals from a Gaussian around the true cell.

    An addition to arXiv 2411.13026, whose winner-takes-all loss leaves the
    order of the hypotheses open: it trains good *sets*, and the most
    confident one may be the worst. Under this loss a bin's height is the
    probability that the joint lies there, so the first hypothesis is the
    likeliest and several modes stay where the picture leaves several open.

    Args:
        sigma: Standard deviation of the Gaussian in cells.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If ``sigma`` is not positive.
    """

    def __init__(self, sigma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if sigma <= 0:
            raise ValueError(f'sigma must be positive, got {sigma}')
        self.sigma = sigma
        self.loss_weight = loss_weight

    def forward(self, marginals: Marginals, target: Tensor,
                weight: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            marginals: Distributions over columns, rows and depth bins, each
                (B, K, W or H or D).
            target: True column, row and bin (B, K, 3); centres at integers.
            weight: Weight of each joint (B, K); 0 leaves it out. An axis on
                which the truth lies outside of the volume is left out too:
                no cell of it is right.

        Returns:
            Kullback-Leibler divergence of the prediction from the Gaussian,
            the weighted mean over samples, joints and axes, 0-d; 0 for an
            empty batch. Several processes share it as in
            :class:`~xas_mmpose.models.WinnerTakesAllLoss`.
        """
        target = target.masked_fill(weight[..., None] == 0, 0)
        total = count = target.new_zeros(())
        for axis, probability in enumerate(marginals):
            place = target[..., axis]
            size = probability.shape[-1]
            inside = (place >= -0.5) & (place <= size - 0.5)
            wanted = self._gaussian(place, size)
            # Not a clamp: its gradient would vanish where it is needed most.
            divergence = (torch.special.xlogy(wanted, wanted) - wanted *
                          (probability + 1e-30).log()).sum(-1)
            use = weight * inside
            total = total + (divergence * use).sum()
            count = count + use.sum()
        return (total / process_mean(count).clamp_min(1e-12)
                * self.loss_weight)

    def _gaussian(self, place: Tensor, size: int) -> Tensor:
        """Return normalised Gaussians (..., size) around places (...)."""
        cells = torch.arange(size, dtype=place.dtype, device=place.device)
        distance = (cells - place[..., None]) / self.sigma
        return (-distance.square() / 2).softmax(-1)
