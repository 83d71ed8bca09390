"""From a body and a random generator to a picture with its labels."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from xas_mmpose.body_models import (
    ParametricBody,
    PosePrior,
    RulePosePrior,
    RuleShapePrior,
    ShapePrior,
)
from xas_mmpose.geometry import cameras
from xas_mmpose.geometry.rotations import axis_angle_to_matrix

from .background import draw_background
from .camera_effects import CameraEffects, photograph
from .lighting import Light
from .occluder import draw_occluder, put_in_front
from .rendering import BodyRenderer
from .surface import Appearance, Wardrobe
from .visibility import keypoint_slack, keypoint_visibility


@dataclass(frozen=True)
class SceneSettings:
    """What a synthetic picture shows, and from where.

    Args:
        image_size: Side of the square picture in px, S.
        extent: What the picture's side measures at the root's depth, mm.
        distance: Range of the depth of the body's middle in mm.
        yaw: Range of the angle from which the camera looks at the body, in
            radians: 0 from where its root joint faces, positive from its
            right.
        elevation: Range of the camera's height angle in radians, positive
            looks down.
        off_axis: Largest tangent of the angle between the optical axis and
            the body's middle, in x and in y: pictures are crops, and people
            in the corner of a frame are seen from the side.
        truncation: Largest shift of the body's middle from the middle of the
            picture, in x and in y, as a share of its side: bodies stick out
            of the picture.
        occlusion: Share of the pictures in which something stands in front
            of the body.
        supersampling: Samples per pixel along each axis; 2 makes smooth
            edges, 1 is faster.
        effects: What the camera does to the picture.
    """

    image_size: int = 160
    extent: float = 2500.0
    distance: tuple[float, float] = (4000.0, 6000.0)
    yaw: tuple[float, float] = (-np.pi, np.pi)
    elevation: tuple[float, float] = (-0.15, 0.45)
    off_axis: float = 0.15
    truncation: float = 0.0
    occlusion: float = 0.0
    supersampling: int = 2
    effects: CameraEffects = field(default_factory=CameraEffects)

    def __post_init__(self) -> None:
        for name in ('extent', 'distance', 'yaw', 'elevation', 'off_axis'):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f'{name} must be finite, got '
                                 f'{getattr(self, name)}')
        if self.image_size < 1 or self.supersampling < 1:
            raise ValueError('image_size and supersampling must be at least '
                             f'1, got {self.image_size} and '
                             f'{self.supersampling}')
        if self.extent <= 0 or self.distance[0] <= 0:
            raise ValueError('extent and distance must be positive, got '
                             f'{self.extent} and {self.distance}')
        for name in ('distance', 'yaw', 'elevation'):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f'{name} is a range (low, high), got '
                                 f'({low}, {high})')
        for name in ('truncation', 'occlusion'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'{name} is a share, 0..1, got '
                                 f'{getattr(self, name)}')


@dataclass(frozen=True)
class Subject:
    """A body of one shape that looks one way.

    Args:
        betas: Shape coefficients (E,).
        appearance: How it looks.
    """

    betas: np.ndarray
    appearance: Appearance


@dataclass(frozen=True)
class Sample:
    """A picture with its labels.

    The world frame is the body's own (see
    :class:`~xas_mmpose.body_models.BodyOutput`) in mm, with the body at zero
    translation.

    Args:
        image: Picture (S, S, 3), BGR uint8.
        mask: Foreground (S, S), uint8, 0 or 255: what is seen of the body.
        parts: Part + 1 of each pixel of the mask (S, S), uint8, 0 elsewhere.
        depth: Its depth (S, S), float32, mm, 0 elsewhere.
        keypoints: Key points (K, 2), image px.
        keypoints_visible: 0 outside the picture, 1 inside but hidden, 2
            visible (K,), uint8; see
            :func:`~xas_mmpose.render.visibility.keypoint_visibility`.
        keypoints_3d: Key points (K, 3), camera frame, absolute, mm.
        camera_param: ``f`` (2,), ``c`` (2,), ``R`` (3, 3), ``T`` (3,), world
            to camera, px and mm; ``w``, ``h``.
        betas: Shape coefficients (E,).
        global_orient: Axis angle of the root joint (3,).
        body_pose: Axis angles of the other joints (3 J - 3,).
    """

    image: np.ndarray
    mask: np.ndarray
    parts: np.ndarray
    depth: np.ndarray
    keypoints: np.ndarray
    keypoints_visible: np.ndarray
    keypoints_3d: np.ndarray
    camera_param: dict
    betas: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray


class Synthesizer:
    """Renders bodies of one model in random poses.

    Args:
        body: The body, on the CPU.
        wardrobe: Draws how it looks.
        settings: Picture and camera ranges.
        pose_prior: Draws poses; None for the rule prior of people.
        shape_prior: Draws shapes; None for a truncated normal distribution.
        background: Draws a picture (S, S, 3), BGR float32, 0..1, from its
            side S and a generator; None for procedural ones.
    """

    def __init__(
        self,
        body: ParametricBody,
        wardrobe: Wardrobe,
        settings: SceneSettings | None = None,
        pose_prior: PosePrior | None = None,
        shape_prior: ShapePrior | None = None,
        background: Callable[[int, np.random.Generator], np.ndarray]
        | None = None,
    ) -> None:
        self.body = body
        self.wardrobe = wardrobe
        self.settings = settings or SceneSettings()
        self.pose_prior = pose_prior or RulePosePrior()
        self.shape_prior = shape_prior or RuleShapePrior(body.num_betas)
        self._background = background or draw_background
        self._renderer = BodyRenderer(body)
        self._slack = keypoint_slack(body)

    def draw_subject(self, rng: np.random.Generator) -> Subject:
        """Draw a body and its looks.

        Args:
            rng: Source of randomness.

        Returns:
            The subject.
        """
        betas = self.shape_prior.sample(1, _torch_generator(rng))
        return Subject(betas[0].numpy(), self.wardrobe.draw(rng))

    def draw_sample(self, rng: np.random.Generator,
                    subject: Subject) -> Sample:
        """Draw a pose, a camera, light and background, and render.

        Args:
            rng: Source of randomness.
            subject: Who is in the picture.

        Returns:
            The picture and its labels.
        """
        pose = self.pose_prior.sample(1, _torch_generator(rng))
        offsets = subject.appearance.offsets
        with torch.no_grad():
            out = self.body(
                torch.from_numpy(subject.betas)[None], pose[:, :3],
                pose[:, 3:], v_offsets=(
                    None if offsets is None else torch.from_numpy(offsets)))
        vertices = out.vertices[0].double().numpy() * 1000
        keypoints = out.keypoints[0].double().numpy() * 1000
        camera = self._draw_camera(
            rng, keypoints[list(self.body.center_keypoints)].mean(0),
            self._heading(pose[0, :3].double().numpy()))
        frame = camera['R'], camera['T']
        keypoints = cameras.world_to_camera(keypoints, *frame)
        rendering = self._renderer.render(
            cameras.world_to_camera(vertices, *frame), camera,
            subject.appearance, Light.draw(rng), self.settings.supersampling)
        size = self.settings.image_size
        image = self._background(size, rng)
        rendering.put_on(image)
        points = cameras.camera_to_image(keypoints, camera['f'],
                                         camera['c'])[:, :2]
        seen, cover = np.ones((size, size), bool), None
        if rng.random() < self.settings.occlusion:
            layer = draw_occluder(size, rng, rendering.box)
            cover = layer[..., 3]
            put_in_front(image, layer)
            seen = cover < 0.5
        return Sample(
            image=photograph(image, rng, self.settings.effects),
            mask=rendering.mask * seen,
            parts=rendering.parts * seen,
            depth=rendering.depth * seen,
            keypoints=points,
            keypoints_visible=keypoint_visibility(
                np.column_stack([points, keypoints[:, 2]]), rendering.parts,
                rendering.depth, cover, self.body.keypoint_parts,
                self._slack),
            keypoints_3d=keypoints,
            camera_param=camera,
            betas=subject.betas,
            global_orient=pose[0, :3].numpy(),
            body_pose=pose[0, 3:].numpy())

    def _heading(self, global_orient: np.ndarray) -> float:
        """Return where the body's front points, from z towards x, y up."""
        axes = self.body.axes
        turn = axes @ axis_angle_to_matrix(global_orient) @ axes.T
        return np.arctan2(turn[0, 2], turn[2, 2])

    def _draw_camera(self, rng: np.random.Generator, center: np.ndarray,
                     heading: float) -> dict:
        """Draw a camera that shows a point (3,) where settings say."""
        settings = self.settings
        yaw = rng.uniform(*settings.yaw) - heading
        pitch = rng.uniform(*settings.elevation)
        depth = rng.uniform(*settings.distance)
        slant = rng.uniform(-1, 1, 2) * settings.off_axis
        shift = rng.uniform(-1, 1, 2) * settings.truncation
        rotation = look_rotation(yaw, pitch) @ self.body.axes
        size = settings.image_size
        focal = np.full(2, size * depth / settings.extent)
        return dict(
            f=focal,
            c=size / 2 + size * shift - focal * slant,
            R=rotation,
            T=np.array([*slant, 1.0]) * depth - rotation @ center,
            w=size,
            h=size)


def look_rotation(yaw: float, pitch: float) -> np.ndarray:
    """Return the rotation from a y-up world to a camera that looks at it.

    Args:
        yaw: 0 faces a body that looks along the world's z; positive moves
            the camera to the body's right.
        pitch: Height angle of the camera; positive looks down.

    Returns:
        World-to-camera rotation (3, 3).
    """
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.diag([1.0, -1.0, -1.0]) @ nod @ turn


def _torch_generator(rng: np.random.Generator) -> torch.Generator:
    """Return a torch generator seeded by a numpy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))
