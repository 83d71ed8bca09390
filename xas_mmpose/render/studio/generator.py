"""A studio set, frame by frame: what the four cameras see of somebody.

Who that is, and how they move, is for subclasses to say.
"""
from __future__ import annotations

import dataclasses
import functools
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.mask_degradation import degrade_mask
from xas_mmpose.render.rendering import BodyRenderer
from xas_mmpose.render.surface import Appearance
from xas_mmpose.skeletons import Skeleton

from .boxes import Box
from .rig import FOCAL, draw_rig
from .room import Room
from .sensor import Sensor
from .shadow import FloorShadow
from .stool import draw_boxes

#: Human3.6M's source frames per second, and those from one picture to the
#: next: neighbours are 1.5 s apart and so differ.
FRAME_RATE = 50
FRAME_STEP = 75

#: Streams of random numbers: keep what is drawn for one thing from moving
#: with another.
_SUBJECT, _MOTION, _PICTURE, _MASK = range(4)


@dataclass(frozen=True)
class StudioSettings(ABC):
    """What a studio set holds.

    Args:
        frames: Pictures of each recording and camera.
        seed: Seed of everything random.
        image_size: Side of the square pictures in px.
        mask_quality: ``exact``, or ``segmenter``: nearly right, see
            :func:`~xas_mmpose.render.mask_degradation.degrade_mask`.
        subjects: Some of the set's subjects.
        actions: Some of its actions.
        supersampling: Samples of a pixel along each axis.

    Raises:
        ValueError: If a value is impossible.
    """

    #: What the set is called, and what its version is: it changes when the
    #: same settings give other bytes.
    NAME: ClassVar[str]
    VERSION: ClassVar[str]
    #: The subjects, named S and a number, and the actions that there are.
    TRAIN_SUBJECTS: ClassVar[tuple[str, ...]]
    TEST_SUBJECTS: ClassVar[tuple[str, ...]]
    ACTIONS: ClassVar[tuple[str, ...]]
    #: The first key points of this skeleton are what the set holds.
    SKELETON: ClassVar[Skeleton]
    NUM_KEYPOINTS: ClassVar[int]
    #: Bodies that labelled training pairs for this set show.
    PAIR_BODIES: ClassVar[tuple[str, ...]]
    #: Ends of limbs, which segmenters lose.
    ENDS: ClassVar[tuple[str, ...]]

    frames: int
    seed: int
    image_size: int
    mask_quality: str
    subjects: tuple[str, ...]
    actions: tuple[str, ...]
    supersampling: int

    def __post_init__(self) -> None:
        if min(self.frames, self.image_size, self.supersampling) < 1 or (
                self.seed < 0):
            raise ValueError(
                'frames, image_size and supersampling start at 1 and seed at '
                f'0, got {self.frames}, {self.image_size}, '
                f'{self.supersampling} and {self.seed}')
        if self.mask_quality not in ('exact', 'segmenter'):
            raise ValueError("mask_quality is 'exact' or 'segmenter', got "
                             f'{self.mask_quality!r}')
        for name, chosen, known in (
                ('subjects', self.subjects,
                 self.TRAIN_SUBJECTS + self.TEST_SUBJECTS),
                ('actions', self.actions, self.ACTIONS)):
            if not chosen or len(set(chosen)) < len(chosen) or (
                    set(chosen) - set(known)):
                raise ValueError(f'{name} are some of {", ".join(known)}, '
                                 f'each once, got {", ".join(chosen)}')

    @property
    def num(self) -> int:
        """Number of moments, each seen by four cameras."""
        return len(self.subjects) * len(self.actions) * self.frames

    def moment_of(self, index: int) -> tuple[str, str, int]:
        """Return subject, action and number of a moment."""
        index, frame = divmod(index, self.frames)
        subject, action = divmod(index, len(self.actions))
        return self.subjects[subject], self.actions[action], frame

    def described(self) -> dict:
        """Return the settings, and the version, as JSON keeps them."""
        return json.loads(json.dumps(dict(  # tuples become lists
            name=self.NAME, version=self.VERSION,
            **dataclasses.asdict(self))))

    @classmethod
    def ends(cls) -> list[int]:
        """Return the indices of the ends of limbs."""
        return [cls.SKELETON.index(name) for name in cls.ENDS]

    @abstractmethod
    def generator(self) -> StudioGenerator:
        """Return what makes the set."""


@dataclass(frozen=True)
class Picture:
    """What one camera sees of a moment.

    Args:
        image: Picture (S, S, 3), BGR, uint8.
        mask: Subject (S, S), uint8, 0 or 255.
        keypoints: Key points (K, 2), image px.
        keypoints_3d: Key points (K, 3), camera frame, mm.
    """

    image: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    keypoints_3d: np.ndarray


@dataclass(frozen=True)
class Scene:
    """A subject at one time.

    Args:
        vertices: Mesh (V, 3), world mm.
        keypoints: Key points (K, 3), world mm.
        boxes: What stands there, at this time alone.
    """

    vertices: np.ndarray
    keypoints: np.ndarray
    boxes: list[Box] = dataclasses.field(default_factory=list)


class Performer(Protocol):
    """A subject of one shape and looks, who moves in a way of their own.

    Attributes:
        renderer: Draws the body.
        appearance: How it looks.
    """

    renderer: BodyRenderer
    appearance: Appearance

    def at(self, action: str, seconds: float, seed: list[int]) -> Scene:
        """Return the subject at a time of a recording.

        Args:
            action: The action.
            seconds: Time since the recording's start.
            seed: What makes the recording.
        """


@dataclass(frozen=True)
class _Cast:
    """A subject and all that surrounds them.

    Args:
        performer: The subject.
        rig: ``camera_param`` by camera id.
        sensors: Each camera's sensor.
        room: Where they are.
    """

    performer: Performer
    rig: dict[str, dict[str, Any]]
    sensors: dict[str, Sensor]
    room: Room

    @functools.cached_property
    def empty(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Picture of the empty room, and its floor, by camera id."""
        return {name: self.room.render(camera)
                for name, camera in self.rig.items()}


class StudioGenerator(ABC):
    """Makes the moments of a studio set, in any order.

    A picture depends on the seed, the subject, the action, the frame and the
    camera; not on how many there are of any.

    Args:
        settings: What the set holds.
    """

    #: Focal length of the cameras, see :func:`.draw_rig`.
    focal = FOCAL
    #: Side of the floor that a shadow may fall on, mm.
    shadow_size = 3600.0

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        # Moments come subject by subject.
        self._cast = functools.lru_cache(maxsize=1)(self._make_cast)

    def __reduce__(self) -> tuple:
        """Make it anew in another process: only the settings travel."""
        return type(self), (self.settings, )

    def rig(self, subject: str) -> dict[str, dict[str, Any]]:
        """Return a subject's cameras: ``camera_param`` by camera id."""
        return self._cast(subject).rig

    def pictures(self, subject: str, action: str,
                 frame: int) -> dict[str, Picture]:
        """Return what the cameras see of a moment.

        Args:
            subject: The subject, as ``'S1'``.
            action: The action, as ``'Walking'``.
            frame: Number of the moment in its recording, from 0 on.

        Returns:
            The pictures by camera id.
        """
        cast = self._cast(subject)
        performer = cast.performer
        where = self._seed(subject, action)
        scene = performer.at(action, frame * FRAME_STEP / FRAME_RATE,
                             [_MOTION, *where])
        used = np.unique(performer.appearance.faces)
        shadow = FloorShadow(scene.vertices[used], cast.room.light.direction,
                             self.shadow_size)
        out = {}
        for number, (name, camera) in enumerate(cast.rig.items()):
            background, floor = cast.empty[name]
            image = background.copy()
            shadow.put_on(image, floor, camera)
            frame_of = camera['R'], camera['T']
            rendering = performer.renderer.render(
                world_to_camera(scene.vertices, *frame_of), camera,
                performer.appearance, cast.room.light_of(camera),
                self.settings.supersampling)
            if scene.boxes:
                rendering = draw_boxes(image, scene.boxes, camera,
                                       cast.room.light, rendering)
            rendering.put_on(image)
            points = world_to_camera(scene.keypoints, *frame_of)
            pixels = camera_to_image(points, camera['f'], camera['c'])[:, :2]
            mask = rendering.mask
            if self.settings.mask_quality == 'segmenter':
                mask = degrade_mask(
                    mask, np.random.default_rng(
                        [_MASK, *where, frame, number]),
                    pixels[self.settings.ends()])
            image = cast.sensors[name].develop(image, np.random.default_rng(
                [_PICTURE, *where, frame, number]))
            out[name] = Picture(image, mask, pixels, points)
        return out

    def _seed(self, subject: str, action: str) -> list[int]:
        """Return the numbers that stand for a recording."""
        return [self.settings.seed, int(subject[1:]),
                self.settings.ACTIONS.index(action)]

    def _make_cast(self, subject: str) -> _Cast:
        """Return a subject and all that surrounds them."""
        seed = [_SUBJECT, self.settings.seed, int(subject[1:])]
        # One stream each: a change of the wardrobe does not move a wall.
        body, looks, style, studio = (
            np.random.default_rng([*seed, part]) for part in range(4))
        size = self.settings.image_size
        rig = draw_rig(studio, size, self.focal)
        sensors = {name: Sensor.draw(studio, size) for name in rig}
        room = Room.draw(studio, rig.values())
        return _Cast(
            self._performer(subject, body, looks, style, studio), rig,
            sensors, room)

    @abstractmethod
    def _performer(self, subject: str, body: np.random.Generator,
                   looks: np.random.Generator, style: np.random.Generator,
                   studio: np.random.Generator) -> Performer:
        """Return a subject.

        Args:
            subject: Which.
            body: Source of randomness of their shape.
            looks: Of what they look like.
            style: Of how they move.
            studio: Of what stands about.
        """


def encode(picture: np.ndarray, suffix: str) -> bytes:
    """Return the bytes of an image file.

    Args:
        picture: Picture (H, W) or (H, W, 3), BGR, uint8.
        suffix: ``.jpg`` (quality 92) or ``.png``.
    """
    done, data = cv2.imencode(
        suffix, picture,
        [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix == '.jpg' else [])
    if not done:
        raise RuntimeError(f'OpenCV cannot encode {suffix}')
    return data.tobytes()
