"""The paper of drawings: pixels, places, colours."""
from __future__ import annotations

import sys
from threading import Thread

import numpy as np
import pytest
from matplotlib import pyplot as plt

from xas_mmpose.visualization.sheet import Box, Sheet, paste_axes

module = sys.modules[Sheet.__module__]


def test_places_are_pixels_from_the_upper_left_corner():
    sheet = Sheet(60, 40)
    sheet.dots(np.array([[10.5, 5.5]]), [(1.0, 0, 0)], 9, edge='none')
    # Three px.
    sheet.lines([np.array([[0, 30.5], [60, 30.5]])], 'blue', 2.16)
    picture = sheet.draw()
    assert picture.shape == (40, 60, 3)
    np.testing.assert_array_equal(picture[5, 10], [0, 0, 255])
    rows, columns = np.nonzero(picture[:20].min(-1) < 250)
    assert (rows.mean(), columns.mean()) == pytest.approx((5, 10), abs=0.1)
    np.testing.assert_array_equal(picture[30, 5:55], [[255, 0, 0]] * 50)
    np.testing.assert_array_equal(picture[[27, 33]], 255)


def test_boxes_clip_and_later_things_lie_on_top():
    sheet = Sheet(60, 40)
    box = Box(20, 10, 15, 8)
    sheet.paste(np.full((3, 3, 3), [10, 200, 30], np.uint8), box)
    across = [np.array([[0, 14.], [60, 14]])]
    sheet.lines(across, 'red', 3, box)
    sheet.lines(across, (0, 0, 1.0), 3, box)
    picture = sheet.draw()
    inside = np.zeros((40, 60), bool)
    inside[box.part] = True
    np.testing.assert_array_equal(picture[~inside], 255)
    np.testing.assert_array_equal(picture[14, 20:35], [[255, 0, 0]] * 15)
    np.testing.assert_array_equal(picture[10, 20:35], [[30, 200, 10]] * 15)


def test_opacity_and_dashes():
    sheet = Sheet(100, 20)
    sheet.lines([np.array([[0, 5.], [100, 5]])], 'black', 3, alpha=0.5)
    sheet.lines([np.array([[0, 15.], [100, 15]])], 'black', 3, dashed=True)
    picture = sheet.draw()[..., 0].astype(int)
    np.testing.assert_allclose(picture[5, 5:95], 127, atol=2)
    assert 0.3 < (picture[15] > 200).mean() < 0.6


def test_words_are_no_mathematics():
    pictures = []
    for text in (r'a_$\frac$', 'a'):
        sheet = Sheet(120, 30)
        sheet.words(5, 5, text, 10)
        pictures.append(sheet.draw())
    columns = [np.nonzero((p < 200).any((0, 2)))[0] for p in pictures]
    assert columns[0].min() == columns[1].min() >= 5
    assert columns[0].max() > columns[1].max() + 20


def test_equal_axes_are_drawn_once(monkeypatch):
    module._axes_picture.cache_clear()
    asked = []
    figure = module.Figure
    monkeypatch.setattr(module, 'Figure', lambda **options: (
        asked.append(options), figure(**options))[1])
    sheets = [Sheet(200, 160) for _ in range(3)]
    asked.clear()
    for sheet, limit in zip(sheets, (1000, 1000, 1200)):
        paste_axes(sheet, Box(60, 24, 100, 100), (59, 24, 12, 36),
                   (-limit, limit), 'x (mm)', (limit, -limit), 'y (mm)')
    assert len(asked) == 2
    first, second, third = (sheet.draw() for sheet in sheets)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
    # The frame stands around the box.
    dark = (first < 100).all(-1)
    assert dark[24, 62:158].all()
    assert dark[24 + 99:24 + 101, 62:158].any(0).all()
    assert dark[26:122, 59:61].any(1).all()


def test_labels_name_their_unit(monkeypatch):
    """All words of the axes of a drawing, as matplotlib was told."""
    from xas_mmpose.skeletons import HUMAN36M_18
    from xas_mmpose.visualization import draw_hypotheses
    module._axes_picture.cache_clear()
    axes = []
    figure = module.Figure
    monkeypatch.setattr(module, 'Figure', lambda **options: (
        axes.append(figure(**options)), axes[-1])[1])
    rng = np.random.default_rng(0)
    draw_hypotheses(
        np.zeros((8, 8, 3), np.uint8), None, np.zeros((18, 2)),
        rng.uniform(-600, 600, (2, 18, 3)), np.ones((2, 18)), HUMAN36M_18,
        depth_profiles=(np.linspace(-900, 900, 8), rng.random((18, 8))))
    front, side, strips = (f.axes[0] for f in axes if f.axes)
    assert front.get_xlabel() == 'x (mm, right)'
    assert side.get_xlabel() == strips.get_xlabel() == 'depth (mm, away)'
    assert front.get_ylabel() == side.get_ylabel() == 'y (mm, down)'
    for view in (front, side):
        # Equal scales, y down.
        assert view.get_xlim() == (-1000, 1000)
        assert view.get_ylim() == (1000, -1000)
    assert strips.get_xlim() == (-1000, 1000)
    assert [t.get_text() for t in strips.get_yticklabels()] == list(
        HUMAN36M_18.keypoint_names)


def test_threads_and_figures_are_left_alone():
    def draw():
        sheet = Sheet(80, 60)
        for number in range(20):
            sheet.lines([np.array([[0, number], [80, 3. * number]])], 'k', 1)
        pictures.append(sheet.draw())

    pictures: list[np.ndarray] = []
    threads = [Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 4
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])
    # Nothing that pyplot would keep.
    assert plt.get_fignums() == []
