"""Outfits: what they cover, and how they hang."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xas_mmpose.body_models import free_human
from xas_mmpose.render.measures import BodyMeasures
from xas_mmpose.render.outfit import Outfit
from xas_mmpose.render.pattern import Pattern

SHIRT, TROUSERS, SHOES = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)


def cloth(color: tuple) -> Pattern:
    """Return a plain cloth."""
    return Pattern('plain', np.array([color, color]), np.zeros((4, 3)),
                   np.zeros(4))


@pytest.fixture(scope='module')
def measures() -> BodyMeasures:
    return BodyMeasures.of(free_human())


@pytest.fixture
def outfit(measures: BodyMeasures) -> Outfit:
    """Return a T-shirt, shorts and shoes."""
    joints = measures.joints
    return Outfit(
        measures=measures, shirt=cloth(SHIRT), trousers=cloth(TROUSERS),
        shoes=np.array(SHOES), sleeve=0.3, collar=(0.08, 0.05),
        collar_top=joints[12, 1] + 0.02, waist=joints[0, 1] + 0.05,
        hem=joints[4, 1] + 0.1, shoe_top=joints[7, 1], skirt=False,
        looseness=(0.02, 0.01), flare=0.0,
        folds=(np.zeros((2, 3)), np.zeros(2)))


def places(outfit: Outfit) -> dict[str, np.ndarray]:
    """Return points on the skin by name."""
    joint, front = outfit.measures.joints, np.array([0, 0, 0.1])
    return {
        'chest': joint[9] + front, 'upper arm': joint[16] + (0.08, 0, 0),
        'elbow': joint[18], 'hip': joint[1] - (0, 0.1, 0),
        'knee': joint[5], 'toes': joint[10], 'nose': outfit.measures.nose,
        'throat': joint[12] + front * 0.5 - (0, 0.03, 0),
        'nape': joint[12] - front - (0, 0.03, 0)}


def test_cloth_covers_what_it_should(outfit: Outfit) -> None:
    points = places(outfit)
    cover = dict(zip(points, outfit.cover(np.array([*points.values()]))))
    worn = {name for name, depth in cover.items() if depth > 0}
    assert worn == {'chest', 'upper arm', 'hip', 'toes', 'nape'}
    # Signed distances: sleeve and hem are as far away as they are.
    assert cover['elbow'] == pytest.approx(0.3 - points['elbow'][0])
    assert cover['knee'] == pytest.approx(points['knee'][1] - outfit.hem)


def test_long_trousers_leave_no_gap_above_shoes(outfit: Outfit) -> None:
    leg = outfit.measures.joints[4] + np.linspace(0, -0.5, 200)[:, None] * (
        0, 1, 0)
    assert (outfit.cover(leg) <= 0).any()
    long = dataclasses.replace(outfit, hem=outfit.shoe_top)
    assert (long.cover(leg) > 0).all()
    colors = long.paint(leg)
    shoe = leg[:, 1] < outfit.shoe_top
    assert 0 < shoe.sum() < 200
    np.testing.assert_array_equal(colors[shoe], [SHOES] * shoe.sum())
    np.testing.assert_array_equal(colors[~shoe], [TROUSERS] * (~shoe).sum())


def test_skirts_cover_legs_but_not_arms(outfit: Outfit) -> None:
    skirt = dataclasses.replace(outfit, skirt=True)
    points = places(outfit)
    points['hand'] = outfit.measures.joints[22] - (0, 0.5, 0)
    under = skirt.under_skirt(np.array([*points.values()]))
    assert {n for n, u in zip(points, under) if u} == {'hip'}
    assert skirt.cover(points['hip'][None])[0] < 0
    assert not outfit.under_skirt(np.array([*points.values()])).any()


def test_looseness_is_the_distance_from_tight_cloth(outfit: Outfit) -> None:
    belly = np.array([(0, 0.2, 0.1), (0.1, -0.2, 0.1)])
    forward = np.tile((0.0, 0, 1), (2, 1))
    np.testing.assert_allclose(outfit.offsets(belly, forward),
                               [(0, 0, 0.02), (0, 0, 0.01)])
    # Cloth lies on what faces up.
    up = np.array([(0.0, 1, 0)])
    assert outfit.offsets(belly[:1], up)[0, 1] == pytest.approx(0.3 * 0.02)
    tucked = dataclasses.replace(outfit, skirt=True)
    waist = np.array([(0, outfit.waist - 0.01, 0.1)])
    assert not tucked.offsets(waist, forward[:1]).any()


def test_skirts_flare_towards_their_end(outfit: Outfit) -> None:
    skirt = dataclasses.replace(outfit, skirt=True, flare=0.06)
    height = np.array([outfit.waist, outfit.hem])
    points = np.stack([np.zeros(2), height, np.full(2, 0.2)], 1)
    out = skirt.skirt_offsets(points, np.tile((0.0, 0, 1), (2, 1)))
    np.testing.assert_allclose(out[:, 2], [0.004, 0.004 + 0.01 + 0.06])
    assert not out[:, :2].any()


def test_outfits_differ_and_repeat(measures: BodyMeasures) -> None:
    drawn = [Outfit.draw(np.random.default_rng(s), measures)
             for s in (*range(60), 0)]
    assert drawn[0].sleeve == drawn[60].sleeve != drawn[1].sleeve
    assert 3 <= sum(o.skirt for o in drawn) <= 25
    assert any(o.shoes is None for o in drawn)
    for o in drawn:
        assert measures.joints[16, 0] < o.sleeve < measures.joints[20, 0]
        assert o.hem < o.waist
        gap = o.hem - o.shoe_top
        assert o.shoes is None or gap == 0 or gap >= 0.05
    assert not any(Outfit.draw(np.random.default_rng(s), measures, False)
                   .skirt for s in range(30))
