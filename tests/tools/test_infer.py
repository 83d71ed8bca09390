"""The tool: a folder with a broken picture, a video, an interruption."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from xas_mmpose.apis import Pose3DInferencer, find_model

pytestmark = pytest.mark.filterwarnings('ignore:there is no mask',
                                        'ignore:nobody says where')


@pytest.fixture(scope='module', autouse=True)
def _weights() -> None:
    try:
        find_model('xas_mini')
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ('a', 'b/c', 'b/d'):
        for kind in ('photos', 'masks'):
            (tmp_path / kind / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / 'photos' / f'{name}.png'),
                    rng.integers(0, 255, (90, 80, 3), dtype=np.uint8))
        mask = np.zeros((90, 80), np.uint8)
        mask[10:80, 25:50] = 255
        cv2.imwrite(str(tmp_path / 'masks' / f'{name}.png'), mask)
    (tmp_path / 'photos/b/d.png').write_text('no picture')
    return tmp_path / 'photos'


def read(path: Path) -> dict:
    return json.loads((path / 'results.json').read_text())


def test_a_folder(tool, photos, check_results, capsys):
    root = photos.parent
    (root / 'camera.json').write_text(json.dumps(dict(
        K=[[900, 0, 40], [0, 900, 45], [0, 0, 1]])))
    status = tool('infer').main([
        str(photos), '--out', str(root / 'out'), '--masks',
        str(root / 'masks'), '--camera', str(root / 'camera.json'),
        '--person-size', '1700', '--depth-profiles', '--skeleton-masks',
        '--device', 'cpu'])
    assert status == 1
    written = capsys.readouterr()
    assert 'failed: b/d.png' in written.err
    assert '2 pictures: ' in written.out
    data = read(root / 'out')
    check_results(data)
    assert [p['name'] for p in data['pictures']] == ['a.png', 'b/c.png',
                                                     'b/d.png']
    assert data['complete']
    assert [f['name'] for f in data['failed']] == ['b/d.png']
    person, = data['pictures'][0]['people']
    assert (person['box'], person['mask_used']) == ([24.5, 9.5, 49.5, 79.5],
                                                    True)
    # 70 px are 1700 mm; the crop is 1.25 times that.
    assert person['cube_size'] == 1.25 * 1700
    depth = person['root_3d'][2]
    assert abs(depth - 900 * 1700 / 70) < 0.5 * 1.25 * 1700
    drawn = sorted(p.relative_to(root / 'out/pictures').as_posix()
                   for p in (root / 'out/pictures').rglob('*.jpg'))
    assert drawn == ['a.jpg', 'b/c.jpg']
    picture = cv2.imread(str(root / 'out/pictures/a.jpg'))
    assert picture.shape[0] > 384
    # Image, skeleton mask, two views, depth profiles: part of 80x90 px.
    assert picture.shape[1] > 24 + 3 * 384 + 2 * 300
    assert picture.std() > 10


def test_pictures_of_the_same_name_are_told(tool, photos, capsys):
    root = photos.parent
    (photos / 'b/d.png').unlink()
    for name in ('b/a.png', 'b/a.jpg'):
        shutil.copy(photos / 'a.png', photos / name)
    status = tool('infer').main([
        str(photos / 'a.png'), str(photos / 'b'), '--out', str(root / 'out'),
        '--device', 'cpu'])
    assert status == 1
    data = read(root / 'out')
    assert [(f['name'], f['error'].split(':')[0]) for f in data['failed']] == [
        (name, f'{photos / "a.png"} has the same name')
        for name in ('a.jpg', 'a.png')]
    assert sorted(p.name for p in (root / 'out/pictures').iterdir()) == [
        'a.jpg', 'c.jpg']


def test_a_camera_that_is_no_json(tool, photos):
    path = photos.parent / 'camera.json'
    path.write_text('{"f": [900], ')
    with pytest.raises(ValueError, match=r'camera\.json is no JSON file: '):
        tool('infer').main([str(photos), '--out', str(photos.parent / 'out'),
                            '--camera', str(path), '--device', 'cpu'])


def film(path: Path, frames: int) -> Path:
    """Write a video of noise."""
    rng = np.random.default_rng(0)
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (64, 48))
    for _ in range(frames):
        writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()
    return path


def test_a_longer_video_of_the_same_name_is_told_to_its_end(tool, tmp_path):
    first, second = (str(film(tmp_path / f'{folder}/walk.avi', frames))
                     for folder, frames in (('a', 2), ('b', 4)))
    # A picture of the video's own name draws no video.
    shutil.copy(film(tmp_path / 'walk.avi', 1), tmp_path / 'walk.jpg')
    pictures = list(tool('infer').left(
        [first, str(tmp_path / 'walk.jpg'), second, first],
        SimpleNamespace(done=())))
    assert [(p.path, p.frame, p.problem and p.problem.split(':')[0])
            for p in pictures] == [
        (first, 0, None), (first, 1, None),
        (str(tmp_path / 'walk.jpg'), None, None),
        *[(second, i, f'{first} has the same name') for i in range(4)],
        (first, 0, None), (first, 1, None)]


def test_a_video_of_a_video(tool, tmp_path, check_results):
    path = film(tmp_path / 'walk.avi', 3)
    (tmp_path / 'people.json').write_text(json.dumps({
        'walk/000002.jpg': dict(bbox=[5, 5, 20, 40])}))
    status = tool('infer').main([
        str(path), '--out', str(tmp_path), '--boxes',
        str(tmp_path / 'people.json'), '--video', '--device', 'cpu'])
    assert status == 0
    data = read(tmp_path)
    check_results(data)
    assert [p['frame'] for p in data['pictures']] == [0, 1, 2]
    assert [p['people'][0]['box_source'] for p in data['pictures']] == [
        'picture', 'given', 'picture']
    video = cv2.VideoCapture(str(tmp_path / 'walk.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert video.get(cv2.CAP_PROP_FPS) == 10
    assert not (tmp_path / 'pictures').exists()


def test_an_interruption_is_gone_on_with(tool, photos, monkeypatch, capsys):
    out = photos.parent / 'out'
    arguments = [str(photos), '--out', str(out), '--no-draw', '--device',
                 'cpu', '--batch-size', '1']
    call = Pose3DInferencer.__call__
    seen = []

    def interrupted(self, *args, **kwargs):
        for poses in call(self, *args, **kwargs):
            seen.append(poses.name)
            yield poses
            if len(seen) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(Pose3DInferencer, '__call__', interrupted)
    assert tool('infer').main(arguments) == 130
    assert 'the same command goes on' in capsys.readouterr().err
    assert [p['name'] for p in read(out)['pictures']] == ['a.png']
    assert not read(out)['complete']
    assert tool('infer').main(arguments) == 1
    assert seen == ['a.png', 'b/c.png', 'b/d.png']
    assert [p['name'] for p in read(out)['pictures']] == seen
    assert not (out / 'pictures').exists()


@pytest.mark.parametrize('options, message', [
    (['--batch-size', '0'], 'starts at 1'),
    (['--masks', 'm', '--mask-method', 'grabcut'], 'or --mask-method'),
    (['--mask-method', 'grabcut'], 'shown where people are'),
    (['--det-config', 'c.py'], 'belong together'),
    (['--video', '--no-draw'], '--no-draw leaves out'),
    (['--skeleton-masks', '--no-draw'], '--no-draw leaves out'),
    (['./o/walk.mp4', '--video'], 'would be written over the input ./o/walk'),
    (['o/../o/w*.mp4', '--video'], 'would be written over the input o/../o/w'),
    (['o/pictures'], 'would be written over the input o/pictures'),
    (['o/pictures/b/*.jpg'], 'would be written over the input o/pictures/b'),
])
def test_options_that_do_not_fit(tool, options, message, capsys, tmp_path,
                                 monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'o/pictures/b').mkdir(parents=True)
    for name in ('walk.mp4', 'pictures/b/c.jpg'):
        (tmp_path / 'o' / name).touch()
    with pytest.raises(SystemExit):
        tool('infer').main(['a.jpg', *options, '--out', 'o'])
    assert message in capsys.readouterr().err
