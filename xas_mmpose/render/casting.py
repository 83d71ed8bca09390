"""Who is in the pictures: from the names in a set's settings to a scene."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from xas_mmpose.body_models import (
    NEGATIVE_POSE_RULE,
    SMAL_FAMILIES,
    FamilyShapePrior,
    FilePosePrior,
    GaussianPosePrior,
    MixedPrior,
    ParametricBody,
    PosePrior,
    RulePosePrior,
    RuleShapePrior,
    ShapePrior,
    UncrossedPosePrior,
    animal_pose_rule,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .appearance import PaintedWardrobe
from .coat import CoatWardrobe
from .dressed import DressedWardrobe
from .part_colors import PartColorWardrobe
from .surface import Wardrobe
from .synthesis import SceneSettings
from .uv_texture import TextureWardrobe

#: What bodies can look like.
LOOKS = ('auto', 'painted', 'dressed', 'coat', 'parts', 'texture')

#: Rules for the poses of people: the usual one, that of negative samples, and
#: the usual one as the authors' released code draws from it.
POSE_RULES = {
    'default': RulePosePrior(),
    'negative': RulePosePrior(NEGATIVE_POSE_RULE),
    'reference': RulePosePrior(reference=True),
}

#: Words for sources of poses that are no files: the poses that came with the
#: body, and ranges per joint.
CLIPS, RANGES = 'clips', 'ranges'
POSE_WORDS = (CLIPS, RANGES)

#: Word for animals of all of SMAL's families.
ALL_FAMILIES = 'all'

#: Largest measure at rest of the people that scenes are set up for, metres:
#: about their height, and the span of their arms.
_PERSON = 1.75


def is_person(body: ParametricBody) -> bool:
    """Tell people from animals."""
    return body.skeleton == HUMAN36M_18


def make_wardrobe(body: ParametricBody, look: str = 'auto',
                  textures: str | None = None,
                  uv_template: str | None = None) -> Wardrobe:
    """Return what draws the looks of a body.

    Args:
        body: The body.
        look: ``painted`` clothes for bare people, ``dressed`` for those that
            come with loose clothes, ``coat`` for animals, ``parts`` for one
            colour per body part, ``texture`` for texture pictures; ``auto``
            picks ``texture`` if a folder of them is given, else one of the
            first three.
        textures: Folder of texture pictures.
        uv_template: ``.obj`` or ``.pkl`` with the texture coordinates, or
            ``sides``, for bodies that come without.

    Returns:
        The wardrobe.

    Raises:
        ValueError: If the look is unknown, or not one of this body's.
    """
    if look == 'auto':
        look = ('texture' if textures else 'coat' if not is_person(body)
                else 'dressed' if body.layers else 'painted')
    if (look == 'texture') != (textures is not None):
        raise ValueError("look 'texture' and a folder of textures go "
                         f'together, got {look!r} and {textures!r}')
    if look in ('painted', 'dressed') and not is_person(body):
        raise ValueError(f'look {look!r} is for people: take "coat", "parts" '
                         'or "texture"')
    if look == 'coat' and is_person(body):
        raise ValueError('look "coat" is for animals: take "painted", '
                         '"dressed", "parts" or "texture"')
    if look == 'texture':
        return TextureWardrobe(body, textures, uv_template)
    wardrobes = dict(painted=PaintedWardrobe, dressed=DressedWardrobe,
                     coat=CoatWardrobe, parts=PartColorWardrobe)
    if look not in wardrobes:
        raise ValueError(f'there is no look {look!r}; there are '
                         f'{", ".join(LOOKS)}')
    return wardrobes[look](body)


def make_pose_prior(body: ParametricBody, sources: Sequence[str] = (),
                    reject_crossing: bool = True, step: int = 1,
                    rule: str = 'default') -> PosePrior:
    """Return what draws the poses of a body.

    Args:
        body: The body.
        sources: Where poses come from: files with poses, folders of them,
            names of the package's animals, which lend theirs, ``clips`` for
            the poses that came with the body, ``ranges`` for those of the
            rules, or a ``.pkl`` with the mean and the covariance of poses.
            All poses of files, animals and clips are one source; of several
            each is as likely as the others. Without, the clips of bodies
            that have some, else the ranges.
        reject_crossing: Whether poses are drawn again in which the body runs
            through itself.
        step: Every how manieth pose of each file is taken.
        rule: Which ranges, a key of :data:`POSE_RULES`, for people.

    Returns:
        The prior.

    Raises:
        ValueError: If there are no poses for this body, or ``step`` or
            ``rule`` concern poses that are not drawn.
    """
    priors: list[PosePrior] = []
    files = [name for name in sources
             if name not in POSE_WORDS and not name.endswith('.pkl')]
    if step != 1 and not files:
        raise ValueError(f'pose_step {step} is for files with poses: name '
                         'them, or leave it out')
    ranges = RANGES in sources or (
        not sources and body.clip_poses is None)
    if rule != 'default' and not (ranges and is_person(body)):
        raise ValueError(
            f'pose_rule {rule!r} is for people whose poses come from ranges; '
            f'these come from {"files" if files else "the body"}: leave '
            'pose_rule out')
    lists = [FilePosePrior.from_files(files, step=step,
                                      num_joints=body.num_joints)
             ] if files else []
    if CLIPS in sources or (not sources and not ranges):
        if body.clip_poses is None:
            raise ValueError(f'{CLIPS!r} are the poses that come with a '
                             'body, and this one comes without: name an '
                             f'animal that lends its own, or {RANGES!r}')
        lists.append(FilePosePrior(body.clip_poses))
    if lists:
        _check_width(body, files, lists[0].poses.shape[1])
        priors.append(FilePosePrior(torch.cat([each.poses
                                               for each in lists])))
    for name in sources:
        if name.endswith('.pkl'):
            gaussian = GaussianPosePrior.from_file(name, body.num_joints)
            _check_width(body, [name], len(gaussian.mean))
            priors.append(gaussian)
    if ranges:
        priors.append(POSE_RULES[rule] if is_person(body) else
                      RulePosePrior(animal_pose_rule(body.num_joints)))
    prior = priors[0] if len(priors) == 1 else MixedPrior(priors)
    return UncrossedPosePrior(body, prior) if reject_crossing else prior


def _check_width(body: ParametricBody, names: Sequence[str],
                 width: int) -> None:
    """Raise ``ValueError`` unless poses fit the body."""
    if width != 3 * body.num_joints:
        raise ValueError(f'{", ".join(names)} hold {width} angles a pose, '
                         f'and the body has {body.num_joints} joints')


def make_shape_prior(body: ParametricBody, family: str | None = None,
                     family_data: str | None = None) -> ShapePrior:
    """Return what draws the shapes of a body.

    Args:
        body: The body.
        family: One of SMAL's families, for SMAL bodies, or ``all``, each
            as likely; None draws every shape component on its own.
        family_data: SMAL's file of the families' shapes.

    Returns:
        The prior.

    Raises:
        ValueError: If only one of the two is given, or the file is about
            another body.
    """
    if family is None and family_data is None:
        return RuleShapePrior(body.num_betas)
    if family is None or family_data is None:
        raise ValueError("family and family_data, SMAL's file of shapes, go "
                         f'together, got {family!r} and {family_data!r}')
    priors = [FamilyShapePrior(family_data, name) for name in (
        SMAL_FAMILIES if family == ALL_FAMILIES else (family, ))]
    num_betas = len(priors[0].mean)
    if num_betas != body.num_betas:
        raise ValueError(
            f'{family_data} holds shapes of {num_betas} components, '
            f'and the body has {body.num_betas}')
    return priors[0] if len(priors) == 1 else MixedPrior(priors)


def scaled_scene(body: ParametricBody,
                 scene: SceneSettings) -> SceneSettings:
    """Return a scene as large for an animal as it is for people.

    Args:
        body: The body.
        scene: The scene, for people.

    Returns:
        The scene for this body: people's is as it was, an animal's
        ``extent`` and ``distance`` grow and shrink with its largest measure
        at rest.
    """
    if is_person(body):
        return scene
    template = body.v_template.numpy()
    scale = float((template.max(0) - template.min(0)).max()) / _PERSON
    return dataclasses.replace(
        scene, extent=scene.extent * scale,
        distance=tuple(limit * scale for limit in scene.distance))
