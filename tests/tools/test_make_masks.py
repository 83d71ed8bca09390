"""The command that makes masks."""
from __future__ import annotations

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from xas_mmpose.datasets.transforms import LoadMask

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'make_masks.py'
NUM = 20


@pytest.fixture(autouse=True)
def _modules(tool: object) -> None:
    """Let the tool find the modules beside it."""


def run(*arguments: object) -> None:
    """Run the tool as from the command line."""
    runpy.run_path(str(TOOL))['main']([str(a) for a in arguments])


def frame(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame of somebody who walks through a room, and the mask."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(60, 200, (5, 8, 3), dtype=np.uint8),
                       (160, 96), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((96, 160), np.uint8)
    cv2.ellipse(mask, (10 + 7 * number, 48), (8, 30), 0, 0, 360, 255, -1)
    # Grey: jpeg smears colours by two px.
    image[mask > 0] = (20, 20, 20)
    return image, mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of frames, true masks and boxes."""
    boxes = {}
    for part in ('images', 'truth'):
        (tmp_path / part / 'walk').mkdir(parents=True)
    for number in range(NUM):
        image, mask = frame(number)
        name = f'walk/{number:03d}'
        cv2.imwrite(str(tmp_path / f'images/{name}.jpg'), image)
        cv2.imwrite(str(tmp_path / f'truth/{name}.png'), mask // 255)
        boxes[f'{name}.jpg'] = dict(bbox=cv2.boundingRect(mask))
    (tmp_path / 'people.json').write_text(json.dumps(boxes))
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (160, 96))
    for number in range(NUM):
        writer.write(frame(number)[0])
    writer.release()
    return path


def quality(folder: Path) -> dict:
    return json.loads((folder / 'masks.json').read_text())['quality']


@pytest.mark.parametrize('arguments, least', [
    (('--method', 'median'), 88), (('--method', 'mog2'), 88),
    (('--method', 'grabcut', '--people', 'people.json'), 90)])
def test_masks_are_made_compared_and_drawn(
        folder: Path, arguments: tuple, least: float,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(folder)
    run('images', '--out', 'masks', *arguments, '--truth', 'truth',
        '--contact-sheet', 'new/sheet.png')
    captured = capsys.readouterr()
    assert f'{NUM} masks of {NUM}: masks' in captured.out
    assert f'{NUM}/{NUM}' in captured.err  # the progress bar
    scores = quality(folder / 'masks')
    assert scores['count'] == NUM
    assert least < scores['mean']['IoU'] <= 100
    assert scores['mean']['IoU'] == pytest.approx(np.mean(
        [each['IoU'] for each in scores['each'].values()]), abs=0.01)
    worst = min(scores['each'], key=lambda n: scores['each'][n]['IoU'])
    assert f'| mean | {scores["mean"]["IoU"]:.1f} | ' in captured.out
    assert f'| {worst} | ' in captured.out
    # All 20 are drawn, six in a row.
    assert cv2.imread('new/sheet.png').shape == (4 * 260 + 4, 6 * 244 + 4, 3)


def test_a_video_becomes_a_data_set(video: Path, tmp_path: Path,
                                    capsys: pytest.CaptureFixture) -> None:
    root = tmp_path / 'custom'
    arguments = (video, '--frames-out', root / 'images', '--out',
                 root / 'masks', '--method', 'median')
    run(*arguments, '--every', 2)
    dataset = DATASETS.build(dict(type='MaskedFolderDataset',
                                  data_root=str(root)))
    assert len(dataset) == NUM // 2
    info = dataset.get_data_info(3)
    assert info['img_path'].endswith('images/walk/000007.jpg')
    image = cv2.imread(info['img_path'])
    mask = LoadMask().transform(dict(info, img=image))['img_mask']
    truth = frame(6)[1]
    assert ((mask & truth) > 0).sum() / ((mask | truth) > 0).sum() > 0.85
    capsys.readouterr()
    run(*arguments, '--every', 2)
    assert '10 masks of 10' in capsys.readouterr().out
    with pytest.raises(ValueError, match='interval = 2, not 1'):
        run(*arguments)


def test_pictures_without_a_mask_are_named_and_set_aside(
        folder: Path, capsys: pytest.CaptureFixture) -> None:
    people = json.loads((folder / 'people.json').read_text())
    people['walk/003.jpg']['bbox'] = [500, 0, 20, 20]
    del people['walk/004.jpg']
    (folder / 'people.json').write_text(json.dumps(people))
    (folder / 'images/walk/005.jpg').write_bytes(b'cut off')
    arguments = (folder / 'images', '--out', folder / 'masks', '--method',
                 'grabcut', '--people', folder / 'people.json')
    with pytest.raises(SystemExit) as caught:
        run(*arguments, '--truth', folder / 'truth', '--contact-sheet',
            folder / 'sheet.png')
    assert caught.value.code == 1  # one is broken
    out = capsys.readouterr().out
    assert '17 masks of 20' in out
    assert 'walk/003.jpg: the box [500.0, 0.0, 520.0, 20.0] (x1,' in out
    assert 'no mask of walk/004.jpg: nobody says where' in out
    assert '005.jpg cannot be read as a picture' in out
    # First of all, as there may be many others.
    assert out.index('walk/005.jpg') < out.index('walk/003.jpg: the box')
    assert '--set-aside FOLDER' in out
    # They count, as 0.
    scores = quality(folder / 'masks')
    assert scores['count'] == 20
    assert scores['each']['walk/003.png'] == dict.fromkeys(
        ('IoU', 'precision', 'recall', 'boundary'), 0)
    dataset = dict(type='MaskedFolderDataset', data_root=str(folder))
    with pytest.raises(FileNotFoundError, match='no mask in'):
        DATASETS.build(dataset)
    with pytest.raises(SystemExit):
        run(*arguments, '--set-aside', folder / 'aside')
    assert '3 pictures without a mask are in' in capsys.readouterr().out
    assert sorted(path.name for path in (folder / 'aside/walk').iterdir()
                  ) == ['003.jpg', '004.jpg', '005.jpg']
    assert len(DATASETS.build(dataset)) == 17
    run(*arguments)
    assert '17 masks of 17' in capsys.readouterr().out


def test_a_folder_of_broken_pictures_ends_with_a_word(
        tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/1.jpg').write_bytes(b'x')
    with pytest.raises(SystemExit):
        run(tmp_path / 'images', '--out', tmp_path / 'masks', '--method',
            'median', '--contact-sheet', tmp_path / 'sheet.png')
    assert 'no contact sheet: no picture can be' in capsys.readouterr().out


def test_masks_of_others_are_compared(
        folder: Path, capsys: pytest.CaptureFixture,
        monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder / 'truth', '--truth', folder / 'truth')
    out = capsys.readouterr().out
    assert f'{NUM} masks compared' in out
    assert '| mean | 100.0 | 100.0 | 100.0 | 100.0 |' in out
    monkeypatch.chdir(folder)
    (folder / 'none').mkdir()
    with pytest.raises(FileNotFoundError, match='there is no mask in none'):
        run('none', '--truth', 'truth')
    for arguments in (('truth', '--contact-sheet', 'a.png'),
                      ('truth', 'images'), ('people.json', )):
        with pytest.raises(SystemExit):
            run(*arguments, '--truth', 'truth')
        assert 'compares a folder of masks' in capsys.readouterr().err


def test_one_frame_has_no_background(
        tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/1.png'), frame(3)[0])
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / 'images', '--out', tmp_path / 'masks', '--method',
            'median')
    assert caught.value.code == 1
    assert 'the clip has 1 frame: a background takes 3' in (
        capsys.readouterr().out)


def test_changed_settings_and_missing_things_are_named(folder: Path) -> None:
    base = (folder / 'images', '--out', folder / 'masks', '--method')
    run(*base, 'median')
    with pytest.raises(ValueError, match="name = 'median', not 'mog2'"):
        run(*base, 'mog2')
    with pytest.raises(FileNotFoundError, match='no folder or file of true'):
        run(*base, 'median', '--truth', folder / 'gone')
    (folder / 'other').mkdir()
    with pytest.raises(FileNotFoundError, match='of none of the pictures'):
        run(*base, 'median', '--truth', folder / 'other')
    with pytest.raises(FileNotFoundError, match='no folder of pictures'):
        run(folder / 'gone', *base[1:], 'median')
    with pytest.raises(ValueError, match='there is no picture below'):
        run(folder / 'other', *base[1:], 'median')
    with pytest.raises(FileNotFoundError, match=r'maskrcnn\.pth .*download'):
        run(*base, 'maskrcnn')
    with pytest.raises(FileNotFoundError, match=r'sam\.pth .*download'):
        run(*base, 'sam', '--people', folder / 'people.json')
    (folder / 'broken.mp4').write_bytes(b'no video')
    with pytest.raises(ValueError, match=r'broken\.mp4 cannot be read'):
        run(folder / 'broken.mp4', *base[1:], 'median', '--frames-out',
            folder / 'frames')
    cv2.imwrite(str(folder / 'other/000.png'), np.ones((3, 4), np.uint8))
    with pytest.raises(ValueError, match=r'walk/000\.png and its truth '):
        run(*base, 'median', '--truth', folder / 'other')


@pytest.mark.parametrize('arguments, said', [
    (('images', '--method', 'grabcut'), 'grabcut needs --people'),
    (('images', '--method', 'median', '--weights', 'a.pth'),
     '--weights means nothing to --method median'),
    (('images', '--method', 'sam', '--people', 'a', '--iterations', '3'),
     '--iterations means nothing to --method sam'),
    (('a.mp4', '--method', 'median'), '--frames-out is needed'),
    (('images', '--method', 'median', '--frames-out', 'a'), 'is for videos'),
    (('images', '--method', 'median', '--every', '2'), 'every is for videos'),
    (('a.mp4', '--method', 'median', '--frames-out', 'a', '--every', '2',
      '--fps', '3'), 'give --every or --fps'),
    (('images', ), '--out and --method are needed'),
    (('a', 'b.mp4', '--method', 'median'), 'one folder of pictures, or'),
    (('a/x.mp4', 'b/x.avi', '--method', 'median', '--frames-out', 'f'),
     'two videos have one name'),
    (('images', '--method', 'median', '--contact-sheet', 'a.txt'),
     'must end with .jpg or .png'),
])
def test_wrong_arguments_are_named(
        folder: Path, arguments: tuple, said: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        run(*arguments, '--out', 'masks')
    assert said in capsys.readouterr().err
    assert not Path('masks').exists()


def test_every_option_reaches_its_method() -> None:
    tool = runpy.run_path(str(TOOL))

    def read(*arguments: str) -> dict:
        args = tool['make_parser']('').parse_args(
            ['a', '--out', 'b', *arguments])
        return vars(tool['make_method'](args))

    assert read('--method', 'mog2', '--threshold', '9', '--background-frames',
                '7', '--shadows', '--clip', '(a)') == dict(
        name='mog2', threshold=9.0, num_frames=7, shadows=True, clip='(a)')
    assert read('--method', 'grabcut', '--prompt', 'box', '--iterations', '3',
                '--max-side', '99') == dict(prompt='box', iterations=3,
                                            max_side=99)
    assert read('--method', 'maskrcnn', '--weights', str(TOOL), '--category',
                'dog', '--min-score', '0.7', '--device', 'cpu') == dict(
        weights=str(TOOL), category='dog', min_score=0.7, device='cpu')
