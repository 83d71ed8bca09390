"""Frames of a video as a folder of pictures."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from xas_mmpose.render.resumable import write_whole

#: What a file of a video ends in, in small letters.
VIDEO_ENDINGS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg',
                 '.mpeg', '.wmv')
#: Says what frames a folder holds; is there when they all are.
_FRAMES = 'frames.json'


def extract_frames(video: str | Path,
                   out: str | Path,
                   interval: int = 1,
                   max_side: int | None = None,
                   progress: bool = True,
                   fps: float | None = None) -> Path:
    """Write the frames of a video, or finish what was begun.

    A frame is read at a time, however long the video is. Those of a phone
    that was held upright are upright.

    Args:
        video: The video.
        out: Folder to write: it gets a folder of the video's name, and in it
            ``000001.jpg`` and so on, numbered as in the video, and
            ``frames.json``. A folder that has this file stays as it is.
        interval: Keeps the first, and then every n-th, frame.
        max_side: Larger frames are reduced to this side in px.
        progress: Show a progress bar.
        fps: Keeps so many frames a second instead, at equal times also where
            the frames themselves are not; all where the video has fewer.

    Returns:
        The folder of the frames.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If it cannot be read, or the folder holds frames of
            another video or choice.
    """
    video = Path(video)
    if interval < 1 or (max_side is not None and max_side < 1):
        raise ValueError('interval and max_side start at 1, got '
                         f'{interval} and {max_side}')
    if fps is not None and (not 0 < fps < np.inf or interval > 1):
        raise ValueError(f'fps is a positive number, got {fps}, and stands '
                         f'in place of an interval, got {interval}')
    if not video.is_file():
        raise FileNotFoundError(f'there is no video {video}')
    folder = Path(out) / video.stem
    settings = dict(video=video.name, bytes=video.stat().st_size,
                    interval=interval, max_side=max_side, fps=fps)
    begun, done = folder / f'{_FRAMES}.begun', folder / _FRAMES
    for mark in (begun, done):
        if mark.is_file():
            _compare(mark, settings)
    if done.is_file():
        return folder
    if not begun.is_file() and folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f'{folder} is not empty, and is no folder of frames '
                         'of this program: choose another one')
    source = cv2.VideoCapture(str(video))
    # Off in some builds: upright videos of phones would lie on their side.
    source.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    # OpenCV counts none in what it cannot read, and in some that it can.
    read = source.grab()
    if not read or not source.retrieve()[0]:
        raise ValueError(
            f'{video} cannot be read as a video: is it whole? OpenCV does '
            'not know all formats: convert it, as by ffmpeg -i '
            f'{video.name} {video.stem}.mp4')
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(begun, json.dumps(settings).encode())
    count = written = 0
    last = -1
    expected = int(source.get(cv2.CAP_PROP_FRAME_COUNT))
    with tqdm(total=max(expected, 0) or None, unit='frame', desc=str(folder),
              disable=not progress) as bar:
        while read:
            place = (int(_seconds(source, count) * fps + 1e-6) if fps else
                     count // interval)
            count += 1
            if place > last:
                last = place
                target = folder / f'{count:06d}.jpg'
                if not target.is_file():
                    _save(target, source.retrieve()[1], max_side)
                written += 1
            bar.update()
            read = source.grab()
    source.release()
    if count < expected:
        tqdm.write(f'{video} says that it has {expected} frames; {count} can '
                   'be read')
    write_whole(done, json.dumps(dict(settings, frames=written)).encode())
    begun.unlink()
    return folder


def is_video(path: str | Path) -> bool:
    """Say whether a path looks like a video."""
    return str(path).lower().endswith(VIDEO_ENDINGS)


def _seconds(source: cv2.VideoCapture, count: int) -> float:
    """Return when the frame that was just grabbed, the ``count``-th, is."""
    seconds = source.get(cv2.CAP_PROP_POS_MSEC) / 1000
    # Some formats tell no times.
    return seconds if seconds > 0 else count / (
        source.get(cv2.CAP_PROP_FPS) or 25)


def _compare(mark: Path, settings: dict) -> None:
    """Raise ``ValueError`` if a folder holds other frames."""
    stored = json.loads(mark.read_text(encoding='utf-8'))
    for key, value in settings.items():
        if stored.get(key) != value:
            raise ValueError(
                f'{mark.parent} holds frames with {key} = '
                f'{stored.get(key)!r}, not {value!r}: choose another folder '
                'or remove this one')


def _save(path: Path, image: cv2.typing.MatLike,
          max_side: int | None) -> None:
    """Write a frame."""
    scale = min(1.0, (max_side or max(image.shape)) / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale,
                           interpolation=cv2.INTER_AREA)
    data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    write_whole(path, data.tobytes())
