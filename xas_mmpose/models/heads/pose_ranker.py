"""Whole poses out of the depths of single key points, the best first."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from .pretext_losses import isotropic, root_centred

FIRST = ('likeliest', 'mean')


class RankedPoses(NamedTuple):
    """The M most confident whole poses of each sample, best first.

    Attributes:
        poses: Poses (B, M, K, 3), in the frame of the hypotheses they were
            put together from. Where a sample has fewer than M, the first is
            repeated.
        probability: Share of the confidence of all candidates (B, M),
            descending; 0 says that there is no such pose. A mean pose,
            which stands for all, has 1.
        mass: Mass of the modes that were taken (B, M, K); 0 in a pose that
            there is not.
    """

    poses: Tensor
    probability: Tensor
    mass: Tensor


@MODELS.register_module()
class PoseRanker(BaseModule):
    """Put depth modes together into whole poses, and rank them.

    The m-th mode of every key point need not make a pose: where only one
    of them is in doubt, the second pose differs from the first in that one
    alone. Candidates are the likeliest of all combinations, as
    if key points were independent; their log confidence is
    ``mass_weight * (sum of the modes' log mass) + prior_weight * logit``
    with the logit of a discriminator that has learned what bodies look
    like, from the same root-centred poses as in training
    (:class:`~xas_mmpose.engine.AdversarialPriorHook`).

    With ``first='mean'`` the first pose is the mean of all candidates by
    their confidence, and the likeliest follow. It has the least expected
    squared error, but where depths are in doubt its bones are too short.

    The discriminator is a copy without parameters: its weights are buffers,
    which lie in the model's checkpoint and which no optimizer meets. The
    hook puts the trained weights there.

    Args:
        metainfo: ``dataset_info`` of the key points.
        num_poses: Number M of poses; as many as a key point has modes by
            default.
        num_candidates: Number of combinations that are judged.
        mass_weight: Weight of the log mass.
        prior_weight: Weight of the logit; 0 leaves the discriminator out.
        discriminator: Config of the discriminator, the same as the hook's;
            None for none.
        first: The first pose: the ``'likeliest'`` or the ``'mean'``.

    Raises:
        ValueError: If an option is out of range, there is a
            ``prior_weight`` without a discriminator, or the
            discriminator's logit depends on the other poses of a batch.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 num_poses: int | None = None,
                 num_candidates: int = 64,
                 mass_weight: float = 1.0,
                 prior_weight: float = 0.0,
                 discriminator: Mapping[str, Any] | None = None,
                 first: str = 'likeliest') -> None:
        super().__init__()
        if first not in FIRST:
            raise ValueError(f'first must be one of {FIRST}, got {first!r}')
        if not 1 <= (1 if num_poses is None else num_poses) <= num_candidates:
            raise ValueError(
                'PoseRanker needs 1 <= num_poses <= num_candidates, got '
                f'{num_poses} and {num_candidates}')
        if min(mass_weight, prior_weight) < 0:
            raise ValueError('the weights of PoseRanker must not be negative, '
                             f'got {mass_weight} and {prior_weight}')
        if prior_weight and not discriminator:
            raise ValueError(
                f'PoseRanker has prior_weight={prior_weight} but no '
                'discriminator: give it the config of '
                "AdversarialPriorHook's, or set prior_weight=0")
        self.root_index = int(metainfo.get('root_index', 0))
        self.num_poses = num_poses
        self.num_candidates = num_candidates
        self.mass_weight = mass_weight
        self.prior_weight = prior_weight
        self.first = first
        #: Whether a training that runs will teach the discriminator.
        self.learning = False
        self.discriminator = None
        if discriminator:
            # Its first weights are never used: they must not change what
            # the rest of the model draws.
            with torch.random.fork_rng(devices=[]):
                self.discriminator = _frozen(MODELS.build(
                    {'metainfo': metainfo, **discriminator}))
            if getattr(self.discriminator, 'over_batch', False):
                raise ValueError(
                    "PoseRanker's discriminator has norm='reference_batch': "
                    "a pose's rank would depend on the other pictures; use "
                    "norm='sample'")
            # A number, as processes average their buffers.
            self.register_buffer('has_prior', torch.tensor(0.0))

    @property
    def ranking(self) -> dict[str, float | str]:
        """What has ordered the poses, for metrics.

        ``mass_weight``, ``prior_weight`` (0 while the prior has learned
        nothing) and ``first``.
        """
        prior = self.prior_weight and bool(self.has_prior)
        return dict(mass_weight=self.mass_weight,
                    prior_weight=self.prior_weight if prior else 0.0,
                    first=self.first)

    def forward(self, hypotheses: Tensor, mass: Tensor) -> RankedPoses:
        """Rank the whole poses of a batch.

        Args:
            hypotheses: Modes (B, N, K, 3), normalised, the likeliest first.
                Of the root the first counts.
            mass: Their probabilities (B, N, K), 0 where one is missing.

        Returns:
            The poses.

        Raises:
            ValueError: If the prior counts but none was loaded, or there are
                more poses to return than candidates.
        """
        num_poses = self.num_poses or hypotheses.shape[1]
        if num_poses > self.num_candidates:
            raise ValueError(
                f'PoseRanker returns {num_poses} poses, one per mode, out of '
                f'num_candidates={self.num_candidates}: raise that')
        log_mass = mass.double().log().transpose(1, 2)
        log_mass[:, self.root_index, 1:] = -torch.inf
        confidence, modes = best_combinations(log_mass, self.num_candidates)
        found = confidence.isfinite()
        candidates = hypotheses.gather(
            1, modes[..., None].expand(*modes.shape, 3))
        confidence = (self.mass_weight * confidence.masked_fill(~found, 0)
                      + self._prior(candidates, found))
        confidence = confidence.masked_fill(~found, -torch.inf)
        order = confidence.argsort(dim=1, descending=True, stable=True)
        # Unlikely is not missing.
        tiny = torch.finfo(mass.dtype).tiny
        share = confidence.softmax(1).to(mass).clamp_min(tiny) * found
        ranked = RankedPoses(*(_take(values, order) for values in (
            candidates, share, mass.gather(1, modes))))
        if self.first == 'mean':
            ranked = _mean_first(ranked)
        return _exactly(ranked, num_poses)

    def _prior(self, candidates: Tensor, found: Tensor) -> Tensor:
        """Judge candidates.

        Args:
            candidates: Poses (B, C, K, 3), normalised.
            found: Which of them there are (B, C).

        Returns:
            Weighted logits (B, C); 0 without a prior.
        """
        logits = candidates.new_zeros(found.shape, dtype=torch.float64)
        if not self.prior_weight:
            return logits
        if not self.has_prior:
            # Before its first step a discriminator knows nothing.
            if self.learning:
                return logits
            raise ValueError(
                f'PoseRanker has prior_weight={self.prior_weight} but no '
                'trained discriminator: the checkpoint holds none. Use one '
                'of a training with AdversarialPriorHook, loss_prior and '
                'this PoseRanker, or rank by mass alone with '
                'model.head.pose_ranker.prior_weight=0')
        poses = isotropic(root_centred(candidates, self.root_index))
        with torch.autocast(poses.device.type, enabled=False):
            # It has no parameters: what ``score`` does, but exportable.
            scores = self.discriminator(poses[found].float(), dropout=False)
        logits[found] = scores.double()
        return self.prior_weight * logits

    def share_prior(self, discriminator: nn.Module, trained: bool) -> None:
        """Use the weights of a discriminator in training, as they become.

        Memory is shared, so there is nothing to refresh before a validation
        or a checkpoint.

        Args:
            discriminator: The discriminator, on the ranker's device.
            trained: Whether it has learned anything yet; until then mass
                alone counts.

        Raises:
            ValueError: If it is not as the ranker's config says.
        """
        self.learning = True
        if self.discriminator is None:
            return
        state = discriminator.state_dict()
        self._check(state)
        for name, tensor in state.items():
            module, _, leaf = name.rpartition('.')
            setattr(self.discriminator.get_submodule(module), leaf, tensor)
        self.has_prior.fill_(trained)

    def load_prior(self, state: Mapping[str, Tensor]) -> None:
        """Copy the weights of a trained discriminator.

        Args:
            state: Its state.

        Raises:
            ValueError: If it is not as the ranker's config says.
        """
        if self.discriminator is None:
            return
        self._check(state)
        self.discriminator.load_state_dict(state)
        self.has_prior.fill_(True)

    def _check(self, state: Mapping[str, Tensor]) -> None:
        """Refuse the weights of another kind of discriminator."""
        ours = {k: v.shape for k, v in self.discriminator.state_dict().items()}
        theirs = {k: v.shape for k, v in state.items()}
        if ours != theirs:
            names = sorted(k for k in {**ours, **theirs}
                           if ours.get(k) != theirs.get(k))
            raise ValueError(
                "PoseRanker's discriminator is not the one that was trained "
                f'({names[0]} and {len(names) - 1} more tensors differ): '
                'give model.head.pose_ranker.discriminator the config of '
                "AdversarialPriorHook's")


def best_combinations(log_mass: Tensor, num: int) -> tuple[Tensor, Tensor]:
    """Find the likeliest ways to choose one mode per key point.

    Exact: whatever the key points to come are, a beginning of one of the C
    best combinations is among the C best beginnings. So C of them are kept
    from key point to key point, in K sorts of C * N numbers.

    Args:
        log_mass: Log probability of the modes (B, K, N), -inf where one is
            missing.
        num: Number C of combinations.

    Returns:
        Their log probabilities (B, C), descending, -inf where there are
        fewer; and the mode of each key point (B, C, K). Of equals the one
        that is likelier without its last key point comes first, and so on.
        C is N ** K if that is less.

    Example:
        >>> log_mass = torch.tensor([[[0.9, 0.1], [0.6, 0.4]]]).log()
        >>> sums, modes = best_combinations(log_mass, 3)
        >>> [round(p, 2) for p in sums.exp()[0].tolist()]
        [0.54, 0.36, 0.06]
        >>> modes[0].tolist()
        [[0, 0], [0, 1], [1, 0]]
    """
    batch, _, num_modes = log_mass.shape
    sums = log_mass.new_zeros(batch, 1)
    modes = torch.zeros(batch, 1, 0, dtype=torch.long, device=sums.device)
    for new in log_mass.unbind(1):
        sums, order = (sums[:, :, None] + new[:, None]).flatten(1).sort(
            dim=1, descending=True, stable=True)
        sums, order = sums[:, :num], order[:, :num]
        begun = torch.div(order, num_modes, rounding_mode='floor')[..., None]
        modes = torch.cat([
            modes.gather(1, begun.expand(-1, -1, modes.shape[2])),
            (order % num_modes)[..., None]], 2)
    return sums, modes


def _take(values: Tensor, order: Tensor) -> Tensor:
    """Put values (B, C, ...) of each sample into an order (B, C)."""
    return values[torch.arange(len(order), device=order.device)[:, None],
                  order]


def _mean_first(ranked: RankedPoses) -> RankedPoses:
    """Put the mean pose in front, or in the place of a sole one."""
    share = ranked.probability / ranked.probability.sum(1, keepdim=True)
    poses, mass = (
        torch.einsum('bc,bc...->b...', share.to(values), values)[:, None]
        for values in (ranked.poses, ranked.mass))
    alone = (ranked.probability > 0).sum(1, keepdim=True) == 1
    return RankedPoses(
        torch.cat([poses, ranked.poses], 1),
        torch.cat([torch.ones_like(share[:, :1]),
                   ranked.probability.masked_fill(alone, 0)], 1),
        torch.cat([mass, ranked.mass], 1))


def _exactly(ranked: RankedPoses, num: int) -> RankedPoses:
    """Cut, or fill up with poses that repeat the first, to M of them."""
    absent = max(num - ranked.probability.shape[1], 0)
    probability = nn.functional.pad(ranked.probability[:, :num], (0, absent))
    found = probability > 0
    order = torch.arange(num, device=found.device) * found
    return RankedPoses(_take(ranked.poses, order), probability,
                       _take(ranked.mass, order) * found[..., None])


def _frozen(module: nn.Module) -> nn.Module:
    """Turn parameters into buffers.

    ``requires_grad=False`` would not do: MMEngine hands such parameters to
    the optimizer, too.
    """
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
    return module.eval()
