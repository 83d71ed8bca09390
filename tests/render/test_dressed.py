"""People in loose clothes on the full body."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import SMPLBody, free_human, load_body
from xas_mmpose.render.dressed import DressedAppearance, DressedWardrobe
from xas_mmpose.render.surface import Surface


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return load_body('human_full')


@pytest.fixture(scope='module')
def wardrobe(body: SMPLBody) -> DressedWardrobe:
    return DressedWardrobe(body)


@pytest.fixture(scope='module')
def people(wardrobe: DressedWardrobe) -> list[DressedAppearance]:
    return [wardrobe.draw(np.random.default_rng(s)) for s in range(24)]


def surface(body: SMPLBody, appearance: DressedAppearance,
            faces: np.ndarray) -> Surface:
    """Return the middles of faces."""
    return Surface(faces, appearance.faces[faces],
                   np.full((len(faces), 3), 1 / 3, np.float32),
                   body.v_template.numpy(), body.parts)


def test_bare_bodies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no layer 'cloth'.*human_full"):
        DressedWardrobe(free_human())


def test_layers_are_drawn_on_top_of_the_body(
        body: SMPLBody, people: list[DressedAppearance]) -> None:
    groups = {4: 'hair', 3: 'skirt', 2: 'cloth'}
    seen = set()
    for person in people:
        assert person.faces.shape == (len(person.kinds), 3)
        assert person.offsets.shape == body.v_template.shape
        assert person.offsets.dtype == np.float32
        np.testing.assert_array_equal(person.two_sided, person.kinds > 1)
        for kind, name in groups.items():
            faces = {*map(tuple, person.faces[person.kinds == kind])}
            assert faces <= {*map(tuple, body.layers[name])}
            if faces:
                seen.add(name)
        skirt = (person.kinds == 3).any()
        assert skirt == person.outfit.skirt
    assert seen == {'cloth', 'skirt', 'hair'}


def test_skin_is_drawn_where_no_cloth_is(
        body: SMPLBody, people: list[DressedAppearance]) -> None:
    """Every face of the body is drawn, or deep under cloth."""
    faces = body.faces.numpy()
    template = body.v_template.numpy()
    for person in people[:8]:
        drawn = {*map(tuple, person.faces[person.kinds < 2])}
        hidden = np.array([tuple(f) not in drawn for f in faces.tolist()])
        assert 0.1 < hidden.mean() < 0.8
        points = template[np.unique(faces[hidden])]
        outfit = person.outfit
        assert ((outfit.cover(points) > 0.04)
                | outfit.under_skirt(points, 0.08)).all()


def test_loose_clothes_stand_off_the_body(
        body: SMPLBody, wardrobe: DressedWardrobe,
        people: list[DressedAppearance]) -> None:
    cloth = np.unique(body.layers['cloth'])
    rest = body.v_template.numpy()
    for person in people:
        used = np.unique(person.faces[person.kinds == 2])
        assert np.isin(used, cloth).all()
        inner = used[person.outfit.cover(rest[used]) > 0.05]
        away = np.linalg.norm(person.offsets[inner], axis=1)
        assert away.max() < 0.03 * 1.5
        # Nothing but clothes and hair moves.
        still = np.setdiff1d(np.arange(len(rest)), np.concatenate(
            [np.unique(faces) for faces in body.layers.values()]))
        moved = still[person.offsets[still].any(1)]
        assert rest[moved, 1].min(initial=9) > (
            wardrobe.measures.joints[12, 1] - 0.03)


def test_edges_lie_on_the_lines_they_were_cut_along(
        body: SMPLBody, people: list[DressedAppearance]) -> None:
    """Sleeves end where they should, all around the arm."""
    rest = body.v_template.numpy()
    for person in people:
        used = np.unique(person.faces[person.kinds == 2])
        ends = used[(np.abs(rest[used, 0]) >= person.outfit.sleeve)
                    & (rest[used, 1] > 0.4)]
        assert len(ends) > 10
        # Looseness points away from the arm: hardly along it.
        np.testing.assert_allclose(
            np.abs((rest + person.offsets)[ends, 0]), person.outfit.sleeve,
            atol=0.02)


def test_eyes_look_forward(body: SMPLBody,
                           people: list[DressedAppearance]) -> None:
    person = dataclasses.replace(people[0], iris=np.array([0.1, 0.5, 0.2]))
    faces, = np.nonzero(person.kinds == 1)
    assert len(faces) == len(body.eyes)
    surf = surface(body, person, faces)
    colors, points = person.paint(surf), surf.points
    pupil = (colors == np.float32(0.03)).all(1)
    white = (colors == np.float32(0.92)).all(1)
    iris = np.isclose(colors, person.iris).all(1)
    assert (pupil | white | iris).all()
    for side in (-1, 1):
        eye = points[:, 0] * side > 0
        assert pupil[eye].any()
        assert iris[eye].any()
        assert white[eye].mean() > 0.5
        # From the front, pupils are in the eyes' middle.
        middle = points[eye].mean(0)
        seen = points[eye & pupil]
        assert np.abs(seen[:, :2] - middle[:2]).max() < 0.003
    assert white.sum() < len(faces)


def test_skin_under_cloth_has_its_colour(
        body: SMPLBody, people: list[DressedAppearance]) -> None:
    for person in people[:8]:
        faces, = np.nonzero(person.kinds == 0)
        surf = surface(body, person, faces)
        colors = person.paint(surf)
        assert 0 <= colors.min() <= colors.max() <= 1
        under = person.outfit.cover(surf.points) > 0.01
        assert under.sum() > 100
        np.testing.assert_allclose(
            colors[under],
            person.outfit.paint(surf.points[under]).clip(0, 1), atol=1e-6)
        hands = np.isin(surf.parts, (22, 23))
        np.testing.assert_allclose(
            colors[hands], np.tile(person.skin.clip(0, 1), (hands.sum(), 1)),
            atol=1e-6)


def test_clothes_move_with_the_body_and_leave_its_joints_alone(
        body: SMPLBody, people: list[DressedAppearance]) -> None:
    zeros = [torch.zeros(1, n) for n in (10, 3, 69)]
    person = next(p for p in people if p.outfit.looseness[0] > 0.01)
    bare = body(*zeros)
    dressed = body(*zeros, v_offsets=torch.from_numpy(person.offsets))
    torch.testing.assert_close(dressed.keypoints, bare.keypoints)
    torch.testing.assert_close(
        dressed.vertices[0] - bare.vertices[0],
        torch.from_numpy(person.offsets), atol=1e-5, rtol=0)


def test_people_differ_and_repeat(wardrobe: DressedWardrobe,
                                  people: list[DressedAppearance]) -> None:
    again = wardrobe.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(again.offsets, people[0].offsets)
    np.testing.assert_array_equal(again.faces, people[0].faces)
    np.testing.assert_array_equal(again.skin, people[0].skin)
    assert np.abs(people[1].offsets - people[0].offsets).max() > 0.003
