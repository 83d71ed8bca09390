"""The judge of 3D poses: a graph convolution along the skeleton."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from xas_mmpose.skeletons import parents_of

STREAMS = ('joint', 'bone')
CONVOLUTIONS = ('sage', 'gcn')
CODES = ('one_hot', 'reference', None)
NORMS = ('sample', 'reference_batch', None)

#: Bones shorter than this, in the poses' unit, count as this long where
#: their length divides.
SHORTEST_BONE = 1e-3

#: Options that make the discriminators of the authors' released code; the
#: first is the one that all of its published settings use.
REFERENCE_DISCRIMINATORS = {
    'decouple': dict(code='reference', norm='reference_batch', center=False),
    'sage': dict(streams=('joint', ), code='reference',
                 norm='reference_batch', header_channels=None, center=False),
    'res_gcn': dict(streams=('joint', ), convolution='gcn', code=None,
                    norm=None, header_channels=None, center=False),
}


@MODELS.register_module()
class GCNPoseDiscriminator(BaseModule):
    """Tell predicted 3D poses from those of the body model.

    Sec. 3.4 of arXiv 2411.13026. One stream sees the key points and one the
    bones, as vectors to the parent. Each is a linear layer, residual blocks
    of two graph convolutions (GraphSAGE with means, arXiv 1706.02216) and
    one more; two linear layers judge all features together. The graph is
    small, so its convolutions are dense products.

    Args:
        metainfo: ``dataset_info`` with the parents of the key points
            (:func:`~xas_mmpose.skeletons.parents_of`).
        streams: Which of ``'joint'`` and ``'bone'`` there are.
        channels: Width of the streams.
        num_blocks: Residual blocks of each stream.
        convolution: ``'sage'``, or ``'gcn'`` (arXiv 1609.02907) along
            links that weigh more the shorter they are, with another
            convolution before the blocks.
        self_loops: Count a key point among its own neighbours.
        code: What tells key points apart besides their place: their
            ``'one_hot'`` number, the ``'reference'``'s sines and cosines,
            or None. Their weights are one linear layer's.
        norm: Layer norm over the key points and channels of each
            ``'sample'``, as ``'reference_batch'`` over those of all samples
            together (and hypothesis by hypothesis), or None.
        header_channels: Width of the hidden linear layer; None for none.
        dropout: Share of the hidden layer that is dropped in training.
        center: Subtract the root first, so that only the pose counts.
        init_cfg: Initialisation; torch's own by default.

    Raises:
        ValueError: If an option is none of those named.

    Note:
        In the released code (:data:`REFERENCE_DISCRIMINATORS`) a pose's
        logit depends on the other poses of the batch, two of the code's
        three channels are constant to 1e-3, and nothing is centred.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 streams: Sequence[str] = STREAMS,
                 channels: int = 128,
                 num_blocks: int = 2,
                 convolution: str = 'sage',
                 self_loops: bool = True,
                 code: str | None = 'one_hot',
                 norm: str | None = 'sample',
                 header_channels: int | None = 512,
                 dropout: float = 0.2,
                 center: bool = True,
                 init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        for name, values, known in (('streams', tuple(streams), STREAMS),
                                    ('convolution', (convolution, ),
                                     CONVOLUTIONS),
                                    ('code', (code, ), CODES),
                                    ('norm', (norm, ), NORMS)):
            if not values or not set(values) <= set(known):
                raise ValueError(f'{name} must be of {known}, got {values}')
        parents = parents_of(metainfo)
        self.num_keypoints = len(parents)
        self.root_index = next(
            i for i, parent in enumerate(parents) if i == parent)
        self.center = center
        self.convolution = convolution
        self.over_batch = norm == 'reference_batch'
        self._buffer('parents', torch.tensor(parents))
        self._buffer('bone_tips', torch.tensor(
            [i for i, parent in enumerate(parents) if i != parent]))
        links = torch.zeros(len(parents), len(parents))
        for child, parent in enumerate(parents):
            links[child, parent] = links[parent, child] = 1
        links.fill_diagonal_(float(self_loops))
        self._buffer('links', links)
        self._buffer('code', _code(code, len(parents)))

        in_channels = 3 + self.code.shape[1]
        self.streams = nn.ModuleDict({
            name: _Stream(in_channels, channels, num_blocks,
                          convolution == 'sage', norm)
            for name in STREAMS if name in streams
        })
        features = len(parents) * channels * len(self.streams)
        self.hidden = (nn.Linear(features, header_channels)
                       if header_channels else None)
        self.out = nn.Linear(header_channels or features, 1)
        self.dropout = dropout

    def _buffer(self, name: str, value: Tensor) -> None:
        """Keep a table where the weights are, but not in checkpoints."""
        self.register_buffer(name, value, persistent=False)

    def forward(self, keypoints: Tensor, dropout: bool = True) -> Tensor:
        """Compute logits.

        Args:
            keypoints: Poses (B, K, 3), or hypotheses (B, M, K, 3), all in
                one frame and unit (normalised here).
            dropout: Whether to drop features in training.

        Returns:
            Logits (B,) or (B, M), float32 or wider; the higher the more
            real.

        Raises:
            ValueError: If the poses have not K key points of 3 coordinates.
        """
        if keypoints.ndim < 3 or keypoints.shape[-2:] != (
                self.num_keypoints, 3):
            raise ValueError(
                f'poses must have the shape (B, [M,] {self.num_keypoints}, '
                f'3), got {tuple(keypoints.shape)}')
        if self.over_batch and keypoints.ndim > 3:
            return torch.stack([self(k, dropout)
                                for k in keypoints.unbind(1)], 1)
        poses = keypoints.flatten(0, -3)
        # Half precision would round bones of some mm.
        if poses.dtype in (torch.float16, torch.bfloat16):
            poses = poses.float()
        if self.center:
            poses = poses - poses[:, [self.root_index]]
        graph = self._graph(poses)
        inputs = dict(joint=poses, bone=poses[:, self.parents] - poses)
        code = self.code.to(poses).expand(poses.shape[0], -1, -1)
        features = torch.cat([
            stream(torch.cat([inputs[name], code], -1), graph)
            for name, stream in self.streams.items()
        ], -1).flatten(1)
        if self.hidden is not None:
            features = F.dropout(self.hidden(features).relu(), self.dropout,
                                 self.training and dropout)
        logits = self.out(features).squeeze(-1).to(poses.dtype)
        return logits.view(keypoints.shape[:-2])

    def score(self, keypoints: Tensor) -> Tensor:
        """Compute logits for whoever made the poses.

        Gradients reach the poses and never the discriminator's weights, and
        nothing is dropped, whatever the mode.

        Args:
            keypoints: As for :meth:`forward`.

        Returns:
            Logits as those of :meth:`forward`.
        """
        weights = {name: p.detach() for name, p in self.named_parameters()}
        return torch.func.functional_call(self, weights, (keypoints, ),
                                          dict(dropout=False))

    def _graph(self, poses: Tensor) -> Tensor:
        """Return how much of each neighbour a convolution takes.

        Args:
            poses: Poses (N, K, 3).

        Returns:
            Matrices (K, K) for all, or (N, K, K).
        """
        links = self.links.to(poses)
        if self.convolution == 'sage':
            return links / links.sum(-1, keepdim=True).clamp_min(1)
        child, parent = self.bone_tips, self.parents[self.bone_tips]
        lengths = torch.linalg.vector_norm(poses[:, parent] - poses[:, child],
                                           dim=-1)
        nearness = 1 / lengths.clamp_min(SHORTEST_BONE)
        weights = torch.diag_embed(links.diagonal()).repeat(
            poses.shape[0], 1, 1)
        weights[:, child, parent] = nearness
        weights[:, parent, child] = nearness
        scale = weights.sum(-1).clamp_min(1e-12).rsqrt()
        return scale[:, :, None] * weights * scale[:, None]

    def reference_keys(self) -> dict[str, str]:
        """Return the name of each tensor in the authors' checkpoints.

        Returns:
            Our key to the authors', without their ``smpl_discriminator.``.
        """
        keys = {}
        for key in self.state_dict():
            part, *rest = key.split('.')
            if part == 'streams':
                keys[key] = self._reference_stream_key(*rest)
            elif self.hidden is None:
                keys[key] = f'header.{rest[0]}'
            else:
                layer = 'layer1' if part == 'hidden' else 'layer2'
                keys[key] = f'header.{layer}.{rest[0]}'
        return keys

    def _reference_stream_key(self, stream: str, part: str,
                              *rest: str) -> str:
        """Return the authors' name of a stream's tensor."""
        prefix = f'{stream}_' if len(self.streams) > 1 else ''
        if part == 'embed':
            return f'{prefix}input_layer.{rest[0]}'
        block, layer, operation, tensor = rest
        number = int(layer) + 1
        place = f'{prefix}gcn.{block}'
        if operation == 'norm':
            return f'{place}.ln{number}.{tensor}'
        if self.convolution == 'sage':
            side = 'lin_l' if operation == 'near' else 'lin_r'
            return f'{place}.gc{number}.{side}.{tensor}'
        if len(self.streams[stream].blocks[int(block)]) == 1:
            number = ''
        inner = 'lin.' if tensor == 'weight' else ''
        return f'{place}.gc{number}.{inner}{tensor}'


class _Stream(nn.Module):
    """Features of key points: an embedding and graph convolutions."""

    def __init__(self, in_channels: int, channels: int, num_blocks: int,
                 sage: bool, norm: str | None) -> None:
        super().__init__()
        self.embed = nn.Linear(in_channels, channels)
        layers = [2] * num_blocks + [1]
        if not sage:
            layers = [1, *layers]
        self.blocks = nn.ModuleList(
            nn.ModuleList(_GraphLayer(channels, sage, norm)
                          for _ in range(number)) for number in layers)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """Map inputs (N, K, C) to features (N, K, channels)."""
        x = self.embed(x)
        for block in self.blocks:
            out = x
            for layer in block:
                out = layer(out, graph)
            x = x + out if len(block) == 2 else out
        return x


class _GraphLayer(nn.Module):
    """A graph convolution with its norm and ReLU."""

    def __init__(self, channels: int, sage: bool, norm: str | None) -> None:
        super().__init__()
        self.near = nn.Linear(channels, channels)
        self.own = nn.Linear(channels, channels, bias=False) if sage else None
        self.norm = (_PoseNorm(channels, norm == 'reference_batch')
                     if norm else nn.Identity())

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """Map features (N, K, C) to features of the same shape."""
        out = self.near(graph.to(x) @ x)
        if self.own is not None:
            out = out + self.own(x)
        return self.norm(out).relu()


class _PoseNorm(nn.Module):
    """Layer norm over key points and channels, or the whole batch."""

    def __init__(self, channels: int, over_batch: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.over_batch = over_batch

    def forward(self, x: Tensor) -> Tensor:
        """Normalise features (N, K, C)."""
        if self.over_batch:
            x = x.to(self.weight.dtype)
            x = x - x.mean()
            x = x / (x.std(unbiased=False) + 1e-5)
        else:
            x = F.layer_norm(x, x.shape[-2:])
        return x * self.weight + self.bias


def _code(code: str | None, num_keypoints: int) -> Tensor:
    """Return what tells key points apart (K, C)."""
    if code == 'one_hot':
        return torch.eye(num_keypoints)
    if code is None:
        return torch.zeros(num_keypoints, 0)
    angle = (torch.arange(num_keypoints)[:, None] /
             10000**(2 * torch.arange(3) / 3))
    return torch.stack(
        [angle[:, 0].sin(), angle[:, 1].cos(), angle[:, 2].sin()], 1)
