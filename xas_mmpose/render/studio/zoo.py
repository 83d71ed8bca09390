"""XaS-Zoo-Mini's animals: which, and how they move in the studio.

They are the package's free animals: their unit, of which all are 2.2 long
from the nose to the base of the tail, is taken for a metre.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xas_mmpose.body_models import ParametricBody, load_body, sample_betas
from xas_mmpose.render.casting import make_wardrobe
from xas_mmpose.render.rendering import BodyRenderer
from xas_mmpose.render.surface import Appearance
from xas_mmpose.skeletons import ANIMAL3D_26

from .animal_motions import CLIPS, AnimalMotion, AnimalStyle
from .generator import Scene, StudioGenerator, StudioSettings

#: The species that labelled training pairs may show, and those of the target
#: pictures: each looks like one of the others, and none is one of them.
PAIR_SPECIES = ('alpaca', 'cow', 'deer', 'donkey', 'horse', 'husky', 'shiba')
TARGET_SPECIES = ('bull', 'fox', 'stag', 'wolf')


def species_of(subject: str) -> str:
    """Return the species of one of the set's animals.

    Args:
        subject: The animal, as ``'S1'``.

    Returns:
        One of :data:`TARGET_SPECIES`, which take turns.
    """
    return TARGET_SPECIES[(int(subject[1:]) - 1) % len(TARGET_SPECIES)]


@dataclass(frozen=True)
class XasZooMiniSettings(StudioSettings):
    """What an XaS-Zoo-Mini holds.

    Args:
        frames: Pictures of each recording and camera.
        seed: Seed of everything random.
        image_size: Side of the square pictures in px.
        mask_quality: ``exact``, or ``segmenter``: nearly right, see
            :func:`~xas_mmpose.render.mask_degradation.degrade_mask`.
        subjects: Animals, some of S1 to S12; see :func:`species_of`.
        actions: Some of :data:`.CLIPS`.
        supersampling: Samples of a pixel along each axis.

    Raises:
        ValueError: If a value is impossible.
    """

    NAME = 'XaS-Zoo-Mini'
    VERSION = '1.0'
    TRAIN_SUBJECTS = tuple(f'S{number}' for number in range(1, 9))
    TEST_SUBJECTS = tuple(f'S{number}' for number in range(9, 13))
    ACTIONS = tuple(CLIPS)
    SKELETON = ANIMAL3D_26
    NUM_KEYPOINTS = ANIMAL3D_26.num_keypoints
    PAIR_BODIES = PAIR_SPECIES
    ENDS = ('left_front_paw', 'right_front_paw', 'left_back_paw',
            'right_back_paw')

    frames: int = 10
    seed: int = 0
    image_size: int = 512
    mask_quality: str = 'exact'
    subjects: tuple[str, ...] = (*TRAIN_SUBJECTS, *TEST_SUBJECTS)
    actions: tuple[str, ...] = ACTIONS
    supersampling: int = 2

    def generator(self) -> XasZooMiniGenerator:
        """Return what makes the set."""
        return XasZooMiniGenerator(self)


class XasZooMiniGenerator(StudioGenerator):
    """Makes the moments of an XaS-Zoo-Mini, see the base class."""

    # Animals are longer than people are high.
    focal = 0.9
    shadow_size = 7200.0

    def _performer(self, subject: str, body: np.random.Generator,
                   looks: np.random.Generator, style: np.random.Generator,
                   studio: np.random.Generator) -> Animal:
        """Return an animal, see the base class."""
        mesh = load_body(species_of(subject))
        generator = torch.Generator().manual_seed(int(body.integers(2**63)))
        return Animal(
            body=mesh,
            renderer=BodyRenderer(mesh),
            appearance=make_wardrobe(mesh).draw(looks),
            betas=sample_betas(1, generator, mesh.num_betas),
            style=AnimalStyle.draw(style))


@dataclass(frozen=True)
class Animal:
    """An animal in the studio, a :class:`.Performer`.

    Args:
        body: Its body.
        renderer: Draws it.
        appearance: Its coat.
        betas: Shape (1, E).
        style: How it moves.
    """

    body: ParametricBody
    renderer: BodyRenderer
    appearance: Appearance
    betas: torch.Tensor
    style: AnimalStyle

    def at(self, action: str, seconds: float, seed: list[int]) -> Scene:
        """Return the animal at a time of a recording."""
        moment = AnimalMotion(action, self.body.clip_poses, self.style,
                              seed).at(seconds)
        pose = torch.from_numpy(moment.pose.astype(np.float32)).reshape(1, -1)
        with torch.no_grad():
            out = self.body(self.betas, pose[:, :3], pose[:, 3:])
        c, s = np.cos(moment.heading), np.sin(moment.heading)
        # Its own frame has z up, and its front at x.
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        vertices, keypoints = (
            points[0].double().numpy() * 1000 @ turn.T
            for points in (out.vertices, out.keypoints))
        middle = keypoints[list(self.body.center_keypoints)].mean(0)
        shift = np.array([*(moment.place - middle[:2]),
                          -vertices[:, 2].min()])
        return Scene(vertices + shift, keypoints + shift)
