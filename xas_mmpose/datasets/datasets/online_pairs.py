"""Synthetic pairs made while the training goes on, nothing on disk."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmpose.registry import DATASETS

from xas_mmpose.render import SceneSettings
from xas_mmpose.render.camera_effects import CameraEffects
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.resumable import one_thread

from ..samplers import Draw
from .base import BasePoseDataset3D, label_keys

#: What concerns files alone.
_ON_DISK = ('layout', 'image_format', 'parts', 'depth')


@DATASETS.register_module()
class OnlineSyntheticPairDataset(BasePoseDataset3D):
    """Synthetic pairs that the loader's workers render.

    The samples are those of
    :class:`~xas_mmpose.datasets.datasets.SyntheticPairDataset`, with picture
    and mask in ``img`` and ``img_mask`` instead of files; ``LoadImage`` and
    ``LoadMask`` pass them on. Sample i of the p-th pass over the data set is
    a function of (seed, p, i) alone, whatever the number of workers: it is
    sample ``p * num + i`` of the endless set on disk with the same seed,
    before the JPEG compression. A training that is resumed goes on as the
    unbroken one would. Other seeds show other bodies.

    The indices of a
    :class:`~xas_mmpose.datasets.samplers.PairedSourceSampler` know their
    pass. With it no picture ever comes twice, however long an epoch is, and
    in iteration-based training too. Under another sampler an epoch counts as
    one pass, an index that is drawn twice in it gives its picture twice,
    and :class:`~xas_mmpose.engine.hooks.DatasetEpochHook` must stand in the
    config's ``custom_hooks``: without it every epoch shows the same
    pictures.

    Args:
        num: Number of pairs of a pass.
        seed: Seed of everything random.
        settings: Further arguments of
            :class:`~xas_mmpose.render.pair_generator.SyntheticSetSettings`,
            such as ``body``; ``scene``, and ``effects`` within it, as
            dictionaries.
        **kwargs: See :class:`BasePoseDataset3D`. Files play no role.

    Raises:
        ValueError: If the settings are impossible, or the bodies lack key
            points of the metainfo.
        FileNotFoundError: If a file of the settings is missing.
    """

    def __init__(self,
                 num: int,
                 seed: int = 0,
                 settings: Mapping[str, Any] | None = None,
                 **kwargs: Any) -> None:
        settings = dict(settings or {})
        misplaced = sorted(set(settings) & set(_ON_DISK))
        if misplaced:
            raise ValueError(f'{", ".join(misplaced)}: these settings are '
                             'for sets on disk, leave them out')
        scene = dict(settings.get('scene', {}))
        scene['effects'] = CameraEffects(**scene.get('effects', {}))
        settings['scene'] = SceneSettings(**scene)
        settings['poses'] = tuple(settings.get('poses', ()))
        self.settings = SyntheticSetSettings(num=num, seed=seed, **settings)
        # Workers that live on see what the main process writes here.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        super().__init__(**kwargs)

    @property
    def epoch(self) -> int:
        """The epoch whose samples plain indices stand for."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Let plain indices stand for an epoch's samples, everywhere."""
        # Again: a copy of a data set has memory of its own.
        self._epoch.share_memory_().fill_(epoch)

    def load_data_list(self) -> list[dict]:
        """List the numbers of a pass' samples, all there is to know."""
        with one_thread():
            # Forked workers get it as it is, spawned ones make it anew.
            self.generator = SyntheticSetGenerator(self.settings)
        names = self.generator.skeleton.keypoint_names
        missing = [n for n in self.keypoint_names if n not in names]
        if missing:
            raise ValueError(
                f'{self.settings.body} has no key points '
                f'{", ".join(missing)}, which the metainfo asks for; it has '
                f'{", ".join(names)}')
        self._order = [names.index(name) for name in self.keypoint_names]
        return [dict(number=i) for i in range(
            0, self.settings.num, self.sample_interval)]

    def get_data_info(self, idx: int) -> dict:
        """Render a sample.

        Args:
            idx: Index of the sample. A plain one stands for the sample of
                the epoch.

        Returns:
            The sample.
        """
        info = super().get_data_info(idx)
        passes = idx.passes if isinstance(idx, Draw) else self.epoch
        number = info.pop('number') + passes * self.settings.num
        with one_thread():
            sample = self.generator.sample(number)
        labels = label_keys(
            sample.keypoints_3d[self._order], np.ones(len(self._order)),
            sample.camera_param, self.root_index(self.settings.body))
        shown = sample.keypoints_visible[self._order] > 0
        labels['keypoints_visible'] = shown.astype(np.float32)[None]
        return dict(
            info, id=number + 1, img_id=number, domain='synthetic',
            # There is no such file: it names the sample in messages.
            img_path=f'synthetic pair {number} of seed {self.settings.seed}',
            img=sample.image, img_mask=sample.mask,
            subject=self.settings.subject_of(number),
            camera_param=sample.camera_param, **labels)
