"""Folders of synthetic pairs: format, bytes, resuming, refusals."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.geometry.cameras import camera_to_image
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.resumable import ResumableFolder
from xas_mmpose.render.synthetic_set import write_synthetic_set
from xas_mmpose.skeletons import HUMAN36M_18

NUM = 7


def settings(**changes) -> SyntheticSetSettings:
    """Return the settings of a small set."""
    return SyntheticSetSettings(**{
        **dict(num=NUM, seed=3, scene=SceneSettings(image_size=48)),
        **changes})


def write(folder: Path, workers: int = 1, **changes) -> dict:
    """Write a small set and return its annotations."""
    path = write_synthetic_set(folder, settings(**changes), workers,
                               progress=False)
    return json.loads(path.read_text())


def digests(folder: Path) -> dict[str, str]:
    """Return the checksum of every file."""
    return {str(path.relative_to(folder)):
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob('*') if path.is_file()}


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set that was written in one go by one process."""
    folder = tmp_path_factory.mktemp('unbroken')
    write(folder)
    return folder


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the next run after some samples."""
    original, calls = SyntheticSetGenerator.write, []

    def interrupted(self: SyntheticSetGenerator, index: int,
                    folder: Path) -> dict:
        calls.append(index)
        if len(calls) > count:
            raise KeyboardInterrupt
        return original(self, index, folder)

    monkeypatch.setattr(SyntheticSetGenerator, 'write', interrupted)


def test_folder_is_what_its_annotations_say(unbroken: Path) -> None:
    data = json.loads((unbroken / 'annotations.json').read_text())
    assert data['info']['seed'] == 3
    assert data['info']['generator']['scene']['image_size'] == 48
    category, = data['categories']
    assert tuple(category['keypoints']) == HUMAN36M_18.keypoint_names
    assert len(category['skeleton']) == 17
    assert min(map(min, category['skeleton'])) == 1
    assert [image['id'] for image in data['images']] == list(range(NUM))
    files = {'annotations.json', 'settings.json'}
    for image, label in zip(data['images'], data['annotations']):
        assert label['image_id'] == image['id']
        assert label['id'] == image['id'] + 1
        files |= {image['file_name'], image['mask_file']}
        picture = cv2.imread(str(unbroken / image['file_name']))
        assert picture.shape == (image['height'], image['width'], 3)
        mask = cv2.imread(str(unbroken / image['mask_file']),
                          cv2.IMREAD_UNCHANGED)
        assert mask.shape == (48, 48)
        assert set(np.unique(mask)) == {0, 255}
        assert label['area'] == (mask > 0).sum()
        assert label['bbox'] == list(cv2.boundingRect(mask))
    assert set(digests(unbroken)) == files


def test_labels_fit_each_other(unbroken: Path) -> None:
    data = json.loads((unbroken / 'annotations.json').read_text())
    for label in data['annotations']:
        camera = {k: np.array(v) for k, v in label['camera_param'].items()}
        assert camera['R'].shape == (3, 3)
        keypoints = np.array(label['keypoints']).reshape(18, 3)
        projected = camera_to_image(np.array(label['keypoints_3d']),
                                    camera['f'], camera['c'])
        assert np.abs(projected[:, :2] - keypoints[:, :2]).max() < 0.01
        assert label['num_keypoints'] == (keypoints[:, 2] > 0).sum()
        assert label['body'] == 'human'
        assert [len(label[k]) for k in ('betas', 'global_orient', 'body_pose')
                ] == [10, 3, 69]
        assert label['category_id'] == 1
        assert label['iscrowd'] == 0


def test_stored_numbers_are_those_of_the_sample(unbroken: Path) -> None:
    data = json.loads((unbroken / 'annotations.json').read_text())
    sample = SyntheticSetGenerator(settings()).sample(5)
    label = data['annotations'][5]
    for key in ('betas', 'global_orient', 'body_pose'):
        assert np.array_equal(np.float32(label[key]), getattr(sample, key))
    np.testing.assert_allclose(label['keypoints_3d'], sample.keypoints_3d,
                               atol=0.0006)
    mask = cv2.imread(str(unbroken / 'masks/00000005.png'), 0)
    np.testing.assert_array_equal(mask, sample.mask)
    picture = cv2.imread(str(unbroken / 'images/00000005.jpg'))
    error = np.abs(picture.astype(int) - sample.image)
    assert error.mean() < 6  # JPEG


def test_joints_outside_the_picture_are_not_labelled(tmp_path: Path) -> None:
    scene = SceneSettings(image_size=48, extent=900.0)
    data = write(tmp_path, num=3, scene=scene)
    for label in data['annotations']:
        x, y, seen = np.array(label['keypoints']).reshape(18, 3).T
        inside = (x >= -.5) & (x < 47.5) & (y >= -.5) & (y < 47.5)
        assert 0 < inside.sum() < 18
        np.testing.assert_array_equal(seen > 0, inside)
        assert set(seen) <= {0, 1, 2}
        assert label['num_keypoints'] == inside.sum()


def test_xtcocotools_reads_the_set(unbroken: Path) -> None:
    coco = pytest.importorskip('xtcocotools.coco').COCO(
        str(unbroken / 'annotations.json'))
    assert coco.getImgIds() == list(range(NUM))
    label, = coco.loadAnns(coco.getAnnIds(imgIds=[6]))
    assert label['image_id'] == 6
    assert coco.annToMask({**label, 'segmentation': [[0, 0, 4, 0, 4, 4]]}
                          ).shape == (48, 48)


def test_workers_do_not_change_a_byte(unbroken: Path,
                                      tmp_path: Path) -> None:
    write(tmp_path, workers=2)
    assert digests(tmp_path) == digests(unbroken)


def test_an_interrupted_run_ends_with_the_same_bytes(
        unbroken: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (2, 3):  # stopped twice
        with monkeypatch.context() as patch:
            stop_after(count, patch)
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path)
        assert not (tmp_path / 'annotations.json').exists()
    # The kill came in the middle of a line and of an image.
    record = next((tmp_path / 'records').glob('*.jsonl'))
    with record.open('a') as file:
        file.write('6\t{"image": {"id"')
    (tmp_path / 'images/00000006.jpg.1.partial').write_bytes(b'half')
    written = []
    original = SyntheticSetGenerator.write
    monkeypatch.setattr(
        SyntheticSetGenerator, 'write', lambda self, index, folder:
        written.append(index) or original(self, index, folder))
    write(tmp_path)
    assert written == [5, 6]  # 2 + 3 were there
    assert digests(tmp_path) == digests(unbroken)


def test_a_kill_before_the_settings_were_written_is_no_obstacle(
        unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / 'settings.json.1.partial').write_text('{')
    write(tmp_path)
    assert digests(tmp_path) == digests(unbroken)


def test_a_kill_before_the_records_were_removed_is_no_obstacle(
        unbroken: Path, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / 'records').mkdir()
    (tmp_path / 'records' / 'old.jsonl').write_text('\n')
    write(tmp_path)
    assert digests(tmp_path) == digests(unbroken)


def test_a_finished_folder_is_left_alone(
        unbroken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(unbroken)

    def fail(*_: object) -> None:
        raise AssertionError('a finished set needs no generator')

    monkeypatch.setattr(SyntheticSetGenerator, '__init__', fail)
    write(unbroken)
    assert digests(unbroken) == before


@pytest.mark.parametrize('changes, said', [
    (dict(seed=4), 'seed = 3, not 4'),
    (dict(num=8), 'num = 7, not 8'),
    (dict(num_subjects=2), 'num_subjects = None, not 2'),
    (dict(scene=SceneSettings(image_size=64)), 'scene = '),
])
def test_a_folder_of_other_settings_is_refused(unbroken: Path, changes: dict,
                                               said: str) -> None:
    before = digests(unbroken)
    with pytest.raises(ValueError, match=f'holds a set with {said}'):
        write(unbroken, **changes)
    assert digests(unbroken) == before


def test_a_strangers_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(ValueError, match='is not empty'):
        write(tmp_path)
    assert set(digests(tmp_path)) == {'thesis.tex'}


def test_subjects_are_shared_and_samples_differ(tmp_path: Path) -> None:
    labels = write(tmp_path, num=4, num_subjects=2)['annotations']
    assert [label['subject'] for label in labels] == [0, 1, 0, 1]
    assert labels[0]['betas'] == labels[2]['betas']
    assert labels[0]['betas'] != labels[1]['betas']
    assert labels[0]['body_pose'] != labels[2]['body_pose']


def test_a_sample_depends_on_seed_and_index_alone(unbroken: Path,
                                                  tmp_path: Path) -> None:
    longer = write(tmp_path / 'longer', num=NUM + 1)
    for name in ('images/00000002.jpg', 'masks/00000006.png'):
        assert (tmp_path / 'longer' / name).read_bytes() == (
            unbroken / name).read_bytes()
    other = write(tmp_path / 'other', num=1, seed=4)
    assert (other['annotations'][0]['betas']
            != longer['annotations'][0]['betas'])


def test_png_keeps_every_pixel(tmp_path: Path) -> None:
    write(tmp_path, num=1, image_format='png')
    picture = cv2.imread(str(tmp_path / 'images/00000000.png'))
    sample = SyntheticSetGenerator(settings()).sample(0)
    np.testing.assert_array_equal(picture, sample.image)


def test_shards_fill_one_set(unbroken: Path, tmp_path: Path) -> None:
    def shard(number: int, count: int) -> Path | None:
        return write_synthetic_set(tmp_path, settings(), progress=False,
                                   shard=(number, count))

    assert shard(2, 3) is None
    assert sorted(path.name for path in (tmp_path / 'masks').iterdir()) == [
        '00000001.png', '00000004.png']
    assert shard(2, 3) is None  # nothing to do
    assert shard(1, 2) is None  # 0, 2, 4, 6 of which 4 is there
    assert not (tmp_path / 'annotations.json').exists()
    assert shard(2, 2) == tmp_path / 'annotations.json'
    assert digests(tmp_path) == digests(unbroken)
    assert shard(1, 9) == tmp_path / 'annotations.json'


def test_a_shard_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    for shard in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match='one of 1/3 to 3/3, got'):
            write_synthetic_set(tmp_path, settings(), shard=shard)
    assert not list(tmp_path.iterdir())


def test_any_call_lists_what_others_have_made(
        unbroken: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    # Two shards end at once, and neither sees the other's last record.
    with monkeypatch.context() as patch:
        patch.setattr(ResumableFolder, 'records', lambda self: {})
        for number in (1, 2):
            assert write_synthetic_set(tmp_path, settings(), progress=False,
                                       shard=(number, 2)) is None
    stop_after(0, monkeypatch)
    write(tmp_path)
    assert digests(tmp_path) == digests(unbroken)


def test_another_process_may_list_the_pairs_first(
        unbroken: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    original = ResumableFolder.records

    def late(self: ResumableFolder) -> dict:
        monkeypatch.setattr(ResumableFolder, 'records', original)
        write_synthetic_set(tmp_path, settings(), progress=False)
        return original(self)

    monkeypatch.setattr(ResumableFolder, 'records', late)
    path = write_synthetic_set(tmp_path, settings(), progress=False)
    assert path == tmp_path / 'annotations.json'
    assert digests(tmp_path) == digests(unbroken)


def test_the_authors_layout_is_written_and_resumed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = SceneSettings(image_size=48, extent=2000.0)
    changes = dict(num=3, layout='surreal_h36m_pose', scene=scene)
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    path = write_synthetic_set(whole, settings(**changes), progress=False)
    assert path == whole / 'info.npy'
    assert np.load(path).tolist() == [0, 1, 2]
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            write_synthetic_set(broken, settings(**changes), progress=False)
    write_synthetic_set(broken, settings(**changes), progress=False)
    assert digests(broken) == digests(whole)
    assert sorted(digests(whole)) == sorted([
        'info.npy', 'settings.json',
        *(f'{kind}_{i:06d}.{suffix}'
          for i in range(3) for kind, suffix in (
              ('image/image', 'png'), ('mask/mask', 'png'),
              ('joints/joint', 'npy')))])


def test_a_failing_worker_is_reported(tmp_path: Path) -> None:
    # The settings of a begun set, and a folder where a picture should go.
    (tmp_path / 'settings.json').write_text(
        json.dumps(settings().described))
    (tmp_path / 'images/00000001.jpg').mkdir(parents=True)
    with pytest.raises(RuntimeError,
                       match=r'(?s)a worker failed.*00000001\.jpg'):
        write(tmp_path, workers=2)


def test_what_makes_no_set_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=(
            r'body: there is no model file .*gone\.npz; correct the path, or '
            'take one of human,')):
        write(tmp_path / 'set', body=str(tmp_path / 'gone.npz'))
    with pytest.raises(ValueError, match=r'body human: .*"coat" is for'):
        write(tmp_path / 'set', look='coat')
    with pytest.raises(ValueError, match=r'workers is .* or more, got -1'):
        write(tmp_path / 'set', workers=-1)
    assert not (tmp_path / 'set').exists()
