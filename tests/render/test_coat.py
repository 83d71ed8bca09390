"""Coats of animals."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xas_mmpose.body_models as body_models
from xas_mmpose.body_models import SMALBody, load_body, load_model_file
from xas_mmpose.render.coat import GROUPS, CoatAppearance, CoatWardrobe
from xas_mmpose.render.surface import Surface

DATA = Path(body_models.__file__).parent / 'data' / 'quadrupeds'


@pytest.fixture(scope='module')
def body() -> SMALBody:
    return load_body('horse')


@pytest.fixture(scope='module')
def bare() -> SMALBody:
    """Return the same animal without colour groups, as SMAL's are."""
    arrays = load_model_file(DATA / 'horse.npz')
    del arrays['materials'], arrays['material_colors']
    return SMALBody(arrays)


def seen(body: SMALBody) -> Surface:
    """Return the middle of every face."""
    faces = body.faces.numpy()
    return Surface(np.arange(len(faces)), faces,
                   np.full((len(faces), 3), 1 / 3), body.v_template.numpy(),
                   body.parts)


@pytest.fixture(scope='module')
def plain(body: SMALBody) -> CoatAppearance:
    """Return a coat of one colour per group, and no fur to see."""
    coat = CoatWardrobe(body).draw(np.random.default_rng(0))
    colors = np.linspace(0.1, 0.9, 27).reshape(9, 3)
    return replace(coat, kind='plain', belly=0.0, socks=0.0, muzzle=0.0,
                   dark_tail=False, colors=colors, waves=np.zeros((6, 3)),
                   phases=np.zeros(6), marks=np.array([1.0, 0, 0]))


def test_without_markings_each_group_has_its_colour(
        body: SMALBody, plain: CoatAppearance) -> None:
    np.testing.assert_allclose(plain.paint(seen(body)),
                               plain.colors[body.materials], atol=1e-6)
    np.testing.assert_array_equal(plain.faces, body.faces.numpy())
    assert plain.offsets is None
    assert plain.two_sided is None


def test_socks_end_where_they_should(body: SMALBody,
                                     plain: CoatAppearance) -> None:
    surface = seen(body)
    colors = replace(plain, socks=0.3).paint(surface)
    height = surface.points[:, 2] - plain.measures.ground
    legs = np.isin(surface.parts, [*range(7, 15), *range(17, 25)])
    fur = np.isin(body.materials, [0, 1, 2])
    marked = (colors == (1, 0, 0)).all(1)
    np.testing.assert_array_equal(
        marked, legs & fur & (height < 0.3 * plain.measures.leg))
    assert marked.sum() > 50
    # Hooves are not fur.
    assert not marked[body.materials == GROUPS.index('hoof')].any()


def test_bellies_grow_lighter_downwards(body: SMALBody,
                                        plain: CoatAppearance) -> None:
    surface = seen(body)
    colors = replace(plain, belly=0.5).paint(surface)
    size = plain.measures
    level = (surface.points[:, 2] - size.belly) / (size.back - size.belly)
    coat = (body.materials == 0) & np.isin(surface.parts, range(7))
    share = np.clip((0.5 - level) / 0.15, 0, 1)[:, None]
    wanted = plain.colors[0] * (1 - share) + plain.colors[1] * share
    np.testing.assert_allclose(colors[coat], wanted[coat], atol=1e-6)
    assert 0.2 < share[coat].mean() < 0.8


def test_the_tail_may_be_as_dark_as_the_mane(bare: SMALBody,
                                             plain: CoatAppearance) -> None:
    surface = seen(bare)
    plain = replace(plain, groups=None)
    colors = replace(plain, dark_tail=True).paint(surface)
    tail = np.isin(surface.parts, range(25, 32))
    np.testing.assert_allclose(colors[tail], np.tile(
        plain.colors[GROUPS.index('mane')], (tail.sum(), 1)), atol=1e-6)
    np.testing.assert_array_equal(colors[~tail], plain.paint(surface)[~tail])


def test_muzzles_start_at_the_nose(body: SMALBody,
                                   plain: CoatAppearance) -> None:
    surface = seen(body)
    colors = replace(plain, muzzle=0.3).paint(surface)
    muzzle = plain.colors[GROUPS.index('muzzle')]
    changed = np.abs(colors - plain.paint(surface)).max(1) > 1e-6
    size = plain.measures
    along = (surface.points - size.head) @ size.muzzle / (
        size.muzzle @ size.muzzle)
    assert changed.any()
    assert along[changed].min() > 0.7 - 1e-6
    front = changed & (along > 0.8)
    np.testing.assert_allclose(colors[front],
                               np.tile(muzzle, (front.sum(), 1)), atol=1e-6)


def test_stripes_run_across_the_trunk(body: SMALBody,
                                      plain: CoatAppearance) -> None:
    faces = np.zeros(2000, np.int64) + np.flatnonzero(body.materials == 0)[0]
    template = np.zeros((3, 3), np.float32)
    template[1, 0] = 1.0  # a line of one unit along x
    bary = np.zeros((2000, 3))
    bary[:, 1] = np.linspace(0, 1, 2000)
    bary[:, 0] = 1 - bary[:, 1]
    line = Surface(faces, np.tile([0, 1, 2], (2000, 1)), bary, template,
                   np.zeros(3, np.int64))
    striped = replace(plain, kind='stripes')
    marked = (striped.paint(line) == (1, 0, 0)).all(1)
    x = bary[:, 1]
    np.testing.assert_array_equal(marked, np.sin(40 * x) > 0.25)


@pytest.mark.parametrize('kind', ['patches', 'spots', 'stripes'])
def test_patterns_mark_a_part_of_the_fur(body: SMALBody, kind: str) -> None:
    wardrobe, surface = CoatWardrobe(body), seen(body)
    rng = np.random.default_rng(3)
    shares = []
    while len(shares) < 5:
        coat = wardrobe.draw(rng)
        if coat.kind != kind:
            continue
        coat = replace(coat, belly=0.0, socks=0.0, muzzle=0.0,
                       dark_tail=False)
        other = replace(coat, kind='plain')
        changed = np.abs(coat.paint(surface) - other.paint(surface)).max(1)
        fur = body.materials < 3
        assert not changed[~fur].any()
        shares.append((changed[fur] > 1e-3).mean())
    assert 0.05 < np.mean(shares) < 0.6


def test_draws_differ_and_repeat(body: SMALBody) -> None:
    wardrobe, surface = CoatWardrobe(body), seen(body)
    coats = [wardrobe.draw(np.random.default_rng(i)) for i in range(60)]
    painted = np.stack([coat.paint(surface) for coat in coats])
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert {coat.kind for coat in coats} == {'plain', 'patches', 'spots',
                                             'stripes'}
    again = wardrobe.draw(np.random.default_rng(7)).paint(surface)
    np.testing.assert_array_equal(again, painted[7])
    fur = painted[:, body.materials == 0].mean(1)
    assert (fur.std(0) > 0.1).all()  # light and dark animals
    # Eyes and hooves keep the kind's colours, nearly.
    for name in ('eye', 'hoof'):
        group = GROUPS.index(name)
        mean = painted[:, body.materials == group].mean(1)
        assert np.abs(mean - body.material_colors[group]).max() < 0.2


def test_bodies_without_groups_have_hooves_and_eyes(bare: SMALBody) -> None:
    coat = CoatWardrobe(bare).draw(np.random.default_rng(0))
    assert coat.groups is None
    colors = np.zeros((9, 3))
    colors[GROUPS.index('hoof')] = 0, 0.5, 0
    colors[GROUPS.index('eye')] = 0, 0, 0.5
    coat = replace(coat, colors=colors, kind='plain', belly=0.0, socks=0.0,
                   muzzle=0.0, dark_tail=False, waves=np.zeros((6, 3)),
                   phases=np.zeros(6))
    surface = seen(bare)
    painted = coat.paint(surface)
    hooves, eyes = painted[:, 1] > 0, painted[:, 2] > 0
    known = load_body('horse').materials
    hoof, eye = (known == GROUPS.index(n) for n in ('hoof', 'eye'))
    assert hooves[hoof].mean() > 0.5
    assert hooves[~hoof].mean() < 0.1
    assert eyes[eye].mean() > 0.5
    assert eyes[~eye].mean() < 0.05


def test_unknown_groups_are_refused(body: SMALBody) -> None:
    arrays = load_model_file(DATA / 'horse.npz')
    arrays['materials'] = arrays['materials'] + 3
    with pytest.raises(ValueError, match=r'materials go from 3 to .*coat'):
        CoatWardrobe(SMALBody(arrays))


def test_colours_keep_the_precision_of_the_points(body: SMALBody,
                                                  plain) -> None:
    surface = seen(body)
    single = replace(surface, bary=surface.bary.astype(np.float32))
    assert plain.paint(single).dtype == np.float32
