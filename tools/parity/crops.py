"""Golden 07: projections, crops, the flip and files of cameras."""
from __future__ import annotations

import numpy as np

from xas_mmpose.datasets.camera_files import (
    read_h36m_meta,
    read_mpi_inf_3dhp_calibration,
)
from xas_mmpose.datasets.joint_tables import (
    MPI_INF_3DHP_28_TO_HUMAN36M_18,
    with_thorax,
)
from xas_mmpose.datasets.transforms import (
    CubeAffine,
    GetCubeBox,
    RandomFlipPose3D,
)
from xas_mmpose.geometry import cameras
from xas_mmpose.skeletons import HUMAN36M_18

from .coordinates import PATCH, TO_MM
from .registry import Comparison, component

TOLERANCE = 1e-6
#: What is measured in px and mm.
PIXELS = 5e-4
#: OpenCV 5 rounds otherwise: grey levels.
GREY_LEVELS = 1


@component('crops and camera files', '07_crop.npz')
def check(c: Comparison) -> None:
    """Compare both data sets' chains from world or camera to patch."""
    _check_h36m(c)
    _check_mpi(c)
    _check_h36m_file(c)
    _check_affines(c)
    _check_flip_and_warp(c)


def _check_patch(c: Comparison, prefix: str, image: np.ndarray,
                 root: np.ndarray, f: np.ndarray,
                 centre: np.ndarray) -> np.ndarray:
    """Compare boxes and affines of people; return patch points.

    Args:
        c: The comparison.
        prefix: Of the golden arrays.
        image: Points (C, B, K, 3): px, px, depth in mm.
        root: Roots (C, B, 3) in the camera frame.
        f: Focal lengths (C, B, 2).
        centre: Principal points (C, B, 2).
    """
    boxes, affines = [], []
    for where in np.ndindex(root.shape[:2]):
        results = CubeAffine((PATCH, PATCH))(GetCubeBox()(dict(
            img=np.zeros((8, 8, 3), np.uint8),
            keypoints=image[where][None, :, :2], root_camera=root[where],
            camera_param=dict(f=f[where], c=centre[where]))))
        boxes.append(results['bbox'][0])
        affines.append(results['crop_affine'])
    boxes = np.reshape(boxes, (*root.shape[:2], 4))
    affines = np.reshape(affines, (*root.shape[:2], 2, 3))
    for side, name in enumerate('ltrb'):
        c.within(f'{prefix}_box_{name}', boxes[..., side], PIXELS)
    c.within(f'{prefix}_affine', affines, PIXELS)
    patch = cameras.image_to_patch(image, affines, root[..., 2]) / TO_MM
    c.within(f'{prefix}_joints_patch', patch, PIXELS)
    return patch


def _check_h36m(c: Comparison) -> None:
    g = c.golden
    R, f, centre = (g.double(f'h36m_{name}') for name in 'Rfc')
    T = -(R @ g.double('h36m_C')[..., None])[..., 0]
    c.close('h36m_trans_world', T, TOLERANCE)
    points = cameras.world_to_camera(g.double('h36m_world'), R, T)
    c.close('h36m_pt_3d', points, TOLERANCE)
    root = points[..., 0, :]
    c.close('h36m_pelvis', root, TOLERANCE)
    image = cameras.camera_to_image(points, f[..., None, :],
                                    centre[..., None, :])
    relative = image - root[..., None, 2:] * [0, 0, 1]
    c.within('h36m_pt_2d', relative, PIXELS)
    _check_patch(c, 'h36m', image, root, f, centre)


def _check_mpi(c: Comparison) -> None:
    g = c.golden
    file = read_mpi_inf_3dhp_calibration(
        g.folder / '07_mpi_camera.calibration')
    rig = [file[number] for number in g['mpi_cams'].tolist()]
    f, centre = (np.stack([camera[key] for camera in rig])
                 for key in ('f', 'c'))
    c.close('mpi_intrinsics_fx_fy_cx_cy', np.concatenate([f, centre], -1),
            TOLERANCE)
    outer = g['mpi_extrinsics']
    c.close('mpi_extrinsics', np.stack([i['R'] for i in rig]), TOLERANCE,
            want=outer[:, :3, :3])
    c.close('mpi_extrinsics', np.stack([i['T'] for i in rig]), TOLERANCE,
            want=outer[:, :3, 3])
    table = list(MPI_INF_3DHP_28_TO_HUMAN36M_18)
    c.equal('mpi_28_to_18', table)
    points = g.double('mpi_cam_pose')
    root = points[..., table[0], :]
    c.close('mpi_pelvis', root, TOLERANCE)
    f, centre = (np.broadcast_to(i[:, None], (*root.shape[:2], 2))
                 for i in (f, centre))
    image = cameras.camera_to_image(points, f[..., None, :],
                                    centre[..., None, :])
    c.within('mpi_pt_2d', image - root[..., None, 2:] * [0, 0, 1], PIXELS)
    size = np.array([[i['w'], i['h']] for i in rig])[:, None, None]
    inside = ((image[..., :2] >= 0) & (image[..., :2] < size)).all(-1)
    c.equal('mpi_vis', inside[..., None], want=g['mpi_vis'] > 0)
    patch = _check_patch(c, 'mpi', image, root, f, centre)
    c.within('mpi_joints_patch18', patch[..., table, :], PIXELS)


def _check_h36m_file(c: Comparison) -> None:
    camera, world = read_h36m_meta(
        c.golden.folder / '07_h36m_matlab_meta.txt')
    # Their file keeps the turn of the world into the camera.
    c.close('meta_rot', camera['R'], TOLERANCE)
    c.close('meta_trans', -camera['R'].T @ camera['T'], TOLERANCE)
    for ours, theirs in (('f', 'f'), ('c', 'c'), ('w', 'width'),
                         ('h', 'height')):
        c.close(f'meta_{theirs}', camera[ours], TOLERANCE)
    c.close('meta_keypoints', with_thorax(world), TOLERANCE)


def _check_affines(c: Comparison) -> None:
    found, wanted = [], []
    for spec, want in zip(c.golden['affine_spec'].tolist(),
                          c.golden.double('affine_out')):
        cx, cy, w, h, width, height, scale, angle, inverse = spec
        affine = cameras.crop_affine(
            np.array([cx, cy]), np.array([w, h]) * scale,
            (int(width), int(height)), angle)
        if inverse:
            square = np.vstack([affine, [0, 0, 1]])
            affine = np.linalg.inv(square)[:2]
        found.append(affine)
        wanted.append(want)
    c.within('affine_out', found, PIXELS, want=wanted)


def _check_flip_and_warp(c: Comparison) -> None:
    g = c.golden
    width, points = int(g['flip_width']), g.double('flip_in')
    order = list(HUMAN36M_18.flip_indices)
    flipped = RandomFlipPose3D(1.0)(dict(
        img=np.zeros((4, width, 3), np.uint8), img_shape=(4, width),
        keypoints=points[None, :, :2], flip_indices=order,
        keypoints_visible=np.ones((1, len(points)))))
    c.close('flip_out', np.column_stack([flipped['keypoints'][0],
                                         points[order, 2]]), TOLERANCE)
    cx, cy, w, h = g.double('warp_box_cx_cy_w_h')
    height, width = g['warp_out'].shape[:2]
    warped = CubeAffine((width, height), supersampling=1)(dict(
        img=g['warp_image'], bbox_center=np.array([[cx, cy]]),
        bbox_scale=np.array([[w, h]])))
    c.within('warp_affine', warped['crop_affine'], PIXELS)
    c.within('warp_out', warped['img'], GREY_LEVELS)
