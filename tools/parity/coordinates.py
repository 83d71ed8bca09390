"""Golden 06: frames, triangulation, rotations about z."""
from __future__ import annotations

import numpy as np

from xas_mmpose.geometry import cameras
from xas_mmpose.geometry.rotations import rotate_about_z
from xas_mmpose.geometry.triangulation import projection_matrix, triangulate

from .registry import Comparison, component

TOLERANCE = 5e-7
#: Their solver is float32: mm.
TRIANGULATION = 0.25
#: The authors' patch and cube.
PATCH, CUBE = 256, 2000.0
#: Their patch frame counts depth in pixels, too.
TO_MM = np.array([1, 1, CUBE / PATCH])


class _Chain:
    """The authors' conversions, put together from this package's maps."""

    def __init__(self, c: Comparison) -> None:
        g = c.golden
        intrinsics = g.double('cam_k_mat')
        self.f = intrinsics[..., [0, 1], [0, 1]]
        self.c = intrinsics[..., :2, 2]
        self.R = g.double('cam_rot_world')
        self.T = g.double('cam_trans_world')
        self.affine = g.double('cam_trans_image')
        self.root = g.double('cam_pelvis')

    def to_image(self, patch: np.ndarray) -> np.ndarray:
        """Map patch points, z in mm, to the picture."""
        return cameras.patch_to_image(patch, self.affine,
                                      self.root[..., 2])

    def to_world(self, image: np.ndarray) -> np.ndarray:
        """Map points of the picture to the world."""
        camera = cameras.image_to_camera(image, self.f[..., None, :],
                                         self.c[..., None, :])
        return cameras.camera_to_world(camera, self.R, self.T)

    def triangulate(self, image: np.ndarray, views: list[int]) -> np.ndarray:
        """Return world points (B, K, 3) of points (C, B, K, 3)."""
        projections = projection_matrix(self.f, self.c, self.R, self.T)
        seen = image[views].swapaxes(0, 1)
        # Their weights are the predicted depths.
        return triangulate(seen[..., :2],
                           projections[views].swapaxes(0, 1), seen[..., 2])


def _from_normalised(points: np.ndarray, cube: float = CUBE) -> np.ndarray:
    return cameras.normalised_to_patch(points, (PATCH, PATCH), cube,
                                       reference_scale=True)


@component('coordinate chain', '06_coords.npz')
def check(c: Comparison) -> None:
    """Compare every conversion in both directions."""
    g, chain = c.golden, _Chain(c)
    normalised = g.double('joints_norm')
    patch = g.double('joints_patch') * TO_MM
    for suffix, points in (('', patch),
                           ('_from_norm', _from_normalised(normalised))):
        image = chain.to_image(points)
        world = chain.to_world(image)
        c.close(f'patch_to_image{suffix}', image, TOLERANCE)
        c.close(f'patch_to_world{suffix}', world, TOLERANCE)
        if not suffix:
            c.close('image_to_world_cam1', world[1], TOLERANCE)
    _check_inverse(c, chain)
    c.close('joints_norm', cameras.patch_to_normalised(
        patch, (PATCH, PATCH), reference_scale=True), TOLERANCE)
    c.close('pelvis_world', cameras.camera_to_world(
        chain.root[..., None, :], chain.R, chain.T), TOLERANCE)
    _check_without_camera(c, chain)
    noisy = chain.to_image(_from_normalised(g.double('tri_input_norm')))
    everyone = list(range(len(noisy)))
    for name, image, views in (
            ('tri_4cam', noisy, everyone), ('tri_cam0_cam2', noisy, [0, 2]),
            ('tri_from_exact', chain.to_image(_from_normalised(normalised)),
             everyone)):
        c.within(name, chain.triangulate(image, views), TRIANGULATION)
    c.close('rot3d_out', rotate_about_z(
        g.double('rot3d_in'), g.double('rot3d_angle')), TOLERANCE)


def _check_inverse(c: Comparison, chain: _Chain) -> None:
    camera = cameras.world_to_camera(c.golden.double('world_gt'), chain.R,
                                     chain.T)
    image = cameras.camera_to_image(camera, chain.f[..., None, :],
                                    chain.c[..., None, :])
    patch = cameras.image_to_patch(image, chain.affine, chain.root[..., 2])
    c.close('world_to_patch', patch / TO_MM, TOLERANCE)
    c.close('world_to_patch_norm', cameras.patch_to_normalised(
        patch, (PATCH, PATCH), reference_scale=True), TOLERANCE)


def _check_without_camera(c: Comparison, chain: _Chain) -> None:
    # Their "mono" frame: z up, 128 added to the depth.
    normalised = c.golden.double('joints_norm')
    x, y, z = np.moveaxis(normalised, -1, 0)
    c.close('mono_no_patch', -np.stack([x, z + 128, y], -1), TOLERANCE)
    u, v, depth = np.moveaxis(
        chain.to_image(_from_normalised(normalised, PATCH)), -1, 0)
    c.close('mono_patch', -np.stack([u, depth + 128, v], -1), TOLERANCE)
