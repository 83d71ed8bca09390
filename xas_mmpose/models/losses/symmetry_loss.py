"""The symmetry loss: the left side of a body is as long as the right."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from xas_mmpose.skeletons import flip_indices_of, parents_of


@MODELS.register_module()
class SymmetryLoss(nn.Module):
    """Squared differences between a pose's left and right side.

    Sec. 3.3 of arXiv 2411.13026. Three terms, each a mean:

    - bones: (length of a left bone - length of the right one)^2, m^2;
    - mid-points: squared coordinates of the vector from the middle of a
      left and a right key point to the key point that should lie there, m^2;
    - mid-points in the picture: the same of x, y as they come in, times 100.

    No annotated depth is needed: bones are differences of key points, and
    ``unit`` turns normalised coordinates into metres as a camera far away
    would see them.

    Args:
        metainfo: ``dataset_info`` with the parents and mirror partners.
        midpoints: Names (left, right, middle) of key points, for the second
            and third term; none by default.
        bone_weight: Factor on the first term.
        midpoint_weight: Factor on the second term.
        midpoint_2d_weight: Factor on the third term.
        unit: Metres per unit of x, y and z. The default suits normalised
            poses in a cube of 2 m; ``(1e-3, 1e-3, 1e-3)`` suits mm.
        reference: Do as the authors' released code: bones are compared with
            the one before them in the same limb (its lower half with its
            upper half) instead of with the other side, and the hypothesis
            of the smallest batch mean alone is trained. Of several
            processes each chooses for its own samples.
        loss_weight: Factor on the loss; 0 switches it off.

    Raises:
        ValueError: If the skeleton has nothing to compare, or a key point is
            unknown.

    Note:
        Under the released code's comparison a body with one arm twice as
        long as the other is as good as any.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 midpoints: Sequence[Sequence[str]] = (),
                 bone_weight: float = 1.0,
                 midpoint_weight: float = 1.0,
                 midpoint_2d_weight: float = 0.0,
                 unit: Sequence[float] = (1.0, 1.0, 2.0),
                 reference: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        parents, partners = parents_of(metainfo), flip_indices_of(metainfo)
        pairs = (_limb_pairs if reference else _side_pairs)(parents, partners)
        if not pairs:
            raise ValueError(
                f'{metainfo.get("dataset_name", "the metainfo")} has no '
                'bones that mirror each other: its keypoint_info needs '
                "'swap' for a symmetry loss")
        # Two bones, each with its outer and inner end.
        self._index('bones', [[(a, parents[a]), (b, parents[b])]
                              for a, b in pairs])
        ids = {info['name']: int(i)
               for i, info in metainfo['keypoint_info'].items()}
        try:
            triples = [[ids[name] for name in names] for names in midpoints]
        except KeyError as error:
            raise ValueError(f'midpoints name the unknown key point {error}; '
                             f'there are {", ".join(ids)}') from None
        if any(len(triple) != 3 for triple in triples):
            raise ValueError('midpoints needs triples of names (left, right, '
                             f'middle), got {midpoints}')
        self._index('triples', triples)
        self.register_buffer('unit', torch.tensor(tuple(unit)),
                             persistent=False)
        self.bone_weight = bone_weight
        self.midpoint_weight = midpoint_weight
        self.midpoint_2d_weight = midpoint_2d_weight
        self.reference = reference
        self.loss_weight = loss_weight

    def _index(self, name: str, table: list) -> None:
        """Keep a table of key point indices where the model is."""
        self.register_buffer(name, torch.tensor(table, dtype=torch.long),
                             persistent=False)

    def forward(self, hypotheses: Tensor,
                keypoints: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            hypotheses: Poses (B, M, K, 3) in units of ``unit``, wherever
                their origin.
            keypoints: Their places in the picture (B, M, K, 2), normalised;
                by default the x, y of ``hypotheses``.

        Returns:
            Mean over samples and hypotheses, 0-d; 0 for an empty batch.
        """
        if not len(hypotheses):
            return hypotheses.sum()
        poses = hypotheses * self.unit.to(hypotheses)
        total = poses.new_zeros(poses.shape[:2])
        if self.bone_weight:
            total = total + self.bone_weight * self._bone_term(poses)
        if self.midpoint_weight and len(self.triples):
            total = total + self.midpoint_weight * self._midpoint_term(poses)
        if self.midpoint_2d_weight and len(self.triples):
            if keypoints is None:
                keypoints = hypotheses[..., :2]
            total = total + (100 * self.midpoint_2d_weight *
                             self._midpoint_term(keypoints))
        loss = total.mean(0).amin() if self.reference else total.mean()
        return loss * self.loss_weight

    def _bone_term(self, poses: Tensor) -> Tensor:
        """Return how unequal paired bones are (B, M), m^2."""
        # (B, M, pairs, bones of a pair, ends of a bone, 3)
        ends = poses[..., self.bones, :]
        length = torch.linalg.vector_norm(ends[..., 0, :] - ends[..., 1, :],
                                          dim=-1)
        return (length[..., 0] - length[..., 1]).square().mean(-1)

    def _midpoint_term(self, poses: Tensor) -> Tensor:
        """Return how far mid-points are off (B, M), squared units."""
        left, right, middle = poses[..., self.triples, :].unbind(-2)
        return ((left + right) / 2 - middle).square().mean((-2, -1))


def _side_pairs(parents: Sequence[int],
                partners: Sequence[int]) -> list[tuple[int, int]]:
    """Return the outer ends of bones that mirror each other, once each."""
    return [(a, b) for a, b in enumerate(partners)
            if a < b and partners[parents[a]] == parents[b]]


def _limb_pairs(parents: Sequence[int],
                partners: Sequence[int]) -> list[tuple[int, int]]:
    """Return the outer ends of each limb's successive bones."""
    return [(a, b) for a, b in enumerate(parents)
            if all(partners[end] != end for end in (a, b, parents[b]))
            and parents[b] != b]
