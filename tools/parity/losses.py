"""Golden 03: the loss functions one by one."""
from __future__ import annotations

import torch
from torch import Tensor

from xas_mmpose.models.losses import (
    PriorDiscriminatorLoss,
    PriorGeneratorLoss,
    SkeletonMaskLoss,
    SymmetryLoss,
    WinnerTakesAllLoss,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .registry import Comparison, component

TOLERANCE = 1e-6
METAINFO = HUMAN36M_18.metainfo()
#: What the authors' symmetry terms hold in the middle.
MIDPOINTS = (('left_shoulder', 'right_shoulder', 'thorax'),
             ('left_hip', 'right_hip', 'root'))
#: Their clip of the drawn skeleton.
CLIP = 0.1


@component('losses', '03_losses.npz')
def check(c: Comparison) -> None:
    """Compare values and gradients of every loss function."""
    _check_masks(c)
    _check_symmetry(c)
    _check_supervision(c)
    _check_prior(c)


def _check_masks(c: Comparison) -> None:
    drawn, masks, weight = (c.golden.tensor(f'mask_{name}').double()
                            for name in ('pred', 'gt', 'weight'))
    for name, used, options in (
            ('plain', None, dict()),
            ('clip', None, dict(clip=CLIP, reference_clip=True)),
            ('weight', weight, dict()),
            ('weight_clip', weight, dict(clip=CLIP))):
        prediction = drawn.clone().requires_grad_()
        loss = SkeletonMaskLoss(METAINFO, **options).compare(
            prediction, masks, used)
        gradient, = torch.autograd.grad(loss, prediction)
        c.close(f'mask_loss_{name}', loss, TOLERANCE)
        c.close(f'mask_grad_{name}', gradient, TOLERANCE)


def _check_symmetry(c: Comparison) -> None:
    for name, source, term, factor in (
            ('bone_sym', 'kp_world', 'bone_weight', 1),
            ('kp_sym_3d', 'kp_world', 'midpoint_weight', 1),
            # Ours counts 2D in the unit of the authors' weight.
            ('kp_sym_2d', 'kp_2d', 'midpoint_2d_weight', 100)):
        weights = dict(bone_weight=0, midpoint_weight=0,
                       midpoint_2d_weight=0)
        loss = SymmetryLoss(METAINFO, MIDPOINTS, unit=(1e-3, 1e-3, 1e-3),
                            reference=True, **{**weights, term: 1})
        inputs = {key: c.golden.tensor(key).double().requires_grad_()
                  for key in ('kp_world', 'kp_2d')}
        value = loss(inputs['kp_world'][:, None],
                     inputs['kp_2d'][:, None]) / factor
        gradient, = torch.autograd.grad(value, inputs[source])
        c.close(name, value, TOLERANCE)
        c.close(f'{name}_grad', gradient, TOLERANCE)


def _check_supervision(c: Comparison) -> None:
    prediction, truth = (c.golden.tensor(f'sup_{name}').double()
                         for name in ('pred', 'gt'))
    # With one hypothesis there is nothing to win.
    loss = WinnerTakesAllLoss()(prediction[:, None], truth,
                                torch.ones_like(truth[..., 0]))
    c.close('sup_mean', loss, TOLERANCE)
    c.close('sup_sum', loss * truth[0].numel(), TOLERANCE)


def _check_prior(c: Comparison) -> None:
    generator = PriorGeneratorLoss('reference')
    discriminator = PriorDiscriminatorLoss('reference')

    def logits(side: str, dimensions: int) -> Tensor:
        found = c.golden.tensor(f'logit_{side}_{dimensions}d').double()
        return found.squeeze(-1).requires_grad_()

    def hypotheses(values: Tensor) -> Tensor:
        return values if values.ndim == 2 else values[:, None]

    for a in (2, 3):
        fake = logits('fake', a)
        loss = generator(hypotheses(fake))
        c.close(f'gen_{a}d', loss, TOLERANCE)
        if a == 3:
            gradient, = torch.autograd.grad(loss, fake)
            c.close('gen_3d_grad_fake', gradient[..., None], TOLERANCE)
        for b in (2, 3):
            fake, real = logits('fake', a), logits('real', b)
            loss = discriminator(hypotheses(fake), real)
            name = f'disc_{a}d_{b}d'
            c.close(name, loss, TOLERANCE)
            gradients = torch.autograd.grad(loss, (fake, real))
            for side, gradient in zip(('fake', 'real'), gradients):
                if f'{name}_grad_{side}' in c.golden:
                    c.close(f'{name}_grad_{side}', gradient[..., None],
                            TOLERANCE)
