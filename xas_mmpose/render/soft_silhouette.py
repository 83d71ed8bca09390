"""A soft silhouette with gradients, to compare with masks.

The silhouette of Soft Rasterizer (Liu et al., ICCV 2019, arXiv 1904.01786):
every face covers a pixel with a probability that falls off with the distance
to its outline. pytorch3d keeps the ``faces_per_pixel`` nearest faces of a
pixel; here all that reach it count, at a fraction of the cost.
"""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .zbuffer import MIN_AREA, chunks, doubled_area, select, spread

#: Faces of a smaller probability at a pixel are left out there.
MIN_PROBABILITY = 1e-4


def soft_silhouette(vertices: Tensor,
                    faces: Tensor,
                    height: int,
                    width: int,
                    sigma: float,
                    *,
                    near: float = 1e-6,
                    chunk_size: int = 250_000) -> Tensor:
    """Render the soft silhouette of a batch of meshes.

    A pixel is ``1 - prod(1 - sigmoid(-s / sigma))`` over all faces, where s
    is the squared distance in px^2 of its centre to the outline of the face,
    negative inside. Both sides of a face count.

    Faces with a corner nearer than ``near``, or behind the camera, are left
    out whole, and give no gradient: on the screen they are no triangles. A
    mesh behind the camera gives an empty silhouette.

    Args:
        vertices: Vertices (N, V, 3): x, y in px with pixel centres at whole
            numbers, and the depth z. The gradient to z is 0: depth acts
            through the projection alone.
        faces: Vertex indices (F, 3), the same for all meshes.
        height: Rows, H.
        width: Columns, W.
        sigma: Width of the fall-off in px^2. pytorch3d measures it in the
            square of its own unit, half the shorter side: its ``sigma`` of
            s is ``s * (min(H, W) / 2)**2`` here.
        near: Smallest depth that is seen, > 0.
        chunk_size: Most pairs of face and pixel held in memory at once, in
            either direction (one face may exceed it).

    Returns:
        Silhouettes (N, H, W), 0..1; differentiable once.

    Raises:
        ValueError: If a shape is wrong, or ``sigma`` or ``near`` is not
            positive.
    """
    if vertices.ndim != 3 or vertices.shape[2] != 3:
        raise ValueError('vertices must be (N, V, 3), got '
                         f'{tuple(vertices.shape)}')
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'faces must be (F, 3), got {tuple(faces.shape)}')
    if sigma <= 0 or near <= 0:
        raise ValueError(f'sigma and near must be positive, got {sigma} and '
                         f'{near}')
    if vertices.dtype not in (torch.float32, torch.float64):
        vertices = vertices.float()  # half precision cannot tell pixels
    # x, y, z of the three corners of all faces (3, 3, N F).
    corners = vertices[:, faces].permute(3, 2, 0, 1).flatten(2)
    with torch.no_grad():
        area = doubled_area(corners)
        kept, = torch.nonzero(
            (corners[2] >= near).all(0) & (area.abs() > MIN_AREA)
            & (area + corners[2].sum(0)).isfinite(), as_tuple=True)
        image = kept.div(max(len(faces), 1), rounding_mode='floor')
    return _SoftSilhouette.apply(select(corners[:2], kept), image,
                                 (len(vertices), height, width), sigma,
                                 chunk_size)


class _SoftSilhouette(torch.autograd.Function):
    """The silhouette of screen triangles (2, 3, F).

    Its gradient is written out so that the pairs of face and pixel are held
    for one chunk at a time on the way back, too.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, corners: Tensor, image: Tensor,
                shape: tuple[int, int, int], sigma: float,
                chunk_size: int) -> Tensor:
        # The logarithm of the probability that no face covers a pixel.
        empty = corners.new_zeros(math.prod(shape))
        for pairs in _pairs(corners, image, shape, sigma, chunk_size):
            empty.index_add_(0, pairs.pixel,
                             F.logsigmoid(pairs.distance() / sigma))
        ctx.save_for_backward(corners, image, empty)
        ctx.options = shape, sigma, chunk_size
        return -torch.expm1(empty).view(shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor
                 ) -> tuple[Tensor, None, None, None, None]:
        corners, image, empty = ctx.saved_tensors
        _, sigma, _ = ctx.options
        grad = -grad.reshape(-1) * empty.exp()
        total = torch.zeros_like(corners).flatten(1)
        for pairs in _pairs(corners, image, *ctx.options):
            # Of the pair's own logarithm, by its signed squared distance.
            slope = torch.sigmoid(-pairs.distance() / sigma) / sigma
            pairs.add_gradient(total, grad[pairs.pixel] * slope)
        return total.view_as(corners), None, None, None, None


@dataclass(frozen=True)
class _Pairs:
    """Faces and the pixels they reach, C pairs.

    Args:
        pixel: Pixel (C,), counted over all images.
        start: First corner of the face's edge that is nearest (C,), counted
            as in (3, F).
        end: Second corner of that edge (C,).
        sign: -1 inside the face, 1 outside (C,).
        share: How far along the edge the nearest point lies (C,), 0..1.
        gap: From there to the pixel's centre (2, C), px.
    """

    pixel: Tensor
    start: Tensor
    end: Tensor
    sign: Tensor
    share: Tensor
    gap: Tensor

    def distance(self) -> Tensor:
        """Return the signed squared distance (C,) in px^2."""
        return self.sign * self.gap.square().sum(0)

    def add_gradient(self, total: Tensor, grad: Tensor) -> None:
        """Add what each pair gives to its face's corners.

        The nearest point moves with the edge's two ends; that it also
        slides along the edge changes nothing, as it is the nearest.

        Args:
            total: Gradient of the corners (2, 3 F), changed in place.
            grad: Gradient of the signed squared distances (C,).
        """
        pull = -2 * grad * self.sign * self.gap
        total.index_add_(1, self.start, pull * (1 - self.share))
        total.index_add_(1, self.end, pull * self.share)


def _pairs(corners: Tensor, image: Tensor, shape: tuple[int, int, int],
           sigma: float, chunk_size: int) -> Iterator[_Pairs]:
    """Yield the pairs of faces and pixels within reach, in chunks.

    Args:
        corners: Screen triangles (2, 3, F) in px.
        image: Image of each face (F,).
        shape: Number of images, rows and columns.
        sigma: See :func:`soft_silhouette`.
        chunk_size: See :func:`soft_silhouette`.
    """
    _, height, width = shape
    num_faces = len(image)
    reach = math.log(1 / MIN_PROBABILITY - 1) * sigma  # px^2
    last = corners.new_tensor([[width - 1], [height - 1]])
    low = (corners.amin(1) - reach**0.5).ceil().clamp(min=0)
    high = (corners.amax(1) + reach**0.5).floor().clamp(min=-1)
    low, high = low.minimum(last + 1).long(), high.minimum(last).long()
    columns, rows = (high - low + 1).clamp(min=0)
    first = (image * height + low[1]) * width + low[0]
    begin = corners - low[:, None]
    along = begin.roll(-1, 1) - begin
    scale = 1 / along.square().sum(0, keepdim=True).clamp(min=1e-12)
    edges = torch.cat([begin, along, scale])
    for start, end in chunks(columns * rows, chunk_size):
        row_face, row = spread(rows[start:end])
        row_face += start
        item, dx = spread(columns[row_face])
        face, dy = row_face[item], row[item]
        # For each of the three edges (3, C):
        from_x, from_y, along_x, along_y, scale = select(edges, face)
        from_x, from_y = dx - from_x, dy - from_y
        turn = along_x * from_y - along_y * from_x
        share = ((from_x * along_x + from_y * along_y) * scale).clamp(0, 1)
        gap = torch.stack([from_x - share * along_x,
                           from_y - share * along_y])
        distance, edge = gap.square().sum(0).min(0)
        inside = (turn.amin(0) >= 0) | (turn.amax(0) <= 0)
        kept, = torch.nonzero(inside | (distance < reach), as_tuple=True)
        face, edge = face[kept], edge[kept]
        yield _Pairs(
            pixel=first[face] + dy[kept] * width + dx[kept],
            start=edge * num_faces + face,
            end=(edge + 1) % 3 * num_faces + face,
            sign=torch.where(inside[kept], -1, 1).to(corners),
            share=share[edge, kept],
            gap=gap[:, edge, kept])
