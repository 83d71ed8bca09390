"""Studio sets on disk, in the layout of MMPose's Human3.6M converter.

Beside it: ``masks/``, which Human3.6M does not have, ``settings.json`` and
``checksum.txt``.
"""
from __future__ import annotations

import functools
import io
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xas_mmpose.render.fingerprint import set_checksum
from xas_mmpose.render.resumable import (
    ResumableFolder,
    one_thread,
    write_whole,
)

from .generator import FRAME_STEP, StudioGenerator, StudioSettings, encode
from .rig import CAMERA_IDS

CAMERAS = 'annotation_body3d/cameras.pkl'
ANNOTATIONS = 'annotation_body3d/fps10/h36m_{}.npz'
CHECKSUM = 'checksum.txt'


def write_studio_set(folder: str | Path,
                     settings: StudioSettings,
                     workers: int = 1,
                     progress: bool = True) -> str:
    """Write a set, or finish one that was begun.

    Args:
        folder: Where to.
        settings: What it holds.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.

    Returns:
        Its checksum: the same for the same settings, whatever the number of
        workers and however often the run was interrupted.

    Raises:
        FileNotFoundError: If the body's file is missing.
        ValueError: If the number of workers is negative, the body does not
            suit the set, or the folder holds something else.
        RuntimeError: If a worker fails.
    """
    if workers < 0:
        raise ValueError(f'workers starts at 0, got {workers}')
    folder = Path(folder)
    job = ResumableFolder(folder, settings.described(),
                          list(_subfolders(settings)))
    job.check()
    if not _is_whole(folder, settings):
        with one_thread():
            generator = settings.generator()
        job.claim()
        job.fill(functools.partial(write_moment, generator, folder=folder),
                 range(settings.num), workers, progress, unit='moment')
        _write_annotations(folder, settings, generator, job.records())
    job.close()
    path = folder / CHECKSUM
    if not path.is_file():
        write_whole(path, f'{set_checksum(folder)}\n'.encode())
    return path.read_text(encoding='utf-8').strip()


def write_moment(generator: StudioGenerator, index: int,
                 folder: Path) -> dict:
    """Write the pictures and masks of a moment.

    Args:
        generator: Makes them.
        index: Number of the moment.
        folder: Folder of the set.

    Returns:
        By camera id: ``part`` (K, 2) in px and ``S`` (K, 3), camera frame,
        metres, as lists.
    """
    subject, action, frame = generator.settings.moment_of(index)
    record = {}
    for camera, picture in generator.pictures(subject, action,
                                              frame).items():
        name = _name(subject, action, camera, frame)
        write_whole(folder / 'images' / f'{name}.jpg',
                    encode(picture.image, '.jpg'))
        write_whole(folder / 'masks' / f'{name}.png',
                    encode(picture.mask, '.png'))
        record[camera] = dict(part=picture.keypoints.tolist(),
                              S=(picture.keypoints_3d / 1000).tolist())
    return record


def _sequence(subject: str, action: str, camera: str) -> str:
    """Return the folder of a recording's pictures from one camera."""
    return f'{subject}/{subject}_{action}_1.{camera}'


def _name(subject: str, action: str, camera: str, frame: int) -> str:
    """Return the name of a picture without its ending."""
    sequence = _sequence(subject, action, camera)
    return (f'{sequence}/{Path(sequence).name}_'
            f'{1 + frame * FRAME_STEP:06d}')


def _subfolders(settings: StudioSettings) -> Iterator[str]:
    """Yield every folder of a set, outer ones first."""
    for top in ('images', 'masks'):
        yield top
        for subject in settings.subjects:
            yield f'{top}/{subject}'
            for action in settings.actions:
                for camera in CAMERA_IDS:
                    yield f'{top}/{_sequence(subject, action, camera)}'
    yield 'annotation_body3d'
    yield 'annotation_body3d/fps10'


def _splits(settings: StudioSettings) -> dict[str, list[str]]:
    """Return the subjects of each split that has some."""
    splits = {split: [s for s in settings.subjects if s in subjects]
              for split, subjects in (
                  ('train', settings.TRAIN_SUBJECTS),
                  ('test', settings.TEST_SUBJECTS))}
    return {split: subjects for split, subjects in splits.items() if subjects}


def _is_whole(folder: Path, settings: StudioSettings) -> bool:
    """Say whether the annotations, which come last, are there."""
    return all((folder / ANNOTATIONS.format(split)).is_file()
               for split in _splits(settings))


def _write_annotations(folder: Path, settings: StudioSettings,
                       generator: StudioGenerator,
                       records: dict[int, dict]) -> None:
    """Write cameras and key points."""
    cameras = {}
    for subject in settings.subjects:
        for number, (name, camera) in enumerate(
                generator.rig(subject).items(), 1):
            # Camera to world, and the camera's place in metres.
            place = -camera['R'].T @ camera['T'] / 1000
            cameras[subject, name] = dict(
                R=np.ascontiguousarray(camera['R'].T), T=place[:, None],
                c=camera['c'][:, None], f=camera['f'][:, None],
                k=np.zeros((3, 1)), p=np.zeros((2, 1)), w=camera['w'],
                h=camera['h'], name=f'camera{number}', id=name)
    write_whole(folder / CAMERAS, pickle.dumps(cameras, protocol=2))
    for split, subjects in _splits(settings).items():
        rows = []
        for index, record in records.items():
            subject, action, frame = settings.moment_of(index)
            if subject in subjects:
                rows += [(subject, action, camera, frame, label)
                         for camera, label in record.items()]
        # A camera's pictures of a recording follow each other in time.
        order = list(CAMERA_IDS)
        rows.sort(key=lambda row: (
            settings.subjects.index(row[0]), settings.actions.index(row[1]),
            order.index(row[2]), row[3]))
        write_whole(folder / ANNOTATIONS.format(split), _npz(rows))


def _npz(rows: Sequence[tuple]) -> bytes:
    """Return an annotation file as MMPose's converter writes it."""
    part = np.array([row[4]['part'] for row in rows])
    points = np.array([row[4]['S'] for row in rows])
    known = np.ones((*part.shape[:2], 1))
    low, high = part.min(1), part.max(1)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        imgname=np.array([f'{_name(*row[:4])}.jpg' for row in rows]),
        center=(low + high) / 2,
        scale=(high - low).max(1) * 1.2 / 200,
        part=np.concatenate([part, known], 2),
        S=np.concatenate([points, known], 2))
    return buffer.getvalue()
