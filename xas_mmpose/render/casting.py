"""Who is in the pictures: from the names in a set's settings to a scene."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from xas_mmpose.body_models import (
    NEGATIVE_POSE_RULE,
    FamilyShapePrior,
    FilePosePrior,
    ParametricBody,
    PosePrior,
    RulePosePrior,
    RuleShapePrior,
    ShapePrior,
    UncrossedPosePrior,
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
        uv_template: ``.obj`` with the texture coordinates, for bodies that
            come without.

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


def make_pose_prior(body: ParametricBody, files: Sequence[str] = (),
                    reject_crossing: bool = True, step: int = 1,
                    rule: str = 'default') -> PosePrior:
    """Return what draws the poses of a body.

    Args:
        body: The body.
        files: Files with poses, folders of them, or names of the package's
            animals, which lend theirs; without, the poses that came with
            the body, or the rules for people.
        reject_crossing: Whether poses are drawn again in which the body runs
            through itself.
        step: Every how manieth pose of each file is taken.
        rule: Which rules, a key of :data:`POSE_RULES`, for people without
            files.

    Returns:
        The prior.

    Raises:
        ValueError: If there are no poses for this body, or ``step`` or
            ``rule`` concern poses that are not drawn.
    """
    if step != 1 and not files:
        raise ValueError(f'pose_step {step} is for files with poses: name '
                         'them, or leave it out')
    if rule != 'default' and (files or not is_person(body)
                              or body.clip_poses is not None):
        raise ValueError(
            f'pose_rule {rule!r} is for people whose poses come from rules; '
            f'these come from {"files" if files else "the body"}: leave '
            'pose_rule out')
    prior: PosePrior
    if files:
        read = FilePosePrior.from_files(files, step=step,
                                        num_joints=body.num_joints)
        width = read.poses.shape[1]
        if width != 3 * body.num_joints:
            raise ValueError(
                f'{", ".join(files)} hold {width} angles a pose, and the '
                f'body has {body.num_joints} joints')
        prior = read
    elif body.clip_poses is not None:
        prior = FilePosePrior(body.clip_poses)
    elif is_person(body):
        prior = POSE_RULES[rule]
    else:
        raise ValueError('this body comes without poses, and there are no '
                         'rules for animals: name files with poses, or an '
                         'animal of the package that lends its own')
    return UncrossedPosePrior(body, prior) if reject_crossing else prior


def make_shape_prior(body: ParametricBody, family: str | None = None,
                     family_data: str | None = None) -> ShapePrior:
    """Return what draws the shapes of a body.

    Args:
        body: The body.
        family: One of SMAL's families, for SMAL bodies; None draws every
            shape component on its own.
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
    prior = FamilyShapePrior(family_data, family)
    if len(prior.mean) != body.num_betas:
        raise ValueError(
            f'{family_data} holds shapes of {len(prior.mean)} components, '
            f'and the body has {body.num_betas}')
    return prior


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
