from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.transforms import (
    CubeAffine,
    LoadMask,
    RemoveBackground,
)


def sample(tmp_path, mask, size=(20, 30)):
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), mask)
    return dict(img=np.zeros((*size, 3), np.uint8), img_path='picture.jpg',
                mask_path=str(path))


def test_masks_are_grey_and_keep_their_values(tmp_path):
    mask = np.zeros((20, 30), np.uint8)
    mask[3:9, 4:6] = 255
    mask[10, 10] = 80
    out = LoadMask()(sample(tmp_path, mask))['img_mask']
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, mask)
    colour = np.repeat(mask[..., None], 3, -1)
    np.testing.assert_array_equal(
        LoadMask()(sample(tmp_path, colour))['img_mask'], mask)
    ones = (mask == 255).astype(np.uint8)
    np.testing.assert_array_equal(
        LoadMask()(sample(tmp_path, ones))['img_mask'], ones * 255)


def test_a_mask_that_the_data_set_made_stays(tmp_path):
    results = sample(tmp_path, np.full((20, 30), 255, np.uint8))
    made = np.eye(20, 30, dtype=np.uint8)
    results.update(img_mask=made, mask_path=None)
    assert LoadMask()(results)['img_mask'] is made
    # Polygons of a file that another picture than its own lies beside.
    results['img'] = np.zeros((21, 30, 3), np.uint8)
    with pytest.raises(ValueError, match=r'is 30x20 px.*picture\.jpg 30x21'):
        LoadMask()(results)


def test_bad_masks_are_named(tmp_path):
    full = np.full((20, 30), 255, np.uint8)
    with pytest.raises(ValueError,
                       match=r'mask\.png is 30x20 px.*picture\.jpg 31x20'):
        LoadMask()(sample(tmp_path, full, (20, 31)))
    with pytest.raises(ValueError, match=r'mask\.png is empty'):
        LoadMask()(sample(tmp_path, full * 0))
    with pytest.raises(ValueError, match=r'mask\.png is empty'):
        LoadMask()(sample(tmp_path, full // 2))
    results = sample(tmp_path, full)
    (tmp_path / 'mask.png').write_text('no picture')
    with pytest.raises(ValueError, match=r'mask\.png cannot be read'):
        LoadMask()(results)
    (tmp_path / 'mask.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'mask\.png.*picture\.jpg'):
        LoadMask()(results)
    with pytest.raises(ValueError, match='behind LoadImage'):
        LoadMask()(dict(mask_path=results['mask_path']))


@pytest.mark.parametrize('required, more, passes', [
    ('datasets', {}, True),
    ('datasets', dict(sample_idx=0), False),  # MMEngine's data sets
    ('datasets', dict(dataset=None), False),  # MMPose's
    ('datasets', dict(domain='target'), False),  # ours
    (True, {}, False),
    (False, dict(dataset=None, domain='target'), True),
])
def test_a_sample_without_mask(required, more, passes):
    results = dict(img=np.ones((2, 2, 3), np.uint8), img_path='picture.jpg',
                   **more)
    load, remove = LoadMask(required), RemoveBackground(required)
    if passes:
        assert set(load(dict(results))) == set(results)
        np.testing.assert_array_equal(remove(dict(results))['img'],
                                      results['img'])
        return
    with pytest.raises(ValueError, match=r'picture\.jpg has no mask_path'):
        load(dict(results))
    with pytest.raises(ValueError, match=r'picture\.jpg has no img_mask'):
        remove(dict(results))


@pytest.mark.parametrize('step', [LoadMask, RemoveBackground])
def test_the_choice_of_what_is_required(step):
    assert step().required == 'datasets'
    with pytest.raises(ValueError, match="got 'some'"):
        step('some')


def test_background_is_removed_with_rounding():
    image = np.full((1, 3, 3), 201, np.uint8)
    mask = np.array([[0, 128, 255]], np.uint8)
    out = RemoveBackground()(dict(img=image, img_mask=mask))['img']
    assert out.dtype == np.uint8
    # 201 * 128 / 255 = 100.9
    assert out[0].tolist() == [[0] * 3, [101] * 3, [201] * 3]
    with pytest.raises(ValueError, match=r'mask is 2x1 px here.*3x1'):
        RemoveBackground()(dict(img=image, img_mask=mask[:, :2]))


def test_each_value_under_each_mask_is_rounded():
    values = np.arange(256, dtype=np.uint8)
    image = np.repeat(np.repeat(values[:, None, None], 256, 1), 3, 2)
    mask = np.repeat(values[None], 256, 0)
    out = RemoveBackground()(dict(img=image, img_mask=mask))['img']
    # Whole numbers: a half cannot occur, as 255 is odd.
    expected = (2 * values[:, None].astype(int) * values + 255) // 510
    for channel in range(3):
        np.testing.assert_array_equal(out[..., channel], expected)


def test_golden_loader_item(goldens):
    golden = np.load(goldens / '14_loader_items.npz')
    cx, cy, w, h = golden['box_cx_cy_w_h'].astype(float)
    size = golden['hm36_img'].shape[-1]
    results = CubeAffine((size, size), supersampling=1)(dict(
        img=golden['image_bgr'], img_mask=golden['mask'],
        bbox_center=np.array([[cx, cy]]), bbox_scale=np.array([[w, h]])))
    mask = golden['hm36_mask'][0] * 255
    assert np.abs(results['img_mask'] - mask).max() <= 5
    # From the stored mask: its soft edge differs between OpenCV versions.
    results['img_mask'] = np.rint(mask).astype(np.uint8)
    image = RemoveBackground()(results)['img'][..., ::-1]
    expected = golden['hm36_img'].transpose(1, 2, 0) * 255
    assert np.abs(image - expected).max() <= 5
    assert np.abs(image - expected).mean() < 0.5


def test_a_data_set_without_masks_is_refused(fake_h36m):
    options = dict(fake_h36m.options, data_prefix=dict(img='images'))
    dataset = XasHuman36mDataset(
        test_mode=True, pipeline=[dict(type='LoadImage'),
                                  dict(type='LoadMask')], **options)
    with pytest.raises(ValueError, match=r'has no mask_path: give the data'):
        dataset[0]
