"""Moments of XaS-Zoo-Mini: whole animals, on the floor, labels that fit."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.body_models import animal_names
from xas_mmpose.geometry.cameras import camera_to_image, camera_to_world
from xas_mmpose.render.studio import (
    StudioGenerator,
    XasZooMiniGenerator,
    XasZooMiniSettings,
)
from xas_mmpose.render.studio.generator import Picture
from xas_mmpose.render.studio.zoo import (
    PAIR_SPECIES,
    TARGET_SPECIES,
    species_of,
)
from xas_mmpose.skeletons import ANIMAL3D_26

NAMES = ANIMAL3D_26.keypoint_names
SHOWN = (('S1', 'Walk'), ('S2', 'Eating'), ('S3', 'Idle'), ('S4', 'Gallop'))


def settings(**changes) -> XasZooMiniSettings:
    """Return the settings of a quick set."""
    return XasZooMiniSettings(**{
        **dict(image_size=128, supersampling=1, frames=2), **changes})


@pytest.fixture(scope='module')
def generator() -> StudioGenerator:
    return settings().generator()


@pytest.fixture(scope='module')
def moments(generator) -> dict[tuple, dict[str, tuple[Picture, dict]]]:
    """Return a moment of each species: picture and camera by camera id."""
    return {(subject, action): {
        name: (picture, generator.rig(subject)[name])
        for name, picture in generator.pictures(subject, action, 1).items()}
        for subject, action in SHOWN}


def test_no_target_is_of_a_species_of_the_pairs():
    assert not set(PAIR_SPECIES) & set(TARGET_SPECIES)
    assert {*PAIR_SPECIES, *TARGET_SPECIES} == set(animal_names())
    kind = XasZooMiniSettings
    assert kind.PAIR_BODIES == PAIR_SPECIES
    for subjects in (kind.TRAIN_SUBJECTS, kind.TEST_SUBJECTS):
        assert {species_of(s) for s in subjects} == set(TARGET_SPECIES)
    assert not set(kind.TRAIN_SUBJECTS) & set(kind.TEST_SUBJECTS)
    assert [species_of(f'S{n}') for n in (1, 4, 5, 12)] == [
        'bull', 'wolf', 'bull', 'wolf']


def test_labels_are_projections_and_views_agree(moments):
    for views in moments.values():
        worlds = []
        for picture, camera in views.values():
            assert picture.keypoints.shape == (26, 2)
            np.testing.assert_allclose(
                camera_to_image(picture.keypoints_3d, camera['f'],
                                camera['c'])[:, :2],
                picture.keypoints, atol=1e-9)
            worlds.append(camera_to_world(picture.keypoints_3d, camera['R'],
                                          camera['T']))
        np.testing.assert_allclose(worlds, worlds[:1] * 4, atol=1e-6)


def test_animals_are_whole_and_their_key_points_inside(moments):
    inside = []
    for views in moments.values():
        for picture, _ in views.values():
            mask = picture.mask > 0
            assert set(np.unique(picture.mask)) == {0, 255}
            assert 0.005 < mask.mean() < 0.2
            assert not mask[[0, -1]].any()
            assert not mask[:, [0, -1]].any()
            inside += [mask[round(v), round(u)]
                       for u, v in picture.keypoints]
    assert np.mean(inside) > 0.97


def test_they_stand_on_the_floor_and_left_is_left(moments):
    for views in moments.values():
        picture, camera = next(iter(views.values()))
        joints = dict(zip(NAMES, camera_to_world(
            picture.keypoints_3d, camera['R'], camera['T'])))
        paws = [xyz[2] for name, xyz in joints.items() if 'paw' in name]
        assert 0 < min(paws) < 200
        # 2.2 units from the nose to the tail, a unit a metre.
        trunk = joints['neck'] - joints['tail_base']
        assert 900 < np.linalg.norm(trunk) < 2300
        # With z up, up x front = left.
        left = np.cross((0, 0, 1.0), trunk)
        for part in ('shoulder', 'back_thigh', 'ear', 'front_paw'):
            assert left @ (joints[f'left_{part}']
                           - joints[f'right_{part}']) > 0, part


def test_a_moment_depends_on_nothing_but_its_name(moments):
    other = XasZooMiniGenerator(settings(
        frames=5, subjects=('S12', 'S2'), actions=('Jump', 'Eating')))
    other.pictures('S12', 'Jump', 3)
    for name, picture in other.pictures('S2', 'Eating', 1).items():
        first, _ = moments['S2', 'Eating'][name]
        np.testing.assert_array_equal(picture.image, first.image)
        np.testing.assert_array_equal(picture.mask, first.mask)


def test_individuals_and_seeds_differ(generator, moments):
    first = moments['S1', 'Walk']['54138969'][0].keypoints_3d
    for other in (generator.pictures('S5', 'Walk', 1),
                  settings(seed=1).generator().pictures('S1', 'Walk', 1)):
        assert np.abs(other['54138969'].keypoints_3d - first).max() > 30


def test_settings():
    chosen = XasZooMiniSettings()
    assert chosen.num == 12 * 9 * 10
    assert chosen.described()['name'] == 'XaS-Zoo-Mini'
    with pytest.raises(ValueError, match=r'subjects are some of S1.*S13'):
        settings(subjects=('S13', ))
    with pytest.raises(ValueError, match=r'actions are some of Attack.*Fly'):
        settings(actions=('Fly', ))
