from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.masks import GrabCutMethod, NoMaskError, Person
from xas_mmpose.datasets.masks.grabcut import _size
from xas_mmpose.evaluation.functional.mask_overlap import mask_scores
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.pair_generator import SyntheticSetSettings
from xas_mmpose.render.synthetic_set import SyntheticSetGenerator
from xas_mmpose.skeletons import HUMAN36M_18


@pytest.fixture(scope='module')
def people() -> list[tuple[np.ndarray, np.ndarray, Person]]:
    """Return rendered people before painted backgrounds, and their masks."""
    generator = SyntheticSetGenerator(SyntheticSetSettings(
        num=4, seed=3, scene=SceneSettings(image_size=160)))
    found = []
    for i in range(4):
        sample = generator.sample(i)
        x, y, width, height = cv2.boundingRect(sample.mask)
        found.append((sample.image, sample.mask, Person(
            np.array([x, y, x + width, y + height], float),
            sample.keypoints, HUMAN36M_18.skeleton_links)))
    return found


@pytest.mark.parametrize('prompt, least, mean', [
    ('keypoints', 50, 80), ('box', 35, 60)])
def test_rendered_people_are_cut_out(people: list, prompt: str, least: float,
                                     mean: float):
    method = GrabCutMethod(prompt=prompt)
    scores = []
    for image, truth, person in people:
        mask = method.make(image, person)
        assert mask.shape == truth.shape
        assert set(np.unique(mask)) == {0, 255}
        scores.append(mask_scores(mask, truth)['IoU'])
        assert np.array_equal(method.make(image, person), mask)
    assert min(scores) > least
    assert np.mean(scores) > mean


def scene(scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return a red figure on green, and its mask."""
    mask = np.zeros((120, 160), np.uint8)
    cv2.ellipse(mask, (80, 60), (9, 40), 0, 0, 360, 255, -1)
    rng = np.random.default_rng(0)
    image = np.where(mask[..., None] > 0, (40, 40, 200), (60, 160, 60))
    image = (image + rng.normal(0, 8, image.shape)).clip(0, 255)
    return tuple(cv2.resize(layer, None, fx=scale, fy=scale,
                            interpolation=cv2.INTER_NEAREST)
                 for layer in (image.astype(np.uint8), mask))


BOX = np.array([68.0, 17, 92, 103])
BONE = np.array([[80.0, 25], [80, 60], [80, 95]])
LINKS = ((0, 1), (1, 2))


@pytest.mark.parametrize('person, options', [
    (Person(BOX), {}),
    (Person(None, BONE, LINKS), {}),
    (Person(BOX, BONE, LINKS), dict(prompt='box')),
    (Person(BOX, BONE), {}),  # points without bones: the box
])
def test_a_figure_of_its_own_colour_is_found_to_the_pixel(person: Person,
                                                          options: dict):
    image, truth = scene()
    mask = GrabCutMethod(**options).make(image, person)
    assert mask_scores(mask, truth)['IoU'] > 97


def test_large_people_are_reduced_meanwhile():
    image, truth = scene(scale=5)
    person = Person(None, BONE * 5 + 2, LINKS)
    mask = GrabCutMethod(max_side=120).make(image, person)
    assert mask.shape == truth.shape
    scores = mask_scores(mask, truth)
    assert scores['IoU'] > 95
    assert scores['boundary'] > 99  # 8 px here: nothing is shifted


def test_who_crouches_is_as_large_as_all_bones():
    # Three bones of 60 px folded into a box of 60 px.
    folded = np.array([[60.0, 60], [120, 60], [60, 60], [120, 60]])
    assert _size(Person(None, folded, ((0, 1), (1, 2), (2, 3)))) == 60
    assert _size(Person(None, folded, ((0, 1), (1, 2)) * 4)) == 160
    assert _size(Person(None, folded)) == 60


def test_key_points_tell_one_of_two_people():
    image, _ = scene()
    image = np.concatenate([image, image], 1)
    mask = GrabCutMethod().make(image, Person(
        None, BONE + np.array([160, 0]), LINKS))
    assert not mask[:, :160].any()
    assert mask[60, 240] == 255


@pytest.mark.parametrize('person, said', [
    (Person(np.array([200.0, 10, 260, 90])),
     r'box \[200.0, 10.0, 260.0, 90.0\] .*outside the picture of 160x120'),
    (Person(np.array([-50.0, 10, -5, 90])), 'outside the picture'),
    (Person(None, BONE + np.array([0, 300]), LINKS), 'outside the picture'),
    (Person(np.array([-400.0, -400, 800, 800])), 'fills the picture'),
    (None, 'nobody says where'),
    (Person(BOX), 'no two key points with a bone'),
    (Person(BOX, BONE), 'no two key points with a bone'),
])
def test_nobody_there_says_why(person: Person | None, said: str):
    options = dict(prompt='keypoints') if 'key points' in said else {}
    with pytest.raises(NoMaskError, match=said):
        GrabCutMethod(**options).make(scene()[0], person)


@pytest.mark.parametrize('options, said', [
    (dict(prompt='circle'), "'auto', 'keypoints' or 'box', got 'circle'"),
    (dict(iterations=0), 'iterations start at 1'),
    (dict(max_side=8), 'max_side at 32'),
])
def test_wrong_options_are_named(options: dict, said: str):
    with pytest.raises(ValueError, match=said):
        GrabCutMethod(**options)
