"""Painted people: what is painted where."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xas_mmpose.body_models import SMPLBody, free_human
from xas_mmpose.render.appearance import (
    BodyMeasures,
    PaintedAppearance,
    PaintedWardrobe,
    Pattern,
)

SHIRT, TROUSERS, SHOES = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)
SKIN, HAIR = (0.5, 0.5, 0.5), (0.2, 0.1, 0.0)


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return free_human()


def cloth(color: tuple) -> Pattern:
    """Return a plain cloth without folds."""
    return Pattern('plain', np.array([color, color]), np.zeros((4, 3)),
                   np.zeros(4))


@pytest.fixture
def dressed(body: SMPLBody) -> PaintedAppearance:
    """Return a person in plain colours with long sleeves and legs."""
    measures = BodyMeasures.of(body)
    joints = measures.joints
    return PaintedAppearance(
        faces=body.faces.numpy(), measures=measures, skin=np.array(SKIN),
        hair=np.array(HAIR), hair_style=1, shirt=cloth(SHIRT),
        trousers=cloth(TROUSERS),
        shoes=np.array(SHOES), sleeve=joints[20, 0], collar=joints[12, 1],
        neckline=0.5, waist=joints[0, 1] + 0.05, hem=joints[7, 1],
        shoe_top=joints[7, 1])


def test_clothes_are_where_they_belong(dressed: PaintedAppearance) -> None:
    joint = dressed.measures.joints
    front = np.array([0, 0, 0.1])
    places = {
        'chest': (joint[9] + front, SHIRT),
        'belly': (joint[3] + front, SHIRT),
        'left elbow': (joint[18], SHIRT),
        'right elbow': (joint[19], SHIRT),
        'left hand': (joint[22], SKIN),
        'right hand': (joint[23], SKIN),
        'left hip': (joint[1] - (0, 0.1, 0), TROUSERS),
        'right knee': (joint[5], TROUSERS),
        'left toes': (joint[10], SHOES),
        'right toes': (joint[11], SHOES),
        'cheek': (dressed.measures.nose - np.array([0.03, 0.01, 0.02]), SKIN),
        'crown': (dressed.measures.head_top, HAIR),
    }
    points = np.array([point for point, _ in places.values()])
    colors = dressed.paint_points(points)
    for name, color, (_, expected) in zip(places, colors, places.values()):
        tolerance = 0.06 if expected == HAIR else 1e-9  # strands
        np.testing.assert_allclose(color, expected, atol=tolerance,
                                   err_msg=name)


def test_cuts_change_what_is_covered(dressed: PaintedAppearance) -> None:
    joint = dressed.measures.joints
    points = np.array([joint[18], joint[4] + (0, 0.1, 0), joint[10],
                       dressed.measures.head_top])
    bare = dataclasses.replace(
        dressed, sleeve=joint[16, 0], hem=joint[1, 1] - 0.2, shoes=None,
        hair_style=0)
    np.testing.assert_allclose(bare.paint_points(points), [SKIN] * 4)


def test_people_differ_and_repeat(body: SMPLBody) -> None:
    wardrobe = PaintedWardrobe(body)
    points = body.v_template.numpy()
    people = [wardrobe.draw(np.random.default_rng(s)).paint_points(points)
              for s in (0, 0, 1, 2)]
    np.testing.assert_array_equal(people[0], people[1])
    assert np.abs(people[0] - people[2]).mean() > 0.05
    assert np.abs(people[2] - people[3]).mean() > 0.05
    for colors in people:
        assert colors.shape == points.shape
        assert 0 <= colors.min() <= colors.max() <= 1
