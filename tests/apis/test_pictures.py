from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.apis.pictures import Picture, count_pictures, pictures_of


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(('b/2.png', 'a.png', 'b/c/1.png')):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((4, 6, 3), number, np.uint8))
    (tmp_path / 'photos' / 'notes.txt').write_text('no picture')
    return tmp_path / 'photos'


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (32, 24))
    for number in range(5):
        writer.write(np.full((24, 32, 3), 40 * number, np.uint8))
    writer.release()
    return path


def names(inputs):
    return [picture.name for picture in pictures_of(inputs)]


def test_folders_patterns_and_files(folder):
    assert names(folder) == ['a.png', 'b/2.png', 'b/c/1.png']
    assert names(str(folder / '*' / '*.png')) == ['b/2.png']
    assert names(str(folder / 'b' / '?.png')) == ['2.png']
    assert names(f'{folder}/**/*.png') == ['a.png', 'b/2.png', 'b/c/1.png']
    assert names(folder / 'b' / '2.png') == ['2.png']
    for inputs, count in ((folder, 3), (f'{folder}/*/*.png', 1),
                          ([folder, folder / 'a.png'], 4)):
        assert count_pictures(inputs) == count
    picture = list(pictures_of(folder))[1]
    assert picture.path == str(folder / 'b' / '2.png')
    # Files in b were written first.
    assert (picture.read() == 0).all()
    assert picture.read().shape == (4, 6, 3)


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / 'a[1].png'
    cv2.imwrite(str(path), np.zeros((2, 2, 3), np.uint8))
    assert names(path) == ['a[1].png']


def test_frames_are_numbered_from_one(video):
    frames = list(pictures_of(str(video)))
    assert [f.name for f in frames] == [
        f'walk/{i:06d}' for i in (1, 2, 3, 4, 5)]
    assert [f.frame for f in frames] == list(range(5))
    assert {f.path for f in frames} == {str(video)}
    for number, frame in enumerate(frames):
        assert abs(frame.read().mean() - 40 * number) < 3
    assert count_pictures(video) == 5


def test_all_kinds_one_after_another(folder, video):
    array = np.zeros((3, 3, 3), np.uint8)
    made = Picture('mine', None, image=array)
    mixed = [array, folder / 'a.png', [array, made], video]
    assert names(iter(mixed)) == [
        '000000', 'a.png', '000002', 'mine',
        *(f'walk/{i:06d}' for i in range(1, 6))]
    assert count_pictures([array, video]) == 6
    assert count_pictures(iter([array])) is None


def test_what_is_missing_is_told_when_it_is_read(folder, tmp_path):
    (tmp_path / 'broken.mp4').write_text('no video')
    (tmp_path / 'empty').mkdir()
    (folder / 'a.png').write_bytes(b'')
    inputs = [folder / 'no.png', folder / 'x*.png', tmp_path / 'broken.mp4',
              tmp_path / 'no.avi', tmp_path / 'empty', folder / 'a.png']
    found = list(pictures_of(inputs))
    assert [p.name for p in found] == ['no.png', 'x*.png', 'broken.mp4',
                                       'no.avi', 'empty', 'a.png']
    messages = ('there is no picture', 'no file is named like',
                'cannot be read as a video', 'there is no video',
                'there is no picture below', 'cannot be read as a picture')
    for picture, message in zip(found, messages):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            picture.read()


@pytest.mark.parametrize('wrong, message', [
    (np.zeros((3, 3)), r'got \(3, 3\)'),
    (np.zeros((3, 3, 3)), 'of float64'),
    (np.zeros((0, 3, 3), np.uint8), 'must be an array'),
    (3, 'got int'),
])
def test_what_is_no_picture(wrong, message):
    with pytest.raises(ValueError, match=message):
        list(pictures_of([wrong]))
