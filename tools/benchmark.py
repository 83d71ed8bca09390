#!/usr/bin/env python
"""Time the parts that decide how long a training takes.

    python tools/benchmark.py                   all of them
    python tools/benchmark.py decode render --json speed.json

Every figure is the median of some repetitions on this machine. Nothing is
compared with a stored number. Only pytorch3d's rasterisers, which take
seconds, run but once after a warm-up. With one thread, times are those that
the processor spent on this process: other work beside it does not count.
"""
from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from xas_mmpose.body_models import load_body
from xas_mmpose.ops import (
    depth_modes,
    expectation,
    skeleton_mask,
    volume_marginals,
)
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.rasterizer import build_rasterizer
from xas_mmpose.render.soft_silhouette import soft_silhouette
from xas_mmpose.render.synthesis import SceneSettings
from xas_mmpose.skeletons import HUMAN36M_18

if TYPE_CHECKING:
    from pytorch3d.structures import Meshes


def clock() -> float:
    """Return seconds: of the processor, or of the wall with more threads."""
    if torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call in ms, after one that warms up."""
    call()
    times = []
    for _ in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times) * 1000


Figures = Iterator[tuple[str, float]]


def bench_decode(repeats: int, quick: bool) -> Figures:
    """Time decoding, forward and backward, at the paper's size."""
    side = 16 if quick else 64
    volume = torch.randn(4, 18, side, side, side, requires_grad=True)

    def decode() -> Tensor:
        x, y, z = volume_marginals(volume)
        return (expectation(x).sum() + expectation(y).sum()
                + depth_modes(z, 3).index.sum())

    yield ('decode_forward_ms_per_sample', median_ms(decode, repeats) / 4)
    yield ('decode_forward_backward_ms_per_sample',
           median_ms(lambda: decode().backward(), repeats) / 4)


def bench_mask(repeats: int, quick: bool) -> Figures:
    """Time the skeleton mask against one map per link left to autograd."""
    side = 64 if quick else 256
    links = HUMAN36M_18.mask_links
    widths = torch.tensor(HUMAN36M_18.mask_link_widths) * 0.003 * 128**2
    pose = torch.rand(4, 18, 2) * side
    pose.requires_grad_()
    y, x = torch.meshgrid(torch.arange(float(side)),
                          torch.arange(float(side)), indexing='ij')
    grid = torch.stack([x, y], -1)

    def stacked() -> None:
        start = pose[:, [a for a, _ in links], None, None]
        ray = pose[:, [b for _, b in links], None, None] - start
        gap = grid - start
        share = ((gap * ray).sum(-1) / ray.square().sum(-1)).clamp(0, 1)
        gap = gap - share[..., None] * ray
        lines = (-gap.square().sum(-1) / widths[:, None, None]).exp()
        lines.amax(1).sum().backward()

    yield ('skeleton_mask_ms_per_sample', median_ms(
        lambda: skeleton_mask(pose, links, widths,
                              (side, side)).sum().backward(), repeats) / 4)
    yield 'stacked_maps_ms_per_sample', median_ms(stacked, repeats) / 4


def bench_render(repeats: int, quick: bool) -> Figures:
    """Time complete pairs, and both rasterisers and soft silhouettes."""
    default = SceneSettings().supersampling
    for suffix, body in (('', 'human'), ('_full', 'human_full')):
        key = f'pairs_per_second_core{suffix}'
        for fine in sorted({1, 2, default}):
            rate = _pairs_per_second(body, fine, repeats, quick)
            yield f'{key}_supersampling_{fine}', rate
            if fine == default:
                yield key, rate
    yield from _bench_soft_silhouettes(repeats, quick)
    yield from _bench_rasterisers(repeats, quick)


def _pairs_per_second(body: str, supersampling: int, repeats: int,
                      quick: bool) -> float:
    """Return how many pairs are made, without writing, in a second."""
    size, batch = (64, 2) if quick else (256, 16)
    generator = SyntheticSetGenerator(SyntheticSetSettings(
        num=10**6, body=body, scene=SceneSettings(
            image_size=size, supersampling=supersampling)))
    index = itertools.count()

    def make() -> None:
        for _ in range(batch):  # scenes differ in what they cost
            generator.sample(next(index))

    return batch * 1000 / median_ms(make, repeats)


def _bench_rasterisers(repeats: int, quick: bool) -> Figures:
    """Time both rasterisers behind one interface on the bare full body."""
    from pytorch3d.renderer import RasterizationSettings
    cameras, mesh = _standing('human' if quick else 'human_full')
    settings = RasterizationSettings(image_size=64 if quick else 256,
                                     bin_size=0)
    ours, theirs = (build_rasterizer('cpu', cameras, settings, backend)
                    for backend in ('zbuffer', 'pytorch3d'))
    yield 'rasterised_faces', mesh.num_faces_per_mesh().item()
    ours_ms = median_ms(lambda: ours(mesh), 3 * repeats)
    yield 'zbuffer_ms', ours_ms
    if not quick:
        print("(pytorch3d's rasteriser, twice: some ten seconds each)",
              flush=True)
    times = []
    for _ in range(2):  # the first warms up
        start = clock()
        expected = theirs(mesh)
        times.append(clock() - start)
    yield 'pytorch3d_ms', times[-1] * 1000
    yield 'zbuffer_speedup', times[-1] * 1000 / ours_ms
    yield 'face_id_agreement', float(
        (ours(mesh).pix_to_face == expected.pix_to_face).float().mean())


def _bench_soft_silhouettes(repeats: int, quick: bool) -> Figures:
    """Time both soft silhouettes, there and back, on the small body."""
    from pytorch3d.renderer import (
        BlendParams,
        MeshRenderer,
        RasterizationSettings,
        SoftSilhouetteShader,
    )
    size, sigma = 32 if quick else 128, 1e-4
    cameras, mesh = _standing('human')
    renderer = MeshRenderer(
        build_rasterizer('cpu', cameras, RasterizationSettings(
            image_size=size, bin_size=0, faces_per_pixel=50,
            blur_radius=math.log(1 / 1e-4 - 1) * sigma), 'pytorch3d'),
        SoftSilhouetteShader(BlendParams(sigma=sigma)))
    vertices = mesh.verts_padded().clone().requires_grad_()
    mesh = mesh.update_padded(vertices)
    target = torch.zeros(size, size)
    target[size // 4:-size // 5, size // 3:-size // 3] = 1

    def ours() -> Tensor:
        ndc = renderer.rasterizer.transform(mesh).verts_padded()
        screen = torch.cat([(size - 1) / 2 - ndc[..., :2] * size / 2,
                            ndc[..., 2:]], -1)
        return soft_silhouette(screen, mesh.faces_packed(), size, size,
                               sigma * (size / 2)**2)[0]

    def gradient(render: Callable[[], Tensor]) -> Tensor:
        loss = (render() - target).square().mean()
        return torch.autograd.grad(loss, vertices, retain_graph=True)[0]

    yield 'soft_silhouette_ms', median_ms(lambda: gradient(ours), repeats)
    times = []
    for _ in range(2):
        start = clock()
        expected = gradient(lambda: renderer(mesh)[0, ..., 3])
        times.append(clock() - start)
    yield 'pytorch3d_soft_silhouette_ms', times[-1] * 1000
    yield 'soft_silhouette_gradient_cosine', float(
        torch.nn.functional.cosine_similarity(
            gradient(ours).flatten(), expected.flatten(), 0))


def _standing(name: str) -> tuple[object, Meshes]:
    """Return a bare body at rest and a camera that looks at it."""
    from pytorch3d.renderer import (
        FoVPerspectiveCameras,
        look_at_view_transform,
    )
    from pytorch3d.structures import Meshes
    body = load_body(name)
    middle = body.v_template.mean(0)
    rotation, translation = look_at_view_transform(3.0, 10.0, 30.0)
    return (FoVPerspectiveCameras(R=rotation, T=translation, fov=40),
            Meshes([body.v_template - middle], [body.faces]))


BENCHMARKS = dict(decode=bench_decode, mask=bench_mask, render=bench_render)


def main() -> None:
    """Run the benchmarks that were asked for and print their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help=f'which: {", ".join(BENCHMARKS)}')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=10)
    parser.add_argument('--quick', action='store_true',
                        help='small sizes, to see whether all runs')
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f'no benchmark {", ".join(sorted(unknown))}; there are '
                     f'{", ".join(BENCHMARKS)}')
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    threadpool_limits(args.threads, 'blas')  # numpy's: it holds until the end
    torch.manual_seed(0)
    figures = {}
    for name in args.names or BENCHMARKS:
        for key, value in BENCHMARKS[name](args.repeats, args.quick):
            figures[key] = value
            print(f'{key:<46}{value:12.4f}', flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')


if __name__ == '__main__':
    main()
