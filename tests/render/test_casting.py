"""Looks, poses and framing that suit a body."""
from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from xas_mmpose.body_models import (
    NEGATIVE_POSE_RULE,
    FilePosePrior,
    ParametricBody,
    RulePosePrior,
    UncrossedPosePrior,
    animal_pose_rule,
    load_body,
)
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.appearance import PaintedWardrobe
from xas_mmpose.render.casting import (
    LOOKS,
    make_pose_prior,
    make_shape_prior,
    make_wardrobe,
    scaled_scene,
)
from xas_mmpose.render.coat import CoatWardrobe
from xas_mmpose.render.dressed import DressedWardrobe
from xas_mmpose.render.pair_generator import SyntheticSetSettings
from xas_mmpose.render.part_colors import PartColorWardrobe
from xas_mmpose.render.uv_texture import TextureWardrobe


@pytest.fixture(scope='module')
def bodies() -> dict[str, ParametricBody]:
    """Return a bare person, a dressed one, and an animal."""
    return {name: load_body(name) for name in ('human', 'human_full', 'cow')}


@pytest.fixture
def textures(tmp_path: Path) -> str:
    """Return a folder with a texture picture."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((8, 8, 3), np.uint8))
    return str(tmp_path)


def test_looks_suit_the_body(bodies: dict[str, ParametricBody],
                             textures: str) -> None:
    def kind(name: str, *options) -> type:
        return type(make_wardrobe(bodies[name], *options))

    assert kind('human') is PaintedWardrobe
    assert kind('human_full') is DressedWardrobe
    assert kind('cow') is CoatWardrobe
    assert kind('human_full', 'painted') is PaintedWardrobe
    for name in bodies:
        assert kind(name, 'parts') is PartColorWardrobe
    assert kind('human_full', 'auto', textures) is TextureWardrobe
    assert kind('human_full', 'texture', textures) is TextureWardrobe


@pytest.mark.parametrize('name, look, said', [
    ('cow', 'painted', 'is for people'),
    ('cow', 'dressed', 'is for people'),
    ('human', 'coat', 'is for animals'),
    ('human', 'dressed', "no layer 'cloth'"),
    ('human', 'texture', 'go together'),
    ('human', 'furry', f'there are {", ".join(LOOKS)}'),
])
def test_unsuitable_looks_are_refused(
        bodies: dict[str, ParametricBody], name: str, look: str,
        said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_wardrobe(bodies[name], look)


def test_textures_need_their_look(bodies: dict[str, ParametricBody],
                                  textures: str) -> None:
    with pytest.raises(ValueError, match='go together'):
        make_wardrobe(bodies['human'], 'painted', textures)


def test_poses_suit_the_body(bodies: dict[str, ParametricBody],
                             tmp_path: Path) -> None:
    assert make_pose_prior(bodies['human'],
                           reject_crossing=False) == RulePosePrior()
    assert isinstance(make_pose_prior(bodies['human']), UncrossedPosePrior)
    clips = make_pose_prior(bodies['cow'], reject_crossing=False)
    np.testing.assert_array_equal(clips.poses, bodies['cow'].clip_poses)
    drawn = make_pose_prior(bodies['cow']).sample(
        3, torch.Generator().manual_seed(0))
    assert drawn.shape == (3, 105)
    file = str(tmp_path / 'still.npz')
    np.savez(file, poses=np.zeros((1, 105)))
    read = make_pose_prior(bodies['cow'], [file], reject_crossing=False)
    assert isinstance(read, FilePosePrior)
    assert len(read.poses) == 1
    with pytest.raises(ValueError, match=r'still\.npz hold 105 angles a '
                       'pose, and the body has 24 joints'):
        make_pose_prior(bodies['human'], [file])


def test_an_animal_lends_its_clips(
        bodies: dict[str, ParametricBody]) -> None:
    horse = load_body('horse')
    lent = make_pose_prior(bodies['cow'], ['horse'], False)
    np.testing.assert_array_equal(lent.poses, horse.clip_poses)
    settings = SyntheticSetSettings(num=1, body='cow', poses=('horse', ))
    assert settings.described['poses'] == ['horse']
    assert 'poses' not in settings.described['checksums']


def test_every_nth_pose_of_files_is_taken(
        bodies: dict[str, ParametricBody], tmp_path: Path) -> None:
    file = str(tmp_path / 'walk.npz')
    poses = np.zeros((7, 105), np.float32)
    poses[:, 5] = np.arange(7)
    np.savez(file, poses=poses)
    read = make_pose_prior(bodies['cow'], [file], False, step=3)
    assert read.poses[:, 5].tolist() == [0, 3, 6]
    with pytest.raises(ValueError, match='pose_step 3 is for files'):
        make_pose_prior(bodies['cow'], step=3)


def test_rules_have_names(bodies: dict[str, ParametricBody],
                          tmp_path: Path) -> None:
    human = bodies['human']
    for name, expected in (
            ('default', RulePosePrior()),
            ('negative', RulePosePrior(NEGATIVE_POSE_RULE)),
            ('reference', RulePosePrior(reference=True))):
        drawn, wanted = (
            prior.sample(4, torch.Generator().manual_seed(0)) for prior in (
                make_pose_prior(human, (), False, rule=name), expected))
        np.testing.assert_array_equal(drawn, wanted)
    file = str(tmp_path / 'still.npz')
    np.savez(file, poses=np.zeros((1, 72)))
    with pytest.raises(ValueError, match=r"pose_rule 'negative' .* files"):
        make_pose_prior(human, [file], rule='negative')
    with pytest.raises(ValueError, match=(
            r"pose_rule 'reference' .* the body")):
        make_pose_prior(bodies['cow'], rule='reference')


def test_animals_without_poses_have_ranges(
        bodies: dict[str, ParametricBody],
        monkeypatch: pytest.MonkeyPatch) -> None:
    cow, seeded = bodies['cow'], torch.Generator().manual_seed
    wanted = RulePosePrior(animal_pose_rule()).sample(4, seeded(0))
    named = make_pose_prior(cow, ['ranges'], False)
    assert torch.equal(named.sample(4, seeded(0)), wanted)
    monkeypatch.setattr(cow, 'clip_poses', None)
    assert torch.equal(make_pose_prior(cow, (), False).sample(4, seeded(0)),
                       wanted)
    with pytest.raises(ValueError, match=r"'clips' are .* comes without"):
        make_pose_prior(cow, ['clips', 'ranges'])
    with pytest.raises(ValueError, match="pose_rule 'negative' is for people"):
        make_pose_prior(cow, rule='negative')


def test_sources_of_poses_are_mixed(bodies: dict[str, ParametricBody],
                                    tmp_path: Path) -> None:
    cow, horse = bodies['cow'], load_body('horse')
    gaussian = tmp_path / 'walking.pkl'
    with gaussian.open('wb') as file:
        pickle.dump(dict(mean_pose=np.full(105, 9.0),
                         cov=np.zeros((105, 105))), file)
    mixed = make_pose_prior(
        cow, ['clips', 'ranges', 'horse', str(gaussian)], False)
    listed, nine, ranges = mixed.priors
    np.testing.assert_array_equal(
        listed.poses, np.concatenate([horse.clip_poses, cow.clip_poses]))
    assert nine.mean[3:].unique().tolist() == [9]
    assert ranges.rule.up.shape == (105, )
    rows = make_pose_prior(cow, ['clips', str(gaussian)], False).sample(
        200, torch.Generator().manual_seed(0))
    clips = {tuple(row) for row in cow.clip_poses.tolist()}
    kinds = [9 if row[3] == 9 else tuple(row) in clips
             for row in rows.tolist()]
    assert set(kinds) == {9, True}
    assert 60 < kinds.count(9) < 140
    # People's too: motion capture and rules.
    file = str(tmp_path / 'still.npz')
    np.savez(file, poses=np.zeros((1, 72)))
    people = make_pose_prior(bodies['human'], [file, 'ranges'], False,
                             rule='negative')
    assert people.priors[1] == RulePosePrior(NEGATIVE_POSE_RULE)
    with pytest.raises(ValueError, match=r'walking\.pkl hold'):
        make_pose_prior(bodies['human'], [str(gaussian)])


def test_the_scene_is_as_large_as_the_animal(
        bodies: dict[str, ParametricBody]) -> None:
    scene = SceneSettings(extent=1750.0, distance=(3500.0, 7000.0))
    assert scaled_scene(bodies['human'], scene) is scene
    template = bodies['cow'].v_template.numpy()
    longest = 1000 * np.ptp(template, axis=0).max()
    scaled = scaled_scene(bodies['cow'], scene)
    assert scaled.extent == pytest.approx(longest)
    assert scaled.distance == pytest.approx((2 * longest, 4 * longest))
    assert scaled.elevation == scene.elevation


def test_families_draw_the_shapes_of_their_bodies(
        tmp_path: Path, bodies: dict[str, ParametricBody]) -> None:
    cow = bodies['cow']
    num = cow.num_betas
    plain = make_shape_prior(cow)
    assert plain.sample(3, torch.Generator().manual_seed(0)).shape == (3, num)
    data = tmp_path / 'smal_CVPR2017_data.pkl'
    means = np.arange(5.0 * num).reshape(5, num)
    with data.open('wb') as file:
        pickle.dump(dict(cluster_means=means,
                         cluster_cov=[np.zeros((num, num))] * 5), file)
    prior = make_shape_prior(cow, 'equidae', str(data))
    np.testing.assert_array_equal(
        prior.sample(2, torch.Generator().manual_seed(0)), means[[2, 2]])
    drawn = make_shape_prior(cow, 'all', str(data)).sample(
        200, torch.Generator().manual_seed(0))
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_array_equal(rows, means)
    assert counts.min() > 20
    with pytest.raises(ValueError, match='go together'):
        make_shape_prior(cow, 'equidae')
    with pytest.raises(ValueError, match=f'{num} components, and the body '
                       'has 10'):
        make_shape_prior(bodies['human'], 'equidae', str(data))
