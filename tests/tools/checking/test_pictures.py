from __future__ import annotations

import cv2
import numpy as np
import pytest
from xtcocotools import mask as coco_mask


@pytest.mark.parametrize('ending', ['jpg', 'png', 'webp'])
def test_a_picture_is_whole_or_named(tool, tmp_path, ending):
    read = tool('checking.pictures').read_picture
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    path = tmp_path / f'a.{ending}'
    content = cv2.imencode(path.suffix, image)[1].tobytes()
    path.write_bytes(content)
    assert read(str(path)).shape == (40, 60, 3)
    assert read(str(path), gray=True).shape == (40, 60)
    # What cameras write behind the end does no harm.
    path.write_bytes(content + b'\0' * 200)
    assert read(str(path)).shape == (40, 60, 3)
    for length in (len(content) // 2, len(content) - 13):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=rf'a\.{ending} is broken off'):
            read(str(path))
    for damage in (b'', b'no picture'):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=rf'a\.{ending} cannot be read'):
            read(str(path))
    with pytest.raises(FileNotFoundError, match=r'no mask .*b\.png'):
        read(str(tmp_path / 'b.png'), gray=True)


def test_masks(tool, tmp_path):
    read = tool('checking.pictures').read_mask
    picture = np.zeros((30, 40, 3), np.uint8)
    path = str(tmp_path / 'm.png')

    def write(mask):
        cv2.imwrite(path, mask)
        return read(dict(mask_path=path), picture)

    mask = np.zeros((30, 40), np.uint8)
    for value in (0, 51):
        with pytest.raises(ValueError, match=rf'm\.png is empty: .* {value}$'):
            write(mask + np.uint8(value))
    with pytest.raises(ValueError, match=r'm\.png is 40x29 px.* 40x30'):
        write(mask[:29])
    mask[5:10, 5:25] = 1
    assert write(mask).sum() == 100
    mask[5:10, 5:25] = 128
    mask[20] = 127
    assert write(mask).sum() == 100
    assert read(dict(img_mask=mask), picture).sum() == 100
    assert read({}, picture) is None
    polygon = [[4.5, 4.5, 24.5, 4.5, 24.5, 9.5, 4.5, 9.5]]
    assert read(dict(segmentation=polygon), picture).sum() == 100
    code = coco_mask.encode(np.asfortranarray(mask > 127, np.uint8))
    assert read(dict(segmentation=code), picture).sum() == 100
    assert read(dict(segmentation=[[1, 2]]), picture) is None
