"""A soft silhouette with gradients, to compare with masks.

The silhouette of Soft Rasterizer (Liu et al., ICCV 2019, arXiv 1904.01786):
every face covers a pixel with a probability that falls off with the distance
to its outline. pytorch3d keeps the ``faces_per_pixel`` nearest faces of a
pixel; here all that reach it count, at a fraction of the cost.
"""
from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .zbuffer import MIN_AREA, candidates, doubled_area

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
    triangles = vertices[:, faces]
    with torch.no_grad():
        drawn = ((triangles[..., 2] >= near).all(-1)
                 & triangles.isfinite().flatten(2).all(-1)
                 & (doubled_area(triangles.flatten(0, 1)).abs()
                    > MIN_AREA).view(len(vertices), -1))
        image = torch.nonzero(drawn)[:, 0]
    return _SoftSilhouette.apply(triangles[..., :2][drawn], image,
                                 (len(vertices), height, width), sigma,
                                 chunk_size)


class _SoftSilhouette(torch.autograd.Function):
    """The silhouette of screen triangles (F, 3, 2).

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
        total = torch.zeros_like(corners).flatten(0, 1)
        for pairs in _pairs(corners, image, *ctx.options):
            # Of the pair's own logarithm, by its signed squared distance.
            slope = torch.sigmoid(-pairs.distance() / sigma) / sigma
            pairs.add_gradient(total, grad[pairs.pixel] * slope)
        return total.view_as(corners), None, None, None, None


class _Pairs:
    """Faces and the pixels they reach, C pairs.

    Args:
        pixel: Pixel (C,), counted over all images.
        face: Face (C,).
        sign: -1 inside the face, 1 outside (C,).
        edge: The face's nearest edge (C,): from that corner to the next.
        share: How far along it the nearest point lies (C,), 0..1.
        gap: From there to the pixel's centre (C, 2), px.
    """

    def __init__(self, pixel: Tensor, face: Tensor, sign: Tensor,
                 edge: Tensor, share: Tensor, gap: Tensor) -> None:
        self.pixel = pixel
        self.face = face
        self.sign = sign
        self.edge = edge
        self.share = share
        self.gap = gap

    def distance(self) -> Tensor:
        """Return the signed squared distance (C,) in px^2."""
        return self.sign * self.gap.square().sum(1)

    def add_gradient(self, total: Tensor, grad: Tensor) -> None:
        """Add what each pair gives to its face's corners.

        The nearest point moves with the edge's two ends; that it also
        slides along the edge changes nothing, as it is the nearest.

        Args:
            total: Gradient of the corners (3 F, 2), changed in place.
            grad: Gradient of the signed squared distances (C,).
        """
        pull = (-2 * grad * self.sign)[:, None] * self.gap
        start = 3 * self.face + self.edge
        end = 3 * self.face + (self.edge + 1) % 3
        total.index_add_(0, start, pull * (1 - self.share)[:, None])
        total.index_add_(0, end, pull * self.share[:, None])


def _pairs(corners: Tensor, image: Tensor, shape: tuple[int, int, int],
           sigma: float, chunk_size: int) -> Iterator[_Pairs]:
    """Yield the pairs of faces and pixels within reach, in chunks.

    Args:
        corners: Screen triangles (F, 3, 2) in px.
        image: Image of each face (F,).
        shape: Number of images, rows and columns.
        sigma: See :func:`soft_silhouette`.
        chunk_size: See :func:`soft_silhouette`.
    """
    _, height, width = shape
    reach = math.log(1 / MIN_PROBABILITY - 1) * sigma  # px^2
    last = corners.new_tensor([width - 1, height - 1])
    low = (corners.amin(1) - reach**0.5).ceil().clamp(min=0)
    high = (corners.amax(1) + reach**0.5).floor().clamp(min=-1)
    low, high = low.minimum(last + 1).long(), high.minimum(last).long()
    size = (high - low + 1).clamp(min=0)
    first = (image * height + low[:, 1]) * width + low[:, 0]
    start = corners - low[:, None]
    along = start.roll(-1, 1) - start
    scale = 1 / along.square().sum(2).clamp(min=1e-12)
    edges = torch.cat([start, along, scale[..., None]], 2).transpose(1, 2)
    for face, dx, dy in candidates(size, chunk_size):
        # For each of the three edges (C, 3):
        from_x, from_y, along_x, along_y, scale = edges[face].unbind(1)
        from_x, from_y = dx[:, None] - from_x, dy[:, None] - from_y
        turn = along_x * from_y - along_y * from_x
        share = ((from_x * along_x + from_y * along_y) * scale).clamp(0, 1)
        gap_x, gap_y = from_x - share * along_x, from_y - share * along_y
        distance, edge = (gap_x * gap_x + gap_y * gap_y).min(1)
        inside = (turn.amin(1) >= 0) | (turn.amax(1) <= 0)
        kept, = torch.nonzero(inside | (distance < reach), as_tuple=True)
        face, edge = face[kept], edge[kept]
        yield _Pairs(
            pixel=first[face] + dy[kept] * width + dx[kept],
            face=face,
            sign=torch.where(inside[kept], -1, 1).to(corners),
            edge=edge,
            share=share[kept, edge],
            gap=torch.stack([gap_x[kept, edge], gap_y[kept, edge]], 1))
