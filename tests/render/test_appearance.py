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


def test_measures_are_those_of_the_body(body: SMPLBody) -> None:
    measures = BodyMeasures.of(body)
    assert measures.joints.shape == (24, 3)
    assert measures.head_top[1] > measures.nose[1] > measures.joints[12, 1]
    np.testing.assert_allclose(measures.head_top[1],
                               body.v_template[:, 1].max(), atol=1e-6)


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


def test_the_face_is_in_front(body: SMPLBody,
                              dressed: PaintedAppearance) -> None:
    rng = np.random.default_rng(0)
    head = body.v_template.numpy()
    head = head[head[:, 1] > dressed.measures.joints[15, 1]]
    points = head[rng.integers(len(head), size=4000)]
    points = points + rng.normal(size=points.shape) * 0.01
    dark = (dressed.paint_points(points) == 0.1).all(1)  # eyes
    assert dark.sum() > 10
    middle = dressed.measures.joints[15, 2]
    assert (points[dark, 2] > middle).all()
    assert (points[dark, 0] > 0.01).any()
    assert (points[dark, 0] < -0.01).any()
    assert (np.abs(points[dark, 0]) > 0.01).all()


@pytest.mark.parametrize('kind, share', [('plain', 0.0), ('stripes', 0.5),
                                         ('checks', 0.5)])
def test_patterns_have_two_colours_in_their_shares(kind: str,
                                                   share: float) -> None:
    waves = np.array([(0, 60.0, 0), (60.0, 0, 0), (0, 0, 0), (0, 0, 0)])
    pattern = Pattern(kind, np.array([(0.2, 0.2, 0.2), (0.8, 0.8, 0.8)]),
                      waves, np.zeros(4))
    points = np.random.default_rng(0).uniform(-1, 1, (20000, 3))
    color = pattern.paint(points)
    second = color[:, 0] == 0.8
    assert set(np.unique(color)) <= {0.2, 0.8}
    assert second.mean() == pytest.approx(share, abs=0.03)
    if kind == 'stripes':  # a wave along y: 2 pi / 60 m
        np.testing.assert_array_equal(second, np.sin(60 * points[:, 1]) > 0)


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
