from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.visualization.mask_sheet import mask_sheet


def cell(value: int = 200) -> tuple[np.ndarray, np.ndarray, str]:
    mask = np.zeros((100, 60), np.uint8)
    mask[20:80, 15:45] = 255
    return np.full((100, 60, 3), value, np.uint8), mask, 'a/0001'


def test_the_foreground_is_bright_and_outlined():
    sheet = mask_sheet([cell()], tile=84)
    assert sheet.shape == (4 + 84 + 16 + 4, 4 + 84 + 4, 3)
    tile = sheet[4:88, 4:88]
    # 60 px high, 1.4 times around it: one px is one px here.
    assert (tile[42, 42] == 200).all()
    assert (tile[42, 18] == 200 // 3).all()
    green = (tile == (60, 220, 60)).all(2)
    rows, columns = np.nonzero(green)
    assert (rows.min(), rows.max()) == (12, 71)
    assert (columns.min(), columns.max()) == (27, 56)


def test_rows_and_pictures_without_a_mask():
    image = np.full((60, 60, 3), 200, np.uint8)
    sheet = mask_sheet([cell(), (image, None, 'x'), cell(90)], columns=2,
                       tile=60)
    assert sheet.shape == (2 * (60 + 16 + 4) + 4, 2 * (60 + 4) + 4, 3)
    missing = sheet[4:64, 68:128]
    assert (missing[30, 30] == (40, 40, 230)).all()  # crossed out
    assert (missing[30, 5] == 200).all()
    assert (sheet[84:144, 68:128] == 255).all()  # no fourth


def test_the_end_of_a_long_name_is_seen():
    image, mask, _ = cell()
    first, second = (mask_sheet([(image, mask, 'x' * 80 + end)], tile=60)
                     for end in '12')
    assert not np.array_equal(first[64:80, 50:64], second[64:80, 50:64])
    short = mask_sheet([(image, mask, 'x')], tile=60)[64:80, 4:64]
    assert short[:, :10].min() < 100
    assert short[:, 12:].min() == 255


def test_nothing_makes_no_sheet():
    with pytest.raises(ValueError, match='needs pictures'):
        mask_sheet([])
