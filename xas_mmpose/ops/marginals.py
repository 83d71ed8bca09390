"""Marginals of volumes of scores, without volumes of probabilities."""
from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

#: Cells that are worked on at a time. On a CPU they stay in its cache; a GPU
#: wants fewer, larger steps.
CPU_CELLS = 2**19
GPU_CELLS = 2**25

#: Samples and key points that are worked on at a time.
Tile = tuple[slice, slice]


class Marginals(NamedTuple):
    """Distributions of each key point along the axes of its volume.

    Each is the softmax of the whole volume, summed over the other two axes.

    Attributes:
        x: Over columns (B, K, W).
        y: Over rows (B, K, H).
        z: Over depth bins (B, K, D), front to back: the depth profile.
    """

    x: Tensor
    y: Tensor
    z: Tensor


def volume_marginals(volume: Tensor) -> Marginals:
    """Take one softmax over each key point's volume and marginalise it.

    Sec. 3.1 of arXiv 2411.13026. Probabilities are computed for a few key
    points at a time, summed and dropped, and again for the gradient: beside
    the volume and its gradient no array of that size is ever held.

    Args:
        volume: Scores (B, K, D, H, W); the three sizes may differ.

    Returns:
        The marginals, float32 or wider.

    Raises:
        ValueError: If ``volume`` does not have five dimensions.

    Example:
        >>> volume = torch.zeros(1, 1, 2, 3, 4)
        >>> volume[..., 1] = 50.0
        >>> [round(float(p), 3) for p in volume_marginals(volume).x[0, 0]]
        [0.0, 1.0, 0.0, 0.0]
    """
    if volume.ndim != 5:
        raise ValueError('a volume has the shape (B, K, D, H, W), got '
                         f'{tuple(volume.shape)}')
    return Marginals(*_VolumeMarginals.apply(volume))


def projected_marginals(features: Tensor, weight: Tensor,
                        bias: Tensor | None,
                        num_keypoints: int) -> Marginals:
    """Take the marginals of volumes that a 1x1 convolution would make.

    The same as :func:`volume_marginals` of
    ``conv2d(features, weight, bias)``, seen as (B, K, D, H, W), but the
    volumes are made for a few key points at a time, and once more for the
    gradient. That costs one product of matrices and saves the memory of the
    volumes and of their gradient.

    Args:
        features: Feature maps (B, C, H, W).
        weight: Weight of the convolution (K * D, C) or (K * D, C, 1, 1).
        bias: Its bias (K * D,), or None.
        num_keypoints: Number K.

    Returns:
        The marginals, float32 or wider.

    Raises:
        ValueError: If a shape does not fit.
    """
    weight = weight.flatten(1)
    if features.ndim != 4 or features.shape[1] != weight.shape[1]:
        raise ValueError(
            'features must have the shape (B, C, H, W) with the '
            f'{weight.shape[1]} channels of the weight, got '
            f'{tuple(features.shape)}')
    if len(weight) % num_keypoints:
        raise ValueError(f'{len(weight)} channels are no whole number of '
                         f'depth bins for {num_keypoints} key points')
    if bias is None:
        bias = weight.new_zeros(len(weight))
    # Under autocast features come in half precision, as would the volume.
    weight, bias = weight.to(features.dtype), bias.to(features.dtype)
    if torch.jit.is_tracing():
        return _traced_marginals(features, weight, bias, num_keypoints)
    return Marginals(*_ProjectedMarginals.apply(features, weight, bias,
                                                num_keypoints))


def expectation(profile: Tensor) -> Tensor:
    """Return the mean bin of a distribution.

    Args:
        profile: Probabilities (..., D).

    Returns:
        Mean bins (...); bin d's centre is d.
    """
    bins = torch.arange(profile.shape[-1], dtype=profile.dtype,
                        device=profile.device)
    return (profile * bins).sum(-1)


def _traced_marginals(features: Tensor, weight: Tensor, bias: Tensor,
                      num_keypoints: int) -> Marginals:
    """Do what :func:`projected_marginals` does with a batch of any size.

    Parts would be those of the traced batch for ever, and so would be its
    size in any shape but one that is written with -1.
    """
    height, width = (int(size) for size in features.shape[2:])
    depth = len(weight) // num_keypoints
    scores = F.conv2d(features, weight[..., None, None], bias)
    scores = scores.to(_wide(scores.dtype))
    scores = scores.reshape(-1, num_keypoints, depth * height * width)
    probability = scores.softmax(2).reshape(-1, num_keypoints, depth,
                                            height * width)
    plane = probability.sum(2).reshape(-1, num_keypoints, height, width)
    return Marginals(plane.sum(2), plane.sum(3), probability.sum(3))


class _Sums:
    """Marginals (B, K, W), (B, K, H) and (B, K, D) as they are filled.

    Args:
        shape: Of the volumes, (B, K, D, H, W).
        like: A tensor of their type and device.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor) -> None:
        *rows, depth, height, width = shape
        self.size = height, width
        self.x, self.y, self.z = (
            like.new_empty(*rows, size, dtype=_wide(like.dtype))
            for size in (width, height, depth))

    def put(self, tile: Tile, scores: Tensor) -> None:
        """Fill a tile from its scores (b, k, D, H * W)."""
        probability = _softmax(scores)
        plane = probability.sum(2).unflatten(2, self.size)
        self.x[tile] = plane.sum(2)
        self.y[tile] = plane.sum(3)
        self.z[tile] = probability.sum(3)


class _Gradients:
    """Turns gradients of marginals into those of scores.

    With ``p`` the probability of a cell and ``g`` the sum of its three
    marginals' gradients, a score's gradient is ``p (g - sum p g)``. The sum
    over all cells is one over the marginals.

    Args:
        marginals: x (B, K, W), y (B, K, H), z (B, K, D).
        gradients: Of each of them.
    """

    def __init__(self, marginals: Sequence[Tensor],
                 gradients: Sequence[Tensor]) -> None:
        mean = sum((g * m).sum(2) for g, m in zip(gradients, marginals))
        self.x, self.y, z = gradients
        self.z = z - mean[..., None]

    def take(self, tile: Tile, scores: Tensor) -> Tensor:
        """Return the gradient of scores (b, k, D, H * W)."""
        plane = self.y[tile][..., None] + self.x[tile][..., None, :]
        pull = plane.flatten(2)[..., None, :] + self.z[tile][..., None]
        return pull.mul_(_softmax(scores))


class _VolumeMarginals(torch.autograd.Function):
    """Marginals of volumes that are there."""

    @staticmethod
    def forward(ctx: FunctionCtx, volume: Tensor) -> tuple[Tensor, ...]:
        """Sum the softmax up; keep the volume itself and the sums."""
        sums = _Sums(volume.shape, volume)
        for tile in _tiles(volume.shape, volume.device):
            sums.put(tile, _flat(volume[tile]))
        out = sums.x, sums.y, sums.z
        ctx.save_for_backward(volume, *out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        """Compute probabilities again, into the gradient."""
        volume, *marginals = ctx.saved_tensors
        back = _Gradients(marginals, gradients)
        grad = torch.empty_like(volume)
        for tile in _tiles(volume.shape, volume.device):
            part = back.take(tile, _flat(volume[tile]))
            grad[tile] = part.view(grad[tile].shape)
        return grad


class _ProjectedMarginals(torch.autograd.Function):
    """Marginals of volumes that a 1x1 convolution makes of features."""

    @staticmethod
    def forward(ctx: FunctionCtx, features: Tensor, weight: Tensor,
                bias: Tensor, num_keypoints: int) -> tuple[Tensor, ...]:
        """Make the volumes part by part and sum their softmax up."""
        shape = (len(features), num_keypoints, len(weight) // num_keypoints,
                 *features.shape[2:])
        sums = _Sums(shape, features)
        project = _Projection(features, weight, bias, num_keypoints)
        with torch.autocast(features.device.type, enabled=False):
            for tile in _tiles(shape, features.device):
                sums.put(tile, project(tile))
        out = sums.x, sums.y, sums.z
        ctx.save_for_backward(features, weight, bias, *out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx,
                 *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Make the volumes again; their gradient goes on at once."""
        features, weight, bias, *marginals = ctx.saved_tensors
        shape = (*marginals[2].shape, *features.shape[2:])
        project = _Projection(features, weight, bias, shape[1])
        project.begin_gradients()
        back = _Gradients(marginals, gradients)
        for tile in _tiles(shape, features.device):
            project.pull_back(tile, back.take(tile, project(tile)))
        return (project.grad_maps.view(features.shape),
                project.grad_weight.flatten(0, 1).to(weight.dtype),
                project.grad_bias.flatten().to(bias.dtype), None)


class _Projection:
    """A 1x1 convolution, tile by tile, and the sums of its gradients.

    Args:
        features: Feature maps (B, C, H, W).
        weight: Weight (K * D, C).
        bias: Bias (K * D,).
        num_keypoints: Number K.
    """

    def __init__(self, features: Tensor, weight: Tensor, bias: Tensor,
                 num_keypoints: int) -> None:
        self.maps = features.flatten(2)
        self.weight = weight.unflatten(0, (num_keypoints, -1))
        self.bias = bias.unflatten(0, (num_keypoints, -1))

    def begin_gradients(self) -> None:
        """Begin the sums; who only predicts does without them."""
        wide = _wide(self.maps.dtype)
        self.grad_maps = torch.zeros_like(self.maps)
        self.grad_weight = torch.zeros_like(self.weight, dtype=wide)
        self.grad_bias = torch.zeros_like(self.bias, dtype=wide)

    def __call__(self, tile: Tile) -> Tensor:
        """Return the scores (b, k, D, H * W) of a tile, wide."""
        samples, keypoints = tile
        maps, weight = self.maps[samples], self._weight(tile)
        scores = torch.bmm(weight, maps).unflatten(
            1, self.bias[keypoints].shape)
        scores = scores.to(_wide(scores.dtype))
        return scores.add_(self.bias[keypoints][..., None])

    def pull_back(self, tile: Tile, grad: Tensor) -> None:
        """Add what the gradient of a tile's scores means for the rest."""
        samples, keypoints = tile
        self.grad_bias[keypoints] += grad.sum((0, 3))
        grad = grad.flatten(1, 2).to(self.maps.dtype)
        self.grad_maps[samples].baddbmm_(self._weight(tile).mT, grad)
        product = torch.bmm(grad, self.maps[samples].mT).sum(0)
        self.grad_weight[keypoints] += product.view_as(
            self.weight[keypoints])

    def _weight(self, tile: Tile) -> Tensor:
        """Return the weight of a tile's key points (b, k * D, C)."""
        samples, keypoints = tile
        return self.weight[keypoints].flatten(0, 1).expand(
            samples.stop - samples.start, -1, -1)


def _tiles(shape: Sequence[int], device: torch.device) -> list[Tile]:
    """Return parts of volumes (B, K, D, H, W) that are made together."""
    batch, num_keypoints = shape[:2]
    limit = CPU_CELLS if device.type == 'cpu' else GPU_CELLS
    room = max(1, limit // math.prod(shape[2:]))
    samples = max(1, room // num_keypoints)
    return list(itertools.product(_slices(batch, samples),
                                  _slices(num_keypoints, room)))


def _slices(number: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, number))
            for start in range(0, number, step)]


def _flat(volume: Tensor) -> Tensor:
    """Return scores (b, k, D, H * W), wide."""
    return volume.to(_wide(volume.dtype)).flatten(3)


def _softmax(scores: Tensor) -> Tensor:
    """Return the softmax of each volume (b, k, D, H * W)."""
    return scores.flatten(2).softmax(2).view(scores.shape)


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Return a type in which sums over 10^5 cells keep their digits."""
    return torch.promote_types(dtype, torch.float32)
