"""What is in the page of 3D poses."""
from __future__ import annotations

import base64
import json
import re
import sys

import cv2
import numpy as np
import pytest

from tests.tools.viewer.people import NAMES, POSE, person, unpacked, write
from xas_mmpose.apis import PicturePoses
from xas_mmpose.evaluation.functional import pose_errors


def picture_of(data: dict, index: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(
        data['images'][index]), np.uint8), cv2.IMREAD_COLOR)


def test_the_page_holds_the_results(make, found, capsys):
    page, data = make('--title', '<b>"ö')
    assert data['results'] == json.loads(found.read_text())
    assert data['truth'] is None
    original = cv2.imread(str(found.parent / 'photos/a.png')).astype(int)
    assert picture_of(data, 0).shape == original.shape
    assert np.abs(picture_of(data, 0) - original).mean() < 6
    assert unpacked(page, 'plotly') == 'no plotly'
    assert page.count('&lt;b&gt;&quot;&#246;') == 2
    # A name is no address; nothing else looks like one.
    assert set(re.findall(r'https?://[^\'"]+', page)) == {
        'http://www.w3.org/2000/svg'}
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {'data:,'}
    assert 'url(' not in page
    assert '@import' not in page
    assert not re.search('%[A-Z]+%', page)
    assert '2 pictures' in capsys.readouterr().out


def test_the_same_results_make_the_same_page(make):
    assert make()[0] == make()[0]


def test_pictures_are_chosen(make, found, capsys):
    data = json.loads(found.read_text())
    data['pictures'].append(dict(
        data['pictures'][0], name='d.png', people=[], size=None,
        error='broken'))
    found.write_text(json.dumps(data))
    assert [p['name'] for p in make('--only', 'b/*')[1]['results'][
        'pictures']] == ['b/c <&"é.png']
    written = capsys.readouterr().out
    assert 'left out 1 pictures: infer.py' in written
    assert 'left out 1 pictures: --only' in written
    assert [p['name'] for p in make('--every', '2')[1]['results'][
        'pictures']] == ['a.png']
    with pytest.raises(ValueError, match=r'none of these is called x\*'):
        make('--only', 'x*')


def test_pictures_shrink_to_the_budget(make, found):
    rng = np.random.default_rng(0)
    path = found.parent / 'photos/a.png'
    cv2.imwrite(str(path), rng.integers(0, 255, (900, 1800, 3), np.uint8))
    data = json.loads(found.read_text())
    data['pictures'][0]['size'] = [1800, 900]
    found.write_text(json.dumps(data))
    large, data = make()
    assert picture_of(data, 0).shape == (400, 800, 3)
    small, data = make('--max-mb', '0.085')
    assert len(small) <= 85e3 < len(large)
    assert picture_of(data, 0).shape == (200, 400, 3)
    # What is small already stays as it is.
    assert picture_of(data, 1).shape == (80, 120, 3)
    with pytest.raises(ValueError, match=r'takes 0\.0\d MB even with pictures '
                       r'of 180 px, more than --max-mb 0\.046: .*--every \d'):
        make('--max-mb', '0.046')
    # Then no choice of pictures helps.
    with pytest.raises(ValueError, match=r'0\.0\d MB without any picture, '
                       r'0\.00 MB of it plotly, .* 0\.02: raise it$'):
        make('--max-mb', '0.02')


@pytest.mark.parametrize('form', ['json', 'npz', 'order'])
def test_errors_are_the_functional_ones(make, found, form):
    rng = np.random.default_rng(0)
    truth = np.stack([POSE, POSE]) + rng.normal(0, 50, (2, 5, 3))
    truth[..., 2] += 5000
    names, order = {'a.png': truth[0], 'b/c <&"é.png': truth}, slice(None)
    path = found.parent / f'truth.{"npz" if form == "npz" else "json"}'
    if form == 'npz':
        np.savez(path, **names)
    else:
        order = [4, 1, 0, 2] if form == 'order' else order
        poses = {name: pose[..., order, :].tolist()
                 for name, pose in names.items()}
        if form == 'json':
            poses['b/c <&"é.png'][0] = None
            poses['a.png'][1] = None
        path.write_text(json.dumps(dict(
            poses=poses, keypoint_names=np.array(NAMES)[order].tolist())))
    _, data = make('--truth', str(path))
    told = data['truth'][0][0]
    known = np.ones(5, bool)
    known[dict(npz=[], order=[3], json=[1])[form]] = False
    for metric in ('MPJPE', 'P-MPJPE'):
        expected = pose_errors(
            person().hypotheses_3d, np.repeat(truth[:1], 3, 0),
            np.repeat(known[None], 3, 0), metric, 0)
        np.testing.assert_allclose(told['errors'][metric][:2], expected[:2],
                                   atol=1e-3)
        # There is no third pose.
        assert told['errors'][metric][2] is None
    for joint, pose, ok in zip(told['keypoints_3d'], truth[0] - truth[0, 0],
                               known):
        if ok:
            np.testing.assert_allclose(joint, pose, atol=1e-3)
        else:
            assert joint is None
    assert (data['truth'][1][0] is None) == (form == 'json')
    assert data['truth'][1][1]['errors']['MPJPE'][0] > 10


def test_truth_of_a_config(make, found, tool, monkeypatch):
    class Labelled:
        keypoint_names = NAMES[::-1]

        def __len__(self) -> int:
            return 2

        def get_data_info(self, index: int) -> dict:
            return dict(
                img_path=str(found.parent / 'photos/../photos'
                             / ('a.png', 'unseen.png')[index]),
                keypoints_3d=POSE[None, ::-1] * 1.5,
                keypoints_3d_visible=np.array([[0, 1, 1, 1, 1]]))

    class Source:
        build = Labelled

    path = found.parent / 'config.py'
    path.write_text('a = 1')
    monkeypatch.setattr(tool('viewer.truth'), 'read_sources',
                        lambda config, splits: [Source()])
    _, data = make('--truth', str(path))
    assert data['truth'][0][0]['keypoints_3d'] == [
        *(POSE[:4] * 1.5).tolist(), None]
    # Half of the length of each joint, the foot not counted.
    assert data['truth'][0][0]['errors']['MPJPE'][0] == pytest.approx(
        np.linalg.norm(POSE[:4], axis=1).mean() / 2, abs=1e-3)
    assert data['truth'][1] == [None, None]


@pytest.mark.parametrize('content, message', [
    ('{"poses": ', 'has no true poses'),
    ('{"a.png": [[0, 0, 0]]}', "KeyError: 'poses'"),
    ('{"poses": {"z.png": [[0, 0, 0]]}}', 'knows none of the 2 pictures, as '
     'a.png'),
    ('{"poses": {"a.png": [[0, 0, 0]]}}', r'\(1, 3\), and should be \(5, 3\)'),
    ('{"poses": {"a.png": [[0, 0, 0]]}, "keypoint_names": ["tail"]}',
     'its joints tail are none of root'),
    ('{"poses": {"a.png": [null, null]}}', 'has 2 true poses, but 1 people'),
    ('{"poses": {"a.png": [[1, 1, 1]]}, "keypoint_names": ["head"]}',
     r'a.png: the root \(joint 0\) is not known'),
])
def test_truth_that_does_not_fit(make, found, content, message):
    path = found.parent / 'truth.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        make('--truth', str(path))


def test_pictures_that_are_gone(make, found, capsys):
    photos = found.parent / 'photos'
    photos.rename(found.parent / 'moved')
    with pytest.raises(FileNotFoundError, match=r'a\.png is gone: .*--images'):
        make()
    _, data = make('--images', str(found.parent / 'moved'))
    assert None not in data['images']
    _, data = make('--allow-missing')
    assert data['images'] == [None, None]
    assert '2 pictures are gone' in capsys.readouterr().out
    photos.mkdir()
    cv2.imwrite(str(photos / 'a.png'), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match=r'is 9 x 9 px, but a\.png was 120'):
        make('--allow-missing')


def test_frames_of_a_video(make, found):
    path = found.parent / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (120, 80))
    for value in (20, 90, 200):
        writer.write(np.full((80, 120, 3), value, np.uint8))
    writer.release()
    write(found, [PicturePoses(f'walk/{number + 1:06d}', str(path), number,
                               (120, 80), [person()]) for number in (0, 2)])
    _, data = make()
    assert [round(picture_of(data, i).mean() / 10) for i in (0, 1)] == [2, 20]
    found.write_text(found.read_text().replace('"frame": 2', '"frame": 7'))
    with pytest.raises(ValueError, match='has no frame 7 any more'):
        make()


@pytest.mark.parametrize('content, message', [
    ('{', 'is no results.json of tools/infer.py'),
    ('[]', 'is no results.json'),
    ('{"format": "COCO"}', "but 'COCO', version None"),
    ('{"format": "xas_mmpose poses", "version": 1, "pictures": [{}]}',
     "KeyError: 'size'"),
])
def test_results_that_are_none(make, found, content, message):
    found.write_text(content)
    with pytest.raises(ValueError, match=message):
        make()


def test_results_that_are_not_there(make, found):
    found.unlink()
    with pytest.raises(FileNotFoundError, match=r'no results .*\.json'):
        make()


def test_without_plotly(make, monkeypatch):
    monkeypatch.setitem(sys.modules, 'plotly.offline', None)
    with pytest.raises(ValueError, match='pip install plotly'):
        make(plotly=True)


@pytest.mark.parametrize('options, message', [
    (['--every', '0'], 'starts at 1'),
    (['--out', 'page.json'], 'got page.json'),
])
def test_options_that_do_not_fit(make, options, message, capsys):
    with pytest.raises(SystemExit):
        make(*options)
    assert message in capsys.readouterr().err
