"""The loss of a student who learns from a teacher's doubts, too."""
from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

from xas_mmpose.ops import Marginals


@MODELS.register_module()
class TeacherLoss(nn.Module):
    """Divergence of predicted marginals from a teacher's.

    Tarvainen and Valpola, "Mean teachers are better role models", arXiv
    1703.01780, for volumes: a column where the teacher sees two places for a
    joint asks for two.

    Not a part of the paper.

    Args:
        depth_weight: Factor on the divergence of depths; 0 lets the teacher
            tell where a joint is in the picture alone. Front and back look
            much the same to it, too, so that it may repeat mistakes there.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If ``depth_weight`` is negative.
    """

    def __init__(self,
                 depth_weight: float = 1.0,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if depth_weight < 0:
            raise ValueError(f'depth_weight is negative: {depth_weight}')
        self.depth_weight = depth_weight
        self.loss_weight = loss_weight

    def forward(self, marginals: Marginals, teacher: Marginals) -> Tensor:
        """Compute the loss.

        Args:
            marginals: Distributions over columns, rows and depth bins, each
                (B, K, W or H or D).
            teacher: Those that are wanted, without gradient.

        Returns:
            Kullback-Leibler divergence, the sum over the three axes, depth
            by its weight, and the mean over samples and joints, 0-d; 0 for
            an empty batch.
        """
        if not len(marginals.x):
            return sum(m.sum() for m in marginals)
        total = sum(
            # Not a clamp: its gradient would vanish where it is needed most.
            ((wanted + 1e-30).log() - (got + 1e-30).log()).mul(wanted).sum()
            * weight for got, wanted, weight in zip(
                marginals, teacher, (1.0, 1.0, self.depth_weight)) if weight)
        return total / marginals.x.shape[:2].numel() * self.loss_weight
