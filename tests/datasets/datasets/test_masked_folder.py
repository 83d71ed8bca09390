from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets import MaskedFolderDataset
from xas_mmpose.datasets.transforms import (
    CubeAffine,
    GetCubeBox,
    LoadMask,
    RemoveBackground,
)

#: Width and height differ from picture to picture.
PICTURES = {'b.jpg': (60, 90), 'clip/2.PNG': (90, 60), 'clip/10.png': (50, 50),
            'clip/x/0.jpeg': (40, 70)}


def save_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', image)[1].tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, (width, height) in PICTURES.items():
        image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), np.uint8)
        mask[12:41, 10:31] = 255
        save_picture(tmp_path / 'images' / name, image)
        save_picture((tmp_path / 'masks' / name).with_suffix('.png'), mask)
    return tmp_path


def paths(dataset: MaskedFolderDataset, key: str, root: Path) -> list[str]:
    return [str(Path(dataset.get_data_info(i)[key]).relative_to(root))
            for i in range(len(dataset))]


def test_every_picture_has_its_mask(folder: Path):
    dataset = DATASETS.build(dict(type='MaskedFolderDataset',
                                  data_root=str(folder)))
    assert paths(dataset, 'img_path', folder / 'images') == [
        'b.jpg', 'clip/10.png', 'clip/2.PNG', 'clip/x/0.jpeg']
    assert paths(dataset, 'mask_path', folder / 'masks') == [
        'b.png', 'clip/10.png', 'clip/2.png', 'clip/x/0.png']
    info = dataset.get_data_info(2)
    assert (info['id'], info['img_id'], info['domain']) == (2, 2, 'target')
    assert info['dataset_name'] == 'human36m_18'
    assert not {'keypoints', 'keypoints_3d', 'root_camera', 'bbox',
                'camera_param'} & set(info)


def test_masks_inside_the_folder_of_pictures(folder: Path):
    (folder / 'masks').rename(folder / 'images/masks')
    dataset = MaskedFolderDataset(
        data_root=str(folder / 'images'),
        data_prefix=dict(img='', mask='masks'))
    assert paths(dataset, 'img_path', folder / 'images') == [
        'b.jpg', 'clip/10.png', 'clip/2.PNG', 'clip/x/0.jpeg']


def test_what_is_no_picture_is_passed_over(folder: Path):
    (folder / 'images/notes.txt').write_text('x')
    (folder / 'images/._b.jpg').write_bytes(b'x')
    (folder / 'images/.cache').mkdir()
    (folder / 'images/.cache/a.jpg').write_bytes(b'x')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        MaskedFolderDataset(data_root=str(folder))
    assert len(MaskedFolderDataset(data_root=str(folder))) == 4


@pytest.mark.parametrize('name', ['IMG_1.HEIC', 'a.gif', 'clip/walk.mov'])
def test_pictures_that_are_not_read_are_named(folder: Path, name: str):
    (folder / 'images' / name).write_bytes(b'x')
    with pytest.warns(UserWarning, match=f'1 pictures or .*such as .*{name}'):
        assert len(MaskedFolderDataset(data_root=str(folder))) == 4


def test_interval_counts_in_each_folder(folder: Path):
    dataset = MaskedFolderDataset(data_root=str(folder), sample_interval=2)
    assert paths(dataset, 'img_path', folder / 'images') == [
        'b.jpg', 'clip/10.png', 'clip/x/0.jpeg']
    with pytest.raises(ValueError, match='starts at 1, got 0'):
        MaskedFolderDataset(data_root=str(folder), sample_interval=0)


def test_the_mask_places_the_crop(folder: Path):
    dataset = MaskedFolderDataset(data_root=str(folder), pipeline=[
        dict(type='LoadImage'), LoadMask(), GetCubeBox('mask'),
        CubeAffine((32, 32)), RemoveBackground()])
    sample = dataset[0]
    # The person covers 10..30 x 12..40: 29 px high, 1.25 times that.
    np.testing.assert_allclose(sample['bbox_scale'], [[36.25, 36.25]])
    np.testing.assert_allclose(sample['bbox_center'], [[20, 26]])
    assert sample['img'].shape == (32, 32, 3)
    assert (sample['img'][sample['img_mask'] == 0] == 0).all()


def test_a_missing_mask_is_named(folder: Path):
    (folder / 'masks/clip/2.png').unlink()
    with pytest.raises(FileNotFoundError,
                       match=r'no mask in .*masks/clip for .*2\.PNG: every'):
        MaskedFolderDataset(data_root=str(folder))


def test_bad_folders_are_named(folder: Path):
    for name in ('images', 'masks'):
        save_picture(folder / name / 'b.png', np.zeros((9, 9), np.uint8))
    with pytest.raises(ValueError, match=r'b\.jpg and b\.png in .*images'):
        MaskedFolderDataset(data_root=str(folder))
    with pytest.raises(ValueError, match='lie in one folder'):
        MaskedFolderDataset(data_root=str(folder), data_prefix=dict(
            img='images', mask='images'))
    with pytest.raises(ValueError, match='img and mask'):
        MaskedFolderDataset(data_root=str(folder),
                            data_prefix=dict(img='images'))
    with pytest.raises(FileNotFoundError, match=r'folder of pictures .*none'):
        MaskedFolderDataset(data_root=str(folder), data_prefix=dict(
            img='none', mask='masks'))
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match=r'no picture below .*empty'):
        MaskedFolderDataset(data_root=str(folder), data_prefix=dict(
            img='empty', mask='masks'))


@pytest.mark.parametrize('broken, error, message', [
    ('images/b.jpg', Exception, r'images/b\.jpg'),
    ('masks/b.png', ValueError, r'masks/b\.png cannot be read'),
])
def test_a_broken_picture_is_named(folder: Path, broken: str,
                                   error: type[Exception], message: str):
    path = folder / broken
    path.write_bytes(path.read_bytes()[:20])
    dataset = MaskedFolderDataset(data_root=str(folder), pipeline=[
        dict(type='LoadImage'), dict(type='LoadMask')])
    with pytest.raises(error, match=message):
        dataset[0]
    cv2.imwrite(str(path), np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(ValueError, match='make the mask from the picture'):
        dataset[0]
