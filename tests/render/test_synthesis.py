"""Synthetic samples: picture, mask, labels and camera belong together."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import free_human, load_body
from xas_mmpose.geometry.cameras import camera_to_image, world_to_camera
from xas_mmpose.render import (
    Sample,
    SceneSettings,
    Synthesizer,
    synthesis,
)
from xas_mmpose.render.appearance import PaintedWardrobe
from xas_mmpose.render.camera_effects import CameraEffects
from xas_mmpose.render.casting import make_pose_prior
from xas_mmpose.render.part_colors import PartColorWardrobe
from xas_mmpose.render.synthesis import look_rotation
from xas_mmpose.skeletons import HUMAN36M_18

SIZE = 128


@pytest.fixture(scope='module')
def synthesizer() -> Synthesizer:
    body = free_human()
    return Synthesizer(body, PaintedWardrobe(body),
                       SceneSettings(image_size=SIZE))


@pytest.fixture(scope='module')
def samples(synthesizer: Synthesizer) -> list[Sample]:
    rng = np.random.default_rng(0)
    return [synthesizer.draw_sample(rng, synthesizer.draw_subject(rng))
            for _ in range(60)]


def test_types_and_sizes(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.image.shape == (SIZE, SIZE, 3)
        assert sample.image.dtype == sample.mask.dtype == np.uint8
        assert set(np.unique(sample.mask)) == {0, 255}
        assert 0.01 < (sample.mask > 0).mean() < 0.3
        assert sample.keypoints.shape == (18, 2)
        assert sample.keypoints_3d.shape == (18, 3)
        assert sample.camera_param['w'] == sample.camera_param['h'] == SIZE


def test_camera_projects_the_3d_onto_the_2d_keypoints(
        samples: list[Sample]) -> None:
    for sample in samples:
        camera = sample.camera_param
        projected = camera_to_image(sample.keypoints_3d, camera['f'],
                                    camera['c'])
        assert np.abs(projected[:, :2] - sample.keypoints).max() < 0.01


def test_camera_and_parameters_give_the_keypoints_again(
        synthesizer: Synthesizer, samples: list[Sample]) -> None:
    body = synthesizer.body
    for sample in samples[:10]:
        out = body(*(torch.from_numpy(value)[None] for value in (
            sample.betas, sample.global_orient, sample.body_pose)))
        camera = sample.camera_param
        rotation = camera['R']
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3),
                                   atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        points = world_to_camera(out.keypoints[0].double().numpy() * 1000,
                                 rotation, camera['T'])
        np.testing.assert_allclose(points, sample.keypoints_3d, atol=0.01)


def test_root_is_in_the_middle_and_the_extent_is_right(
        samples: list[Sample]) -> None:
    depths, slants = [], []
    for sample in samples:
        root = sample.keypoints_3d[HUMAN36M_18.root_index]
        np.testing.assert_allclose(sample.keypoints[0], SIZE / 2, atol=1e-6)
        np.testing.assert_allclose(
            sample.camera_param['f'] * 2500 / root[2], SIZE)
        depths.append(root[2])
        slants.append(root[:2] / root[2])
    assert 4000 <= min(depths) < 4500 < 5500 < max(depths) <= 6000
    assert 0.1 < np.abs(slants).max() <= 0.15


def test_joints_lie_inside_the_mask(samples: list[Sample]) -> None:
    hits = []
    for sample in samples:
        pixel = np.rint(sample.keypoints).astype(int)
        inside = ((pixel >= 0) & (pixel < SIZE)).all(1)
        hits.extend(sample.mask[pixel[inside, 1], pixel[inside, 0]] > 0)
    assert len(hits) > 0.99 * 60 * 18
    assert np.mean(hits) >= 0.99


def test_mask_has_the_outline_of_the_projected_vertices(
        synthesizer: Synthesizer, samples: list[Sample]) -> None:
    for sample in samples[:20]:
        out = synthesizer.body(*(torch.from_numpy(value)[None] for value in (
            sample.betas, sample.global_orient, sample.body_pose)))
        camera = sample.camera_param
        points = camera_to_image(
            world_to_camera(out.vertices[0].double().numpy() * 1000,
                            camera['R'], camera['T']), camera['f'],
            camera['c'])[:, :2]
        rows, columns = np.nonzero(sample.mask)
        box = np.array([(columns.min() - 0.5, rows.min() - 0.5),
                        (columns.max() + 0.5, rows.max() + 0.5)])
        expected = np.clip([points.min(0), points.max(0)], -0.5, SIZE - 0.5)
        # Thin tips fade out early; two of four samples make a pixel.
        assert (box[0] > expected[0] - 0.76).all()
        assert (box[1] < expected[1] + 0.76).all()
        assert np.abs(box - expected).max() < 2.5


def test_left_and_right_are_the_persons_own(
        synthesizer: Synthesizer) -> None:
    zeros = torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69)
    points = synthesizer.body(*zeros).keypoints[0].double().numpy() * 1000
    left, right, nose, neck = (HUMAN36M_18.index(n) for n in (
        'left_shoulder', 'right_shoulder', 'nose', 'neck'))
    front = points @ look_rotation(0, 0).T
    assert front[left, 0] > 0 > front[right, 0]  # as in a portrait
    assert front[nose, 2] < front[neck, 2] - 50  # the face is nearer
    assert front[nose, 1] < front[0, 1]  # y points down
    back = points @ look_rotation(np.pi, 0).T
    assert back[left, 0] < 0 < back[right, 0]
    assert back[nose, 2] > back[neck, 2] + 50
    from_right = points @ look_rotation(np.pi / 2, 0).T
    assert from_right[right, 2] < from_right[left, 2]
    above = points @ look_rotation(0, 0.4).T
    assert above[nose, 2] < above[0, 2] - 200


@pytest.mark.parametrize('yaw', [0.0, np.pi / 2, np.pi])
def test_yaw_counts_from_the_bodys_front(synthesizer: Synthesizer,
                                         yaw: float) -> None:
    # The rule prior turns people all the way round.
    maker = Synthesizer(
        synthesizer.body, synthesizer.wardrobe,
        SceneSettings(image_size=16, yaw=(yaw, yaw), elevation=(0, 0),
                      off_axis=0))
    rng = np.random.default_rng(0)
    left, right = (HUMAN36M_18.index(f'{s}_hip') for s in ('left', 'right'))
    for _ in range(8):
        sample = maker.draw_sample(rng, maker.draw_subject(rng))
        across = sample.keypoints_3d[left] - sample.keypoints_3d[right]
        angle = np.arctan2(across[2], across[0])
        # From the front, left is at the right of the picture; from the
        # right, left is behind. (Five degrees of tilt move the hips little.)
        assert np.cos(angle - yaw) > 0.97


@pytest.mark.parametrize('name', ['human', 'horse'])
def test_yaw_zero_shows_the_front(name: str) -> None:
    body = load_body(name)
    maker = Synthesizer(
        body, PartColorWardrobe(body),
        SceneSettings(image_size=16, yaw=(0, 0), elevation=(0, 0)),
        make_pose_prior(body))
    rng = np.random.default_rng(1)
    back = dict(human='neck', horse='tail_base')[name]
    nose, back = (body.skeleton.index(n) for n in ('nose', back))
    depths = np.array([
        maker.draw_sample(rng, maker.draw_subject(rng)).keypoints_3d[:, 2]
        for _ in range(8)])
    assert np.mean(depths[:, nose] < depths[:, back]) > 0.8


def test_views_go_all_the_way_round(samples: list[Sample]) -> None:
    left, right = (HUMAN36M_18.index(f'{s}_hip') for s in ('left', 'right'))
    across = np.array([s.keypoints_3d[left] - s.keypoints_3d[right]
                       for s in samples])
    angle = np.arctan2(across[:, 2], across[:, 0])
    counts, _ = np.histogram(angle, bins=6, range=(-np.pi, np.pi))
    assert counts.min() >= 2
    pitch = [np.arcsin(s.camera_param['R'][2] @ (0, -1, 0)) for s in samples]
    assert -0.15 <= min(pitch) < 0 < 0.3 < max(pitch) <= 0.45


def test_pictures_show_the_person(samples: list[Sample]) -> None:
    differences = []
    for sample in samples:
        inside, outside = (sample.image[sample.mask == value].astype(float)
                           for value in (255, 0))
        differences.append(np.abs(inside.mean(0) - outside.mean(0)).max())
    assert np.median(differences) > 30


def test_seeds_decide_everything(synthesizer: Synthesizer) -> None:
    def draw(subject_seed: int, sample_seed: int) -> Sample:
        subject = synthesizer.draw_subject(
            np.random.default_rng(subject_seed))
        return synthesizer.draw_sample(np.random.default_rng(sample_seed),
                                       subject)

    first, again, other = draw(1, 2), draw(1, 2), draw(1, 3)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    np.testing.assert_array_equal(first.betas, other.betas)
    assert np.abs(first.body_pose - other.body_pose).max() > 0.1
    assert np.abs(draw(2, 2).betas - first.betas).max() > 0.1


def test_people_may_stick_out_of_the_picture(
        synthesizer: Synthesizer) -> None:
    maker = Synthesizer(synthesizer.body, synthesizer.wardrobe,
                        SceneSettings(image_size=32, extent=600.0))
    rng = np.random.default_rng(0)
    for _ in range(5):
        sample = maker.draw_sample(rng, maker.draw_subject(rng))
        assert sample.mask[16, 16] == 255
        assert (np.abs(sample.keypoints - 16).max(1) > 16).any()


def test_bodies_may_be_outside_the_picture(
        synthesizer: Synthesizer) -> None:
    maker = Synthesizer(synthesizer.body, synthesizer.wardrobe,
                        SceneSettings(image_size=32, truncation=1.0,
                                      occlusion=0.5))
    rng = np.random.default_rng(0)
    drawn = [maker.draw_sample(rng, maker.draw_subject(rng))
             for _ in range(60)]
    empty = [sample for sample in drawn if not sample.mask.any()]
    assert 5 < len(empty) < 50
    for sample in drawn:
        assert sample.image.shape == (32, 32, 3)
    # Some beside it, some above or below it.
    middle = np.array([sample.keypoints[0] for sample in empty])
    outside = (middle < 0) | (middle > 31)
    assert (outside.sum(0) > 0).all()
    assert (outside.sum(1) == 1).any()


#: The camera as it is, so that colours can be compared.
PERFECT = CameraEffects(blur=0, contrast=(1, 1), saturation=(1, 1), hue=0,
                        tint=0, gamma=(1, 1), noise=0)


def test_an_occluder_takes_its_pixels_from_every_label(
        synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = []
    original = synthesis.draw_occluder

    def noted(*arguments) -> np.ndarray:
        layers.append(original(*arguments))
        return layers[-1]

    monkeypatch.setattr(synthesis, 'draw_occluder', noted)
    body = synthesizer.body
    free, covered = (
        Synthesizer(body, synthesizer.wardrobe, SceneSettings(
            image_size=SIZE, occlusion=share, effects=PERFECT))
        for share in (0.0, 1.0))
    changed = dict(mask=0, parts=0, depth=0, keypoints=0)
    for seed in range(6):
        one, other = (
            maker.draw_sample(rng, maker.draw_subject(rng))
            for maker in (free, covered)
            for rng in [np.random.default_rng(seed)])
        assert len(layers) == seed + 1
        opacity = layers[-1][..., 3]
        behind = opacity >= 0.5
        for name in ('mask', 'parts', 'depth'):
            before, after = getattr(one, name), getattr(other, name)
            np.testing.assert_array_equal(after, np.where(behind, 0, before))
            changed[name] += (before != after).sum()
        pixel = np.rint(one.keypoints).astype(int)
        inside = one.keypoints_visible > 0
        hit = inside.copy()
        hit[inside] = behind[pixel[inside, 1], pixel[inside, 0]]
        np.testing.assert_array_equal(
            other.keypoints_visible,
            np.where(hit, 1, one.keypoints_visible))
        changed['keypoints'] += (hit & (one.keypoints_visible == 2)).sum()
        np.testing.assert_array_equal(one.keypoints_3d, other.keypoints_3d)
        # The picture shows it, over the body and beside it.
        full, none = opacity == 1, opacity == 0
        np.testing.assert_allclose(
            other.image[full], layers[-1][full, :3] * 255, atol=1)
        difference = np.abs(other.image.astype(int) - one.image)
        assert difference[none].max() <= 1  # rounding is random
        assert (difference[full].max(-1) > 10).mean() > 0.5
    assert min(changed.values()) > 5


@pytest.mark.parametrize('name, value', [
    ('extent', np.nan), ('extent', np.inf), ('off_axis', np.nan),
    ('distance', (4000.0, np.nan)), ('distance', (4000.0, np.inf)),
    ('yaw', (np.nan, 0.0)), ('elevation', (-np.inf, 0.0)),
    ('truncation', np.nan), ('occlusion', np.nan)])
def test_numbers_that_are_none_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'^{name} .*got'):
        SceneSettings(**{name: value})


@pytest.mark.parametrize('bad', [dict(image_size=0), dict(supersampling=0),
                                 dict(extent=0), dict(distance=(0, 1))])
def test_bad_settings_are_named(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        SceneSettings(**bad)
