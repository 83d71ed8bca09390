"""TikTok's dance videos: frames and masks, no labels."""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from mmpose.registry import DATASETS

from .base import BasePoseDataset3D
from .masked_folder import masked_pictures, pictures_below, target_sample

#: The videos that the authors' released code (arXiv 2411.13026) trains and
#: tests with.
TIKTOK_SPLITS = dict(
    train=(34, 35, 36, 37, 40, 42, 43, 44, 45, 58, 59, 61, 62, 63, 76, 77,
           104, 107, 112, 140, 142, 144, 146, 152, 158, 165, 195, 208, 221,
           234, 238, 249, 251, 257, 275, 277, 280, 283, 303, 313, 323),
    test=(326, ))


@DATASETS.register_module()
class TikTokDataset(BasePoseDataset3D):
    """TikTok dances (Jafarian and Park, CVPR 2021): unlabelled pictures.

    Reads the set as it is downloaded, ``00034/images/0001.png`` with
    ``00034/masks/0001.png``, whatever the shape of the pictures. Nothing is
    known of the camera, so crops follow the mask (``GetCubeBox``, rule
    ``mask``); ``subject`` is the number of the video.

    Args:
        data_root: ``TikTok_dataset``, the folder of the videos' folders.
        videos: Numbers of the videos, or a key of :data:`TIKTOK_SPLITS`;
            None for all that are there.
        trim: Frames that are left out at both ends of a video, as people
            walk to and from the camera then; the authors' is 20.
        **kwargs: See :class:`BasePoseDataset3D`. ``sample_interval`` counts
            within each video, from the first frame that is left.
            ``check_files`` plays no role: the folders are read in any case.

    Raises:
        FileNotFoundError: If a video, or the mask of a frame, is missing.
        ValueError: If a video has no frame between its ends.
    """

    def __init__(self,
                 data_root: str,
                 videos: str | Sequence[int] | None = 'train',
                 trim: int = 20,
                 **kwargs: Any) -> None:
        if isinstance(videos, str):
            if videos not in TIKTOK_SPLITS:
                raise ValueError(
                    f'videos is one of {", ".join(TIKTOK_SPLITS)}, a list of '
                    f'numbers, or None for all, got {videos!r}')
            videos = TIKTOK_SPLITS[videos]
        if trim < 0:
            raise ValueError(f'trim starts at 0, got {trim}')
        self.videos = videos
        self.trim = trim
        super().__init__(data_root=data_root, data_prefix=dict(img=''),
                         **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the frames of the videos."""
        samples: list[dict] = []
        for video in self._numbers():
            folder = os.path.join(self.data_root, f'{video:05d}')
            images, masks = (os.path.join(folder, name)
                             for name in ('images', 'masks'))
            names = dict(pictures_below(images)).get('', [])
            kept = names[self.trim:len(names) - self.trim]
            if not kept:
                raise ValueError(
                    f'{images} has {len(names)} frames: none is left between '
                    f'its ends with trim={self.trim}. Was it copied in '
                    'full? Or take it off videos')
            pairs = masked_pictures(images, masks,
                                    kept[::self.sample_interval])
            samples += [target_sample(number, *pair, subject=video)
                        for number, pair in enumerate(pairs, len(samples))]
        return samples

    def _numbers(self) -> list[int]:
        """Return the numbers of the videos, each of which is there."""
        if not os.path.isdir(self.data_root):
            raise FileNotFoundError(
                f'there is no folder {self.data_root}: data_root is '
                'TikTok_dataset, the folder of the folders 00001, 00002, ...')
        present = sorted(
            int(name) for name in os.listdir(self.data_root)
            if len(name) == 5 and name.isdecimal())
        wanted = present if self.videos is None else list(self.videos)
        missing = [f'{v:05d}' for v in wanted if v not in present]
        if missing or not wanted:
            raise FileNotFoundError(
                f'{self.data_root} has no folder '
                f'{", ".join(missing[:3]) or "of a video"}'
                f'{" (and more)" if len(missing) > 3 else ""}; it has '
                f'{len(present)} folders of videos, named 00001, 00002, ...')
        return wanted
