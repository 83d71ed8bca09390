"""MPI-INF-3DHP from its download to the layout of MMPose's converter."""
from __future__ import annotations

import dataclasses
import functools
import json
import pickle
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.render.resumable import ResumableFolder, write_whole

from .camera_files import read_mpi_inf_3dhp_calibration
from .datasets.file_checks import FolderIndex, require_files
from .joint_tables import (
    MPI_INF_3DHP_17,
    MPI_INF_3DHP_28,
    MPI_INF_3DHP_28_TO_HUMAN36M_18,
)
from .mmpose_layout import place_file, write_annotations
from .mpi_inf_3dhp_files import (
    FrameReader,
    View,
    fit_intrinsics,
    read_annot,
    read_annot_data,
    read_frame,
)

#: Frames of the recordings' videos; some are annotated beyond their end.
NUM_FRAMES = {
    (1, 1): 6416, (1, 2): 12430, (2, 1): 6502, (2, 2): 6081, (3, 1): 12488,
    (3, 2): 12283, (4, 1): 6171, (4, 2): 6675, (5, 1): 12820, (5, 2): 12312,
    (6, 1): 6188, (6, 2): 6145, (7, 1): 6239, (7, 2): 6320, (8, 1): 6468,
    (8, 2): 6054,
}

#: The authors drop a moment if in any view more key points than this are
#: behind the chair, or the person's mask covers more of the picture, which
#: then is over-exposed.
MAX_BEHIND_CHAIR, MAX_COVERED = 4, 0.85

_SEVENTEEN = [MPI_INF_3DHP_28.index(name) for name in MPI_INF_3DHP_17]
_EIGHTEEN = list(MPI_INF_3DHP_28_TO_HUMAN36M_18)
#: Where things lie: as they are downloaded, and in the authors' layout.
_IMAGES = ('imageSequence', 'images')
_MASKS = ('FGmasks', 'masks')
_CHAIRS = ('ChairMasks', 'chair_masks')


@dataclasses.dataclass(frozen=True)
class MpiInf3dhpSettings:
    """What a converted set holds.

    Args:
        cameras: Numbers of the training set's cameras; the authors' by
            default. MMPose's are 0, 1, 2, 4, 5, 6, 7 and 8.
        interval: Keeps the first, and then every n-th, frame.
        filters: Drop moments as the authors do: those with a key point
            outside a picture, with many behind the chair, or over-exposed.
        masks: Write the person's masks. The test set has none.
    """

    cameras: tuple[int, ...] = (0, 2, 4, 7, 8)
    interval: int = 5
    filters: bool = True
    masks: bool = True

    def __post_init__(self) -> None:
        if (self.interval < 1 or not self.cameras
                or not set(self.cameras) <= set(range(14))
                or len(set(self.cameras)) != len(self.cameras)):
            raise ValueError(
                'interval starts at 1 and cameras are numbers from 0 to 13, '
                f'got {self.interval} and {self.cameras}')


def find_recordings(root: Path) -> list[tuple[int, int]]:
    """List the training recordings below a folder, (subject, sequence)."""
    found = (re.fullmatch(r'S(\d+)/Seq(\d+)', f'{p.parent.name}/{p.name}')
             for p in root.glob('S*/Seq*'))
    return sorted((int(m[1]), int(m[2])) for m in found if m)


def find_tests(root: Path) -> list[int]:
    """List the test recordings below a folder."""
    return sorted(int(p.name[2:]) for p in root.glob('TS*')
                  if p.name[2:].isdecimal() and p.is_dir())


def write_mpi_inf_3dhp(root: str | Path, out: str | Path,
                       settings: MpiInf3dhpSettings,
                       workers: int = 1,
                       progress: bool = True) -> dict[str, Counter]:
    """Convert MPI-INF-3DHP, or finish a conversion that was begun.

    Writes ``annotations/mpi_inf_3dhp_train.npz`` with ``cameras_train.pkl``
    from ``S1/Seq1`` and so on (the authors' 18 key points beside MMPose's 17,
    as ``S18``), and ``mpi_inf_3dhp_test_valid.npz`` with
    ``cameras_test.pkl`` from ``TS1`` and so on, whichever are there;
    ``images/S1_Seq1_Cam0_000001.jpg``, and ``masks`` as png.

    Args:
        root: Folder of the download, with ``train`` and ``test`` (or
            ``mpi_inf_3dhp_test_set``) in it, or without ``train``.
        out: Folder to write.
        settings: What the set holds.
        workers: Number of processes, each at one recording; 0 or 1 works in
            this one.
        progress: Show a progress bar.

    Returns:
        For ``train`` and ``test``: the moments that were ``kept``, and
        dropped for being ``outside``, behind the ``chair``, ``over-exposed``
        or ``not valid``; and the ``pictures`` written.

    Raises:
        FileNotFoundError: If there is no recording, or one lacks a file.
        ValueError: If the folder holds another set, or a file is damaged.
        ImportError: If the test set is there, but not h5py.
        RuntimeError: If a worker fails.
    """
    root, out = Path(root), Path(out)
    train = root / 'train' if (root / 'train').is_dir() else root
    test = next((root / name for name in ('test', 'mpi_inf_3dhp_test_set')
                 if (root / name).is_dir()), root)
    recordings, tests = find_recordings(train), find_tests(test)
    if not recordings and not tests:
        raise FileNotFoundError(
            f'there is neither S1/Seq1 nor TS1 in {root}, in its train or '
            'in its test: give the folder of the download')
    stored = dict(source='MPI-INF-3DHP', recordings=recordings, tests=tests,
                  **dataclasses.asdict(settings))
    job = ResumableFolder(out, json.loads(json.dumps(stored)),
                          ('images', 'masks', 'annotations'))
    job.check()
    report = out / 'report.json'
    if not report.is_file():
        # Cheap, and in need of a package: before the hours of videos.
        tests_read = {i: read_annot_data(test / f'TS{i}' / 'annot_data.mat')
                      for i in tests}
        job.claim()
        counts: dict[str, Counter] = {}
        if tests:
            counts['test'] = _write_tests(test, out, tests_read)
        if recordings:
            job.fill(functools.partial(_write_recording, train, out,
                                       recordings, settings),
                     range(len(recordings)), workers, progress,
                     unit='recording')
            counts['train'] = _write_train(train, out, recordings, settings,
                                           job.records())
        write_whole(report, json.dumps(counts, indent=1).encode())
    job.close()
    return {name: Counter(count) for name, count in
            json.loads(report.read_text()).items()}


def _write_recording(root: Path, out: Path,
                     recordings: list[tuple[int, int]],
                     settings: MpiInf3dhpSettings, number: int) -> dict:
    """Write the pictures of a recording; return what was kept and why not."""
    subject, sequence = recordings[number]
    folder = root / f'S{subject}' / f'Seq{sequence}'
    views = read_annot(folder / 'annot.mat', settings.cameras)
    cameras = _calibration(folder, settings.cameras)
    annotated = len(next(iter(views.values())).keypoints)
    num = min(annotated, NUM_FRAMES.get((subject, sequence), annotated))
    images = _readers(folder, _IMAGES, settings.cameras)
    masks = (_readers(folder, _MASKS, settings.cameras)
             if settings.masks or settings.filters else {})
    chairs = (_readers(folder, _CHAIRS, settings.cameras)
              if settings.filters else {})
    kept, counts = [], Counter()
    for row in range(0, num, settings.interval):
        people = {}
        reason = ''
        if settings.filters and not all(
                _inside(view.keypoints[row], cameras[i]).all()
                for i, view in views.items()):
            reason = 'outside'
        for camera in settings.cameras if not reason else ():
            if masks:
                people[camera] = _foreground(masks[camera], row + 1,
                                             cameras[camera])
            if settings.filters:
                chair = _foreground(chairs[camera], row + 1, cameras[camera])
                reason = _hidden(views[camera].keypoints[row], chair,
                                 people[camera])
                if reason:
                    break
        counts[reason or 'kept'] += 1
        if reason:
            continue
        kept.append(row + 1)
        for camera in settings.cameras:
            name = _name(subject, sequence, camera, row + 1)
            target = out / 'images' / f'{name}.jpg'
            if not target.is_file():
                picture = images[camera].read(row + 1)
                _require_size(picture, cameras[camera], images[camera].path)
                _save(target, picture)
            if settings.masks:
                _save(out / 'masks' / f'{name}.png', people[camera])
    return dict(frames=kept, counts=counts)


def _readers(folder: Path, names: tuple[str, str],
             cameras: tuple[int, ...]) -> dict[int, FrameReader]:
    """Open the frames of each camera, wherever they lie."""
    place = next((folder / name for name in names
                  if (folder / name).is_dir()), None)
    if place is None:
        cure = ('' if names == _IMAGES else '. Download them, too, or do '
                'without: settings filters and masks (--no-filters, '
                '--no-masks)')
        raise FileNotFoundError(f'there is no folder {folder / names[0]}'
                                f'{cure}')
    return {camera: FrameReader(place, camera) for camera in cameras}


def _calibration(folder: Path, wanted: tuple[int, ...]) -> dict[int, dict]:
    """Read the cameras of a recording."""
    path = folder / 'camera.calibration'
    cameras = read_mpi_inf_3dhp_calibration(path)
    missing = sorted(set(wanted) - set(cameras))
    if missing:
        raise ValueError(f'{path} has no camera {missing}; it has '
                         f'{sorted(cameras)}')
    return {camera: cameras[camera] for camera in wanted}


def _inside(keypoints: np.ndarray, camera: dict) -> np.ndarray:
    """Say which key points (..., K, 2) lie in the picture."""
    return ((keypoints >= 0)
            & (keypoints < (camera['w'], camera['h']))).all(-1)


def _require_size(picture: np.ndarray, camera: dict, path: Path) -> None:
    """Raise ``ValueError`` unless a picture is as large as its camera's."""
    size = picture.shape[1::-1]
    if size != (camera['w'], camera['h']):
        raise ValueError(
            f'{path} is of {size[0]}x{size[1]} px; its key points and camera '
            f'are of {camera["w"]}x{camera["h"]}: take it as it is downloaded')


def _foreground(reader: FrameReader, number: int,
                camera: dict) -> np.ndarray:
    """Return a mask (H, W), 0 or 255, of one of the set's mask pictures."""
    red = reader.read(number)[..., 2]
    size = camera['w'], camera['h']
    if red.shape[0] * size[0] != red.shape[1] * size[1]:
        raise ValueError(
            f'{reader.path} is of {red.shape[1]}x{red.shape[0]} px, its '
            f'camera of {size[0]}x{size[1]}: it masks another picture')
    if red.shape[::-1] != size:
        red = cv2.resize(red, size, interpolation=cv2.INTER_NEAREST)
    return (red > 127).astype(np.uint8) * 255


def _hidden(keypoints: np.ndarray, chair: np.ndarray,
            person: np.ndarray) -> str:
    """Return why a view makes the authors drop the moment, or ''."""
    height, width = chair.shape
    x, y = np.rint(keypoints).astype(int).T
    # The chair is black.
    behind = chair[y.clip(0, height - 1), x.clip(0, width - 1)] == 0
    if behind.sum() > MAX_BEHIND_CHAIR:
        return 'chair'
    return 'over-exposed' if (person > 0).mean() > MAX_COVERED else ''


def _name(subject: int, sequence: int, camera: int, frame: int) -> str:
    """Return the name of a training picture, without ending."""
    return f'S{subject}_Seq{sequence}_Cam{camera}_{frame:06d}'


def _save(path: Path, picture: np.ndarray) -> None:
    """Write a picture."""
    data = cv2.imencode(path.suffix, picture,
                        [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    write_whole(path, data.tobytes())


def _write_train(root: Path, out: Path, recordings: list[tuple[int, int]],
                 settings: MpiInf3dhpSettings,
                 records: dict[int, dict]) -> Counter:
    """Write the annotation of the training set; return the counts."""
    names, pixels, points, known, body = [], [], [], [], []
    stored, counts = {}, Counter()
    for number, (subject, sequence) in enumerate(recordings):
        folder = root / f'S{subject}' / f'Seq{sequence}'
        views = read_annot(folder / 'annot.mat', settings.cameras)
        cameras = _calibration(folder, settings.cameras)
        frames = records[number]['frames']
        counts.update(records[number]['counts'])
        for camera in settings.cameras:
            view = View(*(array[np.array(frames, int) - 1]
                          for array in views[camera]))
            inside = _inside(view.keypoints, cameras[camera])
            names += [f'{_name(subject, sequence, camera, frame)}.jpg'
                      for frame in frames]
            pixels.append(view.keypoints[:, _SEVENTEEN])
            points.append(view.keypoints_3d[:, _SEVENTEEN])
            known.append(inside[:, _SEVENTEEN])
            body.append(np.concatenate(
                [view.keypoints_3d, inside[..., None]], 2)[:, _EIGHTEEN])
            key = f'S{subject}_Seq{sequence}_Cam{camera}'
            stored[key] = _camera(cameras[camera], f'train_cam_{camera}')
    counts['pictures'] = len(names)
    if not names:
        raise ValueError(f'{root}: no frame is fit: {dict(counts)}')
    folder = out / 'annotations'
    write_whole(folder / 'cameras_train.pkl', pickle.dumps(stored, 2))
    write_annotations(
        folder / 'mpi_inf_3dhp_train.npz', names,
        *map(np.concatenate, (pixels, points, known, body)))
    return counts


def _write_tests(root: Path, out: Path, tests: dict) -> Counter:
    """Write the test set; return the counts."""
    names, pixels, points, known = [], [], [], []
    stored, counts, index = {}, Counter(), FolderIndex()
    for number, view in tests.items():
        # The last two were taken outdoors, with another camera.
        size = (2048, 2048) if number <= 4 else (1920, 1080)
        camera = dict(fit_intrinsics(view), w=size[0], h=size[1])
        rows = np.flatnonzero(view.valid)
        folder = root / f'TS{number}' / 'imageSequence'
        paths = [folder / f'img_{row + 1:06d}.jpg' for row in rows]
        require_files('image', map(str, paths), index,
                      f'TS{number}/annot_data.mat calls them valid')
        for path in paths[:1]:
            _require_size(read_frame(path), camera, path)
        for row, path in zip(rows, paths):
            names.append(f'TS{number}_{row + 1:06d}.jpg')
            place_file(path, out / 'images' / names[-1], link=False)
        counts.update({'kept': len(rows),
                       'not valid': len(view.valid) - len(rows)})
        pixels.append(view.keypoints[rows])
        points.append(view.keypoints_3d[rows])
        known.append(_inside(pixels[-1], camera))
        stored[f'TS{number}'] = _camera(camera, f'test_cam_{number}')
    counts['pictures'] = len(names)
    if not names:
        raise ValueError(f'{root}: no frame of TS{list(tests)} is valid')
    folder = out / 'annotations'
    write_whole(folder / 'cameras_test.pkl', pickle.dumps(stored, 2))
    write_annotations(
        folder / 'mpi_inf_3dhp_test_valid.npz', names,
        *map(np.concatenate, (pixels, points, known)))
    return counts


def _camera(camera: dict, name: str) -> dict:
    """Return a camera as MMPose's converter writes it: metres."""
    entry = dict(c=camera['c'][:, None], f=camera['f'][:, None],
                 w=camera['w'], h=camera['h'], name=name)
    if 'R' in camera:
        entry.update(R=camera['R'], T=camera['T'][:, None] / 1000)
    return entry
