"""MPII Human Pose: people in the wild, with masks and 2D key points."""
from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from xas_mmpose.datasets.joint_tables import MPII_16_TO_HUMAN36M_18
from xas_mmpose.datasets.mpii_files import MpiiPerson, read_mpii
from xas_mmpose.skeletons import HUMAN36M_18

from .base import BasePoseDataset3D
from .file_checks import FolderIndex


@DATASETS.register_module()
class XasMpiiDataset(BasePoseDataset3D):
    """MPII: unlabelled target pictures, or 2D truth to validate with.

    One sample a person. The 16 key points become those of ``HUMAN36M_18``:
    pelvis, upper neck and top of the head under the names root, neck and
    head; torso and nose are not in MPII and never visible. Pixels count from
    0 here, from 1 in the files. There is no camera and nothing in 3D.

    ``carry_labels`` gives ``keypoints`` (1, 18, 2) image px,
    ``keypoints_visible`` (1, 18), ``bbox`` and, where known, ``head_size``
    (1, 1) px. ``GetCubeBox`` with rule ``root`` then takes that box, the
    authors' protocol on this set, and with rule ``mask`` the mask.

    Args:
        ann_file: MPII's own ``mpii_human_pose_v1_u12_1.mat``, or one of the
            lists ``mpii_{train,val,trainval,test}.json``.
        data_prefix: Folders ``img`` and, for masks, ``mask``, relative to
            ``data_root``.
        split: ``'train'`` or ``'test'``: which pictures of MPII's own file.
        headbox_file: ``mpii_gt_val.mat``, relative to ``data_root``, for the
            list ``mpii_val.json``.
        mask_layout: The mask of person n, from 0, of ``a.jpg``:
            ``'person'`` ``a_n.png``; ``'picture'`` ``a.png`` or ``a.jpg`` for
            all, the authors' layout; ``'auto'`` the former, or, for the only
            person of a picture, the latter.
        carry_labels: Whether samples carry key points. People without any
            are left out then.
        carry_box: Whether unlabelled samples carry ``bbox``.
        **kwargs: See :class:`BasePoseDataset3D`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not as it should be, the metainfo asks for
            key points that are not in ``HUMAN36M_18``, or no sample is left.
    """

    def __init__(self,
                 ann_file: str,
                 data_prefix: dict | None = None,
                 split: str = 'train',
                 headbox_file: str | None = None,
                 mask_layout: str = 'auto',
                 carry_labels: bool = False,
                 carry_box: bool = False,
                 **kwargs: Any) -> None:
        if mask_layout not in ('person', 'picture', 'auto'):
            raise ValueError("mask_layout is 'person', 'picture' or 'auto', "
                             f'got {mask_layout!r}')
        self.split = split
        self.headbox_file = headbox_file
        self.mask_layout = mask_layout
        self.carry_labels = carry_labels
        self.carry_box = carry_box
        super().__init__(ann_file=ann_file,
                         data_prefix=data_prefix or dict(img='images'),
                         **kwargs)

    def _join_prefix(self) -> None:
        """Make ``headbox_file`` relative to ``data_root``, too."""
        super()._join_prefix()
        if self.headbox_file and self.data_root:
            self.headbox_file = os.path.join(self.data_root,
                                             self.headbox_file)

    def load_data_list(self) -> list[dict]:
        """List the people."""
        people = read_mpii(self.ann_file, self.split, self.headbox_file)
        order = np.array(MPII_16_TO_HUMAN36M_18)[self.order_in(HUMAN36M_18)]
        crowds: dict[str, int] = {}
        for person in people:
            crowds[person.image] = max(crowds.get(person.image, 0),
                                       person.person + 1)
        if self.carry_labels:
            people = [p for p in people if p.visible is not None
                      and p.visible.any()]
        people = people[::self.sample_interval]
        if not people:
            raise ValueError(f'{self.ann_file} has nobody'
                             f'{" with key points" * self.carry_labels} in '
                             f'split {self.split!r}')
        index = FolderIndex()
        samples = [self._sample(i, person, crowds[person.image], order, index)
                   for i, person in enumerate(people)]
        if self.check_files:
            self._check_files(samples, index,
                              f'mask_layout={self.mask_layout!r}')
        return samples

    def _sample(self, number: int, person: MpiiPerson, crowd: int,
                order: np.ndarray, index: FolderIndex) -> dict:
        """Return the sample of a person."""
        sample: dict[str, Any] = dict(
            id=number, img_id=number, domain='target',
            img_path=os.path.join(self.data_prefix['img'], person.image),
            subject=person.person)
        if 'mask' in self.data_prefix:
            sample['mask_path'] = self._mask_path(person, crowd, index)
        if self.carry_labels or self.carry_box:
            sample['bbox'] = person.box[None].astype(np.float32)
        if self.carry_labels:
            known = (order >= 0) & person.visible[order]
            sample['keypoints'] = np.where(known[:, None],
                                           person.keypoints[order], 0)[None]
            sample['keypoints_visible'] = known[None].astype(np.float32)
            if person.head_size is not None:
                sample['head_size'] = np.array([[person.head_size]],
                                               np.float32)
        return sample

    def _mask_path(self, person: MpiiPerson, crowd: int,
                   index: FolderIndex) -> str:
        """Return where the mask of a person lies, or should lie."""
        stem = os.path.join(self.data_prefix['mask'],
                            os.path.splitext(person.image)[0])
        own = f'{stem}_{person.person}.png'
        if self.mask_layout == 'person' or (
                self.mask_layout == 'auto' and own in index):
            return own
        if self.mask_layout == 'picture' or crowd == 1:
            return f'{stem}.jpg' if f'{stem}.jpg' in index else f'{stem}.png'
        return own
