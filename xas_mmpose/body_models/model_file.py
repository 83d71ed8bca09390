"""Safe loading of body model files."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from .array_pickle import ChumpyExpression, load_array_pickle

#: What an SMPL-format file must hold (V vertices, J joints, F faces, E shape
#: components).
SMPL_KEYS = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights',
             'kintree_table', 'f')

#: What our own files may hold besides; ``layer_*`` as well.
_OWN_KEYS = ('landmark_names', 'landmark_vertices', 'eye_faces', 'vt', 'ft',
             'materials', 'material_colors', 'poses', 'keypoint_names',
             'keypoint_regressor', 'keypoint_joint_regressor')

#: Where the licensed files come from.
DOWNLOADS = (
    'SMPL: register at https://smpl.is.tue.mpg.de and download '
    'SMPL_python_v.1.0.0.zip or v.1.1.0.zip, whose '
    'basicmodel_*_lbs_10_207_0_v1*.pkl are read as they are. SMAL: '
    'https://smal.is.tue.mpg.de. The bodies that come with the package '
    'need no file')

#: Largest deviation from 1 of the sum of a vertex's weights.
_WEIGHTS_TOLERANCE = 1e-3

#: A weight farther below zero than this is no rounding.
_NEGATIVE_TOLERANCE = 1e-6

#: Largest deviation from 1 of the sum of a joint's shares.
_REGRESSOR_TOLERANCE = 0.01


def load_model_file(path: str | Path,
                    keys: Iterable[str] = SMPL_KEYS
                    ) -> dict[str, np.ndarray]:
    """Read a body model without running anything that it may contain.

    Args:
        path: A file in SMPL's format: an ``.npz`` of plain arrays, or a
            ``.pkl`` as SMPL (v1.0.0, v1.1.0) and SMAL are published, whose
            chumpy arrays and sparse matrices become plain arrays. What else
            they hold (words, notes, chumpy expressions) is left out.
        keys: Keys that the file must hold.

    Returns:
        All arrays of the file by key.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, lacks a key, or its arrays do not
            fit each other.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no body model file at {path}. {DOWNLOADS}')
    keys = tuple(keys)
    if path.suffix == '.npz':
        arrays = _load_npz(path, keys)
    elif path.suffix == '.pkl':
        arrays = _load_pickle(path, keys)
    else:
        raise ValueError(f'{path}: body models are read from .npz and .pkl '
                         f'files, not from {path.suffix!r}')
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise ValueError(f'{path}: not an SMPL-format model, it lacks '
                         f'{", ".join(missing)}; it has '
                         f'{", ".join(sorted(arrays)) or "nothing"}')
    try:
        if set(SMPL_KEYS) <= set(arrays):
            _check_smpl(arrays)
            _check_extras(arrays)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    return arrays


def first_betas(arrays: Mapping[str, np.ndarray],
                num_betas: int) -> dict[str, np.ndarray]:
    """Return a model's arrays with its first shape components only.

    Args:
        arrays: Arrays of the model file.
        num_betas: Number of shape components that are kept.

    Returns:
        The arrays, not copied.

    Raises:
        ValueError: If there are fewer.
    """
    shapedirs = arrays['shapedirs']
    if not 1 <= num_betas <= shapedirs.shape[-1]:
        raise ValueError(f'{num_betas} shape components are asked for, but '
                         f'shapedirs holds {shapedirs.shape[-1]}')
    return {**arrays, 'shapedirs': shapedirs[..., :num_betas]}


def _load_npz(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz``."""
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for key in file.files:
                try:
                    arrays[key] = file[key]
                except ValueError:
                    # Objects, which only pickle could read.
                    if (key in keys or key in _OWN_KEYS
                            or key.startswith('layer_')):
                        raise
        return arrays
    except Exception as error:
        # numpy and zipfile raise half a dozen types for a file that is
        # truncated, no archive, or holds pickled objects.
        raise ValueError(f'{path}: not an .npz of plain arrays ({error}); '
                         'write it again with np.savez') from error


def _load_pickle(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of a ``.pkl``."""
    content = load_array_pickle(path, body_model=True)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: not an SMPL-format model, it holds a '
                         f'{type(content).__name__} and no dictionary')
    for key in keys:
        value = content.get(key)
        if isinstance(value, ChumpyExpression):
            raise ValueError(
                f'{path}: {key} is a chumpy expression ({value.name}), which '
                'only chumpy can evaluate; store its value as an array')
        if key in content and not isinstance(value, np.ndarray):
            raise ValueError(f'{path}: {key} is a {type(value).__name__}, '
                             'not an array')
    return {key: value for key, value in content.items()
            if isinstance(value, np.ndarray)}


def _check_smpl(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ``ValueError`` unless the arrays describe one body."""
    num_vertices = len(np.atleast_1d(arrays['v_template']))
    num_joints = len(np.atleast_1d(arrays['J_regressor']))
    if arrays['shapedirs'].ndim != 3:
        raise ValueError(f'shapedirs has shape {arrays["shapedirs"].shape}, '
                         f'expected ({num_vertices}, 3, E)')
    num_betas = arrays['shapedirs'].shape[-1]
    _check_shapes(arrays, dict(
        v_template=(num_vertices, 3),
        shapedirs=(num_vertices, 3, num_betas),
        posedirs=(num_vertices, 3, 9 * (num_joints - 1)),
        J_regressor=(num_joints, num_vertices),
        weights=(num_vertices, num_joints),
        kintree_table=(2, num_joints)))
    _check_indices(arrays, 'f', num_vertices, 'vertices')
    _check_parents(arrays['kintree_table'][0].astype(np.int64))
    sums = arrays['weights'].sum(1)
    vertex = np.abs(sums - 1).argmax()
    if abs(sums[vertex] - 1) > _WEIGHTS_TOLERANCE:
        raise ValueError(f'weights of vertex {vertex} sum to '
                         f'{sums[vertex]:.4g}, expected 1')
    least = arrays['weights'].min(1)
    if least.min() < -_NEGATIVE_TOLERANCE:
        raise ValueError(f'weights of vertex {least.argmin()} go down to '
                         f'{least.min():.4g}, expected none below 0')
    sums = arrays['J_regressor'].sum(1)
    joint = np.abs(sums - 1).argmax()
    if abs(sums[joint] - 1) > _REGRESSOR_TOLERANCE:
        raise ValueError(f'J_regressor of joint {joint} sums to '
                         f'{sums[joint]:.4g}, expected 1')


def _check_parents(parents: np.ndarray) -> None:
    """Raise ``ValueError`` unless parents are a tree, sorted from its root.

    The official files mark the root's parent by 2 ** 32 - 1, others by -1:
    it is not looked at.
    """
    for joint, parent in enumerate(parents.tolist()):
        if joint and not 0 <= parent < joint:
            raise ValueError(
                f'kintree_table is no tree: the parent of joint {joint} is '
                f'{parent}, expected one of the joints before it')


def _check_extras(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ``ValueError`` if keys that only our own files have are bad."""
    num_vertices, num_joints = arrays['weights'].shape
    num_faces = len(arrays['f'])
    for key in ('keypoint_regressor', 'keypoint_joint_regressor'):
        if key in arrays and 'keypoint_names' not in arrays:
            raise ValueError(f'{key} is of no use without keypoint_names')
    num_keypoints = arrays.get('keypoint_names', np.empty(0)).size
    expected = dict(
        keypoint_regressor=(num_keypoints, num_vertices),
        keypoint_joint_regressor=(num_keypoints, num_joints),
        materials=(num_faces, ))
    for key, columns in (('vt', 2), ('material_colors', 3),
                         ('poses', 3 * num_joints)):
        if key in arrays:
            expected[key] = (len(np.atleast_1d(arrays[key])), columns)
    _check_shapes(arrays, {key: shape for key, shape in expected.items()
                           if key in arrays})
    for key in arrays:
        if key.startswith('layer_'):
            _check_indices(arrays, key, num_vertices, 'vertices')
    if 'vt' in arrays:
        if 'ft' not in arrays:
            raise ValueError('vt is of no use without ft')
        _check_indices(arrays, 'ft', len(arrays['vt']), 'points of vt')
        if len(arrays['ft']) != num_faces:
            raise ValueError(f'ft has {len(arrays["ft"])} faces, but f has '
                             f'{num_faces}')
    colors = arrays.get('material_colors')
    for key, limit, what in (
            ('eye_faces', num_faces, 'faces'),
            ('landmark_vertices', num_vertices, 'vertices'),
            ('materials', None if colors is None else len(colors),
             'rows of material_colors')):
        if key in arrays:
            _check_list(arrays, key, limit, what)


def _check_list(arrays: Mapping[str, np.ndarray], key: str,
                limit: int | None, what: str) -> None:
    """Raise ``ValueError`` unless an array is a list of indices (N,)."""
    values = arrays[key]
    if values.ndim != 1:
        raise ValueError(f'{key} has shape {values.shape}, expected (N,)')
    if not values.size:  # numpy takes an empty list for one of floats
        return
    if values.dtype.kind not in 'iu':
        raise ValueError(f'{key} holds {values.dtype}, not indices')
    if values.min() < 0:
        raise ValueError(f'{key} names {what} down to {values.min()}')
    if limit is not None and values.max() >= limit:
        raise ValueError(f'{key} names {what} up to {values.max()}, but '
                         f'there are {limit}')


def _check_shapes(arrays: Mapping[str, np.ndarray],
                  expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ``ValueError`` unless shapes are right and values numbers."""
    for key, shape in expected.items():
        array = arrays[key]
        if array.shape != shape:
            raise ValueError(f'{key} has shape {array.shape}, expected '
                             f'{shape}')
        if array.dtype.kind not in 'biuf':
            raise ValueError(f'{key} holds {array.dtype}, not numbers')
        finite = np.isfinite(array)
        if not finite.all():
            bad = np.argwhere(~finite)
            # Vertices lead, but for the tables of joints and key points.
            row = ('vertex' if shape[0] == len(arrays['v_template'])
                   else 'row')
            raise ValueError(f'{key} holds NaN or infinite values, first in '
                             f'{row} {bad[0, 0]}')


def _check_indices(arrays: Mapping[str, np.ndarray], key: str, limit: int,
                   what: str) -> None:
    """Raise ``ValueError`` unless an array holds faces (F, 3)."""
    faces = arrays[key]
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise ValueError(f'{key} has shape {faces.shape}, expected (F, 3)')
    if faces.dtype.kind not in 'iu':
        raise ValueError(f'{key} holds {faces.dtype}, not indices')
    outside = np.argwhere((faces < 0) | (faces >= limit))
    if len(outside):
        face, corner = outside[0]
        raise ValueError(f'{key} names {what} up to {faces.max()}, but there '
                         f'are {limit} (face {face} has '
                         f'{faces[face, corner]})')
