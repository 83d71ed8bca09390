"""From a body and a random generator to a picture with its labels."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import sparse

from xas_mmpose.body_models import SMPLBody, sample_betas, sample_pose
from xas_mmpose.geometry import cameras

from .appearance import Appearance, BodyMeasures
from .background import draw_background
from .zbuffer import rasterize


@dataclass(frozen=True)
class SceneSettings:
    """What a synthetic picture shows, and from where.

    Args:
        image_size: Side of the square picture in px, S.
        extent: What the picture's side measures at the root's depth, mm.
        distance: Range of the root's depth in mm.
        elevation: Range of the camera's height angle in radians, positive
            looks down.
        off_axis: Largest tangent of the angle between the optical axis and
            the root, in x and in y: pictures are crops, and people in the
            corner of a frame are seen from the side.
        supersampling: Samples per pixel along each axis; 2 makes smooth
            edges, 1 is faster.
    """

    image_size: int = 160
    extent: float = 2500.0
    distance: tuple[float, float] = (4000.0, 6000.0)
    elevation: tuple[float, float] = (-0.15, 0.45)
    off_axis: float = 0.15
    supersampling: int = 2

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.supersampling < 1:
            raise ValueError('image_size and supersampling must be at least '
                             f'1, got {self.image_size} and '
                             f'{self.supersampling}')
        if self.extent <= 0 or self.distance[0] <= 0:
            raise ValueError('extent and distance must be positive, got '
                             f'{self.extent} and {self.distance}')


@dataclass(frozen=True)
class Subject:
    """A person: shape and looks.

    Args:
        betas: Shape coefficients (E,).
        appearance: Skin, hair and clothes.
    """

    betas: np.ndarray
    appearance: Appearance


@dataclass(frozen=True)
class Sample:
    """A picture with its labels.

    The world frame is the body's own (y up, see
    :class:`~xas_mmpose.body_models.BodyOutput`) in mm, with the body at
    zero translation.

    Args:
        image: Picture (S, S, 3), BGR uint8.
        mask: Foreground (S, S), uint8, 0 or 255.
        keypoints: Key points (K, 2), image px.
        keypoints_3d: Key points (K, 3), camera frame, absolute, mm.
        camera_param: ``f`` (2,), ``c`` (2,), ``R`` (3, 3), ``T`` (3,), world
            to camera, px and mm; ``w``, ``h``.
        betas: Shape coefficients (E,).
        global_orient: Axis angle of the pelvis (3,).
        body_pose: Axis angles of the other joints (69,).
    """

    image: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    keypoints_3d: np.ndarray
    camera_param: dict
    betas: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray


class Synthesizer:
    """Renders painted people in random poses.

    Args:
        body: Any body in SMPL format, on the CPU.
        settings: Picture and camera ranges.
    """

    def __init__(self, body: SMPLBody,
                 settings: SceneSettings | None = None) -> None:
        self.body = body
        self.settings = settings or SceneSettings()
        self.measures = BodyMeasures.of(body)
        self._rest = body.v_template.numpy()
        self._faces = body.faces.numpy()
        # Summing face normals at vertices is this matrix (V, F).
        num_faces = len(self._faces)
        self._at_vertices = sparse.csr_matrix(
            (np.ones(3 * num_faces, np.float32),
             (self._faces.T.reshape(-1), np.tile(np.arange(num_faces), 3))),
            shape=(len(self._rest), num_faces))

    def draw_subject(self, rng: np.random.Generator) -> Subject:
        """Draw a person.

        Args:
            rng: Source of randomness.

        Returns:
            The person.
        """
        betas = sample_betas(1, _torch_generator(rng), self.body.num_betas)
        return Subject(betas[0].numpy(), Appearance.draw(rng, self.measures))

    def draw_sample(self, rng: np.random.Generator,
                    subject: Subject) -> Sample:
        """Draw a pose, a camera, light and background, and render.

        Args:
            rng: Source of randomness.
            subject: Who is in the picture.

        Returns:
            The picture and its labels.
        """
        pose = sample_pose(1, _torch_generator(rng))
        with torch.no_grad():
            out = self.body(torch.from_numpy(subject.betas)[None],
                            pose[:, :3], pose[:, 3:])
        vertices = out.vertices[0].double().numpy() * 1000
        keypoints = out.keypoints[0].double().numpy() * 1000
        root = keypoints[self.body.skeleton.root_index]
        camera = self._draw_camera(rng, root)
        frame = camera['R'], camera['T']
        vertices = cameras.world_to_camera(vertices, *frame)
        keypoints = cameras.world_to_camera(keypoints, *frame)
        image, mask = self._render(rng, vertices, camera, subject.appearance)
        lens = camera['f'], camera['c']
        return Sample(
            image=image,
            mask=mask,
            keypoints=cameras.camera_to_image(keypoints, *lens)[:, :2],
            keypoints_3d=keypoints,
            camera_param=camera,
            betas=subject.betas,
            global_orient=pose[0, :3].numpy(),
            body_pose=pose[0, 3:].numpy())

    def _draw_camera(self, rng: np.random.Generator,
                     root: np.ndarray) -> dict:
        """Draw a camera that shows the root (3,) in the picture's middle."""
        settings = self.settings
        yaw = rng.uniform(-np.pi, np.pi)
        pitch = rng.uniform(*settings.elevation)
        depth = rng.uniform(*settings.distance)
        slant = rng.uniform(-1, 1, 2) * settings.off_axis
        rotation = look_rotation(yaw, pitch)
        size = settings.image_size
        focal = np.full(2, size * depth / settings.extent)
        return dict(
            f=focal,
            c=size / 2 - focal * slant,
            R=rotation,
            T=np.array([*slant, 1.0]) * depth - rotation @ root,
            w=size,
            h=size)

    def _render(self, rng: np.random.Generator, vertices: np.ndarray,
                camera: dict,
                appearance: Appearance) -> tuple[np.ndarray, np.ndarray]:
        """Render camera-frame vertices (V, 3) in mm: image and mask."""
        size, fine = self.settings.image_size, self.settings.supersampling
        screen = cameras.camera_to_image(vertices, camera['f'], camera['c'])
        left, top, right, bottom = _pixel_box(screen, size)
        # Each pixel, half a pixel to each side of its centre, is cut into
        # fine x fine.
        screen[:, :2] = (screen[:, :2] - (left, top) + 0.5) * fine - 0.5
        width, height = (right - left) * fine, (bottom - top) * fine
        triangles = torch.from_numpy(screen.astype(np.float32)[self._faces])
        with torch.no_grad():
            face, bary, _ = rasterize(
                triangles, torch.zeros(len(triangles), dtype=torch.long), 1,
                height, width, near=10.0, cull_backfaces=True)
        covered = face[0].numpy() >= 0
        corners = self._faces[face[0].numpy()[covered]]
        surface = np.concatenate(
            [self._rest, self._vertex_normals(vertices)], axis=1)
        surface = np.einsum('nk,nkc->nc', bary[0].numpy()[covered],
                            surface[corners])
        color = appearance.paint(surface[:, :3])
        layer = np.zeros((height, width, 4), np.float32)
        layer[covered, 2::-1] = _shade(color, surface[:, 3:], rng)  # to BGR
        layer[covered, 3] = 1
        image = draw_background(size, rng)
        alpha = np.zeros((size, size), np.float32)
        if layer.size:
            layer = cv2.resize(layer, (right - left, bottom - top),
                               interpolation=cv2.INTER_AREA)
            box = np.s_[top:bottom, left:right]
            alpha[box] = layer[..., 3]
            image[box] = image[box] * (1 - layer[..., 3:]) + layer[..., :3]
        mask = (alpha >= 0.5).astype(np.uint8) * 255
        return _photograph(image, rng), mask

    def _vertex_normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return normals (V, 3) in the camera frame, pointing outwards."""
        a, b, c = vertices[self._faces].transpose(1, 0, 2)
        return _unit(self._at_vertices @ np.cross(b - a, c - a)).astype(
            np.float32)


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


def _pixel_box(screen: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """Return the pixels that image points (V, 3) can touch.

    Returns:
        First column, first row, last column + 1, last row + 1, clipped to
        the picture of side ``size``.
    """
    low = np.floor(screen[:, :2].min(0)).clip(0, size)
    high = (np.ceil(screen[:, :2].max(0)) + 1).clip(low, size)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, 3) at length 1."""
    length = np.sqrt(np.einsum('nc,nc->n', vectors, vectors))
    return vectors / np.maximum(length, 1e-9)[:, None]


def _torch_generator(rng: np.random.Generator) -> torch.Generator:
    """Return a torch generator seeded by a numpy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))


def _shade(color: np.ndarray, normals: np.ndarray,
           rng: np.random.Generator) -> np.ndarray:
    """Light surface points (N, 3) from one lamp and the sky."""
    normals = _unit(normals)
    lamp = rng.normal(size=3) * (1, 0.6, 0.5) + (0, -0.8, -1.2)
    lamp /= np.linalg.norm(lamp)
    middle = lamp - [0, 0, 1]  # half-way between lamp and lens
    middle /= np.linalg.norm(middle)
    ambient = rng.uniform(0.3, 0.65)
    sky = 1 - 0.15 * normals[:, 1:2]  # y points down
    light = ambient * sky + (1.1 - ambient) * np.maximum(
        normals @ lamp, 0)[:, None]
    gloss = rng.uniform(0, 0.15) * np.maximum(normals @ middle, 0)**16
    tint = rng.uniform(0.93, 1.05, 3)
    return (color * light * tint * rng.uniform(0.8, 1.15)
            + gloss[:, None]).clip(0, 1)


def _photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add blur, exposure and noise to a picture (S, S, 3) in 0..1."""
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1))
    image = image.clip(0, 1)**rng.uniform(0.8, 1.25)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = image + noise * rng.uniform(0, 0.025)
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)
