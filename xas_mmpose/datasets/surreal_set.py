"""Folders of training pairs made from SURREAL's clips.

What a clip gives depends on the seed and its place among the chosen clips
alone, so a run that was stopped goes on to the same bytes.
"""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
from scipy.io import loadmat

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.geometry.surreal_camera import (
    surreal_box,
    surreal_extrinsics,
    surreal_intrinsics,
)
from xas_mmpose.render.authors_layout import (
    read_authors_index,
    write_authors_index,
    write_authors_sample,
)
from xas_mmpose.render.resumable import ResumableFolder, write_whole
from xas_mmpose.skeletons import HUMAN36M_18

from .surreal import (
    MAX_OFF_MASK,
    SurrealKeypoints,
    crop_sample,
    joints_off_mask,
    read_surreal_clip,
)

#: Side of the pictures of the authors' layout, px.
PATCH = 256

#: In SURREAL's own pictures the authors take people near the middle.
_ORIGINAL_SIZE, _ROOT_MARGIN = (320, 240), 10

_FOLDERS = dict(surreal_h36m_pose=('image', 'mask', 'joints'),
                coco=('images', 'masks'))


@dataclasses.dataclass(frozen=True)
class SurrealSetSettings:
    """What a converted set holds.

    Args:
        layout: ``'surreal_h36m_pose'``: crops of 256 px, see
            :mod:`xas_mmpose.render.authors_layout`; ``'coco'``: whole
            pictures with their camera, which
            :class:`~xas_mmpose.datasets.datasets.SyntheticPairDataset`
            reads.
        seed: Seed of the choice.
        max_clips: Clips to draw, without replacement.
        frames: Frames to draw from a clip, at most.
        reference: Crop as the authors' released code does, see
            :func:`~xas_mmpose.datasets.surreal.crop_sample`, with its
            principal point and with labels moved into the picture.
    """

    layout: str = 'surreal_h36m_pose'
    seed: int = 42
    max_clips: int = 20000
    frames: int = 5
    reference: bool = False

    def __post_init__(self) -> None:
        if self.layout not in _FOLDERS:
            raise ValueError("layout is 'surreal_h36m_pose' or 'coco', got "
                             f'{self.layout!r}')
        if self.reference and self.layout != 'surreal_h36m_pose':
            raise ValueError("reference is about the authors' crops; layout "
                             f'{self.layout!r} keeps the whole pictures')
        if self.max_clips < 1 or self.frames < 1 or self.seed < 0:
            raise ValueError(
                'max_clips and frames are at least 1 and seed at least 0, '
                f'got {self.max_clips}, {self.frames} and {self.seed}')


def find_clips(root: str | Path) -> list[Path]:
    """List the clips of a SURREAL folder.

    Args:
        root: ``SURREAL/data/cmu/train``, or any folder above or below.

    Returns:
        Their ``_info.mat`` files, sorted. Those with ``ung_`` in their name,
        of ungrounded motions, are left out, as the authors do.

    Raises:
        FileNotFoundError: If there is none.
    """
    paths = sorted(path for path in Path(root).rglob('*_info.mat')
                   if 'ung_' not in path.name)
    if not paths:
        raise FileNotFoundError(
            f'there is no *_info.mat below {root}: give the folder of '
            "SURREAL's clips, SURREAL/data/cmu/train for instance")
    return paths


class SurrealConverter:
    """Turns clips into samples, in any order.

    Args:
        clips: All clips, see :func:`find_clips`.
        keypoints: Where key points come from.
        settings: What the set holds.
    """

    def __init__(self, clips: list[Path], keypoints: SurrealKeypoints,
                 settings: SurrealSetSettings) -> None:
        order = np.random.default_rng(settings.seed).permutation(len(clips))
        self.clips = [clips[i] for i in order[:settings.max_clips]]
        self.keypoints = keypoints
        self.settings = settings

    def write(self, number: int, folder: Path) -> dict:
        """Write the samples of a clip.

        Args:
            number: Place of the clip among the chosen ones.
            folder: Folder of the set.

        Returns:
            ``samples``: their entries of ``annotations.json`` for layout
            ``'coco'``, else their numbers. ``sizes``: see
            :func:`_picture_sizes`.

        Raises:
            FileNotFoundError: If the clip lacks its video or its masks.
            ValueError: If its files do not fit each other.
        """
        path, settings = self.clips[number], self.settings
        clip = read_surreal_clip(path)
        stem = str(path)[:-len('_info.mat')]
        frames = _read_video(Path(stem + '.mp4'), clip.num_frames)
        size = frames[0].shape[1::-1]
        f, c = surreal_intrinsics(size, settings.reference)
        R, T = surreal_extrinsics(clip.cam_loc)
        # In a mirrored picture the left arm looks like a right one.
        world = self.keypoints(clip)[:, list(HUMAN36M_18.flip_indices)]
        camera = world_to_camera(world, R, T)
        rng = np.random.default_rng([settings.seed, number])
        samples: list = []
        for t in rng.permutation(clip.num_frames)[:100]:
            if len(samples) == settings.frames:
                break
            if not _well_placed(camera_to_image(camera[t], f, c), size):
                continue
            mask = _read_mask(Path(stem + '_segm.mat'), t, size)
            index = number * settings.frames + len(samples)
            if settings.layout == 'surreal_h36m_pose':
                done = self._write_crop(folder, index, frames[t], mask,
                                        camera[t], f, c)
                samples += [index] if done else []
            else:
                camera_param = dict(f=f, c=c, R=R @ np.diag([1.0, -1, 1]),
                                    T=T * 1000, w=size[0], h=size[1])
                record = _write_picture(folder, index, frames[t], mask,
                                        camera[t] * 1000, camera_param)
                if record:
                    record['annotation']['subject'] = number
                    samples.append(record)
        return dict(samples=samples, sizes=_picture_sizes(path))

    def _write_crop(self, folder: Path, index: int, image: np.ndarray,
                    mask: np.ndarray, camera: np.ndarray, f: np.ndarray,
                    c: np.ndarray) -> bool:
        """Write a sample of the authors' layout; return whether it is one."""
        reference = self.settings.reference
        box = surreal_box(camera[0], f, c, truncate=reference)
        last = np.array(mask.shape[::-1]) - 1
        if reference and ((box[:2] < 0) | (box[2:] > last)).all():
            return False  # cut at both axes: that crop changes its scale
        image, mask, points = crop_sample(
            image, mask, camera_to_image(camera, f, c), box, PATCH, reference)
        if joints_off_mask(points, mask) > MAX_OFF_MASK:
            return False
        keypoints = points[:, :2]
        if reference:
            keypoints = keypoints.clip(0, PATCH - 1)
        write_authors_sample(folder, index, image, mask, keypoints,
                             camera * 1000)
        return True


def write_surreal_set(root: str | Path, folder: str | Path,
                      settings: SurrealSetSettings,
                      keypoints: SurrealKeypoints,
                      workers: int = 1,
                      progress: bool = True) -> int:
    """Convert SURREAL, or finish a conversion that was begun.

    Args:
        root: SURREAL's clips, see :func:`find_clips`.
        folder: The set to write; its index comes last.
        settings: What the set holds.
        keypoints: Where key points come from.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.

    Returns:
        Number of samples of the set.

    Raises:
        FileNotFoundError: If there are no clips, or one lacks a file.
        ValueError: If the folder holds another set, a file is damaged, or no
            frame is fit.
        RuntimeError: If a worker fails.
    """
    clips = find_clips(root)
    converter = SurrealConverter(clips, keypoints, settings)
    stored = dict(source='SURREAL', num_clips=len(clips),
                  clips=_listing(Path(root), clips),
                  bodies=keypoints.fingerprints(),
                  **dataclasses.asdict(settings))
    job = ResumableFolder(folder, json.loads(json.dumps(stored)),
                          _FOLDERS[settings.layout])
    job.check()
    authors = settings.layout == 'surreal_h36m_pose'
    target = job.folder / ('info.npy' if authors else 'annotations.json')
    if target.is_file():
        # A run may have been stopped between its last two steps.
        job.close()
        return (len(read_authors_index(folder)) if authors
                else len(json.loads(target.read_text())['annotations']))
    job.claim()
    for number, record in job.records().items():
        path = converter.clips[number]
        if record['sizes'] != _picture_sizes(path):
            raise ValueError(f'{path} has another video or other masks than '
                             f'when {folder} was begun: choose another '
                             'folder or remove this one')
    numbers = range(len(converter.clips))
    job.fill(functools.partial(converter.write, folder=job.folder), numbers,
             workers, progress, unit='clip')
    samples = [sample for record in job.records().values()
               for sample in record['samples']]
    if not samples:
        raise ValueError(f'no frame of the {len(converter.clips)} clips in '
                         f'{root} is fit: people stand off the middle, or '
                         'key points beside their masks')
    if authors:
        write_authors_index(folder, samples)
    else:
        write_whole(target, json.dumps(_coco(samples)).encode())
    job.close()
    return len(samples)


def _listing(root: Path, clips: list[Path]) -> str:
    """Return a checksum of the names and sizes of ``_info.mat`` files."""
    lines = [f'{path.relative_to(root).as_posix()}\t{path.stat().st_size}\n'
             for path in clips]
    return hashlib.sha256(''.join(lines).encode()).hexdigest()


def _picture_sizes(path: Path) -> list[int | None]:
    """Return the bytes of a clip's video and masks; None: there is no file.

    They are compared for finished clips alone: a clip whose video is missing
    or broken stops a run, which goes on once that is mended.
    """
    stem = str(path)[:-len('_info.mat')]
    files = Path(stem + '.mp4'), Path(stem + '_segm.mat')
    return [file.stat().st_size if file.is_file() else None
            for file in files]


def _read_video(path: Path, num: int) -> list[np.ndarray]:
    """Return the frames (H, W, 3) of a clip, BGR."""
    if not path.is_file():
        raise FileNotFoundError(f'there is no video {path} beside its '
                                '_info.mat')
    video, frames = cv2.VideoCapture(str(path)), []
    while len(frames) < num:
        read, frame = video.read()
        if not read:
            raise ValueError(f'{path} has {len(frames)} readable frames, '
                             f'its _info.mat speaks of {num}')
        frames.append(frame)
    return frames


def _read_mask(path: Path, frame: int, size: tuple[int, int]) -> np.ndarray:
    """Return the foreground (H, W) of a frame, 0 or 255."""
    key = f'segm_{frame + 1}'  # MATLAB counts from 1
    if not path.is_file():
        raise FileNotFoundError(f'there are no masks {path} beside the '
                                'video')
    try:
        parts = loadmat(path, variable_names=[key]).get(key)
    except Exception as error:
        raise ValueError(f'{path} is no MATLAB file: {error}') from error
    if parts is None or parts.shape != size[::-1]:
        raise ValueError(
            f'{path}: {key} '
            f'{"is missing" if parts is None else f"is {parts.shape}"}, '
            f'expected {size[::-1]}')
    return (parts > 0).astype(np.uint8) * 255


def _well_placed(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether a person stands where the authors take one."""
    if size != _ORIGINAL_SIZE:
        return True
    middle = np.array(size) / 2
    inside = (points[:, :2] >= -0.5) & (points[:, :2] < np.array(size) - 0.5)
    return bool(inside.all() and (
        np.abs(points[0, :2] - middle) <= _ROOT_MARGIN).all())


def _write_picture(folder: Path, index: int, image: np.ndarray,
                   mask: np.ndarray, keypoints_3d: np.ndarray,
                   camera_param: dict) -> dict | None:
    """Write a sample in COCO's form; return its entries if it is one."""
    points = camera_to_image(keypoints_3d, camera_param['f'],
                             camera_param['c'])[:, :2]
    if joints_off_mask(points.round(), mask) > MAX_OFF_MASK:
        return None
    names = f'images/{index:08d}.jpg', f'masks/{index:08d}.png'
    for name, picture in zip(names, (image, mask)):
        data = cv2.imencode(name[-4:], picture,
                            [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        write_whole(folder / name, data.tobytes())
    height, width = mask.shape
    inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))
              ).all(1)
    keypoints = np.column_stack([points.round(4), inside * 2])
    return dict(
        image=dict(id=index, file_name=names[0], mask_file=names[1],
                   width=width, height=height),
        annotation=dict(
            id=index + 1, image_id=index, category_id=1, iscrowd=0,
            bbox=list(cv2.boundingRect(mask)), area=int((mask > 0).sum()),
            keypoints=keypoints.ravel().tolist(),
            num_keypoints=int(inside.sum()),
            keypoints_3d=keypoints_3d.round(3).tolist(),
            camera_param={key: value.tolist() if isinstance(
                value, np.ndarray) else value
                for key, value in camera_param.items()}))


def _coco(records: list[dict]) -> dict:
    """Return the content of ``annotations.json``."""
    links = [[a + 1, b + 1] for a, b in HUMAN36M_18.skeleton_links]
    return dict(
        info=dict(description='SURREAL, converted by xas_mmpose. The world '
                  "is SURREAL's mirrored in y, as its pictures are"),
        images=[record['image'] for record in records],
        annotations=[record['annotation'] for record in records],
        categories=[dict(id=1, name='person', skeleton=links,
                         keypoints=list(HUMAN36M_18.keypoint_names))])
