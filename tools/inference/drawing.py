"""Pictures and videos of what was found."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xas_mmpose.apis import PersonPose, PicturePoses
from xas_mmpose.visualization import draw_hypotheses

#: People that are drawn of a picture, the first ones.
MOST_PEOPLE = 8
#: Side of what is shown of the picture over the longer side of the box.
_AROUND = 1.4


def draw_poses(poses: PicturePoses, skeleton: Mapping[str, Any],
               title: str = '') -> np.ndarray:
    """Draw the people of a picture, one below the other.

    Args:
        poses: They, with the picture.
        skeleton: Metainfo of the key points.
        title: Words above the first.

    Returns:
        Picture BGR uint8; the picture itself where there is nobody.
    """
    rows = [_draw_person(poses.image, person, skeleton,
                         title if number == 0 else f'person {number + 1}')
            for number, person in enumerate(poses.people[:MOST_PEOPLE])]
    if not rows:
        return poses.image
    width = max(row.shape[1] for row in rows)
    return np.concatenate([
        cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1],
                           cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for row in rows])


def _draw_person(image: np.ndarray, person: PersonPose,
                 skeleton: Mapping[str, Any], title: str) -> np.ndarray:
    """Draw somebody, with the part of the picture around the box."""
    low, high = person.box[:2], person.box[2:]
    reach = (high - low).max() * _AROUND / 2
    middle = (low + high) / 2
    left, top = np.maximum(np.floor(middle - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(middle + reach),
                               image.shape[1::-1]).astype(int)
    part = np.s_[top:bottom, left:right]
    return draw_hypotheses(
        image[part], None if person.mask is None else person.mask[part],
        person.keypoints - [left, top], person.hypotheses_3d,
        person.hypothesis_scores, skeleton, title=title)


class VideoFile:
    """A video of drawn frames, all as large as the first.

    Args:
        path: The file, ``.mp4``.
        fps: Frames per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path = path
        self.fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, picture: np.ndarray) -> None:
        """Append a frame (H, W, 3), BGR uint8.

        Raises:
            OSError: If OpenCV cannot write such videos.
        """
        if self._writer is None:
            # Codecs want even sides.
            self._size = tuple(side + side % 2 for side in
                               picture.shape[1::-1])
            self._writer = cv2.VideoWriter(
                str(self.path), cv2.VideoWriter_fourcc(*'mp4v'), self.fps,
                self._size)
            if not self._writer.isOpened():
                raise OSError(f'OpenCV cannot write the video {self.path}')
        frame = np.full((*self._size[::-1], 3), 255, np.uint8)
        height, width = np.minimum(frame.shape[:2], picture.shape[:2])
        frame[:height, :width] = picture[:height, :width]
        self._writer.write(frame)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()


def frame_rate(video: str) -> float:
    """Return the frames per second of a video, 25 if it does not say."""
    capture = cv2.VideoCapture(video)
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return fps if fps > 0 else 25.0
