"""Pictures and videos of what was found."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xas_mmpose.apis import PersonPose, PicturePoses
from xas_mmpose.visualization import DrawnPerson, draw_people

#: People that are drawn of a picture, the first ones.
MOST_PEOPLE = 8


def draw_poses(poses: PicturePoses, skeleton: Mapping[str, Any],
               title: str = '', skeleton_masks: bool = False) -> np.ndarray:
    """Draw the people of a picture, one below the other.

    Args:
        poses: They, with the picture.
        skeleton: Metainfo of the key points.
        title: Words above the first.
        skeleton_masks: Whether a panel shows what the 2D pose covers.

    Returns:
        Picture BGR uint8; the picture itself where there is nobody.
    """
    return draw_people(
        poses.image,
        [_drawn(person) for person in poses.people[:MOST_PEOPLE]],
        skeleton, title, skeleton_masks)


def _drawn(person: PersonPose) -> DrawnPerson:
    """Return what is drawn of somebody."""
    found = person.depth_profiles
    return DrawnPerson(
        person.box, person.keypoints, person.hypotheses_3d,
        person.hypothesis_scores, person.mask,
        depth_profiles=found and (found.depths, found.probabilities),
        ranking=person.ranking)


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
