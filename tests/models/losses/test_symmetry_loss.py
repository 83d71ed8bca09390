"""The symmetry loss: symmetric bodies, closed forms, the released code."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.geometry import cameras
from xas_mmpose.models.losses import SymmetryLoss
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
MIDPOINTS = (('left_shoulder', 'right_shoulder', 'thorax'),
             ('left_hip', 'right_hip', 'root'))
MM = (1e-3, 1e-3, 1e-3)


def symmetric_body(skeleton=HUMAN36M_18) -> torch.Tensor:
    """Return a pose (1, 1, K, 3) mirrored at x = 0, in metres."""
    generator = torch.Generator().manual_seed(0)
    pose = torch.rand(skeleton.num_keypoints, 3, generator=generator,
                      dtype=torch.float64)
    mirrored = pose[list(skeleton.flip_indices)] * pose.new_tensor([-1, 1, 1])
    return ((pose + mirrored) / 2)[None, None]


def turned(pose: torch.Tensor) -> torch.Tensor:
    angle = torch.tensor(0.7, dtype=pose.dtype)
    c, s = angle.cos(), angle.sin()
    turn = pose.new_tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return pose @ turn.T + pose.new_tensor([0.3, -0.2, 0.9])


@pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26])
def test_symmetric_body_costs_nothing_however_it_stands(skeleton):
    loss = SymmetryLoss(skeleton.metainfo(), unit=(1, 1, 1))
    pose = turned(symmetric_body(skeleton))
    assert loss(pose).item() == pytest.approx(0, abs=1e-15)
    # Bones keep their lengths when a joint bends, so no cost either.
    parent = skeleton.keypoint_names.index('left_shoulder')
    child = skeleton.parent_indices.index(parent)
    bent = pose.clone()
    bone = bent[..., child, :] - bent[..., parent, :]
    bent[..., child, :] = bent[..., parent, :] + bone.roll(1, -1)
    tips = set(skeleton.parent_indices)
    assert (loss(bent).item() < 1e-15) == (child not in tips)


def test_one_long_arm_costs_its_difference_where_the_reference_sees_none():
    pose = torch.zeros(1, 1, 18, 3, dtype=torch.float64)
    for joint, x in ((11, 1), (12, 3), (13, 5), (14, -1), (15, -2),
                     (16, -3)):
        pose[..., joint, 0] = x
    # Upper arm and forearm differ by 1 m each, among six pairs of bones.
    options = dict(metainfo=METAINFO, unit=(1, 1, 1), loss_weight=3.0)
    assert SymmetryLoss(**options)(pose).item() == pytest.approx(3 * 2 / 6)
    assert SymmetryLoss(**options, reference=True)(pose).item() == 0


def test_units_turn_normalised_depth_into_metres():
    pose = torch.zeros(1, 1, 18, 3)
    pose[..., 1, 0] = 0.4
    pose[..., 4, 2] = 0.2
    # 0.4 m sideways and 0.2 x 2 m in depth: equally long hips.
    assert SymmetryLoss(METAINFO)(pose).item() == pytest.approx(0, abs=1e-15)
    pose[..., 4, 2] = 0.3
    assert SymmetryLoss(METAINFO)(pose).item() == pytest.approx(0.2**2 * 2 / 6)


def test_midpoints_closed_form():
    pose = torch.zeros(1, 1, 18, 3)
    pose[..., 17, :] = torch.tensor([0.1, 0.2, 0.3])
    loss = SymmetryLoss(METAINFO, MIDPOINTS, bone_weight=0,
                        midpoint_weight=2.0)
    want = (0.1**2 + 0.2**2 + 0.6**2) / 6
    assert loss(pose).item() == pytest.approx(2 * want)
    loss = SymmetryLoss(METAINFO, MIDPOINTS, bone_weight=0,
                        midpoint_weight=0, midpoint_2d_weight=0.5)
    want = (0.1**2 + 0.2**2) / 4
    assert loss(pose).item() == pytest.approx(50 * want)
    assert loss(pose, torch.zeros(1, 1, 18, 2)).item() == 0


def test_every_sample_and_hypothesis_counts():
    poses = torch.rand(2, 3, 18, 3, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(1))
    loss = SymmetryLoss(METAINFO, MIDPOINTS)
    each = [loss(p[None, None]).item() for p in poses.flatten(0, 1)]
    assert loss(poses).item() == pytest.approx(np.mean(each))
    poses.requires_grad_()
    loss(poses).backward()
    assert (poses.grad != 0).any(-1).any(-1).all()
    reference = SymmetryLoss(METAINFO, MIDPOINTS, reference=True)
    poses.grad = None
    reference(poses).backward()
    trained = (poses.grad != 0).flatten(2).any(-1)
    assert trained.sum(0).tolist().count(2) == 1
    assert trained.sum() == 2


@pytest.mark.parametrize('reference', [False, True])
def test_gradient_is_that_of_finite_differences(reference):
    loss = SymmetryLoss(METAINFO, MIDPOINTS, midpoint_2d_weight=0.1,
                        reference=reference)
    poses = torch.rand(2, 2, 18, 3, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(loss, poses.requires_grad_())


def test_collapsed_pose_has_a_finite_gradient():
    pose = torch.zeros(1, 1, 18, 3, requires_grad=True)
    SymmetryLoss(METAINFO, MIDPOINTS)(pose).backward()
    assert (pose.grad == 0).all()


def test_empty_batch_is_zero_with_a_gradient():
    poses = torch.rand(2, 3, 18, 3).requires_grad_()
    loss = SymmetryLoss(METAINFO)(poses[:0])
    loss.backward()
    assert loss.item() == 0
    assert (poses.grad == 0).all()


def test_tables_follow_the_model_to_its_device():
    # The meta device refuses a table that stayed on the CPU.
    loss = SymmetryLoss(METAINFO, MIDPOINTS, midpoint_2d_weight=1)
    assert loss.to('meta')(torch.ones(2, 3, 18, 3, device='meta')).is_meta


def test_terms_of_weight_zero_cannot_spoil_the_loss():
    pose = torch.zeros(1, 1, 18, 3)
    pose[..., 17, :] = torch.nan
    loss = SymmetryLoss(METAINFO, MIDPOINTS, bone_weight=0,
                        midpoint_weight=0)
    assert loss(pose).item() == 0


def test_mistakes_are_named():
    with pytest.raises(ValueError, match='swap'):
        SymmetryLoss(dict(keypoint_info={0: dict(name='a')}))
    with pytest.raises(ValueError, match='wing'):
        SymmetryLoss(METAINFO, [('left_hip', 'wing', 'root')])
    with pytest.raises(ValueError, match='triples'):
        SymmetryLoss(METAINFO, [('left_hip', 'right_hip')])


def test_goldens_of_the_released_code(goldens: Path):
    with np.load(goldens / '03_losses.npz') as file:
        golden = {k: torch.from_numpy(v).double() for k, v in file.items()}

    def check(name: str, factor: float, flat: bool = False,
              **weights: float) -> None:
        terms = dict(bone_weight=0, midpoint_weight=0, midpoint_2d_weight=0)
        loss = SymmetryLoss(METAINFO, MIDPOINTS, unit=MM, reference=True,
                            **{**terms, **weights})
        poses = golden['kp_world'].clone().requires_grad_()
        places = golden['kp_2d'].clone().requires_grad_()
        value = loss(poses[:, None], places[:, None]) / factor
        value.backward()
        got = places.grad if flat else poses.grad
        want = golden[f'{name}_grad']
        assert value.item() == pytest.approx(golden[name].item(), rel=1e-6)
        np.testing.assert_allclose(got, want, rtol=0,
                                   atol=1e-6 * want.abs().max().item())

    check('bone_sym', 1, bone_weight=1)
    check('kp_sym_3d', 1, midpoint_weight=1)
    check('kp_sym_2d', 100, flat=True, midpoint_2d_weight=1)


@pytest.mark.parametrize('config, weight', [('HM36_Multi_SurS2', 0.1),
                                            ('MPI_Multi_SurS2', 0.05)])
def test_golden_iteration_of_the_released_code(config, weight, goldens):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        golden = {k: torch.from_numpy(v).double() for k, v in file.items()}
    loss = SymmetryLoss(METAINFO, MIDPOINTS, unit=MM, reference=True,
                        loss_weight=weight)
    total = 0
    for camera in range(2):
        # Their annotated root depth makes world poses of the hypotheses.
        given = {k: golden[f'cam_{k}'][camera][:, None]
                 for k in ('k_mat', 'rot_world', 'trans_world', 'pelvis',
                           'trans_image')}
        focal = given['k_mat'][..., [0, 1], [0, 1]]
        patch = cameras.normalised_to_patch(golden['pred'][camera],
                                            (64, 64), reference_scale=True)
        image = cameras.patch_to_image(patch, given['trans_image'],
                                       given['pelvis'][..., 2])
        image = cameras.image_to_camera(image, focal[..., None, :],
                                        given['k_mat'][..., None, :2, 2])
        total = total + loss(cameras.camera_to_world(
            image, given['rot_world'], given['trans_world']))
    assert total.item() == pytest.approx(
        golden[f'{config}/symmetry'].item(), rel=1e-5)
