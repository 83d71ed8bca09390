"""All losses of one iteration, with the released code's options, together."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.geometry import cameras
from xas_mmpose.models.losses import (
    PhysiqueMaskLoss,
    SkeletonMaskLoss,
    SymmetryLoss,
    WinnerTakesAllLoss,
)
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
MIDPOINTS = (('left_shoulder', 'right_shoulder', 'thorax'),
             ('left_hip', 'right_hip', 'root'))


def to_world(pred: torch.Tensor, golden: dict[str, torch.Tensor],
             camera: int) -> torch.Tensor:
    """Return world poses by the authors' chain and annotated root depth."""
    k_mat, rotation, translation, pelvis, affine = (
        golden[f'cam_{name}'][camera][:, None]
        for name in ('k_mat', 'rot_world', 'trans_world', 'pelvis',
                     'trans_image'))
    patch = cameras.normalised_to_patch(pred, (64, 64), reference_scale=True)
    image = cameras.patch_to_image(patch, affine, pelvis[..., 2])
    points = cameras.image_to_camera(
        image, k_mat[..., [0, 1], [0, 1]][..., None, :],
        k_mat[..., None, :2, 2])
    return cameras.camera_to_world(points, rotation, translation)


@pytest.mark.parametrize('config, mask, symmetry', [
    ('HM36_Multi_SurS1', 0, 0),
    ('HM36_Multi_SurS2', 0.02, 0.1),
    ('MPI_Multi_SurS2', 0.02, 0.05),
])
def test_total_and_gradients(config, mask, symmetry, goldens: Path):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        golden = {k: torch.from_numpy(v).double() for k, v in file.items()}
    pred = golden['pred'].clone().requires_grad_()
    pseudo = golden['pseudo_pred'].clone().requires_grad_()
    drawing = dict(reference_scale=True, loss_weight=mask)
    skeleton = SkeletonMaskLoss(METAINFO, clip=0.1, reference_clip=True,
                                **drawing)
    physique = PhysiqueMaskLoss(METAINFO, **drawing)
    # The recording's stand-in.
    physique.network = torch.nn.AvgPool2d(3, 1, 1)
    sides = SymmetryLoss(METAINFO, MIDPOINTS, unit=(1e-3, 1e-3, 1e-3),
                         reference=True, loss_weight=symmetry)
    synthetic = WinnerTakesAllLoss('batch', 3.0)
    total = 0
    for camera in range(2):
        keypoints = pred[camera, :, 0, :, :2]
        masks, truth = golden['masks'][camera], golden['pseudo_gt'][camera]
        total = total + (
            skeleton(keypoints, masks) + physique(keypoints, masks) +
            sides(to_world(pred[camera], golden, camera)) +
            synthetic(pseudo[camera], truth, torch.ones_like(truth[..., 0])))
    total.backward()
    # Their prior's term is a number that trains nothing.
    want = golden[f'{config}/total'] - golden[f'{config}/smpl_gen']
    assert total.item() == pytest.approx(want.item(), rel=5e-5)
    for got, name in ((pred.grad, 'grad_pred'),
                      (pseudo.grad, 'grad_pseudo_pred')):
        want = golden[f'{config}/{name}']
        np.testing.assert_allclose(got, want, rtol=0,
                                   atol=4e-6 * want.abs().max().item())
