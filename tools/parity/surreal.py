"""Golden 10: SMPL's joints and SURREAL's camera and crops."""
from __future__ import annotations

import numpy as np

from xas_mmpose.datasets.surreal import (
    MAX_OFF_MASK,
    crop_sample,
    joints_off_mask,
    regress_h36m,
)
from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.geometry.rotations import axis_angle_to_matrix
from xas_mmpose.geometry.surreal_camera import (
    surreal_box,
    surreal_extrinsics,
    surreal_intrinsics,
    surreal_orientation,
)

from .registry import Comparison, component

TOLERANCE = 1e-6
#: Between versions of OpenCV.
GREY_LEVELS = 1


@component('SURREAL and SMPL', '10_smpl_surreal.npz')
def check(c: Comparison) -> None:
    """Compare joints, rotations, projection, box, crops and filter."""
    g = c.golden
    c.close('h36m_joints', regress_h36m(
        g.double('verts'), g.double('regressor'), mirrored=True), TOLERANCE)
    c.close('rodrigues', axis_angle_to_matrix(g.double('axis_angle')),
            TOLERANCE)
    ours = surreal_orientation(g.double('rotbody_vec'),
                               g.double('rotbody_zrot'))
    c.close('rotbody_out', axis_angle_to_matrix(ours), TOLERANCE,
            want=axis_angle_to_matrix(g.double('rotbody_out')))
    _check_camera(c)
    _check_crops(c)


def _check_camera(c: Comparison) -> None:
    g = c.golden
    f, centre = surreal_intrinsics(tuple(g['res_xy'].tolist()),
                                   reference=True)
    c.close('intrinsic', [[f[0], 0, centre[0]], [0, f[1], centre[1]],
                          [0, 0, 1]], TOLERANCE)
    R, T = surreal_extrinsics(g.double('cam_loc'))
    c.close('R_world2cv', R, TOLERANCE)
    c.close('T_world2cv', T[:, None], TOLERANCE)
    c.close('extrinsic', np.column_stack([R, T]), TOLERANCE)
    points = world_to_camera(g.double('points'), R, T)
    image = camera_to_image(points, f, centre)
    c.close('projected', image, TOLERANCE)
    c.close('projected_root_depth_zero',
            image - image[0, 2] * np.array([0, 0, 1]), TOLERANCE)
    for suffix in ('_float', ''):
        (left_top, ), (right_bottom, ) = (
            g.double(f'box_{corner}{suffix}') for corner in ('lt', 'rb'))
        box = surreal_box(points[0], f, centre, truncate=not suffix)
        # Theirs are corners in the world, which the camera mirrors.
        c.close(f'box_lt{suffix}', box, TOLERANCE,
                want=[right_bottom[0], left_top[1], left_top[0],
                      right_bottom[1]])


def _check_crops(c: Comparison) -> None:
    g = c.golden
    for case, box, points in (
            ('crop', 'box', 'projected_root_depth_zero'),
            ('crop2', 'crop2_box', 'crop2_in_joints')):
        (left_top, ), (right_bottom, ) = (
            g.double(f'{box}_{corner}') for corner in ('lt', 'rb'))
        arguments = (np.array([right_bottom[0], left_top[1], left_top[0],
                               right_bottom[1]]), int(g['crop_target']))
        mask_in = g['crop_mask'][..., 0]
        image, mask, joints = crop_sample(
            g['crop_image'], mask_in, g[points], *arguments, reference=True)
        c.equal(f'{case}_out_mask', mask[..., None])
        c.within(f'{case}_out_image', image, GREY_LEVELS)
        c.close(f'{case}_out_joints', joints, TOLERANCE)
        if case == 'crop':
            c.close('crop_out_verts', crop_sample(
                g['crop_image'], mask_in, g['crop_in_verts'], *arguments,
                reference=True)[2], TOLERANCE)
            # -1: more of them than the filter lets pass.
            count = joints_off_mask(joints, mask)
            c.equal('filter_count', -1 if count > MAX_OFF_MASK else count)
