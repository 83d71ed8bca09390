"""What the inferencer finds, and its JSON."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

#: Marks of the JSON; a reader should refuse a version that it does not know.
FORMAT, VERSION = 'xas_mmpose poses', 1
FRAME = ('camera axes: x right, y down, z forward, as the camera sees it; '
         'the root joint is the origin')
UNITS = dict(keypoints='px of the full picture', keypoints_3d='mm',
             hypotheses_3d='mm', root_3d='mm', box='px of the full picture',
             timings='ms')


@dataclass
class DepthProfiles:
    """How likely each depth of each key point is.

    Attributes:
        depths: Depth of the D bins' centres (D,) in mm behind the root of
            the first pose, as z of ``keypoints_3d`` is.
        probabilities: (K, D); each row sums to 1.
    """

    depths: np.ndarray
    probabilities: np.ndarray


@dataclass
class PersonPose:
    """The 3D poses of one person.

    All poses are in the camera's axes (x right, y down, z forward), relative
    to the root joint, in mm. The scale rests on what the crop was placed by:
    see ``cube_size``.

    Attributes:
        keypoints: 2D pose (K, 2), px of the full picture.
        keypoint_scores: Probability of the depth of each key point of the
            first pose (K,).
        keypoints_3d: The first pose (K, 3), the best.
        hypotheses_3d: All M poses (M, K, 3), the best first.
        hypothesis_scores: Probability (M, K): of each depth, or of the whole
            pose where a ``PoseRanker`` has put them in order. 0: there are
            fewer poses.
        box: x1, y1, x2, y2 (4,), px: where the person was looked for.
        box_score: How sure a detector is of it; 1 where it was told.
        box_source: What told it: ``'given'``, ``'mask'``, ``'detector'`` or
            ``'picture'``, the whole of it.
        mask_used: Whether the background was removed. The networks are
            trained on pictures without background: poses are worse where it
            stays.
        cube_size: Side in mm that the crop is taken to have at the root's
            depth. It was assumed: who is smaller or larger, or sits, has a
            pose of another scale, and is nearer or farther than ``root_3d``
            says.
        camera: ``f``, ``c``, maybe ``k`` and ``p``; None where none was
            given: x and y are then taken to be parallel to the picture.
        root_3d: The root (3,) in the camera frame, mm, where the camera is
            known. Its direction is seen; its distance is that at which
            ``cube_size`` fills the crop, no measurement.
        ranking: How a ``PoseRanker`` ordered the poses and, as
            ``bone_weight``, how much the lengths of bones counted; empty
            where they are ordered by the depths of single key points.
        depth_profiles: Where asked for.
        timings: ``prepare`` (crop) and ``predict`` (its share of the batch)
            in ms.
        mask: The mask (H, W) that was used; only where pictures are kept,
            not in the JSON.
    """

    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    keypoints_3d: np.ndarray
    hypotheses_3d: np.ndarray
    hypothesis_scores: np.ndarray
    box: np.ndarray
    box_score: float
    box_source: str
    mask_used: bool
    cube_size: float
    camera: dict[str, np.ndarray] | None = None
    root_3d: np.ndarray | None = None
    ranking: dict[str, Any] = field(default_factory=dict)
    depth_profiles: DepthProfiles | None = None
    timings: dict[str, float] = field(default_factory=dict)
    mask: np.ndarray | None = field(default=None, repr=False)

    @property
    def keypoints_camera(self) -> np.ndarray:
        """The first pose (K, 3) in the camera frame, mm, not root-relative.

        Raises:
            ValueError: If no camera was given.
        """
        return self.hypotheses_camera[0]

    @property
    def hypotheses_camera(self) -> np.ndarray:
        """All poses (M, K, 3) in the camera frame, mm, not root-relative.

        Raises:
            ValueError: If no camera was given.
        """
        if self.root_3d is None:
            raise ValueError('without a camera nobody knows where the person '
                             'is: give the inferencer cameras=')
        return self.hypotheses_3d + self.root_3d


@dataclass
class PicturePoses:
    """All people of a picture.

    Attributes:
        name: Its name: see :class:`~xas_mmpose.apis.pictures.Picture`.
        path: Its file, or that of the video; None for an array.
        frame: Number of the frame from 0; None for what is no video.
        size: Width and height in px, None where it could not be read.
        people: Its people.
        error: Why there are none: the picture, or what belongs to it, is
            broken. None where all is well.
        timings: ``read`` in ms.
        image: The picture (H, W, 3), BGR, where pictures are kept; not in
            the JSON.
    """

    name: str
    path: str | None = None
    frame: int | None = None
    size: tuple[int, int] | None = None
    people: list[PersonPose] = field(default_factory=list)
    error: str | None = None
    timings: dict[str, float] = field(default_factory=dict)
    image: np.ndarray | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON."""
        entry = _plain(self, ('image', 'people'))
        entry['people'] = [_plain(person, ('mask',))
                           for person in self.people]
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> PicturePoses:
        """Invert :meth:`to_dict`."""
        entry = dict(entry)
        size = entry.pop('size')
        people = [_person(person) for person in entry.pop('people')]
        return cls(**entry, people=people,
                   size=None if size is None else tuple(size))


def results_dict(poses: Sequence[PicturePoses],
                 meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole JSON.

    Args:
        poses: The pictures, those that failed among them.
        meta: What :attr:`~xas_mmpose.apis.Pose3DInferencer.meta` says.
    """
    return dict(format=FORMAT, version=VERSION, **meta, frame=FRAME,
                units=UNITS, pictures=[one.to_dict() for one in poses])


def read_results(
        data: Mapping[str, Any]
) -> tuple[list[PicturePoses], dict[str, Any]]:
    """Return the pictures of a JSON, and what it says of all of them.

    Args:
        data: The JSON's content.

    Raises:
        ValueError: If it is none of these, or of another version.
    """
    if data.get('format') != FORMAT or data.get('version') != VERSION:
        raise ValueError(
            f'these are no {FORMAT} of version {VERSION}, but '
            f'{data.get("format")!r}, version {data.get("version")!r}')
    meta = {key: value for key, value in data.items() if key != 'pictures'}
    return [PicturePoses.from_dict(one) for one in data['pictures']], meta


def _person(entry: Mapping[str, Any]) -> PersonPose:
    """Return the person of a JSON's entry."""
    values = {key: np.asarray(value, np.float64)
              if isinstance(value, list) else value
              for key, value in entry.items()}
    for key in ('camera', 'depth_profiles'):
        if values[key] is not None:
            values[key] = {name: np.asarray(value, np.float64)
                           for name, value in values[key].items()}
    if values['depth_profiles'] is not None:
        values['depth_profiles'] = DepthProfiles(**values['depth_profiles'])
    return PersonPose(**values)


def _plain(value: Any, leave_out: Sequence[str] = ()) -> Any:
    """Return lists, dictionaries, numbers and words.

    Coordinates keep a thousandth of their unit; what is at most 1, as
    probabilities are, six significant digits: unlikely is not 0. A camera
    stays as it was given.
    """
    if isinstance(value, np.ndarray):
        value = value.astype(np.float64)
        if value.size and np.abs(value).max() <= 1.001:
            digits = [float(f'{one:.6g}') for one in value.flat]
            return np.reshape(digits, value.shape).tolist()
        return np.round(value, 3).tolist()
    if isinstance(value, (float, np.floating)):
        return round(float(value), 6)
    if hasattr(value, '__dataclass_fields__'):
        return {one.name: _plain(getattr(value, one.name))
                for one in fields(value) if one.name not in leave_out}
    if isinstance(value, Mapping):
        return {key: one.tolist() if isinstance(one, np.ndarray)
                else _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
