"""Where people are in pictures: boxes and key points from many files."""
from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xas_mmpose.datasets.joint_tables import MPI_INF_3DHP_17, MPII_16
from xas_mmpose.datasets.mpii_files import read_mpii
from xas_mmpose.skeletons import HUMAN36M_18

_LIMBS = tuple(
    (f'{side}_{first}', f'{side}_{second}') for side in ('left', 'right')
    for first, second in (('hip', 'knee'), ('knee', 'ankle'),
                          ('shoulder', 'elbow'), ('elbow', 'wrist')))
#: Bones of data sets whose files do not tell them, by the names of key
#: points.
_MPII_LINKS = (
    *_LIMBS, ('pelvis', 'left_hip'), ('pelvis', 'right_hip'),
    ('pelvis', 'thorax'), ('thorax', 'upper_neck'),
    ('upper_neck', 'head_top'), ('thorax', 'left_shoulder'),
    ('thorax', 'right_shoulder'))
_MPI_INF_3DHP_LINKS = (
    *_LIMBS, ('pelvis', 'left_hip'), ('pelvis', 'right_hip'),
    ('pelvis', 'spine'), ('spine', 'neck'), ('neck', 'head'),
    ('head', 'head_top'), ('neck', 'left_shoulder'),
    ('neck', 'right_shoulder'))
_FORMS = (
    'a COCO file (images, annotations), a list of detections (image_id or '
    "file_name, bbox, score), MPII's list or .mat, an .npz of MMPose's "
    'converters (imgname, part), or {"a/b.jpg": {"bbox": [x, y, w, h], '
    '"keypoints": [[x, y, v], ...], "links": [[0, 1], ...]}}')


class Person(NamedTuple):
    """Where somebody is in a picture.

    Attributes:
        box: x1, y1, x2, y2 (4,) in px, or None.
        keypoints: Those that are known (N, 2), px, or None.
        links: Pairs of these that bones join.
        score: How sure a detector is; 1 for annotations.
        number: Number among the picture's in COCO's annotations, those of
            other categories counted; None where a file has no categories.
    """

    box: np.ndarray | None
    keypoints: np.ndarray | None = None
    links: tuple[tuple[int, int], ...] = ()
    score: float = 1.0
    number: int | None = None

    @property
    def around(self) -> np.ndarray:
        """The box (4,); around the key points where there is none.

        Key points are inside a body, so the box is wider than they are.
        """
        if self.box is not None:
            return self.box
        low, high = self.keypoints.min(0), self.keypoints.max(0)
        pad = 0.1 * (high - low).max()
        return np.concatenate([low - pad, high + pad])

    @property
    def around_kind(self) -> str:
        """What :attr:`around` is made of, for records."""
        return 'box' if self.box is not None else 'box around keypoints'


class People:
    """People by picture.

    Args:
        path: The file, for messages.
        people: People of each picture, which has its path, its name or its
            number in COCO as key.
        category: Who was asked for, for records.
    """

    def __init__(self, path: str | Path,
                 people: Mapping[str, list[Person]],
                 category: str = 'person') -> None:
        self.path = str(path)
        self.category = category
        self._people: dict[str, list[Person]] = {}
        by_last: dict[str, list[str]] = {}
        for key, crowd in people.items():
            stem = os.path.splitext(key.replace('\\', '/'))[0]
            self._people[stem] = crowd
            by_last.setdefault(os.path.basename(stem), []).append(stem)
        # Pictures may lie in other folders than the file says, as long as
        # their names are not in several of its own.
        self._places = {last: stems[0] for last, stems in by_last.items()
                        if len(stems) == 1}

    def __len__(self) -> int:
        return len(self._people)

    def of(self, name: str) -> list[Person]:
        """Return the people of a picture.

        Args:
            name: Its path below the folder of pictures. A file may know it
                by this, by a path with the same last part, or, as COCO's
                detections do, by its number: 785 is ``000000000785.jpg``.
        """
        stem = os.path.splitext(name.replace(os.sep, '/'))[0]
        last = os.path.basename(stem)
        number = str(int(last)) if last.isdecimal() else last
        for key in (stem, self._places.get(last), number):
            if key in self._people:
                return self._people[key]
        return []

    def main(self, name: str) -> Person | None:
        """Return whom a picture with one mask is about.

        That is the largest of those whom a detector is half sure of; of
        nobody, where it is not sure of anybody, the surest.
        """
        crowd = self.of(name)
        if not crowd:
            return None
        sure = [person for person in crowd if person.score >= 0.5]
        if not sure:
            return max(crowd, key=lambda person: person.score)
        return max(sure, key=lambda person: float(
            np.prod(person.around[2:] - person.around[:2])))


def read_people(path: str | Path, category: str = 'person') -> People:
    """Read where people are.

    Args:
        path: The file, of any of these forms: COCO's annotations; a list of
            detections, as MMDetection and MMPose write them; MPII's list or
            ``.mat``; an ``.npz`` of MMPose's converters; or a dictionary of
            one's own.
        category: Who is meant where COCO's annotations have several
            categories, this one among them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of them, or has numbers that are not
            finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file of boxes or key points '
                                f'{path}: give {_FORMS}')
    found: dict[str, list[Person]] = {}
    try:
        for name, person in _entries(path, category):
            for numbers in (person.box, person.keypoints):
                if numbers is not None and not np.isfinite(numbers).all():
                    raise ValueError(f'{name} has numbers that are not '
                                     'finite')
            if person.box is not None and (
                    person.box[2:] <= person.box[:2]).any():
                raise ValueError(f'{name} has a box without area')
            found.setdefault(name, []).append(person)
    except (KeyError, TypeError, ValueError, IndexError,
            AttributeError) as error:
        raise ValueError(f'{path} tells no boxes or key points '
                         f'({type(error).__name__}: {error}). It should be '
                         f'{_FORMS}') from error
    if not found:
        raise ValueError(f'{path} has nobody: it should be {_FORMS}')
    return People(path, found, category)


def _entries(path: Path, category: str) -> Iterator[tuple[str, Person]]:
    """Yield pictures and people of a file of any form."""
    if path.suffix == '.npz':
        yield from _npz_entries(path)
        return
    if path.suffix == '.mat':
        yield from _mpii_entries(path)
        return
    data = json.loads(path.read_text(encoding='utf-8'))
    if isinstance(data, list):
        if data and 'joints' in data[0]:
            yield from _mpii_entries(path)
            return
        for entry in data:
            name = entry.get('file_name', entry.get('image_id'))
            yield str(name), _person(entry, entry.get('links', ()))
    elif 'annotations' in data:
        yield from _coco_entries(data, category)
    else:
        for name, entry in data.items():
            for one in entry if isinstance(entry, list) else [entry]:
                yield name, _person(one, one.get('links', ()))


def _coco_entries(data: dict, category: str) -> Iterator[tuple[str, Person]]:
    """Yield the people of COCO's annotations."""
    names = {image['id']: image['file_name'] for image in data['images']}
    kinds = {kind['id']: kind for kind in data.get('categories', ())}
    meant = [i for i, kind in kinds.items() if kind.get('name') == category]
    counts: Counter[str] = Counter()
    for entry in data['annotations']:
        if entry.get('iscrowd'):
            continue
        name, kind = names[entry['image_id']], entry.get('category_id')
        number = counts[name]
        counts[name] += 1
        if meant and kind not in meant:
            continue
        yield name, _person(entry, _from_zero(
            kinds.get(kind, {}).get('skeleton', ())))._replace(number=number)


def _person(entry: Mapping[str, Any], links: Any) -> Person:
    """Return a person of COCO's form."""
    box = points = None
    if entry.get('bbox') is not None:
        x, y, width, height = map(float, entry['bbox'])
        box = np.array([x, y, x + width, y + height])
    if entry.get('keypoints'):
        points = np.array(entry['keypoints'], np.float64).reshape(-1, 3)
        points, links = known_only(points[:, :2], points[:, 2] > 0, links)
    if box is None and points is None:
        raise KeyError('bbox')
    return Person(box, points, tuple(links) if points is not None else (),
                  float(entry.get('score', 1)))


def _from_zero(links: Any) -> list[tuple[int, int]]:
    """Return links counted from 0: COCO counts from 1, others do not."""
    links = [(int(first), int(second)) for first, second in links]
    start = 0 if any(0 in link for link in links) else 1
    return [(first - start, second - start) for first, second in links]


def _mpii_entries(path: Path) -> Iterator[tuple[str, Person]]:
    """Yield the people of MPII."""
    links = _by_index(_MPII_LINKS, MPII_16)
    for person in read_mpii(str(path)):
        if person.keypoints is None:
            yield person.image, Person(person.box)
        else:
            yield person.image, Person(person.box, *known_only(
                person.keypoints, person.visible, links))


def _npz_entries(path: Path) -> Iterator[tuple[str, Person]]:
    """Yield the people of an ``.npz`` of one of MMPose's converters."""
    try:
        with np.load(path) as file:
            names, parts = file['imgname'].tolist(), file['part']
    except Exception as error:
        # numpy and zipfile have half a dozen types for a broken file.
        raise ValueError(str(error)) from error
    if parts.shape != (len(names), 17, 3):
        raise ValueError(f'part has the shape {parts.shape}, '
                         f'({len(names)}, 17, 3) is expected')
    human36m = [link for link in HUMAN36M_18.skeleton_links if 17 not in link]
    human36m += [(7, 8), (8, 11), (8, 14)]  # these pass the thorax there
    mpi = _by_index(_MPI_INF_3DHP_LINKS, MPI_INF_3DHP_17)
    for name, part in zip(names, parts.astype(np.float64)):
        # S1_Seq1_Cam0_000001.jpg and TS1_000001.jpg are of MPI-INF-3DHP.
        last = os.path.basename(name)
        links = mpi if '_Cam' in last or last[:2] == 'TS' else human36m
        yield name, Person(None, *known_only(part[:, :2], part[:, 2] > 0,
                                             links))


def _by_index(links: tuple[tuple[str, str], ...],
              names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return links between names as links between their indices."""
    return [(names.index(first), names.index(second))
            for first, second in links]


def known_only(
        points: np.ndarray, known: np.ndarray,
        links: Any) -> tuple[np.ndarray | None, tuple[tuple[int, int], ...]]:
    """Leave out what is not known.

    Args:
        points: Key points (K, 2).
        known: Whether each is known (K,), bool.
        links: Pairs of their indices.

    Returns:
        The known ones (N, 2), None if there are none, and the links between
        them.
    """
    place = np.where(known, np.cumsum(known) - 1, -1)
    left = [(int(place[first]), int(place[second])) for first, second in links
            if known[first] and known[second]]
    return (points[known] if known.any() else None), tuple(left)
