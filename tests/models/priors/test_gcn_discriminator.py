"""The discriminator: the released code's numbers, and what it must not do."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from xas_mmpose.geometry import cameras
from xas_mmpose.models.losses import (
    PriorDiscriminatorLoss,
    PriorGeneratorLoss,
)
from xas_mmpose.models.priors import (
    REFERENCE_DISCRIMINATORS,
    GCNPoseDiscriminator,
)
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
SMALL = dict(channels=8, num_blocks=1, header_channels=16)
VARIANTS = [
    dict(),
    dict(streams=('joint', )),
    dict(streams=('bone', ), code=None, self_loops=False),
    dict(convolution='gcn', norm=None, header_channels=None),
]


def poses(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, 3, generator=generator,
                      dtype=torch.float64) - 0.5


def build(seed: int = 0, skeleton=HUMAN36M_18,
          **options: object) -> GCNPoseDiscriminator:
    torch.manual_seed(seed)
    return GCNPoseDiscriminator(skeleton.metainfo(),
                                **{**SMALL, **options}).double().eval()


# --- the released code ---------------------------------------------------


def loaded(golden: dict[str, torch.Tensor], prefix: str,
           **options: object) -> GCNPoseDiscriminator:
    discriminator = GCNPoseDiscriminator(METAINFO, **options).eval()
    keys = discriminator.reference_keys()
    assert sorted(keys.values()) == sorted(
        k.removeprefix(prefix) for k in golden if k.startswith(prefix))
    discriminator.load_state_dict(
        {ours: golden[prefix + key] for ours, key in keys.items()})
    return discriminator


@pytest.mark.parametrize('name, variant, options', [
    ('decouple', 'decouple', dict()),
    ('sage', 'sage', dict()),
    ('sage_nope_noloop', 'sage',
     dict(code=None, self_loops=False, channels=32)),
    ('resgcn', 'res_gcn', dict(channels=64)),
])
def test_goldens_of_the_released_code(name, variant, options, goldens: Path):
    with np.load(goldens / f'05_disc_{name}.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    options = {**REFERENCE_DISCRIMINATORS[variant], **options}
    discriminator = loaded(golden, 'sd/', **options)

    def check(got: torch.Tensor, key: str) -> None:
        want = golden[key].view(got.shape)
        np.testing.assert_allclose(got.detach(), want, rtol=0,
                                   atol=4e-6 * want.abs().max().item())

    x = golden['keypoints'].clone().requires_grad_()
    logits = discriminator(x)
    check(logits, 'logits')
    check(torch.autograd.grad(logits.sum(), x, retain_graph=True)[0],
          'grad_input_of_logit_sum')
    check(torch.autograd.grad(((logits - 1)**2).mean(), x)[0],
          'grad_input_of_gen_loss')
    check(torch.cat([discriminator(pose[None]) for pose in x]),
          'logits_each_alone')
    check(discriminator(x[:2]), 'logits_first_two')
    check(discriminator(torch.cat([x[:-1], x[-1:] * 3])),
          'logits_last_sample_tripled')
    if 'positional_encoding' in golden:
        check(discriminator.code, 'positional_encoding')


def test_size_is_the_authors():
    discriminator = GCNPoseDiscriminator(
        METAINFO, **REFERENCE_DISCRIMINATORS['decouple'])
    assert sum(p.numel() for p in discriminator.parameters()) == 2693633
    assert len(discriminator.state_dict()) == 58


@pytest.mark.parametrize('config, weight', [('HM36_Multi_SurS2', 0.5),
                                            ('MPI_Multi_SurS2', 1.0)])
def test_golden_iteration_of_the_released_code(config, weight, goldens):
    with np.load(goldens / '13_iteration_losses.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    discriminator = loaded(golden, 'disc/', channels=16,
                           **REFERENCE_DISCRIMINATORS['decouple']).double()
    golden = {k: v.double() for k, v in golden.items()}
    generator_loss = PriorGeneratorLoss('reference', weight)
    discriminator_loss = PriorDiscriminatorLoss('reference', weight)
    asked = taught = 0
    for camera in range(2):
        pred = golden['pred'][camera]
        taught = taught + discriminator_loss(
            discriminator(pred),
            discriminator(golden['pseudo_gt'][camera]))
        # They ask about differences of world poses to the first one, in m.
        given = {k: golden[f'cam_{k}'][camera][:, None]
                 for k in ('k_mat', 'rot_world', 'trans_world', 'pelvis',
                           'trans_image')}
        image = cameras.patch_to_image(
            cameras.normalised_to_patch(pred, (64, 64),
                                        reference_scale=True),
            given['trans_image'], given['pelvis'][..., 2])
        focal = given['k_mat'][..., [0, 1], [0, 1]]
        world = cameras.camera_to_world(
            cameras.image_to_camera(image, focal[..., None, :],
                                    given['k_mat'][..., None, :2, 2]),
            given['rot_world'], given['trans_world']) / 1000
        asked = asked + generator_loss(discriminator(world - world[:, :1]))
    assert taught.item() == pytest.approx(
        golden[f'{config}/disc_total'].item(), rel=1e-5)
    assert asked.item() == pytest.approx(
        golden[f'{config}/smpl_gen'].item(), rel=1e-5)


# --- ours ----------------------------------------------------------------


@pytest.mark.parametrize('options', VARIANTS)
def test_a_logit_depends_on_its_own_pose_only(options):
    discriminator = build(**options)
    x = poses(4, 18).requires_grad_()
    logits = discriminator(x)
    alone = torch.cat([discriminator(pose[None]) for pose in x])
    np.testing.assert_allclose(logits.detach(), alone.detach(), atol=1e-12)
    grad = torch.autograd.grad(logits[1], x)[0]
    assert (grad[1] != 0).any()
    assert (grad[[0, 2, 3]] == 0).all()
    # The same poses as hypotheses of two samples.
    np.testing.assert_allclose(
        discriminator(x.view(2, 2, 18, 3)).detach(),
        logits.detach().view(2, 2), atol=1e-12)


@pytest.mark.parametrize('options', VARIANTS)
def test_only_the_pose_counts_not_its_place(options):
    discriminator = build(**options)
    x = poses(3, 18)
    moved = x + poses(3, 1, seed=1)
    np.testing.assert_allclose(discriminator(moved).detach(),
                               discriminator(x).detach(), atol=1e-12)
    assert discriminator(x).std() > 1e-6


@pytest.mark.parametrize('options', VARIANTS)
def test_order_of_the_key_points_is_a_matter_of_the_table(options):
    order = torch.randperm(18, generator=torch.Generator().manual_seed(0))
    place = order.argsort().tolist()
    parents = [place[HUMAN36M_18.parent_indices[i]] for i in order.tolist()]
    discriminator = build(**options)
    shuffled = GCNPoseDiscriminator(
        {**METAINFO, 'parent_indices': parents},
        **{**SMALL, **options}).double().eval()
    state = discriminator.state_dict()
    # What belongs to a key point moves with it: its code's column of the
    # embedding, and its features' columns of the next layer.
    for key, value in state.items():
        if 'embed.weight' in key and value.shape[1] > 3:
            state[key] = torch.cat([value[:, :3], value[:, 3:][:, order]], 1)
    first = 'hidden' if 'hidden.weight' in state else 'out'
    columns = state[f'{first}.weight'].unflatten(1, (18, -1))
    state[f'{first}.weight'] = columns[:, order].flatten(1)
    shuffled.load_state_dict(state)
    x = poses(3, 18)
    np.testing.assert_allclose(shuffled(x[:, order]).detach(),
                               discriminator(x).detach(), atol=1e-12)


@pytest.mark.parametrize('options', VARIANTS)
@pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26])
def test_bones_of_no_length_are_fine(options, skeleton):
    discriminator = build(skeleton=skeleton, **options)
    num_keypoints = skeleton.num_keypoints
    half = poses(1, num_keypoints)
    half[:, 5:9] = half[:, :1]
    x = torch.cat([torch.zeros(1, num_keypoints, 3), half]).requires_grad_()
    logits = discriminator(x)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in discriminator.parameters())


@pytest.mark.parametrize('options', VARIANTS)
def test_gradient_is_that_of_finite_differences(options):
    discriminator = build(**options)
    assert torch.autograd.gradcheck(discriminator,
                                    poses(2, 18).requires_grad_())


def test_code_tells_every_key_point_from_every_other():
    ours = build().code
    theirs = build(**REFERENCE_DISCRIMINATORS['decouple']).code
    assert torch.linalg.matrix_rank(ours) == 18
    # Of the released code's three channels one moves by more than 1e-3.
    assert ((theirs.amax(0) - theirs.amin(0)) > 1e-3).tolist() == [
        True, False, False]
    # Equal places, unequal answers: swap two leaves of one joint.
    x = poses(1, 18)
    x[:, [2, 5]] = x[:, [5, 2]] = 0.25
    blind, seeing = (build(header_channels=None, code=code)
                     for code in (None, 'one_hot'))
    features = {}
    for name, net in (('blind', blind), ('seeing', seeing)):
        stream = net.streams['joint']
        code = net.code[None].double()
        features[name] = stream.embed(torch.cat([x, code], -1))
    assert torch.equal(features['blind'][0, 2], features['blind'][0, 5])
    assert not torch.allclose(features['seeing'][0, 2],
                              features['seeing'][0, 5])


def test_score_trains_the_poses_and_never_the_judge():
    discriminator = build().train()
    x = poses(2, 3, 18).requires_grad_()
    first = discriminator.score(x)
    first.sum().backward()
    assert (x.grad != 0).any(-1).any(-1).all()
    assert all(p.grad is None for p in discriminator.parameters())
    # No dropout, though in training: the same as in evaluation.
    assert torch.equal(first, discriminator.score(x))
    assert torch.equal(first, discriminator.eval()(x))


def test_dropout_is_on_in_training_unless_told():
    discriminator = build(dropout=0.5).train()
    x = poses(2, 18)
    torch.manual_seed(1)
    assert not torch.equal(discriminator(x), discriminator(x))
    assert torch.equal(discriminator(x, dropout=False),
                       discriminator.eval()(x))


def test_learns_to_tell_poses_apart():
    discriminator = build(seed=3).train()
    real = poses(32, 18)
    fake = poses(32, 18, seed=1)
    fake[:, 3, 2] += 0.7  # one ankle too far back
    loss_of = PriorDiscriminatorLoss()
    optimizer = torch.optim.Adam(discriminator.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = loss_of(discriminator(fake[:, None]), discriminator(real))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    # And its judgement moves a pose towards the real ones.
    pose = fake[:1].clone().requires_grad_()
    PriorGeneratorLoss()(discriminator.score(pose[:, None])).backward()
    assert pose.grad[0, 3, 2] > 0


def test_autocast_gives_float32_logits_near_the_exact_ones():
    for options in VARIANTS:
        discriminator = build(**options).float()
        x = poses(4, 18).float().requires_grad_()
        exact = discriminator(x)
        with torch.autocast('cpu', torch.bfloat16):
            rough = discriminator(x)
        rough.sum().backward()
        assert rough.dtype == torch.float32
        np.testing.assert_allclose(rough.detach(), exact.detach(), atol=0.02)
        assert x.grad.isfinite().all()


@pytest.mark.parametrize('options', VARIANTS)
def test_tables_follow_the_model_to_its_device(options):
    # The meta device refuses a table that stayed on the CPU.
    discriminator = build(**options).to('meta')
    x = torch.ones(2, 3, 18, 3, dtype=torch.float64, device='meta')
    assert discriminator(x).is_meta
    assert discriminator.score(x).is_meta


def test_no_pose_gives_no_logit():
    discriminator = build()
    assert discriminator(poses(0, 18)).shape == (0, )
    x = poses(2, 3, 18).requires_grad_()
    loss = PriorGeneratorLoss()(discriminator.score(x[:0]))
    loss.backward()
    assert loss.item() == 0
    assert (x.grad == 0).all()


def test_is_registered_and_names_mistakes():
    built = MODELS.build(dict(type='GCNPoseDiscriminator', metainfo=METAINFO,
                              **SMALL))
    assert isinstance(built, GCNPoseDiscriminator)
    with pytest.raises(ValueError, match=r'\(B, \[M,\] 18, 3\)'):
        built(torch.zeros(2, 17, 3))
    for option in (dict(streams=()), dict(streams=('edge', )),
                   dict(convolution='gat'), dict(code='sine'),
                   dict(norm='batch')):
        with pytest.raises(ValueError, match=next(iter(option))):
            build(**option)
