from __future__ import annotations

import json
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.masks import extract_frames, is_video, video

NUM = 9


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Return a video whose n-th frame has the grey value 20 n."""
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (64, 48))
    for number in range(1, NUM + 1):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def greys(folder: Path) -> dict[str, int]:
    return {path.name: round(cv2.imread(str(path)).mean() / 20)
            for path in sorted(folder.glob('*.jpg'))}


def test_frames_have_their_numbers(clip: Path, tmp_path: Path):
    out = extract_frames(clip, tmp_path / 'a', progress=False)
    assert out == tmp_path / 'a' / 'walk'
    assert greys(out) == {f'{n:06d}.jpg': n for n in range(1, NUM + 1)}
    assert cv2.imread(str(out / '000001.jpg')).shape == (48, 64, 3)
    facts = json.loads((out / 'frames.json').read_text())
    assert facts == dict(video='walk.avi', bytes=clip.stat().st_size,
                         interval=1, max_side=None, fps=None, frames=NUM)


def test_every_nth_and_smaller(clip: Path, tmp_path: Path):
    out = extract_frames(clip, tmp_path / 'a', 4, 32, progress=False)
    assert greys(out) == {'000001.jpg': 1, '000005.jpg': 5, '000009.jpg': 9}
    assert cv2.imread(str(out / '000005.jpg')).shape == (24, 32, 3)


def test_so_many_a_second(clip: Path, tmp_path: Path):
    # It has 10.
    out = extract_frames(clip, tmp_path / 'a', progress=False, fps=4)
    assert list(greys(out).values()) == [1, 4, 6, 9]
    out = extract_frames(clip, tmp_path / 'b', progress=False, fps=99)
    assert len(greys(out)) == NUM
    with pytest.raises(ValueError, match=r'fps = 99, not 2\.5'):
        extract_frames(clip, tmp_path / 'b', progress=False, fps=2.5)


def mp4(path: Path, num: int = 30) -> bytearray:
    """Write a video of 30 frames a second whose left third is blue.

    Its frames grow lighter, by 5 a frame, on the right.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 30,
                             (96, 64))
    for number in range(num):
        image = np.full((64, 96, 3), 5 * number + 20, np.uint8)
        image[:, :32] = (250, 0, 0)
        writer.write(image)
    writer.release()
    return bytearray(path.read_bytes())


def test_a_phone_held_upright(tmp_path: Path):
    data = mp4(tmp_path / 'phone.mp4')
    # The matrix of the track's header, at its place in version 0: turn
    # clockwise by 90 degrees, as phones write it.
    place = data.find(b'tkhd') + 44
    assert struct.unpack('>9i', data[place:place + 36]) == (
        65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    data[place:place + 36] = struct.pack(
        '>9i', 0, 65536, 0, -65536, 0, 0, 64 << 16, 0, 1 << 30)
    (tmp_path / 'phone.mp4').write_bytes(data)
    out = extract_frames(tmp_path / 'phone.mp4', tmp_path, 10,
                         progress=False)
    image = cv2.imread(str(out / '000001.jpg')).astype(int)
    assert image.shape == (96, 64, 3)
    # What was on the left is at the top.
    assert image[:28, :, 0].min() > 200
    assert image[36:, :, 0].max() < 60


def test_frames_at_unequal_times(tmp_path: Path):
    data = mp4(tmp_path / 'phone.mp4')
    # The table of times: 30 samples of one length become 15 of it, and 15 of
    # three times as much, 0.5 and 1.5 s. The boxes around it grow.
    place = data.find(b'stts')
    _, count, length = struct.unpack('>3I', data[place + 8:place + 20])
    assert count == 30
    for name in (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'stts'):
        at = data.find(name) - 4
        size, = struct.unpack('>I', data[at:at + 4])
        data[at:at + 4] = struct.pack('>I', size + 8)
    data[place + 8:place + 20] = struct.pack(
        '>5I', 2, 15, length, 15, 3 * length)
    assert data.find(b'mdat') < data.find(b'moov')  # nothing moves there
    # The list of edits would cut it off after a second.
    data = data.replace(b'edts', b'free')
    (tmp_path / 'phone.mp4').write_bytes(data)
    out = extract_frames(tmp_path / 'phone.mp4', tmp_path, progress=False,
                         fps=4)
    # Every quarter of a second: 7.5 frames apart, then 2.5.
    numbers = [int(path.stem) for path in sorted(out.glob('*.jpg'))]
    assert numbers == [1, 9, 16, 19, 21, 24, 26, 29]


def test_a_stopped_run_goes_on_and_a_finished_one_rests(
        clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save = video._save

    def stop(path: Path, *rest: object) -> None:
        if path.name == '000004.jpg':
            raise KeyboardInterrupt
        save(path, *rest)

    monkeypatch.setattr(video, '_save', stop)
    with pytest.raises(KeyboardInterrupt):
        extract_frames(clip, tmp_path, progress=False)
    out = tmp_path / 'walk'
    assert not (out / 'frames.json').exists()
    monkeypatch.undo()
    (out / '000001.jpg').write_bytes(b'there')
    extract_frames(clip, tmp_path, progress=False)
    assert (out / '000001.jpg').read_bytes() == b'there'
    assert len(list(out.iterdir())) == NUM + 1
    # Frames that somebody has taken away stay away.
    (out / '000003.jpg').unlink()
    extract_frames(clip, tmp_path, progress=False)
    assert not (out / '000003.jpg').exists()


def test_another_choice_or_somebody_elses_folder_is_refused(clip: Path,
                                                            tmp_path: Path):
    extract_frames(clip, tmp_path / 'a', 4, progress=False)
    with pytest.raises(ValueError, match='interval = 4, not 2: choose anot'):
        extract_frames(clip, tmp_path / 'a', 2, progress=False)
    (tmp_path / 'b/walk').mkdir(parents=True)
    (tmp_path / 'b/walk/mine.jpg').touch()
    with pytest.raises(ValueError, match='walk is not empty'):
        extract_frames(clip, tmp_path / 'b', progress=False)


def test_what_is_no_video_is_named(clip: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'no video .*gone\.mp4'):
        extract_frames(tmp_path / 'gone.mp4', tmp_path, progress=False)
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(b'no video at all' * 99)
    with pytest.raises(ValueError, match=r'broken\.mp4 cannot be .*ffmpeg -i'):
        extract_frames(broken, tmp_path / 'out', progress=False)
    assert not (tmp_path / 'out').exists()
    with pytest.raises(ValueError, match='start at 1, got 0 and None'):
        extract_frames(clip, tmp_path, 0)
    with pytest.raises(ValueError, match='fps is a positive number, got 0'):
        extract_frames(clip, tmp_path, fps=0)
    with pytest.raises(ValueError, match='in place of an interval, got 2'):
        extract_frames(clip, tmp_path, 2, fps=5)


def test_a_video_that_is_cut_off_is_named(clip: Path, tmp_path: Path):
    clip.write_bytes(clip.read_bytes()[:999])
    with pytest.raises(ValueError, match=r'walk\.avi cannot .*is it whole'):
        extract_frames(clip, tmp_path, progress=False)
    assert not (tmp_path / 'walk').exists()


def test_endings():
    assert is_video('a/B.MP4')
    assert not is_video('a/mp4')
