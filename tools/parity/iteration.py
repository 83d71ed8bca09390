"""Golden 13: all losses of one iteration, as the released code has them."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xas_mmpose.geometry import cameras
from xas_mmpose.models.losses import (
    PhysiqueMaskLoss,
    PriorDiscriminatorLoss,
    PriorGeneratorLoss,
    SkeletonMaskLoss,
    SymmetryLoss,
    WinnerTakesAllLoss,
)

from .line_renderer import VALUES
from .losses import CLIP, METAINFO, MIDPOINTS
from .networks import reference_discriminator
from .registry import Comparison, component

TOLERANCE = 1e-6
#: Terms under their names in the goldens.
TERMS = ('symmetry', 'smpl_gen', 'smpl_pseudo_img', 'physique_recons',
         'reconstruction')


@dataclass(frozen=True)
class Weights:
    """Weights of the losses in one of the authors' configs.

    Attributes:
        mask: Of both mask losses.
        symmetry: Of the symmetry loss.
        prior: Of the prior's two losses.
        synthetic: Of the synthetic pairs.
    """

    mask: float
    symmetry: float
    prior: float
    synthetic: float = 3.0


CONFIGS = {
    'HM36_Multi_SurS1': Weights(mask=0, symmetry=0, prior=0),
    'HM36_Multi_SurS2': Weights(mask=0.02, symmetry=0.1, prior=0.5),
    'MPI_Multi_SurS2': Weights(mask=0.02, symmetry=0.05, prior=1.0),
}


@component('iteration losses', '13_iteration_losses.npz')
def check(c: Comparison) -> None:
    """Compare each term, the totals and the gradients of every config."""
    for config, weights in CONFIGS.items():
        pred, pseudo = (c.golden.tensor(name).double().requires_grad_()
                        for name in ('pred', 'pseudo_pred'))
        terms = _terms(c, weights, pred, pseudo)
        taught = terms.pop('disc_total')
        c.close(f'{config}/disc_total', taught, TOLERANCE)
        for name, value in terms.items():
            if f'{config}/{name}' in c.golden:
                c.close(f'{config}/{name}', value, TOLERANCE)
        c.close(f'{config}/total', sum(terms.values()), TOLERANCE)
        # Their prior's term is a number that trains nothing.
        trained = sum(terms[name] for name in TERMS if name != 'smpl_gen')
        gradients = torch.autograd.grad(trained, (pred, pseudo))
        for name, gradient in zip(('pred', 'pseudo_pred'), gradients):
            # Drawn lines are in it.
            c.close(f'{config}/grad_{name}', gradient, VALUES)
    masks = c.golden.tensor('masks')
    size = (masks.shape[-1], masks.shape[-2])
    drawn = SkeletonMaskLoss(METAINFO, reference_scale=True).draw(
        c.golden.tensor('pred').double()[0, :, 0, :, :2], size, size)
    c.close('line_map_cam0', drawn, VALUES)


def _terms(c: Comparison, weights: Weights, pred: Tensor,
           pseudo: Tensor) -> dict[str, Tensor]:
    """Return every term, summed over cameras."""
    drawing = dict(reference_scale=True, loss_weight=weights.mask)
    skeleton = SkeletonMaskLoss(METAINFO, clip=CLIP, reference_clip=True,
                                **drawing)
    physique = PhysiqueMaskLoss(METAINFO, **drawing)
    # The recording's stand-in.
    physique.network = torch.nn.AvgPool2d(3, 1, 1)
    sides = SymmetryLoss(METAINFO, MIDPOINTS, unit=(1e-3, 1e-3, 1e-3),
                         reference=True, loss_weight=weights.symmetry)
    synthetic = WinnerTakesAllLoss('batch', weights.synthetic)
    discriminator = reference_discriminator(c.golden, 'disc/').double()
    asking = PriorGeneratorLoss('reference', weights.prior)
    teaching = PriorDiscriminatorLoss('reference', weights.prior)
    all_masks, truths = (c.golden.tensor(name).double()
                         for name in ('masks', 'pseudo_gt'))
    totals = dict.fromkeys(('disc_total', *TERMS), 0)
    for camera, (poses, masks, truth) in enumerate(
            zip(pred, all_masks, truths)):
        places = poses[:, 0, :, :2]
        world = _to_world(c, poses, camera, masks.shape[-1])
        metres = world / 1000
        found = dict(
            disc_total=teaching(discriminator(poses), discriminator(truth)),
            symmetry=sides(world),
            # They ask about differences to the first pose of the batch.
            smpl_gen=asking(discriminator(metres - metres[:, :1])),
            smpl_pseudo_img=synthetic(pseudo[camera], truth,
                                      torch.ones_like(truth[..., 0])),
            physique_recons=physique(places, masks),
            reconstruction=skeleton(places, masks))
        totals = {name: totals[name] + found[name] for name in totals}
    return totals


def _to_world(c: Comparison, poses: Tensor, camera: int,
              side: int) -> Tensor:
    """Return world poses by the authors' chain and annotated root depth."""
    k_mat, rotation, translation, pelvis, affine = (
        c.golden.tensor(f'cam_{name}').double()[camera][:, None]
        for name in ('k_mat', 'rot_world', 'trans_world', 'pelvis',
                     'trans_image'))
    patch = cameras.normalised_to_patch(poses, (side, side),
                                        reference_scale=True)
    image = cameras.patch_to_image(patch, affine, pelvis[..., 2])
    points = cameras.image_to_camera(
        image, k_mat[..., [0, 1], [0, 1]][..., None, :],
        k_mat[..., None, :2, 2])
    return cameras.camera_to_world(points, rotation, translation)
