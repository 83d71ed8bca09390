"""Folders of masks, one for each picture of a folder."""
from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from xas_mmpose.datasets.datasets.masked_folder import pictures_below
from xas_mmpose.render.resumable import ResumableFolder, write_whole

from .background import BackgroundMethod
from .camera_motion import camera_moves
from .cleaning import NoMaskError, mask_facts
from .grabcut import GrabCutMethod
from .people import People, Person
from .pictures import UnreadableError, read_picture
from .segmenters import MaskRcnnMethod, SamMethod, checksum

#: What the masks' folder says of itself.
REPORT = 'masks.json'
_PARTS = ('main', 'each')

Method = BackgroundMethod | GrabCutMethod | MaskRcnnMethod | SamMethod


class MaskItem(NamedTuple):
    """A mask to make.

    Attributes:
        name: Its picture, below the folder of pictures.
        target: Its file, below the folder of masks.
        person: Whom it shows, if that is told.
    """

    name: str
    target: str
    person: Person | None


def list_items(images: str | Path, out: str | Path,
               people: People | None = None,
               which: str = 'main') -> list[MaskItem]:
    """List the masks of a folder of pictures.

    Args:
        images: The folder; those in it are searched, too.
        out: Folder of the masks, which may lie in it.
        people: Where people are; None where nobody says so.
        which: ``'main'``: a mask for each picture, ``a/b.png`` for
            ``a/b.jpg``, of the person whom it is about
            (:meth:`~xas_mmpose.datasets.masks.people.People.main`);
            ``'each'``: one for each of its people, ``a/b_0.png`` and so on,
            by their :attr:`~xas_mmpose.datasets.masks.people.Person.number`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there is no picture, two would share a mask, or none
            of the pictures is among those of ``people``.
    """
    if which not in _PARTS:
        raise ValueError(f'which is one of {", ".join(_PARTS)}, got '
                         f'{which!r}')
    if which == 'each' and people is None:
        raise ValueError('masks of each person need a file that says where '
                         'people are')
    names = [os.path.join(folder, name)
             for folder, files in pictures_below(str(images), str(out))
             for name in files]
    if not names:
        raise ValueError(f'there is no picture below {images}')
    if people is not None and not any(people.of(name) for name in names):
        raise ValueError(
            f'{people.path} knows none of the {len(names)} pictures below '
            f'{images}, such as {names[0]}: are they of one data set?')
    items, owners = [], {}
    for name in names:
        stem = os.path.splitext(name)[0].replace(os.sep, '/')
        if which == 'main':
            found = [(f'{stem}.png', people.main(name) if people else None)]
        else:
            # Data sets count the animals of all categories.
            found = [(f'{stem}_'
                      f'{place if person.number is None else person.number}'
                      '.png', person)
                     for place, person in enumerate(people.of(name))]
        for target, person in found:
            other = owners.setdefault(target, name)
            if other != name:
                raise ValueError(f'{other} and {name} below {images} would '
                                 f'share the mask {target}: rename one')
            items.append(MaskItem(name.replace(os.sep, '/'), target, person))
    return items


def write_masks(images: str | Path,
                out: str | Path,
                method: Method,
                people: People | None = None,
                which: str = 'main',
                workers: int = 1,
                progress: bool = True) -> dict:
    """Write the masks of a folder of pictures, or finish what was begun.

    A mask that is there is not made again, also if pictures were added.

    Args:
        images: The folder of pictures.
        out: Folder of the masks. It gets ``settings.json`` and
            ``masks.json``, too.
        method: How they are made.
        people: Where people are.
        which: See :func:`list_items`.
        workers: Number of processes; 0 or 1 works in this one.
        progress: Show a progress bar.

    Returns:
        What ``masks.json`` says: the ``settings``, what was ``used``, and
        for each of the ``masks`` its ``picture``, ``share`` and ``bbox``, or
        a ``reason`` why there is none; ``broken`` says that the picture
        cannot be read. ``prompt`` is what showed the method whom to find:
        ``keypoints``, ``box``, ``box around keypoints``, or two of them.

    Raises:
        FileNotFoundError: If there are no pictures.
        ValueError: If the folder holds masks of other settings, or see
            :func:`list_items`.
        RuntimeError: If a worker fails.
    """
    out = Path(out)
    if os.path.realpath(out) == os.path.realpath(images):
        raise ValueError(f'masks and pictures would lie in one folder, {out}')
    items = list_items(images, out, people, which)
    settings = _described(method, people, which)
    clips = (_clips(items, method) if isinstance(method, BackgroundMethod)
             else {})
    folders = {''}.union(
        str(parent) for item in items for parent in Path(item.target).parents)
    # Parents stand before their children.
    job = ResumableFolder(out, settings, sorted(folders - {'', '.'}))
    job.check()
    job.claim()
    missing = [item for item in items if not (out / item.target).is_file()]
    if isinstance(method, BackgroundMethod):
        missing.sort(key=lambda item: method.clip_of(item.name))
    by_number = {_number(item): item for item in
                 _in_shares(missing, workers)}
    write = MaskWriter(Path(images), out, method, by_number, clips)
    job.fill(write, by_number, workers, progress, unit='mask')
    report = dict(
        settings=settings, used=_used(method),
        masks=_facts(out, items, list(job.records().values()), method))
    write_whole(out / REPORT, json.dumps(report, indent=1).encode())
    job.close()
    return report


class MaskWriter:
    """Makes masks one by one; each process has its own copy.

    Args:
        images: The folder of pictures.
        out: The folder of masks.
        method: How they are made.
        items: The masks by number.
        clips: The pictures of each clip.
    """

    def __init__(self, images: Path, out: Path, method: Method,
                 items: dict[int, MaskItem],
                 clips: dict[str, list[str]]) -> None:
        self.images = images
        self.out = out
        self.method = method
        self.items = items
        self.clips = clips
        self._clip: str | None = None
        self._find: Callable[[np.ndarray], np.ndarray] | None = None
        self._refused = ''

    def __call__(self, number: int) -> dict:
        """Write a mask; return what is known of it."""
        item = self.items[number]
        record = dict(target=item.target, picture=item.name)
        try:
            mask = self._make(item)
        except UnreadableError as error:
            return dict(record, reason=str(error), broken=True)
        except NoMaskError as error:
            return dict(record, reason=str(error))
        target = self.out / item.target
        write_whole(target, cv2.imencode('.png', mask)[1].tobytes())
        return dict(record, **mask_facts(mask))

    def _make(self, item: MaskItem) -> np.ndarray:
        """Return the mask (H, W), uint8, 0 or 255."""
        image = read_picture(self.images / item.name)
        if not isinstance(self.method, BackgroundMethod):
            return self.method.make(image, item.person)
        self._learn(self.method.clip_of(item.name))
        if self._find is None:
            raise NoMaskError(self._refused)
        return self._find(image)

    def _learn(self, clip: str) -> None:
        """Learn the background of a clip, unless it is the last one's."""
        if clip == self._clip:
            return
        self._clip, self._find = clip, None
        names = self.clips[clip]
        frames = []
        try:
            for i in self.method.chosen(len(names)):
                # The picture has its own record, and the others theirs.
                with contextlib.suppress(UnreadableError):
                    frames.append(read_picture(self.images / names[i]))
            self._find = self.method.learn(frames)
        except NoMaskError as error:
            self._refused = str(error)
            return
        if camera_moves(frames):
            warnings.warn(
                f'the camera of {clip!r} seems to move, and '
                f'{self.method.name} wants one that stands still: look at '
                'the contact sheet. grabcut, maskrcnn and sam do not mind',
                stacklevel=2)


def _clips(items: Sequence[MaskItem],
           method: BackgroundMethod) -> dict[str, list[str]]:
    """Return the pictures of each clip, in the order of their numbers."""
    clips: dict[str, dict[str, None]] = {}
    for item in items:
        clips.setdefault(method.clip_of(item.name), {})[item.name] = None
    return {clip: sorted(names, key=lambda n: (len(n), n))
            for clip, names in clips.items()}


def _described(method: Method, people: People | None, which: str) -> dict:
    """Return what decides the masks, as JSON keeps it."""
    options = dataclasses.asdict(method)
    options.pop('device', None)
    if 'weights' in options:
        options['weights'] = checksum(options['weights'])
    described = dict(method=type(method).__name__, **options, which=which,
                     people=None if people is None else checksum(people.path))
    # Masks of each have their number of all categories: several may lie in
    # one folder.
    if people is not None and which == 'main' and (
            people.category != 'person'):
        described['people_category'] = people.category
    return described


def _used(method: Method) -> dict:
    """Return what made the masks, for the record."""
    if isinstance(method, BackgroundMethod):
        return dict(package=f'opencv {cv2.__version__}', call=method.name)
    return method.used()


def _number(item: MaskItem) -> int:
    """Return a mask's number, which other masks do not change."""
    return int(hashlib.sha256(item.target.encode()).hexdigest()[:15], 16)


def _in_shares(items: list[MaskItem], workers: int) -> Iterator[MaskItem]:
    """Order masks so that each worker gets neighbours.

    Each takes every n-th; a worker that learns the background of one clip
    should have its frames to work on.
    """
    workers = max(1, min(workers, len(items)))
    ends = [len(items) * i // workers for i in range(workers + 1)]
    # The first ones are the longest: they are asked once more.
    lengths = sorted(np.diff(ends).tolist(), reverse=True)
    starts = np.cumsum([0, *lengths]).tolist()
    for place in range(lengths[0]):
        yield from (items[start + place] for start, length
                    in zip(starts, lengths) if place < length)


def _facts(out: Path, items: Sequence[MaskItem], records: Sequence[dict],
           method: Method) -> dict[str, dict[str, Any]]:
    """Return what is known of each mask, whenever it was made."""
    facts: dict[str, dict] = {}
    report = out / REPORT
    if report.is_file():
        facts = json.loads(report.read_text(encoding='utf-8'))['masks']
    facts.update({record['target']: {key: value for key, value
                                     in record.items() if key != 'target'}
                  for record in records})
    for item in items:
        if 'share' not in facts.get(item.target, {}):
            # A kill came between the mask and its record.
            if (out / item.target).is_file():
                mask = cv2.imread(str(out / item.target),
                                  cv2.IMREAD_GRAYSCALE)
                facts[item.target] = dict(picture=item.name,
                                          **mask_facts(mask))
        if item.person is not None and 'share' in facts[item.target] and (
                not isinstance(method, BackgroundMethod)):
            facts[item.target]['prompt'] = method.prompt_of(item.person)
    return {item.target: facts[item.target] for item in items}
