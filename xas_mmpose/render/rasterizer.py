"""Rasterisers behind the interface of pytorch3d's, chosen by device."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .zbuffer import rasterize

if TYPE_CHECKING:
    from pytorch3d.renderer import RasterizationSettings
    from pytorch3d.renderer.mesh.rasterizer import Fragments
    from pytorch3d.structures import Meshes


#: Rasterisers that can be asked for by name.
BACKENDS = ('auto', 'pytorch3d', 'zbuffer')


def build_rasterizer(device: torch.device | str,
                     cameras: Any | None = None,
                     raster_settings: RasterizationSettings | None = None,
                     backend: str = 'auto') -> nn.Module:
    """Return the rasteriser that suits a device.

    pytorch3d brings kernels of its own for CUDA, but on the CPU the z-buffer
    is hundreds of times faster. Both give the same ``Fragments``, but for
    pixel centres that lie exactly on an edge.

    Args:
        device: Where the meshes are.
        cameras: A pytorch3d camera; may come with the call instead.
        raster_settings: pytorch3d's ``RasterizationSettings``. None takes
            pytorch3d's defaults.
        backend: ``auto`` takes pytorch3d's on CUDA and the z-buffer
            elsewhere; ``pytorch3d`` and ``zbuffer`` take that one. The
            z-buffer runs on any device.

    Returns:
        A ``pytorch3d.renderer.MeshRasterizer`` or a
        :class:`ZBufferRasterizer`.

    Raises:
        ImportError: If pytorch3d is not installed.
        ValueError: If the backend is unknown, or the z-buffer cannot draw
            what the settings ask for.
    """
    if backend not in BACKENDS:
        raise ValueError(f'unknown backend {backend!r}; there are '
                         f'{", ".join(BACKENDS)}')
    if backend == 'auto':
        cuda = torch.device(device).type == 'cuda'
        backend = 'pytorch3d' if cuda else 'zbuffer'
    if backend == 'zbuffer':
        rasterizer = ZBufferRasterizer(cameras, raster_settings)
        _check_hard(rasterizer.raster_settings)
    else:
        from pytorch3d.renderer import MeshRasterizer
        rasterizer = MeshRasterizer(cameras, raster_settings)
    # Their cameras are no modules: both rasterisers move them themselves.
    return rasterizer if cameras is None else rasterizer.to(device)


class ZBufferRasterizer(nn.Module):
    """A drop-in for ``pytorch3d.renderer.MeshRasterizer``.

    It draws hard faces only (``blur_radius`` 0, one face a pixel), which is
    what rendering training pictures takes, and serves pytorch3d's own
    ``MeshRenderer`` and shaders. pytorch3d gives a pixel whose centre lies
    exactly on an edge to no face; here it belongs to the face.

    Args:
        cameras: A pytorch3d camera; may come with the call instead.
        raster_settings: pytorch3d's ``RasterizationSettings``. None takes
            pytorch3d's defaults.

    Raises:
        ImportError: If pytorch3d is not installed.
    """

    def __init__(self,
                 cameras: Any | None = None,
                 raster_settings: RasterizationSettings | None = None
                 ) -> None:
        super().__init__()
        # pytorch3d is imported here, not above: the z-buffer itself works
        # without it.
        from pytorch3d.renderer import RasterizationSettings
        self.cameras = cameras
        self.raster_settings = raster_settings or RasterizationSettings()

    def to(self, device: Any) -> ZBufferRasterizer:
        """Move the camera, which is no module, along."""
        if self.cameras is not None:
            self.cameras = self.cameras.to(device)
        return self

    def forward(self, meshes_world: Meshes, **kwargs: Any) -> Fragments:
        """Rasterise a batch of meshes.

        Args:
            meshes_world: Meshes in world coordinates.
            kwargs: ``cameras``, ``raster_settings``, and what the camera's
                transform takes.

        Returns:
            Fragments with one face a pixel.

        Raises:
            ValueError: If the settings ask for soft or layered faces.
        """
        from pytorch3d.renderer.mesh.rasterizer import (
            Fragments,
            MeshRasterizer,
        )
        settings = kwargs.get('raster_settings', self.raster_settings)
        _check_hard(settings)
        cameras = kwargs.get('cameras', self.cameras)
        meshes = MeshRasterizer(cameras, settings).transform(
            meshes_world, **kwargs)
        size = settings.image_size
        height, width = (size, size) if isinstance(size, int) else size
        # pytorch3d's NDC: x left, y up, the shorter side from 1 to -1.
        half = min(height, width) / 2
        vertices = meshes.verts_packed()
        screen = torch.stack([
            (width - 1) / 2 - vertices[:, 0] * half,
            (height - 1) / 2 - vertices[:, 1] * half, vertices[:, 2]
        ], dim=1)
        triangles = screen[meshes.faces_packed()]
        perspective = settings.perspective_correct
        if perspective is None:
            perspective = cameras.is_perspective()
        if not perspective:
            raise ValueError('ZBufferRasterizer needs a perspective camera '
                             'and perspective_correct=True')
        face, bary, zbuf = rasterize(
            triangles, meshes.faces_packed_to_mesh_idx(), len(meshes), height,
            width, near=_near(cameras, settings),
            cull_backfaces=settings.cull_backfaces)
        dists = torch.where(face >= 0,
                            _edge_distances(triangles, face) / half**2, -1)
        return Fragments(pix_to_face=face[..., None], zbuf=zbuf[..., None],
                         bary_coords=bary[..., None, :],
                         dists=dists[..., None])


def _check_hard(settings: RasterizationSettings) -> None:
    """Refuse settings that ask for soft or layered faces."""
    if settings.faces_per_pixel != 1 or settings.blur_radius != 0:
        raise ValueError(
            'ZBufferRasterizer draws one hard face a pixel: set '
            "faces_per_pixel=1 and blur_radius=0, take pytorch3d's "
            "MeshRasterizer (backend='pytorch3d'), or soft_silhouette for "
            'masks')


def _near(cameras: Any, settings: RasterizationSettings) -> float:
    """Return the depth at which pytorch3d would clip."""
    if settings.z_clip_value is not None:
        return settings.z_clip_value
    znear = cameras.get_znear()
    if znear is None:
        return 1e-6
    return float(torch.as_tensor(znear).min()) / 2


def _edge_distances(triangles: Tensor, face: Tensor) -> Tensor:
    """Return pytorch3d's ``dists``, but in px^2 (N, H, W).

    That is minus the squared distance of a pixel centre to the nearest edge
    of its face; 0 where there is no face.
    """
    image, row, column = torch.nonzero(face >= 0, as_tuple=True)
    start = triangles[face[image, row, column]][..., :2]
    along = start.roll(-1, dims=1) - start
    point = torch.stack([column, row], 1)[:, None] - start
    share = (point * along).sum(-1) / (along * along).sum(-1).clamp(min=1e-12)
    rest = point - share.clamp(0, 1)[..., None] * along
    distance = (rest * rest).sum(-1).amin(1)
    return triangles.new_zeros(face.shape).index_put(
        (image, row, column), -distance)
