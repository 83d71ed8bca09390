from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets import TikTokDataset
from xas_mmpose.datasets.datasets.tiktok import TIKTOK_SPLITS

#: Frames and width x height of the videos: portrait, and not.
VIDEOS = {34: (6, (60, 108)), 326: (5, (108, 60)), 7: (4, (50, 50))}


def save_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def tiktok(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for video, (frames, (width, height)) in VIDEOS.items():
        folder = tmp_path / f'{video:05d}'
        for i in range(1, frames + 1):
            image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
            # The masks of the set have three equal channels.
            mask = np.zeros((height, width, 3), np.uint8)
            mask[10:40, 10 + i:20 + i] = 255
            for name, picture in (('images', image), ('masks', mask),
                                  ('densepose', image)):
                save_picture(folder / name / f'{i:04d}.png', picture)
    (tmp_path / 'TikTok_Raw_Videos').mkdir()
    return tmp_path


def frames(dataset: TikTokDataset) -> list[tuple[int, str]]:
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['subject'], Path(info['img_path']).stem) for info in infos]


def test_the_authors_split():
    assert len(TIKTOK_SPLITS['train']) == 41
    assert len(set(TIKTOK_SPLITS['train'])) == 41
    assert sum(TIKTOK_SPLITS['train']) == 6089
    assert TIKTOK_SPLITS['test'] == (326, )


def test_frames_between_the_ends(tiktok: Path):
    dataset = DATASETS.build(dict(
        type='TikTokDataset', data_root=str(tiktok), videos=[326, 34],
        trim=2))
    assert frames(dataset) == [(326, '0003'), (34, '0003'), (34, '0004')]
    info = dataset.get_data_info(2)
    assert info['mask_path'] == str(tiktok / '00034/masks/0004.png')
    assert (info['id'], info['domain']) == (2, 'target')
    assert not {'keypoints', 'keypoints_3d', 'bbox', 'camera_param'} & set(
        info)
    assert frames(TikTokDataset(str(tiktok), [34], trim=0,
                                sample_interval=4)) == [(34, '0001'),
                                                        (34, '0005')]
    assert frames(TikTokDataset(str(tiktok), 'test', trim=2)) == [
        (326, '0003')]


def test_all_videos_that_are_there(tiktok: Path):
    dataset = TikTokDataset(str(tiktok), videos=None, trim=0)
    assert [video for video, _ in frames(dataset)] == (
        [7] * 4 + [34] * 6 + [326] * 5)


def test_any_orientation_is_cropped(tiktok: Path):
    dataset = TikTokDataset(
        str(tiktok), videos=None, trim=0, pipeline=[
            dict(type='LoadImage'), dict(type='LoadMask'),
            dict(type='GetCubeBox', rule='mask', padding=1.0),
            dict(type='CubeAffine', input_size=(30, 30)),
            dict(type='PackXasInputs')])
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        # The person is 10 px wide and 30 px high.
        assert sample.gt_instances.bbox_scales.tolist() == [[30, 30]]
        mask = sample.gt_fields.masks.numpy()[0] > 127
        assert abs(mask.sum() - 300) <= 30


def test_what_is_missing_is_named(tiktok: Path):
    with pytest.raises(FileNotFoundError,
                       match=r'00035, 00036, 00037 \(and more\); it has 3'):
        TikTokDataset(str(tiktok), 'train')
    with pytest.raises(ValueError, match=r'00007/images has 4 frames.*trim=2'):
        TikTokDataset(str(tiktok), [7], trim=2)
    (tiktok / '00007/masks/0002.png').unlink()
    with pytest.raises(FileNotFoundError,
                       match=r'no mask in .*00007/masks for .*0002\.png'):
        TikTokDataset(str(tiktok), [7], trim=0)
    (tiktok / '00034/images').rename(tiktok / '00034/frames')
    with pytest.raises(FileNotFoundError, match='00034/images'):
        TikTokDataset(str(tiktok), [34])
    with pytest.raises(FileNotFoundError, match='data_root is TikTok'):
        TikTokDataset(str(tiktok / 'nowhere'))
    with pytest.raises(FileNotFoundError, match='no folder of a video'):
        TikTokDataset(str(tiktok / '00034'), None)
    with pytest.raises(ValueError, match=r"one of train, test, .*'val'"):
        TikTokDataset(str(tiktok), 'val')
    with pytest.raises(ValueError, match='trim starts at 0'):
        TikTokDataset(str(tiktok), trim=-1)
    with pytest.raises(ValueError, match='sample_interval starts at 1'):
        TikTokDataset(str(tiktok), [34], sample_interval=0)
