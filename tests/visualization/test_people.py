"""People of a picture below each other, each with its surroundings."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.skeletons import HUMAN36M_18
from xas_mmpose.visualization import DrawnPerson, draw_people, predicted_mask
from xas_mmpose.visualization import people as module


@pytest.fixture
def asked(monkeypatch):
    """Return what is asked to be drawn, a row of 4 x (its number) px each."""
    rows = []

    def draw(image, mask, keypoints, *_, **options):
        rows.append(dict(options, image=image, mask=mask,
                         keypoints=keypoints))
        return np.full((4, len(rows), 3), len(rows), np.uint8)

    monkeypatch.setattr(module, 'draw_hypotheses', draw)
    return rows


def person(box, **options):
    rng = np.random.default_rng(0)
    low, high = np.array(box[:2]), np.array(box[2:])
    return DrawnPerson(
        np.array(box, float), rng.uniform(low, high, (18, 2)),
        rng.uniform(-500, 500, (2, 18, 3)), np.ones((2, 18)), **options)


def test_each_has_the_part_around_its_box(asked):
    image = np.arange(100 * 200 * 3).reshape(100, 200, 3).astype(np.uint8)
    mask = np.zeros((100, 200), bool)
    mask[40:60, 90:110] = True
    people = [person([90, 40, 110, 60], mask=mask,
                     ranking=dict(first='mean')), person([0, 80, 20, 95])]
    drawn = draw_people(image, people, HUMAN36M_18, 'a', panel_size=50)
    # 1.4 times the longer side, and no more than there is.
    np.testing.assert_array_equal(asked[0]['image'], image[36:64, 86:114])
    np.testing.assert_array_equal(asked[0]['mask'], mask[36:64, 86:114])
    np.testing.assert_allclose(asked[0]['keypoints'],
                               people[0].keypoints - [86, 36])
    np.testing.assert_array_equal(asked[1]['image'], image[73:100, :24])
    assert asked[1]['mask'] is None
    assert [row['title'] for row in asked] == ['a', 'person 2']
    assert {row['panel_size'] for row in asked} == {50}
    assert [row['ranking'] for row in asked] == [dict(first='mean'), None]
    assert asked[0]['skeleton_mask'] is None
    # White stands beside the narrower one.
    assert drawn.shape == (8, 2, 3)
    assert drawn[:4, 1].min() == 255
    assert (drawn[4:] == 2).all()


def test_widths_of_skeletons_are_those_of_the_crop(asked):
    image = np.zeros((100, 200, 3), np.uint8)
    somebody = person([90, 40, 110, 60])
    draw_people(image, [somebody], HUMAN36M_18, skeleton_masks=True)
    np.testing.assert_allclose(
        asked[0]['skeleton_mask'],
        predicted_mask(somebody.keypoints - [86, 36], (28, 28), 25,
                       HUMAN36M_18))


@pytest.mark.parametrize('box', [
    [-80, -80, -50, -50], [500, 500, 520, 540], [50, 50, 50, 50]])
def test_boxes_outside_of_the_picture_show_some_of_it(asked, box):
    draw_people(np.zeros((100, 200, 3), np.uint8), [person(box)],
                HUMAN36M_18)
    assert asked[0]['image'].size > 0


def test_nobody_leaves_the_picture_alone():
    image = np.zeros((10, 20, 3), np.uint8)
    assert draw_people(image, [], HUMAN36M_18) is image
