"""Folders of synthetic pairs: images, masks, and annotations in COCO form.

Every sample is a function of (seed, index) alone, every person of (seed,
subject), so a folder's bytes do not depend on the number of workers nor on
how often the run was interrupted.
"""
from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import queue
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from xas_mmpose.body_models import SMPLBody, free_human

from .synthesis import Sample, SceneSettings, Subject, Synthesizer

#: Changes when the same settings give other pictures.
VERSION = '1.0'

ANNOTATIONS = 'annotations.json'
SETTINGS = 'settings.json'
_RECORDS = 'records'

#: First word of a seed: keeps people and samples apart.
_SUBJECT_STREAM, _SAMPLE_STREAM = 0, 1


@dataclasses.dataclass(frozen=True)
class SyntheticSetSettings:
    """What a folder of synthetic pairs holds.

    Args:
        num: Number of pairs.
        seed: Seed of everything random.
        num_subjects: Number of people; sample i shows person i modulo that.
            None gives every sample its own.
        image_format: ``jpg`` (quality 95) or ``png``. Masks are png.
        body: Body model file (SMPL format ``.npz``), None for the free human
            that the package ships.
        scene: Pictures and cameras.
    """

    num: int
    seed: int = 0
    num_subjects: int | None = None
    image_format: str = 'jpg'
    body: str | None = None
    scene: SceneSettings = dataclasses.field(default_factory=SceneSettings)

    def __post_init__(self) -> None:
        if self.num < 1 or self.seed < 0:
            raise ValueError('num must be at least 1 and seed at least 0, '
                             f'got {self.num} and {self.seed}')
        if self.num_subjects is not None and self.num_subjects < 1:
            raise ValueError('num_subjects must be at least 1, got '
                             f'{self.num_subjects}')
        if self.image_format not in ('jpg', 'png'):
            raise ValueError("image_format must be 'jpg' or 'png', got "
                             f'{self.image_format!r}')

    def subject_of(self, index: int) -> int:
        """Return the person that a sample shows."""
        return index % self.num_subjects if self.num_subjects else index


class SyntheticSetGenerator:
    """Makes the samples of a set, in any order.

    Args:
        settings: What the set holds.
    """

    def __init__(self, settings: SyntheticSetSettings) -> None:
        self.settings = settings
        body = (SMPLBody.from_file(settings.body)
                if settings.body else free_human())
        self.synthesizer = Synthesizer(body, settings.scene)

    def subject(self, subject: int) -> Subject:
        """Return a person of the set."""
        return self.synthesizer.draw_subject(np.random.default_rng(
            [_SUBJECT_STREAM, self.settings.seed, subject]))

    def sample(self, index: int) -> Sample:
        """Return a sample of the set."""
        return self.synthesizer.draw_sample(
            np.random.default_rng(
                [_SAMPLE_STREAM, self.settings.seed, index]),
            self.subject(self.settings.subject_of(index)))

    def write(self, index: int, folder: Path) -> dict:
        """Write a sample's image and mask.

        Args:
            index: Index of the sample.
            folder: Folder of the set.

        Returns:
            The sample's entries of ``annotations.json``: ``image`` and
            ``annotation``.
        """
        sample = self.sample(index)
        suffix = self.settings.image_format
        file_name = f'images/{index:08d}.{suffix}'
        mask_file = f'masks/{index:08d}.png'
        _write_image(folder / file_name, sample.image,
                     [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == 'jpg' else [])
        _write_image(folder / mask_file, sample.mask, [])
        height, width = sample.mask.shape
        image = dict(id=index, file_name=file_name, mask_file=mask_file,
                     width=width, height=height)
        annotation = _annotation(sample)
        # COCO's evaluation code takes an annotation id of 0 for "no match".
        annotation.update(
            id=index + 1, image_id=index,
            subject=self.settings.subject_of(index), seed=self.settings.seed)
        return dict(image=image, annotation=annotation)


def write_synthetic_set(folder: str | Path,
                        settings: SyntheticSetSettings,
                        workers: int = 1,
                        progress: bool = True) -> Path:
    """Write a folder of synthetic pairs, or finish one that was begun.

    Args:
        folder: Where to: ``images/``, ``masks/``, ``annotations.json`` (COCO
            form, written last) and ``settings.json``.
        settings: What the set holds.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.

    Returns:
        Path of ``annotations.json``.

    Raises:
        ValueError: If the folder holds a set of other settings, or the body
            model file is none.
        FileNotFoundError: If there is no such body model file.
        RuntimeError: If a worker fails.
    """
    folder = Path(folder)
    target = folder / ANNOTATIONS
    described = _described(settings)
    _check_settings(folder, described)
    if target.is_file():
        return target
    generator = SyntheticSetGenerator(settings)
    for name in ('images', 'masks', _RECORDS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_text(folder / SETTINGS, json.dumps(described, indent=1))
    records = _read_records(folder)
    missing = [i for i in range(settings.num) if i not in records]
    bar = tqdm(total=settings.num, initial=len(records), unit='pair',
               desc=str(folder), disable=not progress)
    with bar:
        for index, record in _generate(folder, generator, missing, workers):
            records[index] = record
            bar.update()
    # Sorted and read back: the bytes are those of an unbroken run.
    ordered = [json.loads(records[i]) for i in range(settings.num)]
    _write_text(target, json.dumps(_coco(settings, ordered)))
    shutil.rmtree(folder / _RECORDS)
    return target


def _generate(folder: Path, generator: SyntheticSetGenerator,
              missing: list[int],
              workers: int) -> Iterator[tuple[int, str]]:
    """Write the missing samples; yield index and record of each."""
    workers = min(workers, len(missing))
    if workers <= 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the bits of a sum depend on it
        try:
            yield from _write_part(folder, generator, missing, 0)
        finally:
            torch.set_num_threads(threads)
        return
    context = multiprocessing.get_context(
        'fork' if 'fork' in multiprocessing.get_all_start_methods()
        else 'spawn')
    results = context.Queue()
    processes = [
        context.Process(target=_work, daemon=True,
                        args=(folder, generator, missing[i::workers], i,
                              results, os.getpid()))
        for i in range(workers)]
    for process in processes:
        process.start()
    try:
        for _ in missing:
            yield _next_result(results, processes)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _next_result(results: Any, processes: list) -> tuple[int, str]:
    """Return the next (index, record), or raise what happened to a worker."""
    while True:
        try:
            index, text = results.get(timeout=1)
        except queue.Empty:
            if any(p.exitcode not in (None, 0) for p in processes):
                raise RuntimeError(
                    'a worker died without a word, killed for memory '
                    'perhaps: start again with fewer workers, the finished '
                    'samples are kept') from None
            continue
        if index < 0:
            raise RuntimeError(f'a worker failed:\n{text}')
        return index, text


def _work(folder: Path, generator: SyntheticSetGenerator, part: list[int],
          worker: int, results: Any, parent: int) -> None:
    """Write a share of the samples in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        for result in _write_part(folder, generator, part, worker):
            results.put(result)
            if os.getppid() != parent:  # killed: nobody listens any more
                return
    except Exception:
        results.put((-1, traceback.format_exc()))


def _write_part(folder: Path, generator: SyntheticSetGenerator,
                part: list[int], worker: int) -> Iterator[tuple[int, str]]:
    """Write samples one by one, each with a line in a record file.

    The line follows the files it describes, so a sample that has its line is
    whole, and a sample without is made again.
    """
    # Never continue a line that a killed run left unfinished.
    name = f'{os.getpid()}_{worker}_{part[0] if part else 0}.jsonl'
    with (folder / _RECORDS / name).open('a', encoding='utf-8') as file:
        for index in part:
            record = json.dumps(generator.write(index, folder))
            file.write(f'\n{index}\t{record}\tend\n')
            file.flush()
            yield index, record


def _read_records(folder: Path) -> dict[int, str]:
    """Return the record of every sample that is whole."""
    records = {}
    for path in sorted((folder / _RECORDS).glob('*.jsonl')):
        for line in path.read_text(encoding='utf-8').splitlines():
            fields = line.split('\t')
            if len(fields) == 3 and fields[2] == 'end':
                records[int(fields[0])] = fields[1]
    return records


def _described(settings: SyntheticSetSettings) -> dict:
    """Return the settings as they are stored beside the set."""
    stored = dict(version=VERSION, **dataclasses.asdict(settings))
    return json.loads(json.dumps(stored))  # tuples become lists


def _check_settings(folder: Path, described: dict) -> None:
    """Raise ``ValueError`` if a folder is another set's."""
    path = folder / SETTINGS
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise ValueError(f'{folder} is not empty and holds no '
                             f'{SETTINGS}: choose another folder')
        return
    stored = json.loads(path.read_text(encoding='utf-8'))
    for key in sorted(stored.keys() | described.keys()):
        if stored.get(key) != described.get(key):
            raise ValueError(
                f'{folder} holds a set with {key} = {stored.get(key)!r}, not '
                f'{described.get(key)!r}: choose another folder or remove '
                'this one')


def _annotation(sample: Sample) -> dict:
    """Return a sample's labels as plain numbers."""
    height, width = sample.mask.shape
    rows, columns = np.nonzero(sample.mask)
    if len(rows):
        box = [columns.min(), rows.min(), np.ptp(columns) + 1,
               np.ptp(rows) + 1]
    else:
        box = [0, 0, 0, 0]
    # Pixels are areas around whole numbers.
    inside = ((sample.keypoints >= -0.5)
              & (sample.keypoints < (width - 0.5, height - 0.5))).all(1)
    keypoints = [
        number for (x, y), seen in zip(sample.keypoints.round(4), inside)
        for number in (float(x), float(y), 2 if seen else 0)]
    camera = {key: value.tolist() if isinstance(value, np.ndarray) else value
              for key, value in sample.camera_param.items()}
    return dict(
        category_id=1,
        iscrowd=0,
        bbox=[int(v) for v in box],
        area=len(rows),
        keypoints=keypoints,
        num_keypoints=int(inside.sum()),
        keypoints_3d=sample.keypoints_3d.round(3).tolist(),
        camera_param=camera,
        betas=_floats(sample.betas),
        global_orient=_floats(sample.global_orient),
        body_pose=_floats(sample.body_pose))


def _floats(values: np.ndarray) -> list[float]:
    """Return float32 numbers with no more digits than they have."""
    return [float(np.format_float_positional(v)) for v in values]


def _coco(settings: SyntheticSetSettings, records: list[dict]) -> dict:
    """Return the content of ``annotations.json``."""
    skeleton = SMPLBody.skeleton
    return dict(
        info=dict(description='Synthetic pairs rendered by xas_mmpose',
                  version=VERSION, seed=settings.seed,
                  generator=_described(settings)),
        images=[record['image'] for record in records],
        annotations=[record['annotation'] for record in records],
        categories=[dict(
            id=1, name='person', keypoints=list(skeleton.keypoint_names),
            skeleton=[[a + 1, b + 1] for a, b in skeleton.skeleton_links])])


def _write_image(path: Path, image: np.ndarray, options: list[int]) -> None:
    """Write an image whole or not at all."""
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise RuntimeError(f'OpenCV cannot write {path}')
    _replace(path, data.tobytes())


def _write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    _replace(path, text.encode())


def _replace(path: Path, data: bytes) -> None:
    """Write under another name first: a kill leaves no half file."""
    partial = path.with_name(path.name + '.partial')
    partial.write_bytes(data)
    os.replace(partial, path)
