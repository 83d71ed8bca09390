"""Writing sets as MMPose's converters lay them out."""
from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xas_mmpose.render.resumable import write_whole


def write_annotations(path: Path, imgnames: Sequence[str],
                      keypoints: np.ndarray, keypoints_3d: np.ndarray,
                      visible: np.ndarray,
                      human36m_18: np.ndarray | None = None) -> None:
    """Write an annotation file, ``.npz``.

    Args:
        path: The file.
        imgnames: Picture of each pose, N.
        keypoints: Key points (N, 17, 2) in image px.
        keypoints_3d: Key points (N, 17, 3) in the camera frame, mm; metres
            are written.
        visible: Which of them are known (N, 17).
        human36m_18: The key points of ``HUMAN36M_18`` (N, 18, 4), mm, and
            whether known, of a set whose 17 lack some of them; they are
            written beside these, in metres, as ``S18``.
    """
    low, high = keypoints.min(1), keypoints.max(1)
    known = np.asarray(visible, np.float64)[..., None]
    more = {} if human36m_18 is None else dict(
        S18=human36m_18 / [1000, 1000, 1000, 1])
    buffer = io.BytesIO()
    np.savez(
        buffer,
        imgname=np.array(imgnames),
        # MMPose's boxes, of which none of our data sets takes note.
        center=(low + high) / 2,
        scale=(high - low).max(1) * 1.2 / 200,
        part=np.concatenate([keypoints, known], 2),
        S=np.concatenate([keypoints_3d / 1000, known], 2),
        **more)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def place_file(source: Path, target: Path, link: bool) -> None:
    """Put a file into a set, unless it is there.

    Args:
        source: The file.
        target: Where it belongs.
        link: Whether a symbolic link does instead of a copy.
    """
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        target.unlink(missing_ok=True)  # one that leads nowhere any more
        os.symlink(source.resolve(), target)
    else:
        write_whole(target, source.read_bytes())
