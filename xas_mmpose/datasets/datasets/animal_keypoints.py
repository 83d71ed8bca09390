"""Animals in files of COCO's form: AP-10K, Animal-Pose, Horse-10, zebras."""
from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.animal_joint_tables import (
    ANIMAL_KEYPOINT_SETS,
    to_animal3d_26,
)
from xas_mmpose.datasets.coco_animal_files import (
    CocoAnimal,
    read_coco_animals,
)
from xas_mmpose.datasets.coco_masks import fill_segmentation
from xas_mmpose.skeletons import ANIMAL3D_26, Skeleton

from .animals import AnimalDataset, labels_2d
from .file_checks import FolderIndex


@DATASETS.register_module()
class XasAnimalKeypointDataset(AnimalDataset):
    """Animals as unlabelled target pictures, or 2D truth to validate with.

    One sample an animal, from a file of COCO's form as MMPose's animal data
    sets have it. There is no camera and nothing in 3D. ``carry_labels`` gives
    ``keypoints`` (1, 26, 2) image px and ``keypoints_visible`` (1, 26): the
    set's key points under Animal3D's names, and 0 for those that it lacks
    (:mod:`~xas_mmpose.datasets.animal_joint_tables` says what is
    approximate); and ``bbox``.

    Args:
        ann_file: The annotation file.
        keypoint_set: Whose key points the file holds: ``ap10k``,
            ``animalpose`` (MMPose's order), ``animalpose_original``,
            ``horse10``, ``zebra`` or ``animal3d``. Read with
            ``carry_labels`` only.
        data_prefix: Folders ``img`` and ``mask``, relative to ``data_root``.
        mask_layout: The mask of animal n, from 0, of ``a.jpg``, whose
            annotation has the ``id`` 7: ``'animal'`` ``a_n.png``, as
            ``tools/make_masks.py --each`` writes them; ``'annotation'``
            ``a_7.png``; ``'picture'`` ``a.png``, as the same tool does
            without ``--each``: the mask, and so the one sample, of the
            picture's largest animal; ``'segmentation'`` the polygons or
            run lengths in the file; ``'auto'`` the first, or, for the only
            animal of a picture, the third.
        categories: Species (``category``) or families (``supercategory``) to
            keep; None for all.
        skip_unmasked: Whether animals without a mask file are left out, and
            counted in a warning: some masks cannot be made. Otherwise they are
            an error.
        carry_labels: Whether samples carry key points. Animals without any
            are left out then.
        **kwargs: See :class:`AnimalDataset`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the file is not as it should be, an option is unknown,
            or no sample is left.
    """

    #: What a picture shows, as ``mask_layout`` calls it.
    WHOSE = 'animal'
    SKELETON: Skeleton = ANIMAL3D_26

    def __init__(self,
                 ann_file: str,
                 keypoint_set: str | None = None,
                 data_prefix: dict | None = None,
                 mask_layout: str = 'auto',
                 categories: Sequence[str] | None = None,
                 skip_unmasked: bool = False,
                 carry_labels: bool = False,
                 **kwargs: Any) -> None:
        layouts = (self.WHOSE, 'annotation', 'picture', 'segmentation',
                   'auto')
        if mask_layout not in layouts:
            raise ValueError(f'mask_layout is one of {", ".join(layouts)}, '
                             f'got {mask_layout!r}')
        if carry_labels and keypoint_set is None:
            raise ValueError('carry_labels needs keypoint_set, which says '
                             'whose key points the file holds: '
                             f'{", ".join(ANIMAL_KEYPOINT_SETS)}')
        self.keypoint_set = keypoint_set
        self.mask_layout = mask_layout
        self.categories = categories
        self.skip_unmasked = skip_unmasked
        super().__init__(ann_file, data_prefix or dict(img='', mask='masks'),
                         carry_labels, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the animals."""
        animals = read_coco_animals(self.ann_file)
        order, num = np.array(self.order_in(self.SKELETON)), 0
        if self.carry_labels:
            table, num = self._table()
            order = np.array(table)[order]
        crowds: dict[str, list[CocoAnimal]] = {}
        for animal in animals:
            crowds.setdefault(animal.image, []).append(animal)
        if self.mask_layout == 'picture':
            animals = [_largest(crowd) for crowd in crowds.values()]
        index = FolderIndex()
        samples = []
        for animal in animals:
            if not self._kept(animal):
                continue
            sample = self._sample(animal, len(crowds[animal.image]), index)
            if self.carry_labels:
                keypoints, visible = animal.keypoints(num)
                if not visible.any():
                    continue
                sample.update(
                    labels_2d(keypoints, visible, order),
                    bbox=animal.corners()[None].astype(np.float32))
            samples.append(sample)
        if self.skip_unmasked:
            samples = self._masked(samples, index)
        samples = samples[::self.sample_interval]
        if not samples:
            raise ValueError(
                f'{self.ann_file}: none of its {len(animals)} animals is '
                f'left{" with key points" * self.carry_labels} with '
                f'categories={self.categories}, skip_unmasked='
                f'{self.skip_unmasked}')
        if self.check_files:
            self._check_files(samples, index,
                              f'mask_layout={self.mask_layout!r}', self.WHOSE)
        return samples

    def get_data_info(self, idx: int) -> dict:
        """Return a sample, its mask drawn where the file has it."""
        info = super().get_data_info(idx)
        if 'outline' in info:
            width, height = info.pop('picture_size')
            info['img_mask'] = fill_segmentation(info.pop('outline'), height,
                                                 width)
        return info

    def _table(self) -> tuple[tuple[int, ...], int]:
        """Return where ``SKELETON`` stands in the file, of how many."""
        return (to_animal3d_26(self.keypoint_set),
                len(ANIMAL_KEYPOINT_SETS[self.keypoint_set]))

    def _masked(self, samples: list[dict],
                index: FolderIndex) -> list[dict]:
        """Leave animals out that have no mask file."""
        masked = [sample for sample in samples
                  if sample.get('mask_path', '') in index
                  or 'outline' in sample]
        if len(masked) < len(samples):
            warnings.warn(
                f'{self.ann_file}: {len(samples) - len(masked)} of '
                f'{len(samples)} animals have no mask under '
                f'{self.data_prefix.get("mask")!r} and are left out',
                stacklevel=2)
        return masked

    def _kept(self, animal: CocoAnimal) -> bool:
        """Say whether the filter lets an animal through."""
        return self.categories is None or bool(
            {animal.category, animal.family} & set(self.categories))

    def _sample(self, animal: CocoAnimal, crowd: int,
                index: FolderIndex) -> dict:
        """Return the sample of an animal, without labels."""
        sample: dict[str, Any] = dict(
            id=animal.id, img_id=animal.entry['image_id'], domain='target',
            img_path=os.path.join(self.data_prefix['img'], animal.image),
            category=animal.category, supercategory=animal.family)
        if self.mask_layout == 'segmentation':
            sample.update(outline=animal.outline(),
                          picture_size=animal.size)
        elif 'mask' in self.data_prefix:
            sample['mask_path'] = self._mask_path(animal, crowd, index)
        return sample

    def _mask_path(self, animal: CocoAnimal, crowd: int,
                   index: FolderIndex) -> str:
        """Return where the mask of an animal lies, or should lie."""
        stem = os.path.join(self.data_prefix['mask'],
                            os.path.splitext(animal.image)[0])
        paths = {self.WHOSE: f'{stem}_{animal.number}.png',
                 'annotation': f'{stem}_{animal.id}.png',
                 'picture': f'{stem}.png'}
        if self.mask_layout != 'auto':
            return paths[self.mask_layout]
        if crowd == 1 and paths[self.WHOSE] not in index:
            return paths['picture']
        return paths[self.WHOSE]


def _largest(crowd: list[CocoAnimal]) -> CocoAnimal:
    """Return the animal of a picture that has the largest box."""
    if len(crowd) == 1:
        return crowd[0]
    return max(crowd, key=lambda animal: float(np.prod(animal.box()[2:])))
