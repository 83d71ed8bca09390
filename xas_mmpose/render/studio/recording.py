"""XaS-Mini, frame by frame: who, where, and what the four cameras see."""
from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from xas_mmpose.body_models import body_names, load_body, sample_betas
from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.casting import is_person, make_wardrobe
from xas_mmpose.render.fingerprint import fingerprint
from xas_mmpose.render.mask_degradation import degrade_mask
from xas_mmpose.render.rendering import BodyRenderer
from xas_mmpose.render.surface import Appearance
from xas_mmpose.skeletons import HUMAN36M_18

from .clearance import ArmClearance
from .key_poses import ACTIONS
from .motions import Moment, Motion, Style
from .rig import draw_rig
from .room import Room
from .sensor import Sensor
from .shadow import FloorShadow
from .stool import Stool, draw_boxes

#: Changes when the same settings give other bytes.
XAS_MINI_VERSION = '1.0'

#: Human3.6M's split.
TRAIN_SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8')
TEST_SUBJECTS = ('S9', 'S11')

#: Human3.6M's source frames per second, and those from one picture to the
#: next: neighbours are 1.5 s apart and so differ.
FRAME_RATE = 50
FRAME_STEP = 75

#: The key points that Human3.6M has: all but the thorax.
NUM_KEYPOINTS = 17

#: Ends of limbs, which segmenters lose.
ENDS = [HUMAN36M_18.index(name) for name in (
    'left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')]

#: Streams of random numbers: keep what is drawn for one thing from moving
#: with another.
_SUBJECT, _MOTION, _PICTURE, _MASK = range(4)

#: From the body's own frame (y up, z front) to an upright one of z up, in
#: which its front is at -y.
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@dataclass(frozen=True)
class XasMiniSettings:
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

    frames: int = 10
    seed: int = 0
    image_size: int = 512
    mask_quality: str = 'exact'
    subjects: tuple[str, ...] = (*TRAIN_SUBJECTS, *TEST_SUBJECTS)
    actions: tuple[str, ...] = tuple(ACTIONS)
    body: str = 'human_full'
    supersampling: int = 2

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
                ('subjects', self.subjects, TRAIN_SUBJECTS + TEST_SUBJECTS),
                ('actions', self.actions, tuple(ACTIONS))):
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
        """Return the settings, and the version, as JSON keeps them.

        A body's file loses its place, and gains a checksum.

        Raises:
            FileNotFoundError: If that file is missing.
        """
        stored = dict(name='XaS-Mini', version=XAS_MINI_VERSION,
                      **dataclasses.asdict(self))
        path = Path(self.body)
        if self.body not in body_names() and path.suffix:
            stored.update(body=path.name, body_checksum=fingerprint(path))
        return json.loads(json.dumps(stored))  # tuples become lists


@dataclass(frozen=True)
class Picture:
    """What one camera sees of a moment.

    Args:
        image: Picture (S, S, 3), BGR, uint8.
        mask: Person (S, S), uint8, 0 or 255.
        keypoints: Key points (17, 2), image px.
        keypoints_3d: Key points (17, 3), camera frame, mm.
    """

    image: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    keypoints_3d: np.ndarray


@dataclass(frozen=True)
class _Cast:
    """A subject and all that surrounds them.

    Args:
        betas: Shape (1, E).
        appearance: Clothes, skin and hair.
        style: How they move.
        rig: ``camera_param`` by camera id.
        sensors: Each camera's sensor.
        room: Where they are.
        stool: What they sit on.
    """

    betas: torch.Tensor
    appearance: Appearance
    style: Style
    rig: dict[str, dict[str, Any]]
    sensors: dict[str, Sensor]
    room: Room
    stool: Stool

    @functools.cached_property
    def empty(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Picture of the empty room, and its floor, by camera id."""
        return {name: self.room.render(camera)
                for name, camera in self.rig.items()}


class XasMiniGenerator:
    """Makes the moments of an XaS-Mini, in any order.

    A picture depends on the seed, the subject, the action, the frame and the
    camera; not on how many there are of any.

    Args:
        settings: What the set holds.

    Raises:
        FileNotFoundError: If the body's file is missing.
        ValueError: If the body is unknown, or none of a person.
    """

    def __init__(self, settings: XasMiniSettings) -> None:
        self.settings = settings
        self.body = load_body(settings.body)
        if not is_person(self.body):
            raise ValueError(
                f'XaS-Mini shows people, and the body {settings.body} has '
                f'the key points {self.body.skeleton.name}: choose human, '
                'human_full or a file of 24 joints')
        self._clearance = ArmClearance(self.body)
        self._renderer = BodyRenderer(self.body)
        self._wardrobe = make_wardrobe(self.body)
        # What stands on the floor: the body, and not what hangs from it.
        self._skin = np.unique(self.body.faces.numpy())
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
        where = self._seed(subject, action)
        moment = Motion(
            action, cast.style, [_MOTION, *where], self._clearance).at(
                frame * FRAME_STEP / FRAME_RATE)
        vertices, keypoints = self._posed(cast, moment)
        used = np.unique(cast.appearance.faces)
        shadow = FloorShadow(vertices[used], cast.room.light.direction)
        boxes = (cast.stool.under(vertices[self._skin], moment.place,
                                  moment.heading)
                 if ACTIONS[action].on_stool else [])
        out = {}
        for number, (name, camera) in enumerate(cast.rig.items()):
            background, floor = cast.empty[name]
            image = background.copy()
            shadow.put_on(image, floor, camera)
            frame_of = camera['R'], camera['T']
            rendering = self._renderer.render(
                world_to_camera(vertices, *frame_of), camera,
                cast.appearance, cast.room.light_of(camera),
                self.settings.supersampling)
            if boxes:
                rendering = draw_boxes(image, boxes, camera, cast.room.light,
                                       rendering)
            rendering.put_on(image)
            points = world_to_camera(keypoints, *frame_of)
            pixels = camera_to_image(points, camera['f'], camera['c'])[:, :2]
            mask = rendering.mask
            if self.settings.mask_quality == 'segmenter':
                mask = degrade_mask(
                    mask, np.random.default_rng(
                        [_MASK, *where, frame, number]), pixels[ENDS])
            image = cast.sensors[name].develop(image, np.random.default_rng(
                [_PICTURE, *where, frame, number]))
            out[name] = Picture(image, mask, pixels, points)
        return out

    def _seed(self, subject: str, action: str) -> list[int]:
        """Return the numbers that stand for a recording."""
        return [self.settings.seed, int(subject[1:]),
                list(ACTIONS).index(action)]

    def _make_cast(self, subject: str) -> _Cast:
        """Return a subject and all that surrounds them."""
        seed = [_SUBJECT, self.settings.seed, int(subject[1:])]
        # One stream each: a change of the wardrobe does not move a wall.
        person, clothes, style, studio = (
            np.random.default_rng([*seed, part]) for part in range(4))
        generator = torch.Generator().manual_seed(
            int(person.integers(2**63)))
        rig = draw_rig(studio, self.settings.image_size)
        return _Cast(
            betas=sample_betas(1, generator, self.body.num_betas),
            appearance=self._wardrobe.draw(clothes),
            style=Style.draw(style),
            rig=rig,
            sensors={name: Sensor.draw(studio, self.settings.image_size)
                     for name in rig},
            room=Room.draw(studio, rig.values()),
            stool=Stool(studio))

    def _posed(self, cast: _Cast,
               moment: Moment) -> tuple[np.ndarray, np.ndarray]:
        """Return vertices (V, 3) and key points (17, 3), world mm."""
        pose = torch.from_numpy(moment.pose.astype(np.float32)).reshape(1, -1)
        offsets = cast.appearance.offsets
        with torch.no_grad():
            out = self.body(
                cast.betas, pose[:, :3], pose[:, 3:],
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
        return vertices + shift, (keypoints + shift)[:NUM_KEYPOINTS]


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
