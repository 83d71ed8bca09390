"""A hard z-buffer in plain torch, on any device, with gradients.

Every face is cut into the rows of pixels that it touches, every row into
pixels; one ``scatter_reduce`` keeps the nearest candidate of every pixel. On
the CPU it is hundreds of times faster than pytorch3d's rasteriser, whose cost
is faces times pixels.

Inside, arrays have faces, rows or pixels as their last axis: torch is fast
along it.
"""
from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

#: Faces of a smaller doubled area (px^2) cover nothing.
MIN_AREA = 1e-9


def rasterize(triangles: Tensor,
              image_index: Tensor,
              num_images: int,
              height: int,
              width: int,
              *,
              near: float = 1e-6,
              cull_backfaces: bool = False,
              chunk_size: int = 2_000_000) -> tuple[Tensor, Tensor, Tensor]:
    """Find the nearest face at every pixel centre.

    A pixel belongs to a face when its centre is inside or on the edge. Faces
    that reach behind the near plane are drawn as far as they are in front of
    it. Equal depths (compared in float32) go to the face with the lower
    index, so the result does not depend on ``chunk_size``.

    Args:
        triangles: Corners (F, 3, 3): x, y in px with pixel centres at whole
            numbers, and the depth z; x, y of a corner behind the camera are
            those of the projection formula (x / z with negative z).
        image_index: Image of each face (F,), 0..num_images-1.
        num_images: Number of images, N.
        height: Rows, H.
        width: Columns, W.
        near: Smallest depth that is seen, > 0.
        cull_backfaces: Drop faces whose corners run clockwise on the screen.
        chunk_size: Most candidates held in memory at once (one face may
            exceed it).

    Returns:
        - Face of each pixel (N, H, W), int64, -1 where there is none.
        - Perspective-correct barycentric coordinates (N, H, W, 3), -1 where
          there is no face; differentiable.
        - Depth (N, H, W), -1 where there is no face; differentiable.

    Raises:
        ValueError: If a shape is wrong or ``near`` is not positive.
    """
    if triangles.ndim != 3 or triangles.shape[1:] != (3, 3):
        raise ValueError(f'triangles must be (F, 3, 3), got '
                         f'{tuple(triangles.shape)}')
    if image_index.shape != triangles.shape[:1]:
        raise ValueError(f'image_index must be ({len(triangles)},), got '
                         f'{tuple(image_index.shape)}')
    if near <= 0:
        raise ValueError(f'near must be positive, got {near}')
    corners = triangles.permute(2, 1, 0).contiguous()
    with torch.no_grad():
        winner = _nearest_faces(corners, image_index, num_images, height,
                                width, near, cull_backfaces, chunk_size)
        pixel, = torch.nonzero(winner >= 0, as_tuple=True)
        face = winner[pixel]
    row = pixel.div(width, rounding_mode='floor')
    x, y = pixel - row * width, row % height
    # Once more for the winners only, this time with gradients.
    weights, depth = _interpolate(select(corners, face), x, y)
    shape = num_images, height, width
    bary = triangles.new_full((len(winner), 3), -1)
    zbuf = triangles.new_full((len(winner), ), -1)
    return (winner.view(shape),
            bary.index_put((pixel, ), weights.T).view(*shape, 3),
            zbuf.index_put((pixel, ), depth).view(shape))


def _nearest_faces(corners: Tensor, image_index: Tensor, num_images: int,
                   height: int, width: int, near: float, cull: bool,
                   chunk_size: int) -> Tensor:
    """Return the nearest face (N * H * W,) of every pixel, -1 for none.

    The arguments are those of :func:`rasterize`, but ``corners`` (3, 3, F):
    x, y, z of the three corners.
    """
    low, high = _pixel_boxes(corners, height, width, near)
    area = doubled_area(corners)
    drawn = area < -MIN_AREA if cull else area.abs() > MIN_AREA
    drawn &= (area + corners[2].sum(0)).isfinite() & (high >= low).all(0)
    faces, = torch.nonzero(drawn, as_tuple=True)
    # From here on, only what can be seen: V faces.
    low, high, corners = (select(array, faces)
                          for array in (low, high, corners))
    columns, rows = high - low + 1
    planes = torch.stack(_edge_planes(corners, low))
    first = (image_index[faces] * height + low[1]) * width + low[0]
    none = torch.iinfo(torch.int64).max
    best = torch.full((num_images * height * width, ), none,
                      device=corners.device)
    for start, end in chunks(columns * rows, chunk_size):
        face, dy = spread(rows[start:end])
        face += start
        slope, fall, value, factor = select(planes, face)
        value = torch.addcmul(value, fall, dy)
        left, count = _spans(slope, value, factor,
                             columns.index_select(0, face))
        row, dx = spread(count)
        dx += left.index_select(0, row)
        slope, value, factor = select(
            torch.stack([slope, value, factor]), row)
        shares = torch.addcmul(value, slope, dx) * factor
        total = shares.sum(0)
        seen = (shares.amin(0) >= 0) & (total > 0) & (total * near <= 1)
        # The bits of a positive float32 sort like the number itself: depth
        # in the upper half, face in the lower, and nothing is quantised.
        bits = (1 / total).float().view(torch.int32).long()
        row_first = first.index_select(0, face) + dy * width
        row_face = faces.index_select(0, face)
        best.scatter_reduce_(
            0, row_first.index_select(0, row) + dx, torch.where(
                seen, bits << 32 | row_face.index_select(0, row), none),
            'amin')
    return torch.where(best == none, -1, best & 0xffffffff)


def chunks(count: Tensor, chunk_size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of items that together have so many elements.

    Args:
        count: Number of elements of each item (F,), int64.
        chunk_size: Most elements in a range; one item may exceed it.

    Yields:
        First item, last item + 1.
    """
    ends = count.cumsum(0)
    start = 0
    while start < len(count):
        before = int(ends[start - 1]) if start else 0
        end = int(torch.searchsorted(ends, before + chunk_size, right=True))
        end = max(end, start + 1)
        yield start, end
        start = end


def spread(count: Tensor) -> tuple[Tensor, Tensor]:
    """Return the item of each element, and the element's place in its item.

    Args:
        count: Number of elements of each item (F,), int64.

    Returns:
        Items and places (C,), int64.

    Examples:
        >>> spread(torch.tensor([2, 0, 3]))
        (tensor([0, 0, 2, 2, 2]), tensor([0, 1, 0, 1, 2]))
    """
    item = torch.repeat_interleave(count)
    first = count.cumsum(0) - count
    place = torch.arange(len(item), device=count.device)
    return item, place.sub_(first.index_select(0, item))


def select(array: Tensor, index: Tensor) -> Tensor:
    """Return ``array[..., index]``, several times as fast on the CPU."""
    return array.flatten(0, -2).index_select(1, index).view(
        *array.shape[:-1], -1)


def _spans(slope: Tensor, value: Tensor, factor: Tensor,
           columns: Tensor) -> tuple[Tensor, Tensor]:
    """Return which columns of its face's box a row can cover.

    Up to one column too many on either side: which pixels are inside, the
    edge functions themselves decide.

    Args:
        slope: Growth of the edge functions per column (3, R).
        value: Their values at the first column (3, R).
        factor: Their factors (3, R), see :func:`_edge_planes`.
        columns: Width of the box (R,).

    Returns:
        First column and number of columns (R,), int64.
    """
    crossing = -value / slope
    rising = slope * factor
    left = torch.where(rising > 0, crossing, -torch.inf).amax(0).floor()
    right = torch.where(rising < 0, crossing, torch.inf).amin(0).ceil()
    left = left.clamp(min=0)
    count = (right.minimum(columns - 1) - left + 1).nan_to_num(0)
    count = count.clamp(min=0).long()
    return torch.where(count > 0, left, 0).long(), count


def _pixel_boxes(corners: Tensor, height: int, width: int,
                 near: float) -> tuple[Tensor, Tensor]:
    """Return the first and last pixel (2, F) that a face can cover.

    Where a face crosses the near plane, its box is that of the part in
    front: of the corners there and of the two points at which edges cross.

    Args:
        corners: Faces (3, 3, F): x, y, z of the three corners.
        height: Rows.
        width: Columns.
        near: Smallest depth that is seen.
    """
    low, high = corners[:2].amin(1), corners[:2].amax(1)
    behind, = torch.nonzero((corners[2] < near).any(0), as_tuple=True)
    if len(behind):
        start = select(corners, behind)
        end = start.roll(-1, dims=1)
        z0, z1 = start[2], end[2]
        ahead = z0 >= near
        share = (near - z0) / (z1 - z0)
        # Linear in the camera frame: in x * z and y * z, not in x and y.
        cut = (start[:2] * z0 * (1 - share) + end[:2] * z1 * share) / near
        points = torch.cat([start[:2], cut], dim=1)
        seen = torch.cat([ahead, ahead != (z1 >= near)])
        low[:, behind] = torch.where(seen, points, torch.inf).amin(1)
        high[:, behind] = torch.where(seen, points, -torch.inf).amax(1)
    last = low.new_tensor([[width - 1], [height - 1]])
    low = low.ceil().clamp(min=0).minimum(last + 1)
    high = high.floor().clamp(min=-1).minimum(last)
    return low.nan_to_num(0).long(), high.nan_to_num(-1).long()


def doubled_area(corners: Tensor) -> Tensor:
    """Return the signed doubled screen area (F,) of faces (2 or 3, 3, F)."""
    (x0, x1, x2), (y0, y1, y2) = corners[:2]
    return (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)


def _edge_planes(corners: Tensor, origin: Tensor
                 ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what gives each corner's share of 1 / z at a pixel.

    Screen-space barycentric coordinates over depth, e_i / z_i, are linear in
    the pixel; their sum is 1 / z there. All three are positive inside the
    face. With a corner behind the camera this still holds, signs and all.

    Args:
        corners: Faces (3, 3, F): x, y, z of the three corners.
        origin: Pixel (2, F) of each face to count from: small numbers keep
            the digits.

    Returns:
        Edge functions of the three corners, (3, F) each: growth per column,
        growth per row, value at the origin; and the factor that makes them
        shares of 1 / z. (It comes last so that 0 on an edge stays 0.)
    """
    x, y = corners[:2] - origin[:, None]
    x1, x2 = x.roll(-1, 0), x.roll(-2, 0)
    y1, y2 = y.roll(-1, 0), y.roll(-2, 0)
    factor = 1 / (doubled_area(corners) * corners[2])
    return y1 - y2, x2 - x1, x1 * y2 - x2 * y1, factor


def _interpolate(corners: Tensor, x: Tensor,
                 y: Tensor) -> tuple[Tensor, Tensor]:
    """Return barycentric coordinates (3, C) and depth (C,) at pixels.

    Args:
        corners: The face of each pixel (3, 3, C): x, y, z of its corners.
        x: Column of each pixel (C,).
        y: Row of each pixel (C,).
    """
    _, _, value, factor = _edge_planes(corners, torch.stack([x, y]))
    shares = value * factor
    depth = 1 / shares.sum(0)
    return shares * depth, depth
