"""The rasteriser against pytorch3d's own."""
from __future__ import annotations

import pytest
import torch

from xas_mmpose.body_models import free_human, sample_pose
from xas_mmpose.render.rasterizer import (
    ZBufferRasterizer,
    build_rasterizer,
)

renderer = pytest.importorskip('pytorch3d.renderer')
structures = pytest.importorskip('pytorch3d.structures')


def bodies(num: int) -> structures.Meshes:
    """Return posed bodies as a batch of meshes."""
    body = free_human()
    pose = sample_pose(num, torch.Generator().manual_seed(3))
    out = body(torch.zeros(num, 10), pose[:, :3], pose[:, 3:])
    return structures.Meshes(out.vertices,
                             body.faces[None].expand(num, -1, -1))


def facing(num: int, distance: float, **kwargs) -> object:
    """Return cameras that look at the origin from the front."""
    rotation = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    return renderer.FoVPerspectiveCameras(
        R=rotation.repeat(num, 1, 1),
        T=torch.tensor([[0.05, -0.03, distance]]).repeat(num, 1), **kwargs)


def both(meshes: structures.Meshes, cameras: object, **settings) -> list:
    """Return (fragments, gradient) of pytorch3d's and of our rasteriser."""
    raster = renderer.RasterizationSettings(
        blur_radius=0.0, faces_per_pixel=1, bin_size=0, **settings)
    weights = torch.tensor([1.0, 2.0, 4.0])
    results = []
    for kind in (renderer.MeshRasterizer, ZBufferRasterizer):
        vertices = meshes.verts_padded().clone().requires_grad_()
        fragments = kind(cameras, raster)(meshes.update_padded(vertices))
        ((fragments.bary_coords * weights).sum()
         + fragments.zbuf.sum()).backward()
        results.append((fragments, vertices.grad))
    return results


@pytest.mark.parametrize('cull', [False, True])
def test_bodies_agree_with_pytorch3d(cull: bool) -> None:
    (theirs, their_grad), (ours, our_grad) = both(
        bodies(2), facing(2, 2.2), image_size=(96, 80), cull_backfaces=cull)
    covered = theirs.pix_to_face >= 0
    assert 0.05 < covered.float().mean() < 0.5
    assert torch.equal(ours.pix_to_face >= 0, covered)
    same = ours.pix_to_face == theirs.pix_to_face
    assert same.float().mean() >= 0.9999
    assert ours.pix_to_face.max() >= 2454  # faces are counted over the batch
    for name, tolerance in (('zbuf', 1e-5), ('bary_coords', 1e-3),
                            ('dists', 1e-7)):
        a, b = getattr(theirs, name), getattr(ours, name)
        assert a.shape == b.shape
        torch.testing.assert_close(a[same], b[same], rtol=0, atol=tolerance)
    scale = their_grad.abs().max()
    assert (their_grad - our_grad).abs().max() < 1e-3 * scale


def test_faces_across_the_near_plane_agree_with_pytorch3d() -> None:
    (theirs, _), (ours, _) = both(
        bodies(1), facing(1, 0.2, znear=0.3), image_size=64)
    crossing = theirs.zbuf[theirs.pix_to_face >= 0].min()
    assert 0.15 <= crossing < 0.16  # clipped at half the near plane
    same = ours.pix_to_face == theirs.pix_to_face
    assert same.float().mean() >= 0.9995
    torch.testing.assert_close(ours.zbuf[same], theirs.zbuf[same], rtol=0,
                               atol=1e-4)
    torch.testing.assert_close(ours.bary_coords[same],
                               theirs.bary_coords[same], rtol=0, atol=2e-2)


@pytest.mark.parametrize('shading', ['HardPhongShader', 'SoftPhongShader'])
def test_shaders_of_pytorch3d_take_the_fragments(shading: str) -> None:
    meshes = bodies(1)
    colors = torch.rand(1, 1229, 3, generator=torch.Generator().manual_seed(0))
    meshes.textures = renderer.TexturesVertex(colors)
    cameras = facing(1, 2.2)
    raster = renderer.RasterizationSettings(image_size=48, bin_size=0)
    shader = getattr(renderer, shading)(cameras=cameras)
    theirs, ours = (
        renderer.MeshRenderer(
            build_rasterizer('cpu', cameras, raster, backend), shader)(meshes)
        for backend in ('pytorch3d', 'zbuffer'))
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)


@pytest.mark.parametrize('device, backend, kind', [
    ('cpu', 'auto', ZBufferRasterizer),
    (torch.device('cuda', 1), 'auto', renderer.MeshRasterizer),
    ('cpu', 'pytorch3d', renderer.MeshRasterizer),
    ('cuda', 'zbuffer', ZBufferRasterizer),
])
def test_the_device_chooses_the_rasteriser(device: object, backend: str,
                                           kind: type) -> None:
    raster = renderer.RasterizationSettings(image_size=7)
    built = build_rasterizer(device, raster_settings=raster, backend=backend)
    assert type(built) is kind
    assert built.raster_settings is raster


def test_the_camera_may_come_with_the_call() -> None:
    settings = renderer.RasterizationSettings(image_size=24)
    meshes, cameras = bodies(1), facing(1, 2.2)
    early = build_rasterizer('cpu', cameras, settings)(meshes)
    late = build_rasterizer('cpu')(meshes, cameras=cameras,
                                   raster_settings=settings)
    assert (early.pix_to_face >= 0).any()
    assert torch.equal(early.pix_to_face, late.pix_to_face)


def test_unfit_rasterisers_are_refused_when_built() -> None:
    with pytest.raises(ValueError, match="'gl'; there are auto, pytorch3d"):
        build_rasterizer('cpu', backend='gl')
    soft = renderer.RasterizationSettings(image_size=8, blur_radius=1e-4)
    with pytest.raises(ValueError, match="backend='pytorch3d'"):
        build_rasterizer('cpu', raster_settings=soft)
    assert build_rasterizer('cpu', None, soft, 'pytorch3d'
                            ).raster_settings is soft


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA')
def test_on_cuda_both_see_the_same_faces() -> None:
    settings = renderer.RasterizationSettings(image_size=96)
    meshes, cameras = bodies(2).to('cuda'), facing(2, 2.2)
    theirs, ours = (
        build_rasterizer('cuda', cameras, settings, backend)(meshes)
        for backend in ('auto', 'zbuffer'))
    same = theirs.pix_to_face == ours.pix_to_face
    assert same.float().mean() >= 0.9999
    assert (ours.pix_to_face >= 0).any()


def test_an_empty_view_gives_an_empty_picture() -> None:
    meshes = structures.Meshes([torch.eye(3) - 9],  # behind the camera
                               [torch.tensor([[0, 1, 2]])])
    raster = renderer.RasterizationSettings(image_size=(4, 5))
    fragments = ZBufferRasterizer(facing(1, 2.0), raster)(meshes)
    assert fragments.pix_to_face.shape == (1, 4, 5, 1)
    assert (fragments.pix_to_face == -1).all()
    assert (fragments.dists == -1).all()


@pytest.mark.parametrize('settings', [dict(faces_per_pixel=2),
                                      dict(blur_radius=1e-4)])
def test_soft_faces_are_refused(settings: dict) -> None:
    raster = renderer.RasterizationSettings(image_size=8, **settings)
    with pytest.raises(ValueError, match='one hard face a pixel'):
        ZBufferRasterizer(facing(1, 2.0), raster)(bodies(1))


def test_orthographic_cameras_are_refused() -> None:
    raster = renderer.RasterizationSettings(image_size=8)
    with pytest.raises(ValueError, match='perspective camera'):
        ZBufferRasterizer(renderer.FoVOrthographicCameras(),
                          raster)(bodies(1))
