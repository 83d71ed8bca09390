"""Masks beside true ones."""
from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.datasets.coco_masks import fill_segmentation
from xas_mmpose.datasets.datasets.masked_folder import pictures_below
from xas_mmpose.evaluation.functional.mask_overlap import (
    MASK_SCORES,
    mask_scores,
)

#: Reads a true mask (H, W), uint8, 0 or 255.
ReadMask = Callable[[], np.ndarray]


class TrueMasks:
    """True masks by the name of what they are compared with.

    The truth of ``a/b.png`` is a file of this name, with whatever ending;
    else those whose names go on, ``a/b_1.png`` and ``a/b_2.png``, of which
    the one counts that fits best: who is who is not told. Folders in front
    may differ, as long as the last parts of the names are unlike.

    Args:
        path: A folder, or COCO's annotations with ``segmentation``.

    Raises:
        ValueError: If it is neither.
    """

    def __init__(self, path: Path) -> None:
        self._exact: dict[str, list[ReadMask]] = {}
        self._several: dict[str, list[ReadMask]] = {}
        if path.is_dir():
            for folder, names in pictures_below(str(path)):
                for name in names:
                    stem = os.path.join(folder, os.path.splitext(name)[0])
                    read = functools.partial(read_mask, path / folder / name)
                    self._exact[stem] = [read]
                    self._several.setdefault(stem.rpartition('_')[0],
                                             []).append(read)
        else:
            self._several.update(_coco_masks(path))
        # By the last part of the name, too, where that is of one alone.
        for masks in (self._exact, self._several):
            lasts: dict[str, list[str]] = {}
            for stem in masks:
                lasts.setdefault(os.path.basename(stem), []).append(stem)
            masks.update({last: masks[stems[0]] for last, stems
                          in lasts.items() if len(stems) == 1})

    def of(self, name: str, each: bool) -> list[ReadMask]:
        """Return what may be the truth of a mask; nothing where none is.

        Args:
            name: Its name.
            each: Whether ``a/b_0.png`` is one of several of ``a/b.jpg``.
        """
        stem = os.path.splitext(name)[0]
        stems = [stem, os.path.basename(stem)]
        for known in (self._exact, self._several):
            for key in stems:
                if key in known:
                    return known[key]
        for key in stems if each else ():
            if key.rpartition('_')[0] in self._several:
                return self._several[key.rpartition('_')[0]]
        return []


def compare(out: Path, truth: Path, names: Iterable[str],
            each: bool = False) -> dict:
    """Compare masks with true ones.

    Args:
        out: Folder of the masks.
        truth: The true ones, see :class:`TrueMasks`.
        names: Names of the masks.
        each: Whether there is one for each person of a picture.

    Returns:
        ``count``, the ``mean`` of each score and the scores of ``each`` mask
        that has a truth, in per cent; a mask that was not made scores 0.

    Raises:
        FileNotFoundError: If none of them has a truth.
        ValueError: If a mask is not as large as its truth.
    """
    names, known, scores = list(names), TrueMasks(truth), {}
    for name in names:
        mask = read_mask(out / name) if (out / name).is_file() else None
        found = [_score(out / name, mask, read)
                 for read in known.of(name, each)]
        if found:
            scores[name] = max(found, key=lambda score: score['IoU'])
    if not scores:
        raise FileNotFoundError(
            f'{truth} has a true mask of none of the pictures: it should '
            f'have the same names, such as {next(iter(names), "a/b.png")}')
    mean = {key: round(float(np.mean([s[key] for s in scores.values()])), 2)
            for key in MASK_SCORES}
    return dict(truth=str(truth), count=len(scores), mean=mean, each=scores)


def print_quality(quality: dict) -> None:
    """Print the mean scores, and the worst masks."""
    print(f'{quality["count"]} masks compared with {quality["truth"]}, %')
    print(f'| | {" | ".join(MASK_SCORES)} |')
    print(f'| --- |{" ---: |" * len(MASK_SCORES)}')
    worst = sorted(quality['each'].items(), key=lambda pair: pair[1]['IoU'])
    for name, scores in [('mean', quality['mean']), *worst[:5]]:
        numbers = ' | '.join(f'{scores[key]:.1f}' for key in MASK_SCORES)
        print(f'| {name} | {numbers} |')


def read_mask(path: Path) -> np.ndarray:
    """Read a mask (H, W), uint8, 0 or 255; it may be one of 0 and 1."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f'{path} cannot be read as a picture')
    return (mask > (0 if mask.max() == 1 else 127)).astype(np.uint8) * 255


def _score(path: Path, mask: np.ndarray | None,
           read: ReadMask) -> dict[str, float]:
    """Return the scores of a mask; None is one that was not made."""
    truth = read()
    try:
        scores = mask_scores(np.zeros_like(truth) if mask is None else mask,
                             truth)
    except ValueError as error:
        named = getattr(read, 'args', [''])[0]
        raise ValueError(f'{path} and its truth {named}: {error}') from error
    return {key: round(value, 2) for key, value in scores.items()}


def _coco_masks(path: Path) -> dict[str, list[ReadMask]]:
    """Return the masks of COCO's annotations by the picture's stem."""
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
        images = {image['id']: image for image in data['images']}
        masks: dict[str, list[ReadMask]] = {}
        for entry in data['annotations']:
            if entry.get('segmentation') and not entry.get('iscrowd'):
                image = images[entry['image_id']]
                masks.setdefault(
                    os.path.splitext(image['file_name'])[0], []).append(
                        functools.partial(
                            fill_segmentation, entry['segmentation'],
                            image['height'], image['width']))
    except (KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(
            f'{path} is neither a folder nor COCO annotations with '
            f'segmentations ({type(error).__name__}: {error})') from error
    return masks
