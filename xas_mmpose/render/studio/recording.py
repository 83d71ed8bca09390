"""XaS-Mini's people: who they are, and how they move in the studio."""
from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from xas_mmpose.body_models import (
    ParametricBody,
    body_names,
    load_body,
    sample_betas,
)
from xas_mmpose.render.casting import is_person, make_wardrobe
from xas_mmpose.render.fingerprint import fingerprint
from xas_mmpose.render.rendering import BodyRenderer
from xas_mmpose.render.surface import Appearance
from xas_mmpose.skeletons import HUMAN36M_18

from .clearance import ArmClearance
from .generator import Scene, StudioGenerator, StudioSettings
from .key_poses import ACTIONS
from .motions import Moment, Motion, Style
from .stool import Stool

#: Human3.6M's split.
TRAIN_SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8')
TEST_SUBJECTS = ('S9', 'S11')

#: From the body's own frame (y up, z front) to an upright one of z up, in
#: which its front is at -y.
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@dataclass(frozen=True)
class XasMiniSettings(StudioSettings):
    """What an XaS-Mini holds.

    Args:
        frames: Pictures of each recording and camera.
        seed: Seed of everything random.
        image_size: Side of the square pictures in px.
        mask_quality: ``exact``, or ``segmenter``: nearly right, see
            :func:`~xas_mmpose.render.mask_degradation.degrade_mask`.
        subjects: Subjects, some of Human3.6M's seven.
        actions: Actions, some of Human3.6M's fifteen.
        body: Body of a person, see
            :func:`~xas_mmpose.body_models.load_body`.
        supersampling: Samples of a pixel along each axis.

    Raises:
        ValueError: If a value is impossible.
    """

    NAME = 'XaS-Mini'
    VERSION = '1.0'
    TRAIN_SUBJECTS = TRAIN_SUBJECTS
    TEST_SUBJECTS = TEST_SUBJECTS
    ACTIONS = tuple(ACTIONS)
    SKELETON = HUMAN36M_18
    #: The key points that Human3.6M has: all but the thorax.
    NUM_KEYPOINTS = 17
    PAIR_BODIES = ('human', )
    ENDS = ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')

    frames: int = 10
    seed: int = 0
    image_size: int = 512
    mask_quality: str = 'exact'
    subjects: tuple[str, ...] = (*TRAIN_SUBJECTS, *TEST_SUBJECTS)
    actions: tuple[str, ...] = tuple(ACTIONS)
    supersampling: int = 2
    body: str = 'human_full'

    def described(self) -> dict:
        """Return the settings, and the version, as JSON keeps them.

        A body's file loses its place, and gains a checksum.

        Raises:
            FileNotFoundError: If that file is missing.
        """
        stored = super().described()
        # The order of the keys counts in the set's checksum.
        stored['supersampling'] = stored.pop('supersampling')
        path = Path(self.body)
        if self.body not in body_names() and path.suffix:
            stored.update(body=path.name, body_checksum=fingerprint(path))
        return stored

    def generator(self) -> XasMiniGenerator:
        """Return what makes the set."""
        return XasMiniGenerator(self)


class XasMiniGenerator(StudioGenerator):
    """Makes the moments of an XaS-Mini, see the base class.

    Args:
        settings: What the set holds.

    Raises:
        FileNotFoundError: If the body's file is missing.
        ValueError: If the body is unknown, or none of a person.
    """

    def __init__(self, settings: XasMiniSettings) -> None:
        super().__init__(settings)
        self.body = load_body(settings.body)
        if not is_person(self.body):
            raise ValueError(
                f'XaS-Mini shows people, and the body {settings.body} has '
                f'the key points {self.body.skeleton.name}: choose human, '
                'human_full or a file of 24 joints')
        self._clearance = ArmClearance(self.body)
        self._renderer = BodyRenderer(self.body)
        self._wardrobe = make_wardrobe(self.body)

    def _performer(self, subject: str, body: np.random.Generator,
                   looks: np.random.Generator, style: np.random.Generator,
                   studio: np.random.Generator) -> Person:
        """Return a person, see the base class."""
        generator = torch.Generator().manual_seed(int(body.integers(2**63)))
        return Person(
            body=self.body,
            renderer=self._renderer,
            appearance=self._wardrobe.draw(looks),
            betas=sample_betas(1, generator, self.body.num_betas),
            style=Style.draw(style),
            stool=Stool(studio),
            clearance=self._clearance)


@dataclass(frozen=True)
class Person:
    """A person in the studio, a :class:`.Performer`.

    Args:
        body: The body.
        renderer: Draws it.
        appearance: Clothes, skin and hair.
        betas: Shape (1, E).
        style: How they move.
        stool: What they sit on.
        clearance: Keeps their arms out of the body.
    """

    body: ParametricBody
    renderer: BodyRenderer
    appearance: Appearance
    betas: torch.Tensor
    style: Style
    stool: Stool
    clearance: ArmClearance

    def at(self, action: str, seconds: float, seed: list[int]) -> Scene:
        """Return the person at a time of a recording."""
        moment = Motion(action, self.style, seed, self.clearance).at(seconds)
        vertices, keypoints = self._posed(moment)
        boxes = (self.stool.under(vertices[self._skin], moment.place,
                                  moment.heading)
                 if ACTIONS[action].on_stool else [])
        return Scene(vertices, keypoints, boxes)

    @functools.cached_property
    def _skin(self) -> np.ndarray:
        """What stands on the floor: the body, not what hangs from it."""
        return np.unique(self.body.faces.numpy())

    def _posed(self, moment: Moment) -> tuple[np.ndarray, np.ndarray]:
        """Return vertices (V, 3) and key points (17, 3), world mm."""
        pose = torch.from_numpy(moment.pose.astype(np.float32)).reshape(1, -1)
        offsets = self.appearance.offsets
        with torch.no_grad():
            out = self.body(
                self.betas, pose[:, :3], pose[:, 3:],
                v_offsets=None if offsets is None else torch.from_numpy(
                    offsets))
        turn = moment.heading + np.pi / 2  # from the front at -y
        c, s = np.cos(turn), np.sin(turn)
        rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ _UPRIGHT
        vertices, keypoints = (
            points[0].double().numpy() * 1000 @ rotation.T
            for points in (out.vertices, out.keypoints))
        root = keypoints[self.body.skeleton.root_index]
        shift = np.array([*(moment.place - root[:2]),
                          -vertices[self._skin, 2].min()])
        kept = XasMiniSettings.NUM_KEYPOINTS
        return vertices + shift, (keypoints + shift)[:kept]
