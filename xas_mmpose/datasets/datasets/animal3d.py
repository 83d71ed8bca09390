"""Animal3D: animals in the wild with masks, and 3D truth from SMAL."""
from __future__ import annotations

import os

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.animal3d_files import Animal3dEntry, read_animal3d
from xas_mmpose.skeletons import ANIMAL3D_26

from .animals import AnimalDataset, labels_2d
from .file_checks import FolderIndex
from .masked_folder import target_sample


@DATASETS.register_module()
class XasAnimal3dDataset(AnimalDataset):
    """Animal3D: unlabelled target pictures, or 3D truth to validate with.

    Reads ``train.json`` and ``test.json`` of arXiv 2308.11737, and sets of
    the same form. ``carry_labels`` gives ``keypoints`` (1, 26, 2) image px,
    ``keypoints_3d`` (1, 26, 3) and their ``..._visible`` (1, 26).

    The truth is SMAL's model fitted to the pictures. Its units are those of
    the model, in which an animal is about 2.2 long; 1000 of what are called
    mm here are one unit, as in other work on the set. Neither the focal
    length is documented nor whether ``trans`` is in ``keypoint_3d``, so the
    files' cameras and roots are not used: there is no ``camera_param`` and
    no ``root_camera``, crop rule ``root`` is impossible, and errors are of
    poses that are centred on their roots (``tail_base``).

    Args:
        ann_file: ``train.json`` or ``test.json``.
        data_prefix: Folders ``img`` and ``mask`` that the paths in the file
            are relative to, themselves relative to ``data_root``.
        carry_labels: Whether samples carry key points.
        **kwargs: See :class:`AnimalDataset`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the file is not as it should be, or the metainfo asks
            for key points that it does not hold.
    """

    def load_data_list(self) -> list[dict]:
        """List the pictures."""
        animals = read_animal3d(self.ann_file, self.carry_labels)
        order = self.order_in(ANIMAL3D_26)
        samples = [self._sample(number, animal, order) for number, animal
                   in enumerate(animals)][::self.sample_interval]
        if self.check_files:
            self._check_files(samples, FolderIndex(),
                              'mask_path in the file', 'animal')
        return samples

    def _sample(self, number: int, animal: Animal3dEntry,
                order: list[int]) -> dict:
        """Return the sample of a picture."""
        sample = target_sample(
            number, os.path.join(self.data_prefix['img'], animal.image),
            os.path.join(self.data_prefix['mask'], animal.mask),
            category=animal.category, supercategory=animal.family)
        if self.carry_labels:
            sample.update(
                labels_2d(animal.keypoints, animal.visible, order),
                keypoints_3d=1000 * animal.keypoints_3d[order][None],
                keypoints_3d_visible=np.ones((1, len(order)), np.float32))
        return sample
