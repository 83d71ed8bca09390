"""Whom a picture shows, and by what camera, as the caller says it."""
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from xas_mmpose.datasets.masks import NoMaskError, People
from xas_mmpose.datasets.masks import Person as MaskedPerson
from xas_mmpose.datasets.transforms import LoadMask
from xas_mmpose.datasets.transforms.mask import MASK_THRESHOLD

from .pictures import Picture

#: Returns boxes (N, 4) xyxy in px, and scores (N,), of a picture.
Detector = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Subject(NamedTuple):
    """Somebody in a picture.

    Attributes:
        box: x1, y1, x2, y2 (4,) in px: edges, where whole numbers are
            centres of pixels; the whole picture begins at -0.5.
        score: How sure a detector is; else 1.
        source: What told the box: ``'given'``, ``'mask'``, ``'detector'``,
            or ``'picture'`` where nothing did.
        mask: Foreground (H, W), uint8, 0..255, or None.
    """

    box: np.ndarray
    score: float
    source: str
    mask: np.ndarray | None


class Hints:
    """What the caller says of each picture.

    Each argument holds for all pictures, or is a mapping by their names or
    paths, or has one entry for each in turn. See
    :class:`~xas_mmpose.apis.Pose3DInferencer` for their forms.

    Args:
        boxes: Where people are.
        masks: Their foreground.
        cameras: What took the pictures.
        detector: Finds people where there is neither box nor mask.
    """

    def __init__(self, boxes: Any = None, masks: Any = None,
                 cameras: Any = None,
                 detector: Detector | None = None) -> None:
        if isinstance(boxes, People):
            people = boxes
            self._boxes = lambda picture: _sure(people, picture)
        else:
            self._boxes = _chooser('boxes', boxes, _is_boxes)
        self._method = masks if hasattr(masks, 'make') else None
        self._masks = _chooser('masks', None if self._method else masks,
                               _is_masks)
        #: Why the method found nobody, each reason once.
        self._reasons: set[str] = set()
        #: Name, path and frame of the picture that has taken a mask file.
        self._takers: dict[str, tuple] = {}
        #: First key of the mappings in which no picture has been found.
        self._unused = {
            name: next(iter(value)) for name, value, is_one in (
                ('boxes', boxes, _is_boxes), ('masks', masks, _is_masks),
                ('cameras', cameras, _is_camera))
            if isinstance(value, Mapping) and value and not is_one(value)}
        if isinstance(cameras, Mapping) and not _is_camera(cameras):
            # A camera with other keys looks like a mapping of pictures.
            for name, camera in cameras.items():
                try:
                    camera_param_of(camera)
                except ValueError as error:
                    raise ValueError(f'cameras: of {name!r}: {error}'
                                     ) from error
        self._cameras = _chooser('cameras', cameras, _is_camera)
        self._detector = detector

    def take(self, picture: Picture) -> tuple[Any, Any, Any]:
        """Return the entries of the next picture: boxes, masks, camera."""
        entries = (self._boxes(picture), self._masks(picture),
                   self._cameras(picture))
        for name, entry in zip(('boxes', 'masks', 'cameras'), entries):
            if entry is not None:
                self._unused.pop(name, None)
        return entries

    def warn_unused(self) -> None:
        """Tell of mappings that had an entry for none of the pictures."""
        for name, key in self._unused.items():
            warnings.warn(f'{name}: none of its names, such as {key!r}, is '
                          'one of the pictures', stacklevel=4)

    def subjects(self, picture: Picture, image: np.ndarray, boxes: Any,
                 masks: Any) -> list[Subject]:
        """Return the people of a picture.

        Args:
            picture: The picture.
            image: What it shows (H, W, 3).
            boxes: Its entry.
            masks: Its entry.

        Raises:
            FileNotFoundError: If there is no such mask.
            ValueError: If boxes or masks do not fit the picture or one
                another, or a mask is empty.
        """
        size = image.shape[:2]
        masks = self._read_masks(masks, picture, image)
        scores, people, source = None, None, 'given'
        if isinstance(boxes, _Crowd):
            people, boxes = boxes, [person.around for person in boxes]
        if boxes is not None:
            boxes = _checked_boxes(boxes, picture.name, size)
        elif masks:
            boxes, source = np.array([_around(m) for m in masks]), 'mask'
        elif self._detector is not None:
            boxes, scores = self._detector(image)
            boxes, source = np.reshape(boxes, (-1, 4)), 'detector'
        else:
            boxes = np.array([[0, 0, *size[::-1]]]) - 0.5
            source = 'picture'
        if masks and len(masks) == 1 and len(boxes) > 1:
            # One mask of all of them.
            masks = masks * len(boxes)
        elif masks and len(masks) != len(boxes):
            raise ValueError(f'{picture.name} has {len(masks)} masks and '
                             f'{len(boxes)} boxes')
        elif self._method is not None and source == 'picture':
            mask = self._made(image, None)
            masks = [] if mask is None else [mask]
            boxes, source = [_around(mask) for mask in masks], 'mask'
        elif self._method is not None:
            # Who knows key points finds the person more surely.
            people = people or [MaskedPerson(box) for box in boxes]
            masks = [self._made(image, person) for person in people]
        scores = np.ones(len(boxes)) if scores is None else scores
        return [
            Subject(np.asarray(box, np.float64), float(score), source, mask)
            for box, score, mask in zip(boxes, scores,
                                        masks or [None] * len(boxes))]

    def _read_masks(self, masks: Any, picture: Picture,
                    image: np.ndarray) -> list[np.ndarray] | None:
        """Return the masks (H, W), uint8, of a picture's entry."""
        if masks is None:
            return None
        if isinstance(masks, (str, Path)):
            paths = (self._in_folder(str(masks), picture)
                     if os.path.isdir(masks) else [str(masks)])
            load = LoadMask(required=True)
            return [load.transform(dict(
                img=image, img_path=picture.path or picture.name,
                mask_path=path))['img_mask'] for path in paths]
        if not isinstance(masks, np.ndarray):
            return [mask for one in masks
                    for mask in self._read_masks(one, picture, image)]
        return [_checked_mask(mask, picture.name, image.shape[:2])
                for mask in (masks if masks.ndim == 3 else masks[None])]

    def _in_folder(self, folder: str, picture: Picture) -> list[str]:
        """Return the mask files of a picture: one, or one a person."""
        stem = os.path.splitext(picture.name)[0]
        paths = [os.path.join(folder, f'{stem}.png')]
        if not os.path.isfile(paths[0]):
            paths = []
            while os.path.isfile(each := os.path.join(
                    folder, f'{stem}_{len(paths)}.png')):
                paths.append(each)
        if not paths:
            raise FileNotFoundError(f'there is no mask of {picture.name} in '
                                    f'{folder}: it should be {stem}.png')
        taker = self._takers.setdefault(paths[0], picture[:3])
        if taker != picture[:3]:
            raise ValueError(
                f'{picture.path} and {taker[1]} would both take the mask '
                f'{paths[0]}: give the folder above both, with masks in '
                'such folders')
        return paths

    def _made(self, image: np.ndarray,
              person: MaskedPerson) -> np.ndarray | None:
        """Return the mask of a person, None where the method finds none."""
        try:
            return self._method.make(image, person)
        except NoMaskError as error:
            # Boxes and points are of one picture; the reason is not.
            reason = str(error)
            if person is None and reason not in self._reasons:
                self._reasons.add(reason)
                warnings.warn(f'a picture without people: {reason}',
                              stacklevel=4)
            return None


def camera_param_of(camera: Any) -> dict[str, np.ndarray] | None:
    """Return a camera in the form of the data sets.

    Args:
        camera: Intrinsics K (3, 3); a mapping with ``K``, or with ``f`` (2,)
            and ``c`` (2,) in px, and maybe the lens terms ``k`` (3,) and
            ``p`` (2,) of Human3.6M's model; or None.

    Returns:
        ``f``, ``c``, and ``k`` and ``p`` where given.

    Raises:
        ValueError: If it is none of these.
    """
    if camera is None:
        return None
    given = camera if isinstance(camera, Mapping) else dict(K=camera)
    try:
        if 'K' in given:
            matrix = np.asarray(given['K'], np.float64).reshape(3, 3)
            result = dict(f=matrix[[0, 1], [0, 1]], c=matrix[:2, 2])
            tilt = abs(matrix[0, 1]) > 1e-6 * matrix[0, 0]
        else:
            # (2, 1) in Human3.6M's own files; one number is a square pixel's.
            result = dict(f=np.ravel(given['f']).astype(np.float64)
                          * np.ones(2), c=np.reshape(given['c'], 2).astype(
                              np.float64))
            tilt = False
        for key, length in (('k', 3), ('p', 2)):
            if given.get(key) is not None:
                result[key] = np.reshape(given[key], length).astype(
                    np.float64)
        good = (not tilt and (result['f'] > 0).all() and all(
            np.isfinite(value).all() for value in result.values()))
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            'a camera is a matrix K (3, 3) without skew, or a mapping with '
            '"K", or with "f" and "c" (two numbers each, px) and maybe "k" '
            f'(3) and "p" (2), all finite and f > 0; got {camera!r}')
    return result


def _chooser(name: str, value: Any, is_one: Callable[[Any], bool]
             ) -> Callable[[Picture], Any]:
    """Return what gives each picture its entry of an argument."""
    if value is None or is_one(value):
        return lambda picture: value
    if isinstance(value, Mapping):
        return lambda picture: value.get(picture.name,
                                         value.get(picture.path))
    if isinstance(value, (str, bytes)) or not hasattr(value, '__iter__'):
        raise ValueError(f'{name}: {value!r} is none of their forms')
    entries: Iterator[Any] = iter(value)

    def take(picture: Picture) -> Any:
        try:
            return next(entries)
        except StopIteration:
            raise ValueError(f'{name} has no entry for {picture.name}: give '
                             'one for each picture, None for unknown'
                             ) from None
    return take


def _is_boxes(value: Any) -> bool:
    """Say whether boxes hold for all pictures."""
    return _ndim(value) in (1, 2)


def _is_masks(value: Any) -> bool:
    """Say whether a mask, or a folder of them, holds for all pictures.

    A list is one of pictures, as all masks of it may be of one size.
    """
    return isinstance(value, (str, Path, np.ndarray))


def _is_camera(value: Any) -> bool:
    """Say whether a camera holds for all pictures."""
    if isinstance(value, Mapping):
        return not {'K', 'f', 'c'}.isdisjoint(value)
    return _ndim(value) == 2


def _ndim(value: Any) -> int:
    """Return the number of dimensions of numbers, 0 of anything else."""
    if isinstance(value, np.ndarray):
        return value.ndim
    if not isinstance(value, (list, tuple)) or not value:
        return 0
    inner = [_ndim(one) for one in value]
    if all(isinstance(one, (int, float, np.number)) for one in value):
        return 1
    return 1 + inner[0] if inner[0] and len(set(inner)) == 1 else 0


class _Crowd(list):
    """The people that a file has of a picture."""


def _sure(people: People, picture: Picture) -> _Crowd | None:
    """Return the people of a picture; None where the file has nobody.

    Those of whom a detector is half sure, or all if there are none.
    """
    crowd = people.of(picture.name)
    sure = [person for person in crowd if person.score >= 0.5]
    return _Crowd(sure or crowd) if crowd else None


def _checked_boxes(boxes: Any, name: str,
                   size: tuple[int, int]) -> np.ndarray:
    """Return boxes (N, 4), or raise ``ValueError``."""
    try:
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    except (TypeError, ValueError) as error:
        raise ValueError(f'the boxes of {name} are x1, y1, x2, y2 in px, one '
                         f'row for each person: {error}') from error
    good = (np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
            & (boxes[:, 2:] > 0).all(1)
            & (boxes[:, :2] < np.array(size[::-1])).all(1))
    if not good.all():
        raise ValueError(
            f'{name}: the box {boxes[~good][0].tolist()} should be x1, y1, '
            f'x2, y2 with x1 < x2 and y1 < y2, and lie in the picture of '
            f'{size[1]}x{size[0]} px')
    return boxes


def _checked_mask(mask: np.ndarray, name: str,
                  size: tuple[int, int]) -> np.ndarray:
    """Return a mask of 0..255, given so or of 0..1, or raise an error."""
    if mask.shape != size:
        raise ValueError(f'the mask of {name} is {mask.shape[::-1]} px, the '
                         f'picture {size[::-1]}')
    highest = mask.max()
    # NaN fails the test, too.
    if not (mask.min() >= 0 and highest <= 255):
        raise ValueError(f'the mask of {name} has values outside of 0..255')
    if mask.dtype != np.uint8 or highest <= 1:
        mask = np.rint(mask * (255.0 if highest <= 1 else 1.0)).astype(
            np.uint8)
    if mask.max() <= MASK_THRESHOLD:
        raise ValueError(f'the mask of {name} is empty: no pixel is above '
                         f'{MASK_THRESHOLD}')
    return mask


def _around(mask: np.ndarray) -> np.ndarray:
    """Return the box (4,) around a mask; its pixels are areas."""
    _, foreground = cv2.threshold(mask, MASK_THRESHOLD, 255,
                                  cv2.THRESH_BINARY)
    left, top, width, height = cv2.boundingRect(foreground)
    return np.array([left, top, left + width, top + height]) - 0.5
