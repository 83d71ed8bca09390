"""What a set's settings mean, and what decides its samples."""
from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.body_models import animal_names
from xas_mmpose.render import SceneSettings, Synthesizer
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.skeletons import HUMAN36M_18

SCENE = SceneSettings(image_size=32)


def settings(**changes) -> SyntheticSetSettings:
    """Return the settings of a small set."""
    return SyntheticSetSettings(**{**dict(num=4, scene=SCENE), **changes})


def test_subjects_and_bodies_take_turns() -> None:
    own = settings(body='human, human_full ,human')
    assert own.bodies == ('human', 'human_full', 'human')
    assert [own.subject_of(i) for i in (0, 7)] == [0, 7]
    assert [own.body_of(i) for i in range(4)] == [
        'human', 'human_full', 'human', 'human']
    assert [settings(num_subjects=3).subject_of(i) for i in range(5)] == [
        0, 1, 2, 0, 1]


def test_a_pickled_generator_makes_the_same_samples() -> None:
    generator = SyntheticSetGenerator(settings(seed=5))
    sent = pickle.dumps(generator)
    assert len(sent) < 2000  # no tensors travel
    copy = pickle.loads(sent)
    assert copy.settings == generator.settings
    one, other = generator.sample(3), copy.sample(3)
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.body_pose, other.body_pose)


def test_a_sample_has_rng_streams_of_its_own() -> None:
    generator = SyntheticSetGenerator(settings())
    again = generator.sample(2)
    for other in (generator.sample(1), SyntheticSetGenerator(
            settings(seed=1)).sample(2)):
        assert not np.array_equal(again.body_pose, other.body_pose)
        assert not np.array_equal(again.betas, other.betas)
    np.testing.assert_array_equal(again.image, generator.sample(2).image)
    assert generator.skeleton == HUMAN36M_18


def test_a_picture_without_a_body_is_drawn_again(
        monkeypatch: pytest.MonkeyPatch) -> None:
    generator = SyntheticSetGenerator(settings())
    draw, calls = Synthesizer.draw_sample, []

    def hidden(self: Synthesizer, rng, subject):
        sample = draw(self, rng, subject)
        calls.append(sample)
        return sample if len(calls) == 3 else dataclasses.replace(
            sample, mask=np.zeros_like(sample.mask))

    monkeypatch.setattr(Synthesizer, 'draw_sample', hidden)
    assert generator.sample(0) is calls[2]
    monkeypatch.setattr(Synthesizer, 'draw_sample', lambda *_: (
        dataclasses.replace(calls[0], mask=np.zeros((32, 32), np.uint8))))
    with pytest.raises(ValueError, match=r'none shows any of the body human'):
        generator.sample(0)


def test_bodies_outside_the_picture_are_drawn_again(
        monkeypatch: pytest.MonkeyPatch) -> None:
    draw, shown = Synthesizer.draw_sample, []

    def noted(self: Synthesizer, rng, subject):
        shown.append(draw(self, rng, subject))
        return shown[-1]

    monkeypatch.setattr(Synthesizer, 'draw_sample', noted)
    generator = SyntheticSetGenerator(settings(scene=SceneSettings(
        image_size=32, truncation=1.0)))
    samples = [generator.sample(i) for i in range(20)]
    assert all(sample.mask.any() for sample in samples)
    assert len(shown) > 24
    assert sum(bool(s.mask.any()) for s in shown) == 20


def test_described_settings_hold_all_that_decides_the_bytes(
        tmp_path: Path) -> None:
    photos = tmp_path / 'here' / 'photos'
    photos.mkdir(parents=True)
    cv2.imwrite(str(photos / 'a.png'), np.zeros((40, 40, 3), np.uint8))
    poses = tmp_path / 'walk.npz'
    np.savez(poses, poses=np.zeros((2, 72)))

    def described() -> dict:
        return settings(backgrounds=str(photos),
                        poses=(str(poses),)).described

    before = described()
    assert json.loads(json.dumps(before)) == before
    assert before['backgrounds'] == 'photos'
    assert before['poses'] == ['walk.npz']
    assert before['body'] == ['human']
    assert before['scene']['image_size'] == 32
    assert {key: len(value) for key, value in before['checksums'].items()
            } == dict(backgrounds=1, poses=1)
    assert settings().described['checksums'] == {}
    # The place does not count, what lies there does.
    photos = photos.rename(tmp_path / 'photos')
    assert described() == before
    cv2.imwrite(str(photos / 'b.png'), np.zeros((40, 40, 3), np.uint8))
    after = described()
    assert after['checksums']['poses'] == before['checksums']['poses']
    assert (after['checksums']['backgrounds']
            != before['checksums']['backgrounds'])
    np.savez(poses, poses=np.ones((2, 72)))
    assert described()['checksums']['poses'] != after['checksums']['poses']


#: A setting that names a file or a folder, and the file whose bytes change.
FILES = [
    ('textures', 'skins', 'skins/a.png'),
    ('uv_template', 'a.obj', 'a.obj'),
    ('family_data', 'smal_CVPR2017_data.pkl', 'smal_CVPR2017_data.pkl'),
    ('backgrounds', 'photos', 'photos/deep/a.jpg'),
    ('poses', 'walk.npz', 'walk.npz'),
    ('poses', 'walks', 'walks/one/walk.npz'),
    ('body', 'smpl.npz', 'smpl.npz'),
    ('body', 'smpl.pkl', 'smpl.pkl'),
    ('body', 'basicmodel', 'basicmodel'),
    # It decides the key points, and no setting names it.
    ('body', 'smpl.pkl', 'J_regressor_h36m.npy'),
]


@pytest.mark.parametrize('key, given, file', FILES)
def test_every_byte_of_every_file_counts(tmp_path: Path, key: str,
                                         given: str, file: str) -> None:
    def described() -> dict:
        value = str(tmp_path / given)
        return settings(
            **{key: (value,) if key == 'poses' else value}).described

    for name in {given, file}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == file or path.suffix:
            path.write_bytes(b'before')
    before = described()
    assert described() == before
    assert str(tmp_path) not in json.dumps(before)
    (tmp_path / file).write_bytes(b'and after')
    after = described()
    assert after != before
    # The checksums alone tell.
    assert dict(after, checksums=0) == dict(before, checksums=0)


@pytest.mark.parametrize('name, key', [
    ('J_regressor_h36m.npy', 'regressor'), ('symIdx.pkl', 'symmetry')])
def test_what_comes_later_beside_a_body_counts(
        tmp_path: Path, name: str, key: str) -> None:
    (tmp_path / 'smpl.pkl').write_bytes(b'body')
    body = str(tmp_path / 'smpl.pkl')
    before = settings(body=body).described
    (tmp_path / name).write_bytes(b'a table')
    assert settings(body=body).described != before
    assert key not in settings().described['checksums']


def test_every_setting_counts() -> None:
    before = settings().described
    for changes in (dict(pose_step=2), dict(pose_rule='reference')):
        assert settings(**changes).described != before


@pytest.mark.parametrize('key, name, said', [
    ('textures', 'skins', 'no folder of texture pictures'),
    ('uv_template', 'uv.obj', r'no \.obj or \.pkl with texture coordinates'),
    ('family_data', 'smal.pkl', "no file of the families' shapes"),
    ('backgrounds', 'photos', 'no folder of photographs'),
    ('poses', 'walk.npz', 'no file or folder of poses'),
    ('body', 'smpl.pkl', 'no model file'),
    ('body', 'smpl.npz', 'no model file'),
])
def test_missing_files_are_named(tmp_path: Path, key: str, name: str,
                                 said: str) -> None:
    path = str(tmp_path / name)
    own = settings(**{key: (path,) if key == 'poses' else path})
    cure = 'take one of human, ' if key == 'body' else f'leave {key} out'
    with pytest.raises(FileNotFoundError, match=(
            f'{key}: there is {said}.* {path}; correct the path, or {cure}')):
        own.described  # noqa: B018


def test_an_unknown_body_is_left_to_the_loader() -> None:
    own = settings(body='unicorn')
    assert own.described['checksums'] == {}
    with pytest.raises(ValueError, match="unknown body 'unicorn'"):
        SyntheticSetGenerator(own)


def test_steps_and_rules_reach_the_poses(tmp_path: Path) -> None:
    poses = np.zeros((2, 72), np.float32)
    poses[1, 3 * 12] = 0.4
    file = tmp_path / 'walk.npz'
    np.savez(file, poses=poses)
    still = SyntheticSetGenerator(settings(
        poses=(str(file), ), pose_step=2, reject_crossing=False))
    for i in range(6):
        assert still.sample(i).body_pose[3 * 11] == 0
    prior = SyntheticSetGenerator(settings(
        pose_rule='reference', reject_crossing=False)
    ).synthesizers['human'].pose_prior
    assert prior.reference


def test_photographs_and_poses_reach_the_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((40, 40, 3), (250, 0, 0),
                                                 np.uint8))
    poses = np.zeros((1, 72), np.float32)
    poses[0, 3 * 12] = 0.4  # the neck bends forwards
    np.savez(tmp_path / 'walk.npz', poses=poses)
    sample = SyntheticSetGenerator(settings(
        backgrounds=str(tmp_path), poses=(str(tmp_path / 'walk.npz'), ),
        reject_crossing=False)).sample(0)
    behind = sample.image[:4, :4].reshape(-1, 3).mean(0)
    assert behind[0] > 150 > 40 > behind[1:].max()  # blue, with some noise
    assert sample.body_pose[3 * 11] == pytest.approx(0.4)


@pytest.mark.parametrize('changes, said', [
    (dict(num=0), 'num must'),
    (dict(seed=-1), 'num must'),
    (dict(num_subjects=0), 'num_subjects must'),
    (dict(image_format='bmp'), "got 'bmp'"),
    (dict(pose_step=0), 'pose_step must be at least 1, got 0'),
    (dict(pose_rule='wild'), "pose_rule must be one of .*got 'wild'"),
    (dict(look='naked'), "look must be one of .*got 'naked'"),
    (dict(layout='voc'), "layout must be one of .*got 'voc'"),
    (dict(body='human,'), "names no body in 'human,'"),
    (dict(layout='surreal_h36m_pose', depth=True), 'knows neither parts'),
])
def test_impossible_settings_are_named(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(**changes)


def test_bodies_of_different_key_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r'different key points, '
                       'human36m_18, animal3d_26: make a set of each'):
        SyntheticSetGenerator(settings(body='human,horse'))


def test_quadruped_stands_for_all_animals() -> None:
    for word in ('quadruped', 'animals'):
        own = settings(body=f'horse, {word}')
        assert own.bodies == ('horse', *animal_names())
        assert own.described == settings(
            body=','.join(['horse', *animal_names()])).described


def test_smal_without_a_file_says_where_it_is(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=(
            r"https://smal\.is\.tue\.mpg\.de .*smal_CVPR2017\.pkl.*or take "
            "'quadruped'")):
        settings(body='smal')


def test_words_are_no_files() -> None:
    own = settings(body='horse', poses=('clips', 'ranges', 'fox'),
                   uv_template='sides')
    assert own.described['poses'] == ['clips', 'ranges', 'fox']
    assert own.described['uv_template'] == 'sides'
    assert own.described['checksums'] == {}


def test_animals_make_samples() -> None:
    generator = SyntheticSetGenerator(settings(body='horse,fox'))
    horse, fox = generator.sample(0), generator.sample(1)
    assert horse.keypoints.shape == fox.keypoints_3d[:, :2].shape == (26, 2)
    for sample in (horse, fox):
        assert 0.03 < (sample.mask > 0).mean() < 0.7
        # The whole animal is in the picture.
        assert (sample.keypoints_visible > 0).all()
