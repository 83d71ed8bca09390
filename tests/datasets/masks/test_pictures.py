"""Pictures as phones, scanners and editors leave them."""
from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.datasets.transforms import LoadImage
from PIL import Image

from xas_mmpose.datasets.masks import (
    NoMaskError,
    UnreadableError,
    read_picture,
    write_masks,
)
from xas_mmpose.datasets.transforms import LoadMask

#: Wide and upright: what a camera on its side stores of this is high.
UPRIGHT = np.zeros((40, 60, 3), np.uint8)
UPRIGHT[:, :20] = (220, 40, 40)
UPRIGHT[:10, 20:] = (40, 220, 40)
#: Turn the stored picture right by 90 degrees to see it upright.
ON_ITS_SIDE = 6


def save(path: Path, kind: str) -> None:
    """Write the picture as one kind of program would."""
    exif = Image.Exif()
    rgb = Image.fromarray(np.ascontiguousarray(UPRIGHT[..., ::-1]))
    if kind.startswith('turned'):
        exif[0x0112] = ON_ITS_SIDE
        rgb.transpose(Image.Transpose.ROTATE_90).save(
            path, exif=exif, **dict(quality=95) if path.suffix == '.jpg'
            else {})
    elif kind == '16 bits':
        cv2.imwrite(str(path), UPRIGHT.astype(np.uint16) * 257)
    else:
        rgb.convert(kind).save(path)


@pytest.mark.parametrize('name, kind', [
    ('phone.jpg', 'turned'), ('phone.png', 'turned png'),
    ('phone.tif', 'turned tif'), ('cut out.png', 'RGBA'), ('a.png', 'P'),
    ('print.jpg', 'CMYK'), ('old.png', 'L'), ('deep.png', '16 bits'),
    ('прогулка.jpg', 'RGB'), ('plain.jfif', 'RGB')])
def test_masks_see_what_the_training_sees(name: str, kind: str,
                                          tmp_path: Path):
    if name.endswith('.jfif'):
        save(tmp_path / 'plain.jpg', kind)
        (tmp_path / 'plain.jpg').rename(tmp_path / name)
    else:
        save(tmp_path / name, kind)
    image = read_picture(tmp_path / name)
    loaded = LoadImage().transform(dict(img_path=str(tmp_path / name)))
    assert np.array_equal(image, loaded['img'])
    assert image.shape == UPRIGHT.shape
    assert image.dtype == np.uint8
    target = (cv2.cvtColor(UPRIGHT, cv2.COLOR_BGR2GRAY)[..., None]
              if kind == 'L' else UPRIGHT)
    # jpeg, CMYK and palettes cost some.
    assert np.abs(image.astype(int) - target).mean() < 10


def test_a_phones_picture_and_its_mask_lie_alike(tmp_path: Path):
    class Blue:
        """Takes what is blue for the person."""

        def make(self, image: np.ndarray, person: None) -> np.ndarray:
            return (image[..., 0] > 128).astype(np.uint8) * 255

        def used(self) -> dict:
            return {}

        __dataclass_fields__: dict = {}

    (tmp_path / 'images').mkdir()
    save(tmp_path / 'images/phone.jpg', 'turned')
    write_masks(tmp_path / 'images', tmp_path / 'masks', Blue(),
                progress=False)
    sample = LoadImage().transform(dict(
        img_path=str(tmp_path / 'images/phone.jpg')))
    mask = LoadMask().transform(dict(
        sample, mask_path=str(tmp_path / 'masks/phone.png')))['img_mask']
    expected = np.zeros((40, 60), bool)
    expected[:, :20] = True
    assert np.array_equal(mask > 127, expected)


def png_of(width: int, height: int) -> bytes:
    """Return a png that says how large it is, and holds little of it."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))

    return (b'\x89PNG\r\n\x1a\n'
            + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 1, 0, 0,
                                         0, 0))
            + chunk(b'IDAT', zlib.compress(bytes(99))) + chunk(b'IEND', b''))


@pytest.mark.parametrize('content, said', [
    (b'', 'empty.png cannot be read as a picture'),
    (b'no picture', 'empty.png cannot be read as a picture$'),
    (png_of(40000, 40000), 'empty.png cannot be read .*PIXELS')])
def test_what_cannot_be_read_is_named(content: bytes, said: str,
                                      tmp_path: Path):
    (tmp_path / 'empty.png').write_bytes(content)
    with pytest.raises(UnreadableError, match=said):
        read_picture(tmp_path / 'empty.png')
    with pytest.raises(NoMaskError, match=r'gone\.png cannot be read .*gone'):
        read_picture(tmp_path / 'gone.png')
