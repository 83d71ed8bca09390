"""Painted skin, faces and hair."""
from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from xas_mmpose.body_models import SMPLBody, load_body
from xas_mmpose.render.measures import BodyMeasures
from xas_mmpose.render.skin import (
    draw_hair_color,
    draw_skin_color,
    has_hair,
    paint_hair,
    paint_skin,
)

SKIN, HAIR = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.1, 0.0])


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return load_body('human_full')


@pytest.fixture(scope='module')
def measures(body: SMPLBody) -> BodyMeasures:
    return BodyMeasures.of(body)


@pytest.fixture(scope='module')
def points(body: SMPLBody) -> np.ndarray:
    """Return the middles of the body's faces."""
    return body.v_template[body.faces].mean(1).double().numpy()


def test_features_are_where_the_face_has_them(
        body: SMPLBody, measures: BodyMeasures, points: np.ndarray) -> None:
    color = paint_skin(points, measures, SKIN, HAIR, 0)
    kinds = {'eye': (0.1, 0.1, 0.1), 'brow': 0.7 * HAIR,
             'mouth': SKIN * (0.9, 0.6, 0.6)}
    found = {name: np.isclose(color, value).all(1)
             for name, value in kinds.items()}
    nose = measures.nose
    left = points[:, 0] > 0
    # The painted eyes surround the eyeballs that this body has.
    balls = body.v_template[body.faces[body.eyes]].mean(1).numpy()
    middle = balls[balls[:, 0] > 0].mean(0)
    np.testing.assert_allclose(points[found['eye'] & left].mean(0)[:2],
                               middle[:2], atol=0.006)
    for name in ('eye', 'brow'):
        assert found[name][left].sum() == pytest.approx(
            found[name][~left].sum(), rel=0.1)
    assert points[found['brow'], 1].min() > middle[1]
    mouth = points[found['mouth']]
    assert len(mouth) > 50
    assert (mouth[:, 1] < nose[1] - 0.02).all()
    assert (mouth[:, 1] > nose[1] - 0.06).all()
    for area in found.values():
        assert (points[area, 2] > measures.joints[15, 2]).all()  # in front
    # All else is skin, from the crown to the toes.
    rest = ~np.any([*found.values()], 0)
    assert rest.mean() > 0.8
    np.testing.assert_allclose(color[rest], np.tile(SKIN, (rest.sum(), 1)))


def test_bodies_with_eyes_need_no_painted_ones(
        measures: BodyMeasures, points: np.ndarray) -> None:
    color = paint_skin(points, measures, SKIN, HAIR, 0, eyes=False)
    assert not (color == 0.1).all(1).any()


def test_hair_grows_with_its_style(measures: BodyMeasures,
                                   points: np.ndarray) -> None:
    area = [has_hair(points, measures, style) for style in range(4)]
    assert not area[0].any()
    for shorter, longer in pairwise(area[1:]):
        assert (longer | ~shorter).all()
        assert longer.sum() > shorter.sum()
    assert has_hair(measures.head_top[None], measures, 1)[0]
    assert not has_hair(measures.nose[None], measures, 3)[0]
    # No beards: hair is over the eyes, or behind.
    hair = points[area[3]]
    assert (hair[hair[:, 1] < measures.nose[1], 2] < 0.03).all()


def test_strands_vary_around_the_hairs_colour(points: np.ndarray) -> None:
    color = paint_hair(points, HAIR)
    share = color[:, 0] / HAIR[0]
    assert share.min() == pytest.approx(0.88, abs=0.01)
    assert share.max() == pytest.approx(1.12, abs=0.01)
    np.testing.assert_allclose(color, share[:, None] * HAIR)


def test_painted_hair_is_hair(measures: BodyMeasures,
                              points: np.ndarray) -> None:
    hairy = has_hair(points, measures, 2)
    color = paint_skin(points, measures, SKIN, HAIR, 2)
    np.testing.assert_allclose(color[hairy], paint_hair(points[hairy], HAIR))


@pytest.mark.parametrize('draw', [draw_skin_color, draw_hair_color])
def test_colours_are_those_of_people(
        draw: Callable[[np.random.Generator], np.ndarray]) -> None:
    colors = np.array([draw(np.random.default_rng(s)) for s in range(200)])
    assert 0 <= colors.min() <= colors.max() <= 1.01
    assert (colors[:, 0] > colors[:, 2] - 0.02).all()  # never bluish
    assert np.ptp(colors.mean(1)) > 0.4
