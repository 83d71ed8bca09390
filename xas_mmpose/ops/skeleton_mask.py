"""A soft picture of a stick figure, drawn without per-link maps."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def skeleton_mask(keypoints: Tensor, links: Sequence[tuple[int, int]],
                  widths: Tensor | Sequence[float],
                  size: tuple[int, int]) -> Tensor:
    """Draw the links of poses as soft lines and keep the maximum.

    Sec. 3.2 of arXiv 2411.13026: a pixel at distance r from its nearest link
    has the value ``exp(-r^2 / width)``. The maximum runs over the links one
    after another, so memory is that of one map per sample whatever their
    number, and a pixel's gradient reaches the winning link's two ends only
    (the first of equals).

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
        """Keep the smallest scaled distance and the link it belongs to."""
        x, y = _grid(points, size)
        best = points.new_full((len(points), size[1], size[0]), torch.inf)
        winner = torch.zeros_like(best, dtype=torch.uint8)
        for number, (start, end) in enumerate(links):
            dx, dy, _ = _offset(points[:, start], points[:, end], x, y)
            distance = (dx * dx + dy * dy) / widths[number]
            nearer = distance < best
            best = torch.where(nearer, distance, best)
            winner.masked_fill_(nearer, number)
        mask = torch.exp(-best)
        ctx.save_for_backward(points, widths, mask, winner)
        ctx.links, ctx.size = links, size
        return mask[:, None]

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Walk the links again; each takes the pixels it has won."""
        points, widths, mask, winner = ctx.saved_tensors
        x, y = _grid(points, ctx.size)
        upstream = 2 * grad[:, 0] * mask
        grad_points = torch.zeros_like(points)
        for number, (start, end) in enumerate(ctx.links):
            dx, dy, t = _offset(points[:, start], points[:, end], x, y)
            scale = upstream / widths[number] * (winner == number)
            # The distance to the nearest point a + t (b - a) moves with a
            # by (1 - t) and with b by t; t itself is at its optimum or
            # clamped, so that its own change does not count.
            for tip, share in ((start, 1 - t), (end, t)):
                weight = scale * share
                grad_points[:, tip, 0] += (weight * dx).sum((-2, -1))
                grad_points[:, tip, 1] += (weight * dy).sum((-2, -1))
        return grad_points, None, None, None


def _grid(points: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the pixel centres as a row (1, 1, W) and a column (1, H, 1)."""
    width, height = size
    options = dict(dtype=points.dtype, device=points.device)
    return (torch.arange(width, **options)[None, None],
            torch.arange(height, **options)[None, :, None])


def _offset(start: Tensor, end: Tensor, x: Tensor,
            y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return pixels minus their nearest points on segments, and where.

    Args:
        start: One end (B, 2) of the segments in px.
        end: The other end (B, 2).
        x: Columns (1, 1, W).
        y: Rows (1, H, 1).

    Returns:
        The offset's x and y (B, H, W) in px, and the nearest point's place
        on the segment (B, H, W), 0 at the start, 1 at the end.
    """
    ax, ay = start[:, 0, None, None], start[:, 1, None, None]
    bx, by = (end - start)[:, 0, None, None], (end - start)[:, 1, None, None]
    # A link of length zero is a dot: 0 / tiny, not 0 / 0.
    length2 = (bx * bx + by * by).clamp_min(1e-12)
    t = (((x - ax) * bx + (y - ay) * by) / length2).clamp(0, 1)
    return x - ax - t * bx, y - ay - t * by, t
