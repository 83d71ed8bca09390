"""The loss of synthetic pairs: the nearest hypothesis answers."""
from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

from .process_mean import process_mean

WINNERS = ('joint', 'sample', 'batch')


@MODELS.register_module()
class WinnerTakesAllLoss(nn.Module):
    """Squared error of the hypothesis nearest to the truth.

    Sec. 3.3 of arXiv 2411.13026.

    Args:
        winner: Who chooses the nearest hypothesis: every ``'joint'``, every
            ``'sample'`` for all its joints, or the whole ``'batch'``.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If ``winner`` is none of the three.

    Note:
        The authors' released code chooses on the batch mean (``'batch'``),
        so hypotheses cannot specialise: a sample whose second hypothesis is
        right trains the first one all the same.
    """

    def __init__(self, winner: str = 'joint',
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if winner not in WINNERS:
            raise ValueError(f'winner must be one of {WINNERS}, got '
                             f'{winner!r}')
        self.winner = winner
        self.loss_weight = loss_weight

    def forward(self, hypotheses: Tensor, target: Tensor,
                weight: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            hypotheses: Predictions (B, M, K, 3), normalised.
            target: Truth (B, K, 3), normalised.
            weight: Weight of each joint (B, K); 0 leaves it out.

        Returns:
            Weighted mean over samples and joints, 0-d; 0 for an empty
            batch. Of several processes each returns its share of the mean
            over all their samples, times their number; with
            ``winner='batch'`` each chooses for its own samples.
        """
        # A joint without label may hold anything, also NaN.
        target = target.masked_fill(weight[..., None] == 0, 0)
        error = (hypotheses - target[:, None]).square().mean(-1)
        total = process_mean(weight.sum()).clamp_min(1e-12)
        if self.winner == 'joint':
            loss = (error.amin(1) * weight).sum() / total
        elif self.winner == 'sample':
            loss = (error * weight[:, None]).sum(-1).amin(1).sum() / total
        else:
            loss = (error * weight[:, None]).sum((0, 2)).amin() / total
        return loss * self.loss_weight
