"""Bodies in SMAL format: four-legged animals."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xas_mmpose.skeletons import ANIMAL3D_26

from .body import ParametricBody
from .model_file import first_betas, load_model_file

#: The official SMAL file has 33 joints; those of its successors (SMALST,
#: Animal3D) have two more, the ears.
SMAL_JOINTS = (33, 35)

#: Number of vertices of the official SMAL files.
SMAL_VERTICES = 3889

#: SMAL's frame (x front, y the animal's left, z up) turned to y up, z front,
#: x left.
SMAL_AXES = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))

#: Vertices of the official topology whose mean is a key point of Animal3D
#: (arXiv 2308.11737), as the users of that data set have them.
ANIMAL3D_26_VERTICES: dict[str, tuple[int, ...]] = {
    'left_eye': (1068, 1080, 1029, 1226),
    'right_eye': (2660, 3030, 2675, 3038),
    'mouth_mid': (910, ),
    'left_front_paw': (360, 1203, 1235, 1230),
    'right_front_paw': (3188, 3156, 2327, 3183),
    'left_back_paw': (1976, 1974, 1980, 856),
    'right_back_paw': (3854, 2820, 3852, 3858),
    'tail_base': (452, 1811),
    'left_front_thigh': (416, 235, 182),
    'right_front_thigh': (2156, 2382, 2203),
    'left_back_thigh': (829, ),
    'right_back_thigh': (2793, ),
    'left_shoulder': (60, 114, 186, 59),
    'right_shoulder': (2091, 2037, 2036, 2160),
    'left_front_knee': (384, 799, 1169, 431),
    'right_front_knee': (2351, 2763, 2397, 3127),
    'left_back_knee': (221, 104),
    'right_back_knee': (2754, 2192),
    'neck': (191, 1158, 3116, 2165),
    'tail_end': (28, 1109, 1110, 1111, 1835, 1836, 3067, 3068, 3069),
    'left_ear': (498, 499, 500, 501, 502, 503),
    'right_ear': (2463, 2464, 2465, 2466, 2467, 2468),
    'left_mouth': (764, 915, 916, 917, 934, 935, 956),
    'right_mouth': (2878, 2879, 2880, 2897, 2898, 2919, 3751),
    'nose': (1039, 1845, 1846, 1870, 1879, 1919, 2997, 3761, 3762),
    'tail_mid': (0, 464, 465, 726, 1824, 2429, 2430, 2690),
}


class SMALBody(ParametricBody):
    """A four-legged animal in SMAL format.

    Its frame is SMAL's: x front, y the animal's left, z up. SMAL's unit is
    of its own: every animal is about 2.2 units long from nose to tail.

    Key points are Animal3D's 26. For the official topology of 3889 vertices
    they are means of its vertices; other files bring their own:
    ``keypoint_names`` (K,), ``keypoint_regressor`` (K, V), the share of each
    posed vertex, and optionally ``keypoint_joint_regressor`` (K, J), the
    share of each posed joint.

    Args:
        arrays: Arrays of the model file, see
            :func:`~xas_mmpose.body_models.load_model_file`.
        num_betas: How many shape components are used; None takes all.

    Raises:
        ValueError: If the arrays are not a body of 33 or 35 joints, or its
            key points are unknown.
    """

    def __init__(self,
                 arrays: Mapping[str, np.ndarray],
                 num_betas: int | None = None) -> None:
        num_joints = arrays['kintree_table'].shape[1]
        if num_joints not in SMAL_JOINTS:
            raise ValueError(f'a SMAL body has 33 or 35 joints, this file '
                             f'has {num_joints} (key kintree_table)')
        if num_betas is not None:
            arrays = first_betas(arrays, num_betas)
        super().__init__(arrays, ANIMAL3D_26, *_keypoint_shares(arrays),
                         axes=np.array(SMAL_AXES),
                         center=('neck', 'tail_base'))

    @classmethod
    def from_file(cls, path: str | Path,
                  num_betas: int | None = None) -> SMALBody:
        """Load a body from a file in SMAL's format.

        Args:
            path: The ``.npz`` or ``.pkl``.
            num_betas: See the class.

        Returns:
            The body.
        """
        arrays = load_model_file(path)
        try:
            return cls(arrays, num_betas)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None


def mirrored_template(v_template: np.ndarray,
                      partners: np.ndarray) -> np.ndarray:
    """Return SMAL's template with one half the other's mirror image.

    The scanned toy is slightly crooked. This does as SMALST, whose shapes
    and textures are of the mended template: vertices in the middle go to y =
    0, and the half of lower y, the animal's right, is copied.

    Args:
        v_template: Vertices (V, 3), SMAL's frame.
        partners: Mirror partner of each vertex (V,), SMALST's ``symIdx.pkl``.

    Returns:
        Vertices (V, 3), the middle plane at y = 0.

    Raises:
        ValueError: If the partners are none of this body's.
    """
    partners = np.asarray(partners).astype(np.int64)
    order = np.arange(len(v_template))
    if (partners.shape != order.shape
            or not np.array_equal(np.sort(partners), order)
            or not np.array_equal(partners[partners], order)):
        raise ValueError(f'no mirror partners of {len(order)} vertices: a '
                         'permutation that is its own inverse is expected, '
                         f'got {partners.shape}')
    vertices = np.array(v_template, np.float64)
    middle = partners == order
    if middle.any():
        vertices[:, 1] -= vertices[middle, 1].mean()
    vertices[middle, 1] = 0
    right, = np.nonzero(vertices[:, 1] < vertices[partners, 1])
    vertices[partners[right]] = vertices[right] * (1, -1, 1)
    return vertices


def _keypoint_shares(
        arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a key point's share of joints (K, J) and of vertices (K, V)."""
    num_vertices, num_joints = arrays['weights'].shape
    names = ANIMAL3D_26.keypoint_names
    joints = np.zeros((len(names), num_joints))
    if 'keypoint_regressor' in arrays:
        own = [str(name) for name in arrays.get('keypoint_names', ())]
        missing = [name for name in names if name not in own]
        if missing:
            raise ValueError('keypoint_names lacks '
                             f'{", ".join(missing)}')
        order = [own.index(name) for name in names]
        vertices = np.asarray(arrays['keypoint_regressor'], float)[order]
        if 'keypoint_joint_regressor' in arrays:
            joints = np.asarray(arrays['keypoint_joint_regressor'],
                                float)[order]
        sums = vertices.sum(1) + joints.sum(1)
        worst = np.abs(sums - 1).argmax()
        if abs(sums[worst] - 1) > 1e-3:
            raise ValueError(f'the shares of the key point {names[worst]!r} '
                             f'sum to {sums[worst]:.4g}, expected 1')
        return joints, vertices
    if num_vertices != SMAL_VERTICES:
        raise ValueError(
            f'the key points of a body of {num_vertices} vertices are '
            f"unknown (only those of SMAL's {SMAL_VERTICES} are): store "
            'keypoint_names and keypoint_regressor in the file')
    vertices = np.zeros((len(names), num_vertices))
    for k, name in enumerate(names):
        group = ANIMAL3D_26_VERTICES[name]
        vertices[k, list(group)] = 1 / len(group)
    return joints, vertices
