"""Reader of animals in files of COCO's form, as MMPose has them."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from .animal3d_files import read_json
from .coco_masks import run_lengths

_WHAT = "COCO's images, annotations and categories"
#: Longest side of a picture in px that a JPEG file can have.
_LARGEST = 65535


@dataclasses.dataclass(frozen=True)
class CocoAnimal:
    """One annotation.

    Attributes:
        file: The file that it is from, for messages.
        image: File name of the picture.
        size: Width and height of the picture in px.
        id: The annotation's.
        number: Number among the picture's animals in the file.
        category: The species.
        family: Its ``supercategory``; empty where the file has none.
        entry: All that the file says.
    """

    file: str
    image: str
    size: tuple[int, int]
    id: int
    number: int
    category: str
    family: str
    entry: dict[str, Any] = dataclasses.field(repr=False)

    def box(self) -> np.ndarray:
        """Return the box (4,): x, y, width, height in px."""
        box = self._numbers('bbox', (4, ))
        if (box[2:] <= 0).any():
            raise ValueError(f'{self} has a bbox without area')
        return box

    def corners(self) -> np.ndarray:
        """Return the box (4,) as x1, y1, x2, y2 inside the picture, px."""
        x, y, width, height = self.box()
        corners = np.array([[x, y], [x + width, y + height]])
        return corners.clip(0, np.array(self.size) - 1).ravel()

    def keypoints(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        """Return key points (num, 2) in px, 0 where unknown, and which are.

        Args:
            num: How many there should be.
        """
        values = self._numbers('keypoints', (num, 3))
        visible = values[:, 2] > 0
        return np.where(visible[:, None], values[:, :2], 0), visible

    def outline(self) -> list[list[float]] | dict[str, Any]:
        """Return the ``segmentation``, checked.

        Returns:
            Polygons (x, y, x, y, ... in px, inside the picture), or a
            run-length code of the picture.
        """
        outline = self.entry.get('segmentation')
        if isinstance(outline, dict):
            try:
                run_lengths(outline, *self.size[::-1])
            except ValueError as error:
                raise ValueError(f'{self} has {error}') from error
            return outline
        if not isinstance(outline, list) or not outline or not all(
                isinstance(line, list) and len(line) >= 6
                and len(line) % 2 == 0 for line in outline):
            raise ValueError(f'{self} has no segmentation by polygons: make '
                             'its mask with tools/make_masks.py')
        limits = np.array(self.size, np.float64)
        return [self._numbers('segmentation', (-1, 2), line).clip(
            0, limits).ravel().tolist() for line in outline]

    def _numbers(self, key: str, shape: tuple[int, ...],
                 values: Any = None) -> np.ndarray:
        """Return finite numbers of the entry."""
        try:
            numbers = np.array(self.entry[key] if values is None else values,
                               np.float64).reshape(shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f'{self} lacks or misshapes its {key} '
                             f'{shape}: {error}') from error
        if not np.isfinite(numbers).all():
            raise ValueError(f'{self} has a {key} that is not finite')
        return numbers

    def __str__(self) -> str:
        return f'{self.file}: annotation {self.id} of {self.image}'


def read_coco_animals(path: str) -> list[CocoAnimal]:
    """Read the animals of a file, in its order.

    What is annotated in each is checked where it is asked for. Crowds
    (``iscrowd``) are left out.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not as it should be, or has no animal.
    """
    content = read_json(path, _WHAT)
    tables = {}
    for name in ('images', 'annotations', 'categories'):
        table = content.get(name) if isinstance(content, dict) else None
        if not isinstance(table, list) or not all(
                isinstance(row, dict) for row in table):
            raise ValueError(f'{path} has no list of {name}: {_WHAT} are '
                             'expected')
        tables[name] = table
    animals = list(_animals(path, tables))
    if not animals:
        raise ValueError(f'{path} has no animal in its annotations')
    return animals


def _animals(path: str, tables: dict[str, list]) -> Iterator[CocoAnimal]:
    """Yield checked animals, counted in each picture."""
    images = _by_id(path, 'images', tables['images'])
    categories = _by_id(path, 'categories', tables['categories'])
    counts: dict[str, int] = {}
    for row, entry in enumerate(tables['annotations']):
        if entry.get('iscrowd'):
            continue
        try:
            image = images[entry['image_id']]
            name = image['file_name']
            if not isinstance(name, str) or not name:
                raise TypeError(f'file_name {name!r}')
            size = int(image['width']), int(image['height'])
            if not 1 <= min(size) <= max(size) <= _LARGEST:
                raise ValueError(f'picture of {size} px')
            category = categories[entry['category_id']]
            animal = CocoAnimal(
                path, name, size, int(entry['id']), counts.get(name, 0),
                str(category['name']),
                str(category.get('supercategory', '')), entry)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f'{path}: annotation {row} lacks or misshapes '
                             f'{error}, or points to what the file does not '
                             'hold') from error
        counts[name] = animal.number + 1
        yield animal


def _by_id(path: str, name: str, rows: list[dict]) -> dict[Any, dict]:
    """Return the rows of a table by their ``id``."""
    try:
        return {row['id']: row for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f'{path}: one of its {name} lacks an id: '
                         f'{error!r}') from error
