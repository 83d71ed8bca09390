"""Photographs as backgrounds: order, crops, reduction, and bad folders."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from xas_mmpose.render.photo_background import PhotoBackground


def ramp(height: int, width: int) -> np.ndarray:
    """Return a picture whose blue is the column and green the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return image


def test_files_are_sorted_and_everything_else_is_left_out(
        tmp_path: Path) -> None:
    (tmp_path / 'b').mkdir()
    for name in ('z.png', 'b/a.PNG', 'a.jpg', 'notes.txt'):
        path = tmp_path / name
        path.write_bytes(cv2.imencode(path.suffix.lower() if path.suffix
                                      != '.txt' else '.png',
                                      ramp(9, 9))[1].tobytes())
    (tmp_path / 'folder.jpg').mkdir()
    found = [file.relative_to(tmp_path).as_posix()
             for file in PhotoBackground(tmp_path).files]
    assert found == ['a.jpg', 'b/a.PNG', 'z.png']


def test_pieces_are_square_shares_of_the_shorter_side(
        tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'ramp.png'), ramp(200, 256))
    photos = PhotoBackground(tmp_path, crop=(0.5, 0.75))
    rng = np.random.default_rng(0)
    spans, flips, tops = [], [], []
    for _ in range(200):
        piece = photos.draw(32, rng)
        assert piece.shape == (32, 32, 3)
        assert piece.dtype == np.float32
        assert 0 <= piece.min() <= piece.max() <= 1
        blue, green = piece[16, :, 0], piece[:, 16, 1]
        assert (np.diff(green) > 0).all()  # never upside down
        flips.append(blue[0] > blue[-1])
        spans.append([np.ptp(blue) * 256, np.ptp(green) * 200])
        tops.append(green[0])
    spans = np.array(spans) * 32 / 31
    # 100 to 150 px; the same along both sides.
    assert spans.min() > 95
    assert spans.max() < 155
    assert np.ptp(spans[:, 0]) > 40
    assert np.abs(spans[:, 0] - spans[:, 1]).max() < 5
    assert 70 < sum(flips) < 130
    assert min(tops) < 0.03
    assert max(tops) > 0.4


def test_the_generator_decides_whatever_is_in_memory(tmp_path: Path) -> None:
    for i in range(5):
        image = np.random.default_rng(i).integers(0, 256, (40, 50, 3))
        cv2.imwrite(str(tmp_path / f'{i}.png'), image.astype(np.uint8))
    keeps, forgets = PhotoBackground(tmp_path), PhotoBackground(
        tmp_path, num_kept=1)
    order = [*range(12), 3, 3, 7]
    drawn = [keeps.draw(16, np.random.default_rng(s)) for s in order]
    for s, piece in zip(order[::-1], drawn[::-1]):
        np.testing.assert_array_equal(
            forgets.draw(16, np.random.default_rng(s)), piece)
    assert len({piece.tobytes() for piece in drawn}) == 12
    assert len(forgets._kept) == 1


@pytest.mark.parametrize('size, shorter', [(16, 100), (32, 100), (150, 400),
                                           (500, 800)])
def test_big_photographs_are_reduced_but_never_blown_up(
        tmp_path: Path, size: int, shorter: int) -> None:
    cv2.imwrite(str(tmp_path / 'big.jpg'), ramp(800, 1000))
    photos = PhotoBackground(tmp_path, crop=(0.5, 1.0))
    piece = photos.draw(size, np.random.default_rng(4))
    kept, = photos._kept.values()
    assert min(kept.shape[:2]) == shorter
    assert shorter * 0.5 >= size or shorter == 800
    whole = PhotoBackground(tmp_path, crop=(0.5, 1.0))
    whole._kept[0, size] = cv2.imread(str(tmp_path / 'big.jpg'))
    # The same place, whatever the reduction: within a pixel of it.
    expected = whole.draw(size, np.random.default_rng(4))
    assert np.abs(piece - expected).max() < 0.04


def test_small_photographs_are_blown_up(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'small.png'), ramp(10, 12))
    assert PhotoBackground(tmp_path).draw(
        64, np.random.default_rng(0)).shape == (64, 64, 3)


@pytest.mark.parametrize('name', ['cut.jpg', 'cut.png', 'cut.webp'])
def test_photographs_that_were_cut_off_are_refused(
        tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3))
    cv2.imwrite(str(path), noise.astype(np.uint8))
    for size in (16, 200):  # reduced and whole
        PhotoBackground(tmp_path).draw(size, np.random.default_rng(0))
    path.write_bytes(path.read_bytes()[:-path.stat().st_size // 3])
    for size in (16, 200):
        with pytest.raises(ValueError, match=rf'{name}: not a picture that '
                           r'can be read \(.*\); remove it'):
            PhotoBackground(tmp_path).draw(size, np.random.default_rng(0))


def test_pictures_too_large_to_be_decoded_are_refused(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / 'bomb.png'), ramp(30, 30))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 400)
    with pytest.raises(ValueError, match=r'bomb\.png: .*decompression bomb'):
        PhotoBackground(tmp_path).draw(8, np.random.default_rng(0))


def test_bad_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='beach: no such folder'):
        PhotoBackground(tmp_path / 'beach')
    with pytest.raises(FileNotFoundError, match=r'no photographs in it .*jpg'):
        PhotoBackground(tmp_path)
    (tmp_path / 'broken.jpg').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'broken\.jpg: not a picture'):
        PhotoBackground(tmp_path).draw(8, np.random.default_rng(0))
    for crop in ((0.0, 1.0), (0.6, 0.5), (0.5, 1.1)):
        with pytest.raises(ValueError, match='range within'):
            PhotoBackground(tmp_path, crop=crop)
