"""Human3.6M from the authors' layout to MMPose's, with the authors' splits.

The authors' layout is that of their released code (arXiv 2411.13026)::

    hm36/images/s_01_act_02_subact_01_ca_01/s_01_.._ca_01_000001.jpg
    hm36/annot/s_01_act_02_subact_01_ca_01/matlab_meta.txt
    sam_masks/hm36/s_01_act_02_subact_01_ca_01/s_01_.._ca_01_000001.png
"""
from __future__ import annotations

import dataclasses
import json
import pickle
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render.resumable import write_whole

from .camera_files import read_h36m_meta
from .datasets.file_checks import FolderIndex, require_files
from .mmpose_layout import place_file, write_annotations

#: Human3.6M's names of the cameras 1 to 4 and of the actions 2 to 16.
CAMERA_IDS = ('54138969', '55011271', '58860488', '60457274')
ACTIONS = dict(enumerate((
    'Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning', 'Posing',
    'Purchases', 'Sitting', 'SittingDown', 'Smoking', 'Photo', 'Waiting',
    'Walking', 'WalkDog', 'WalkTogether'), 2))

_TRAIN, _TEST = (1, 5, 6, 7, 8), (9, 11)
_FOLDER = re.compile(r's_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)')


class Sequence(NamedTuple):
    """A recording, of which there is a folder for each camera."""

    subject: int
    action: int
    subaction: int

    def folder(self, camera: int) -> str:
        """Return the authors' folder of a camera from 1 to 4."""
        return (f's_{self.subject:02d}_act_{self.action:02d}_subact_'
                f'{self.subaction:02d}_ca_{camera:02d}')

    def name(self, camera: int) -> str:
        """Return MMPose's folder of a camera from 1 to 4."""
        return (f'S{self.subject}/S{self.subject}_{ACTIONS[self.action]}_'
                f'{self.subaction}.{CAMERA_IDS[camera - 1]}')


@dataclasses.dataclass(frozen=True)
class Split:
    """Which frames are taken.

    Args:
        subjects: Numbers of the people.
        draw: How many frames are drawn from each recording, without
            replacement; all where it has no more. None: none are drawn.
        interval: Where none are drawn: the first and then every n-th frame.
        without: Numbers of actions that are left out.
    """

    subjects: tuple[int, ...]
    draw: int | None = None
    interval: int = 1
    without: tuple[int, ...] = ()

    def frames(self, sequence: Sequence, num: int, seed: int) -> list[int]:
        """Choose frames of a recording, the same for all its cameras.

        Args:
            sequence: The recording.
            num: Its number of frames.
            seed: Seed of the drawing.

        Returns:
            Frame numbers from 1, in order; none where the split does without
            the recording. They depend on the seed and the recording alone.
        """
        if (sequence.subject not in self.subjects
                or sequence.action in self.without):
            return []
        if self.draw is None:
            return list(range(1, num + 1, self.interval))
        rng = np.random.default_rng([seed, *sequence])
        drawn = rng.choice(num, min(self.draw, num), replace=False)
        return sorted((drawn + 1).tolist())


#: The authors' splits under their names, and the usual ones: every 5th frame
#: to train with, every 5th or 64th of subjects 9 and 11 to test with.
SPLITS = dict(
    train=Split(_TRAIN, draw=200),
    trainselect=Split(_TRAIN, interval=10),
    train_selected=Split(_TRAIN, draw=200, without=(4, 6, 9, 11)),
    trainfull=Split(_TRAIN),
    train_every5=Split(_TRAIN, interval=5),
    valid=Split(_TEST, draw=40),
    validlarge=Split(_TEST, draw=150),
    validfull=Split(_TEST),
    test_every5=Split(_TEST, interval=5),
    test_every64=Split(_TEST, interval=64))


def find_sequences(root: str | Path) -> list[Sequence]:
    """List the recordings below ``annot``.

    Args:
        root: Folder that holds ``annot`` and ``images``.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If one lacks a camera, or has an unknown number.
    """
    cameras: dict[Sequence, set[int]] = {}
    for path in Path(root, 'annot').glob('s_*_act_*'):
        match = _FOLDER.fullmatch(path.name)
        if match:
            *sequence, camera = map(int, match.groups())
            cameras.setdefault(Sequence(*sequence), set()).add(camera)
    if not cameras:
        raise FileNotFoundError(
            f'there is no {root}/annot/s_01_act_02_subact_01_ca_01 or the '
            'like: give the folder that holds annot and images')
    for sequence, present in sorted(cameras.items()):
        if present != {1, 2, 3, 4} or sequence.action not in ACTIONS:
            raise ValueError(
                f'{root}/annot: {sequence.folder(1)[:-6]} has the cameras '
                f'{sorted(present)}; 1 to 4 and actions from 2 to 16 are '
                'expected. Complete it, or move its folders elsewhere to do '
                'without')
    return sorted(cameras)


def convert_human36m(root: str | Path, out: str | Path,
                     splits: tuple[str, ...] = ('train_selected', 'valid'),
                     masks: str | Path | None = None,
                     seed: int = 0,
                     link: bool = True,
                     progress: bool = True) -> dict[str, int]:
    """Write Human3.6M in MMPose's layout.

    Writes ``annotation_body3d/h36m_SPLIT.npz``, ``cameras.pkl`` and the
    frames drawn, ``split_SPLIT.json``, beside it, and the pictures (and
    masks) of these frames. Every recording's second part has the number 2
    here, whatever Human3.6M calls it. Pixels are Human3.6M's, with the lens.

    Args:
        root: Folder that holds ``annot`` and ``images``: ``hm36``.
        out: Folder to write; what is there stays.
        splits: Keys of :data:`SPLITS`.
        masks: Folder of the masks; None for none.
        seed: Seed of the splits that are drawn. The authors drew theirs
            without one.
        link: Whether pictures are linked to instead of copied.
        progress: Show a progress bar.

    Returns:
        Number of pictures of each split.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a split is unknown or has no frame, or a file is not
            as it should be.

    Note:
        The authors draw from the frames of camera 1. Here a frame must be
        there for all four.
    """
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown or not splits:
        raise ValueError(f'unknown splits {unknown}; there are '
                         f'{", ".join(SPLITS)}')
    root, out = Path(root), Path(out)
    index = FolderIndex()
    cameras: dict[tuple[str, str], dict] = {}
    chosen: dict[str, dict[str, list[int]]] = {name: {} for name in splits}
    rows: dict[str, list[tuple]] = {name: [] for name in splits}
    people = {i for name in splits for i in SPLITS[name].subjects}
    wanted = [s for s in find_sequences(root) if s.subject in people]
    for sequence in tqdm(wanted, unit='recording', disable=not progress):
        metas = [root / 'annot' / sequence.folder(i) / 'matlab_meta.txt'
                 for i in (1, 2, 3, 4)]
        views = [_read_view(path) for path in metas]
        num = min(len(world) for _, world in views)
        frames = {name: SPLITS[name].frames(sequence, num, seed)
                  for name in splits}
        for number, (path, (camera, world)) in enumerate(zip(metas, views),
                                                         1):
            _keep_camera(cameras, sequence, number, camera, path)
            needed = sorted({f for drawn in frames.values() for f in drawn})
            _place(root / 'images', out / 'images', sequence, number,
                   needed, '.jpg', index, link)
            if masks is not None:
                _place(Path(masks), out / 'masks', sequence, number, needed,
                       '.png', index, link)
            for name, drawn in frames.items():
                if drawn:
                    rows[name].append(_rows(sequence, number, drawn, camera,
                                            world, path))
        for name, drawn in frames.items():
            if drawn:
                chosen[name][sequence.folder(1)[:-6]] = drawn
    for name in splits:
        if not rows[name]:
            raise ValueError(
                f'{root}: there is no recording of split {name}, which needs '
                f'subjects {", ".join(map(str, SPLITS[name].subjects))}')
    folder = out / 'annotation_body3d'
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / 'cameras.pkl', pickle.dumps(cameras, protocol=2))
    counts = {}
    for name in splits:
        content = dict(split=name, seed=seed, frames=chosen[name])
        write_whole(folder / f'split_{name}.json',
                    json.dumps(content, indent=0).encode())
        imgnames, pixels, points = zip(*rows[name])
        imgnames = [imgname for part in imgnames for imgname in part]
        points = np.concatenate(points)
        write_annotations(folder / f'h36m_{name}.npz', imgnames,
                          np.concatenate(pixels), points,
                          np.ones(points.shape[:2]))
        counts[name] = len(imgnames)
    return counts


def _read_view(path: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Read camera and world key points (N, 17, 3) of a ``matlab_meta``."""
    camera, world = read_h36m_meta(path, lens=True)
    if world.shape[1:] != (17, 3) or not len(world):
        raise ValueError(f'{path} has {len(world)} frames of '
                         f'{world.shape[1]} key points; some frames of 17 '
                         'are expected')
    return camera, world


def _keep_camera(cameras: dict, sequence: Sequence, number: int,
                 camera: dict[str, Any], path: Path) -> None:
    """Note a camera as MMPose's file has it: camera to world, metres."""
    key = f'S{sequence.subject}', CAMERA_IDS[number - 1]
    place = -camera['R'].T @ camera['T'] / 1000
    entry = dict(
        R=np.ascontiguousarray(camera['R'].T), T=place[:, None],
        **{name: camera[name][:, None] for name in ('f', 'c', 'k', 'p')},
        w=camera['w'], h=camera['h'], name=f'camera{number}', id=key[1])
    known = cameras.setdefault(key, entry)
    if not all(np.allclose(known[name], entry[name], atol=1e-5)
               for name in 'RTfckp'):
        raise ValueError(
            f'{path} has another camera {number} of subject '
            f'{sequence.subject} than the recordings before it: a camera '
            'stays where it is')


def _place(source: Path, target: Path, sequence: Sequence, number: int,
           frames: list[int], ending: str, index: FolderIndex,
           link: bool) -> None:
    """Put pictures or masks of one camera in their new place."""
    old, new = sequence.folder(number), sequence.name(number)
    paths = [source / old / f'{old}_{frame:06d}{ending}' for frame in frames]
    kind = 'image' if ending == '.jpg' else 'mask'
    require_files(kind, map(str, paths), index,
                  f'The matlab_meta.txt of {old} has these frames: complete '
                  'them, or move all four folders of the recording out of '
                  'annot to do without it')
    for frame, path in zip(frames, paths):
        name = f'{new.rpartition("/")[2]}_{frame:06d}{ending}'
        place_file(path, target / new / name, link)


def _rows(sequence: Sequence, number: int, frames: list[int],
          camera: dict[str, Any], world: np.ndarray,
          path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return names, pixels (n, 17, 2) and camera mm (n, 17, 3) of frames."""
    points = world_to_camera(world[np.array(frames) - 1], camera['R'],
                             camera['T'])
    bad = ~(np.isfinite(points).all((1, 2)) & (points[..., 2] > 0).all(1))
    if bad.any():
        raise ValueError(
            f'{path}: the key points of frame {frames[int(bad.argmax())]} '
            'are not finite, or behind the camera')
    pixels = camera_to_image(points, *(camera[key] for key in 'fckp'))
    new = sequence.name(number)
    names = [f'{new}/{new.rpartition("/")[2]}_{frame:06d}.jpg'
             for frame in frames]
    return names, pixels[..., :2], points
