"""A soft picture of a stick figure, drawn without per-link maps."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

#: Pixels that are drawn at a time. On a CPU they stay in its cache; a GPU
#: wants fewer, larger steps.
CPU_PIXELS = 2**16
GPU_PIXELS = 2**20


def skeleton_mask(keypoints: Tensor, links: Sequence[tuple[int, int]],
                  widths: Tensor | Sequence[float],
                  size: tuple[int, int]) -> Tensor:
    """Draw the links of poses as soft lines and keep the maximum.

    Sec. 3.2 of arXiv 2411.13026: a pixel at distance r from its nearest link
    has the value ``exp(-r^2 / width)``. The maximum runs over the links one
    after another, some samples at a time, so memory is little more than
    that of the maps whatever the number of links, and a pixel's gradient
    reaches the winning link's two ends only.

    Args:
        keypoints: Poses (B, K, 2) in pixels of the drawn map: x, y, with
            pixel centres at integers. They may lie outside of it.
        links: Pairs of key point indices, L of them.
        widths: Width of each link (L,) in px^2.
        size: Width and height of the map.

    Returns:
        Maps (B, 1, H, W) in 0..1.

    Raises:
        ValueError: If a shape or an index does not fit.

    Example:
        >>> pose = torch.tensor([[[1.0, 0.0], [1.0, 2.0]]])
        >>> mask = skeleton_mask(pose, [(0, 1)], [1.0], (3, 3))
        >>> [round(float(v), 3) for v in mask[0, 0, 1]]
        [0.368, 1.0, 0.368]
    """
    if keypoints.ndim != 3 or keypoints.shape[-1] != 2:
        raise ValueError('keypoints must have the shape (B, K, 2), got '
                         f'{tuple(keypoints.shape)}')
    # Squared distances of some 100 px overflow half precision.
    points = keypoints.float() if keypoints.dtype in (
        torch.float16, torch.bfloat16) else keypoints
    widths = torch.as_tensor(widths, dtype=points.dtype,
                             device=points.device)
    if not 0 < len(links) < 256:
        raise ValueError(f'1 to 255 links can be drawn, got {len(links)}')
    if widths.shape != (len(links), ):
        raise ValueError(f'{len(links)} links need as many widths, got '
                         f'{tuple(widths.shape)}')
    highest = max(max(link) for link in links)
    if highest >= points.shape[1] or min(min(link) for link in links) < 0:
        raise ValueError(f'a link ends at key point {highest}, but there '
                         f'are {points.shape[1]}')
    return _SkeletonMask.apply(points, tuple(map(tuple, links)), widths, size)


class _SkeletonMask(torch.autograd.Function):
    """The maximum over links with a hand-written backward."""

    @staticmethod
    def forward(ctx: FunctionCtx, points: Tensor,
                links: tuple[tuple[int, int], ...], widths: Tensor,
                size: tuple[int, int]) -> Tensor:
        """Find the link that each pixel is nearest to, and how near."""
        segments = _Segments(points, links, widths)
        mask = points.new_empty(len(points), size[1], size[0])
        winner = torch.empty_like(mask, dtype=torch.uint8)
        for part in _parts(mask):
            winner[part] = segments.nearest(part, size)
            dx, dy, _, width = segments.offset(part, winner[part])
            square = dx.mul_(dx).addcmul_(dy, dy)
            mask[part] = square.div_(width).neg_().exp_()
        ctx.save_for_backward(points, widths, mask, winner)
        ctx.links = links
        return mask[:, None]

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Give each link the gradient of the pixels that it has won."""
        points, widths, mask, winner = ctx.saved_tensors
        segments = _Segments(points, ctx.links, widths)
        numbers = torch.arange(len(widths), dtype=torch.uint8,
                               device=points.device)[:, None]
        # Per link: the pull on its nearest points, and that times t.
        pulls = points.new_empty(len(points), len(widths), 4)
        for part in _parts(mask):
            dx, dy, t, width = segments.offset(part, winner[part])
            scale = (2 * grad[part, 0]).mul_(mask[part]).div_(width)
            dx.mul_(scale)
            dy.mul_(scale)
            pull = torch.stack([dx, dy, dx * t, dy * t], -1).flatten(1, 2)
            # A product, not a scatter, whose sums on a GPU have no order.
            won = winner[part].flatten(1)[:, None] == numbers
            pulls[part] = won.to(pull) @ pull
        # The distance to the nearest point a + t (b - a) moves with a by
        # (1 - t) and with b by t; t itself is at its optimum or clamped, so
        # that its own change does not count.
        starts, ends = (points.new_zeros(points.shape[1], len(widths))
                        for _ in range(2))
        for number, (start, end) in enumerate(ctx.links):
            starts[start, number] = ends[end, number] = 1
        all_pull, end_pull = pulls.split(2, -1)
        return (starts @ (all_pull - end_pull) + ends @ end_pull, None, None,
                None)


class _Segments:
    """Links as segments, and pixels' ways to them.

    Args:
        points: Poses (B, K, 2) in px.
        links: Pairs of indices, L of them.
        widths: Width of each link (L,) in px^2.
    """

    def __init__(self, points: Tensor, links: tuple[tuple[int, int], ...],
                 widths: Tensor) -> None:
        self.widths = widths
        self.start = points[:, [start for start, _ in links]]
        self.ray = points[:, [end for _, end in links]] - self.start
        # A link of length zero is a dot: 0 / tiny, not 0 / 0.
        self.length2 = self.ray.square().sum(-1).clamp_min(1e-12)

    def nearest(self, part: slice, size: tuple[int, int]) -> Tensor:
        """Return the number of each pixel's nearest link, scaled by width.

        A link's own axes are turned, so that a pixel's place along and
        across it is a sum of a row and a column.

        Args:
            part: Samples.
            size: Width and height of the map.

        Returns:
            Numbers (b, H, W), uint8.
        """
        start, ray = self.start[part], self.ray[part]
        length = self.length2[part].sqrt()
        axis = torch.where((length > 1e-6)[..., None],
                           ray / length[..., None], ray.new_tensor([1., 0.]))
        scale = self.widths.rsqrt()
        half = (length * scale / 2)[..., None, None]
        ux, uy = (axis * scale[:, None])[..., None].unbind(-2)
        middle = start + ray / 2
        x, y = (torch.arange(side, dtype=ray.dtype, device=ray.device)
                - place for side, place in zip(
                    size, middle[..., None].unbind(-2)))
        along = (x * ux)[..., None, :], (y * uy)[..., None]
        across = (-x * uy)[..., None, :], (y * ux)[..., None]
        winner = best = None
        for number in range(len(self.widths)):
            beyond = along[0][:, number] + along[1][:, number]
            beyond.abs_().sub_(half[:, number]).clamp_min_(0)
            aside = across[0][:, number] + across[1][:, number]
            distance = beyond.mul_(beyond).addcmul_(aside, aside)
            if best is None:
                best = distance
                winner = torch.zeros_like(best, dtype=torch.uint8)
                continue
            winner.masked_fill_(distance < best, number)
            torch.minimum(best, distance, out=best)
        return winner

    def offset(self, part: slice, winner: Tensor
               ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return pixels minus their nearest points on the winners.

        Args:
            part: Samples.
            winner: Number of each pixel's link (b, H, W).

        Returns:
            The offset's x and y (b, H, W) in px, the nearest point's place
            on the segment, 0 at the start, 1 at the end, and the link's
            width in px^2.
        """
        table = torch.cat([
            self.start[part], self.ray[part], self.length2[part][..., None],
            self.widths[:, None].expand(len(winner), -1, -1)
        ], -1)
        index = winner.flatten(1).long()
        ax, ay, bx, by, length2, width = (
            column.gather(1, index).view(winner.shape)
            for column in table.unbind(-1))
        options = dict(dtype=table.dtype, device=table.device)
        dx = torch.arange(winner.shape[2], **options) - ax
        dy = torch.arange(winner.shape[1], **options)[:, None] - ay
        t = (dx * bx).addcmul_(dy, by).div_(length2).clamp_(0, 1)
        return dx.sub_(bx.mul_(t)), dy.sub_(by.mul_(t)), t, width


def _parts(maps: Tensor) -> list[slice]:
    """Return slices of maps (B, H, W) that are drawn together."""
    limit = CPU_PIXELS if maps.device.type == 'cpu' else GPU_PIXELS
    step = max(1, limit // maps[:1].numel() if len(maps) else 1)
    return [slice(start, min(start + step, len(maps)))
            for start in range(0, len(maps), step)]
