#!/usr/bin/env python
"""Time the parts that decide how long a training takes.

    python tools/benchmark.py                   all of them
    python tools/benchmark.py decode render --json speed.json

Every figure is the median of some repetitions on this machine, with as many
threads as --threads says. Nothing is compared with a stored number.
"""
from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from xas_mmpose.body_models import free_human
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
from xas_mmpose.render.synthesis import SceneSettings
from xas_mmpose.render.zbuffer import rasterize
from xas_mmpose.skeletons import HUMAN36M_18


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call in ms, after one that warms up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def bench_decode(repeats: int) -> dict[str, float]:
    """Time decoding, forward and backward, at the paper's size."""
    volume = torch.randn(4, 18, 64, 64, 64, requires_grad=True)

    def decode() -> Tensor:
        x, y, z = volume_marginals(volume)
        return (expectation(x).sum() + expectation(y).sum()
                + depth_modes(z, 3).index.sum())

    return {
        'decode_forward_ms_per_sample': median_ms(decode, repeats) / 4,
        'decode_forward_backward_ms_per_sample': median_ms(
            lambda: decode().backward(), repeats) / 4,
    }


def bench_mask(repeats: int) -> dict[str, float]:
    """Time the skeleton mask against one map per link left to autograd."""
    links = HUMAN36M_18.mask_links
    widths = torch.tensor(HUMAN36M_18.mask_link_widths) * 0.003 * 128**2
    pose = torch.rand(4, 18, 2) * 256
    pose.requires_grad_()
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0),
                          indexing='ij')
    grid = torch.stack([x, y], -1)

    def stacked() -> None:
        start = pose[:, [a for a, _ in links], None, None]
        ray = pose[:, [b for _, b in links], None, None] - start
        gap = grid - start
        share = ((gap * ray).sum(-1) / ray.square().sum(-1)).clamp(0, 1)
        gap = gap - share[..., None] * ray
        lines = (-gap.square().sum(-1) / widths[:, None, None]).exp()
        lines.amax(1).sum().backward()

    return {
        'skeleton_mask_ms_per_sample': median_ms(
            lambda: skeleton_mask(pose, links, widths,
                                  (256, 256)).sum().backward(),
            repeats) / 4,
        'stacked_maps_ms_per_sample': median_ms(stacked, repeats) / 4,
    }


def bench_render(repeats: int) -> dict[str, float]:
    """Time complete pairs, and the z-buffer against pytorch3d."""
    return {
        **{f'pairs_per_second_{size}px': _pairs_per_second(size, repeats)
           for size in (160, 256)},
        **_bench_rasterisers(repeats),
    }


def _pairs_per_second(size: int, repeats: int) -> float:
    """Return how many pairs are made, without writing, in a second."""
    generator = SyntheticSetGenerator(SyntheticSetSettings(
        num=10**6, scene=SceneSettings(image_size=size)))
    index = iter(range(10**6))
    return 1000 / median_ms(lambda: generator.sample(next(index)),
                            8 * repeats)


def _bench_rasterisers(repeats: int) -> dict[str, float]:
    """Time both rasterisers on the shipped body at 128 px."""
    from pytorch3d.renderer import (
        FoVPerspectiveCameras,
        MeshRasterizer,
        RasterizationSettings,
        look_at_view_transform,
    )
    from pytorch3d.structures import Meshes
    body = free_human()
    mesh = Meshes(body.v_template[None], body.faces[None])
    rotation, translation = look_at_view_transform(3.0, 10.0, 30.0)
    cameras = FoVPerspectiveCameras(R=rotation, T=translation, fov=50)
    settings = RasterizationSettings(image_size=128, bin_size=0)
    reference = MeshRasterizer(cameras, settings)
    ndc = reference.transform(mesh).verts_packed()
    screen = torch.stack([63.5 - ndc[:, 0] * 64, 63.5 - ndc[:, 1] * 64,
                          ndc[:, 2]], dim=1)[body.faces]
    image = torch.zeros(len(screen), dtype=torch.long)
    ours = rasterize(screen, image, 1, 128, 128)[0]
    theirs = reference(mesh).pix_to_face[..., 0]
    return {
        'zbuffer_ms': median_ms(
            lambda: rasterize(screen, image, 1, 128, 128), repeats),
        'pytorch3d_ms': median_ms(lambda: reference(mesh),
                                  max(1, repeats // 5)),
        'face_id_agreement': float((ours == theirs).float().mean()),
    }


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
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f'no benchmark {", ".join(sorted(unknown))}; there are '
                     f'{", ".join(BENCHMARKS)}')
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    figures = {}
    for name in args.names or BENCHMARKS:
        for key, value in BENCHMARKS[name](args.repeats).items():
            figures[key] = value
            print(f'{key:<42}{value:10.3f}', flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')


if __name__ == '__main__':
    main()
