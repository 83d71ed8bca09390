"""Losses of the adversarial prior: least squares over hypotheses."""
from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

HYPOTHESES = ('all', 'best', 'reference')


@MODELS.register_module()
class PriorGeneratorLoss(nn.Module):
    """Squared distance of predicted poses' logits from 1, "real".

    Sec. 3.4 of arXiv 2411.13026, with the least squares of arXiv 1611.04076.

    Args:
        hypotheses: ``'all'`` trains every hypothesis of a sample;
            ``'best'`` the one whose logit is nearest to 1, as the authors'
            released code does (``'reference'`` means the same here).
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If ``hypotheses`` is none of these.
    """

    def __init__(self, hypotheses: str = 'all',
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        self.hypotheses = _checked(hypotheses)
        self.loss_weight = loss_weight

    def forward(self, fake: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            fake: Logits of predicted poses (B, M).

        Returns:
            Mean over samples and the hypotheses that count, 0-d; 0 for an
            empty batch.
        """
        error = (fake - 1).square()
        if self.hypotheses != 'all':
            error = error.amin(1)
        return _mean(error) * self.loss_weight


@MODELS.register_module()
class PriorDiscriminatorLoss(nn.Module):
    """Squared distances of logits from 1 where real and 0 where predicted.

    The discriminator's side of :class:`PriorGeneratorLoss`.

    Args:
        hypotheses: ``'all'`` shows the discriminator every hypothesis of a
            sample; ``'best'`` the one that the generator trains, whose logit
            is nearest to 1; ``'reference'`` the one whose logit is nearest
            to 0, as the authors' released code does.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If ``hypotheses`` is none of these.

    Note:
        Under ``'reference'`` the discriminator learns from the one
        hypothesis that it knows best already, and the generator trains
        another one.
    """

    def __init__(self, hypotheses: str = 'all',
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        self.hypotheses = _checked(hypotheses)
        self.loss_weight = loss_weight

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            fake: Logits of predicted poses (B, M).
            real: Logits of real poses (N,), or (N, M) of several per sample,
                which all count unless ``hypotheses`` is ``'reference'``:
                then those nearest to 1.

        Returns:
            Half the mean over real poses plus half the mean over predicted
            ones, 0-d; an empty side counts as 0.
        """
        fake_error, real_error = fake.square(), (real - 1).square()
        if self.hypotheses == 'best':
            nearest = (fake - 1).square().argmin(1, keepdim=True)
            fake_error = fake_error.gather(1, nearest)
        elif self.hypotheses == 'reference':
            fake_error = fake_error.amin(1)
            if real.ndim == 2:
                real_error = real_error.amin(1)
        loss = (_mean(real_error) + _mean(fake_error)) / 2
        return loss * self.loss_weight


def _checked(hypotheses: str) -> str:
    """Return a rule's name if there is such a rule."""
    if hypotheses not in HYPOTHESES:
        raise ValueError(f'hypotheses must be one of {HYPOTHESES}, got '
                         f'{hypotheses!r}')
    return hypotheses


def _mean(error: Tensor) -> Tensor:
    """Return the mean, 0 (with a graph) of nothing."""
    return error.sum() / max(error.numel(), 1)
