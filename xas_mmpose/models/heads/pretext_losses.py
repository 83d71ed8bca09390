"""The losses of pictures without labels."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from xas_mmpose.ops import Marginals

from ..losses.process_mean import process_mean

#: Judges root-centred poses (B, M, K, 3): logits (B, M), 1 for real. The
#: poses' gradients must come back through it.
Judge = Callable[[Tensor], Tensor]


class PriorPoses(NamedTuple):
    """What a batch has for a prior to learn from, root-centred, detached.

    Attributes:
        fake: Hypotheses of target pictures (B, M, K, 3).
        real: Poses of the body model (N, K, 3).
    """

    fake: Tensor
    real: Tensor


class PretextLosses(BaseModule):
    """Losses of predicted poses on target pictures, which have no labels.

    Sec. 3 of arXiv 2411.13026. Two compare the likeliest pose's x, y with
    the foreground mask, weighted where the samples have ``mask_weights``;
    two judge all hypotheses as 3D poses, each standing on the root's
    likeliest place, as they are predicted. One more, which is not in the
    paper, compares the marginals with a teacher's. A loss that is missing or
    has weight 0 is not computed.

    Args:
        metainfo: ``dataset_info`` of the key points.
        skeleton_mask: Config of the loss of drawn skeletons, or None.
        physique_mask: Config of the loss of fleshed-out skeletons, or None.
        symmetry: Config of the loss of left against right, or None.
        prior: Config of the loss of logits of a :data:`Judge`, or None.
        teacher: Config of the loss of marginals against a teacher's, or
            None.

    Attributes:
        judge: What ``prior`` asks.
        teacher_marginals: What ``teacher`` wants of the next batch's target
            pictures; used up by it.

    Note:
        A prior sees real and predicted poses in one frame
        (:func:`root_centred`). In the authors' released code the
        discriminator learns patch coordinates about the picture's centre,
        and is asked about differences of hypotheses in metres.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 skeleton_mask: Mapping[str, Any] | None = None,
                 physique_mask: Mapping[str, Any] | None = None,
                 symmetry: Mapping[str, Any] | None = None,
                 prior: Mapping[str, Any] | None = None,
                 teacher: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.root_index = int(metainfo.get('root_index', 0))

        def build(config: Mapping[str, Any] | None,
                  **defaults: Any) -> nn.Module | None:
            return MODELS.build({**defaults, **config}) if config else None

        self.skeleton_mask = build(skeleton_mask, metainfo=metainfo)
        self.physique_mask = build(physique_mask, metainfo=metainfo)
        self.symmetry = build(symmetry, metainfo=metainfo)
        self.prior = build(prior)
        self.teacher = build(teacher)
        self.judge: Judge | None = None
        self.teacher_marginals: Marginals | None = None
        self._prior_poses: PriorPoses | None = None

    def forward(self, hypotheses: Tensor, samples: Sequence[Any],
                real: Tensor,
                marginals: Marginals | None = None) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            hypotheses: Poses on target pictures (B, M, K, 3), normalised.
            samples: Those B samples.
            real: Complete poses of the body model (N, K, 3), normalised.
            marginals: What the hypotheses were found in, (B, K, W or H or
                D); for the teacher alone.

        Returns:
            The losses that are on; 0 without target samples. Of several
            processes each returns its share of the mean over all their
            samples, times their number.

        Raises:
            ValueError: If the prior's loss is on without a judge, or the
                teacher's without a teacher.
        """
        losses = self._mask_losses(hypotheses[:, 0, :, :2], samples)
        if is_on(self.symmetry) or is_on(self.prior):
            poses = root_centred(hypotheses, self.root_index)
        if is_on(self.symmetry):
            losses['loss_symmetry'] = self.symmetry(poses)
        if is_on(self.prior):
            losses['loss_prior'] = self._prior_loss(poses, real)
        if is_on(self.teacher):
            losses['loss_teacher'] = self._teacher_loss(marginals)
        if not losses:
            return {}
        # The losses are means over this process' samples.
        count = hypotheses.new_tensor(float(len(hypotheses)))
        share = count / process_mean(count).clamp_min(1e-12)
        return {name: loss * share for name, loss in losses.items()}

    def _mask_losses(self, keypoints: Tensor,
                     samples: Sequence[Any]) -> dict[str, Tensor]:
        """Compare skeletons (B, K, 2) with the samples' masks."""
        modules = {
            name: module
            for name, module in (('loss_skeleton_mask', self.skeleton_mask),
                                 ('loss_physique_mask', self.physique_mask))
            if is_on(module)
        }
        if not modules:
            return {}
        masks, weight, drawn = keypoints.new_zeros(0, 1, 1, 1), None, None
        if samples:
            fields = [sample.gt_fields for sample in samples]
            masks = torch.stack([f.masks for f in fields])
            masks = masks.to(keypoints) / 255
            if all('mask_weights' in f for f in fields):
                weight = torch.stack([f.mask_weights for f in fields])
                weight = weight.to(keypoints)
        first, *others = modules.values()
        if samples and others and _draw_alike(first, *others):
            size = (masks.shape[-1], masks.shape[-2])
            drawn = first.draw(keypoints, size, first.map_size or size)
        return {name: module(keypoints, masks, weight, drawn)
                for name, module in modules.items()}

    def _prior_loss(self, poses: Tensor, real: Tensor) -> Tensor:
        """Ask the judge about poses, and keep them for it to learn from."""
        if self.judge is None:
            raise ValueError(
                'loss_prior needs a discriminator: add '
                "dict(type='AdversarialPriorHook', ...) to custom_hooks, or "
                'leave model.head.loss_prior out')
        poses = isotropic(poses)
        real = isotropic(root_centred(real[:, None], self.root_index))[:, 0]
        self._prior_poses = PriorPoses(poses.detach(), real.detach())
        if not len(poses):
            return poses.sum()
        return self.prior(self.judge(poses))

    def _teacher_loss(self, marginals: Marginals) -> Tensor:
        """Compare marginals with those of the teacher, once."""
        wanted, self.teacher_marginals = self.teacher_marginals, None
        if wanted is None and len(marginals.x):
            raise ValueError(
                'loss_teacher needs a teacher: add '
                "dict(type='MeanTeacherHook') to custom_hooks, or set "
                'model.head.loss_teacher.loss_weight to 0')
        return self.teacher(marginals, wanted)

    def take_prior_poses(self) -> PriorPoses | None:
        """Hand out the poses of the last batch, once.

        Returns:
            The poses; None if the prior's loss was off.
        """
        poses, self._prior_poses = self._prior_poses, None
        return poses


def is_on(loss: nn.Module | None) -> bool:
    """Say whether a loss is there and has a weight other than 0.

    Multiplying by 0 would not do: 0 times NaN is NaN.
    """
    return loss is not None and loss.loss_weight != 0


def root_centred(hypotheses: Tensor, root_index: int) -> Tensor:
    """Put poses on the first hypothesis' root.

    Args:
        hypotheses: Poses (B, M, K, 3).
        root_index: Index of the root.

    Returns:
        Poses relative to it (B, M, K, 3); every hypothesis' root is 0, as
        another mode of it would shift the whole pose.
    """
    is_root = torch.arange(hypotheses.shape[2],
                           device=hypotheses.device) == root_index
    poses = hypotheses - hypotheses[:, :1, root_index, None]
    return poses.masked_fill(is_root[:, None], 0)


def isotropic(poses: Tensor) -> Tensor:
    """Give z the unit of x and y.

    Args:
        poses: Normalised poses (..., 3): x, y in half cube sides, z in
            cube sides.

    Returns:
        All in half cube sides: metres, as a camera far away sees them, for
        a cube of 2 m.
    """
    return poses * poses.new_tensor([1.0, 1.0, 2.0])


def _draw_alike(a: nn.Module, b: nn.Module) -> bool:
    """Say whether two mask losses draw the same map."""
    return (a.links == b.links and a.map_size == b.map_size
            and torch.equal(a.widths, b.widths))
