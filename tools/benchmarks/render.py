"""Complete pairs, rasterisers and soft silhouettes."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xas_mmpose.body_models import load_body
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.rasterizer import build_rasterizer
from xas_mmpose.render.soft_silhouette import soft_silhouette
from xas_mmpose.render.synthesis import SceneSettings

from .measuring import Figures, clock, median_ms

if TYPE_CHECKING:
    from pytorch3d.structures import Meshes


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
