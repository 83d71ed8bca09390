"""Safe loading of body model files."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

#: What an SMPL-format file must hold (V vertices, J joints, F faces, E shape
#: components).
SMPL_KEYS = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights',
             'kintree_table', 'f')


def load_model_file(
        path: str | Path,
        keys: Iterable[str] = SMPL_KEYS) -> dict[str, np.ndarray]:
    """Read a body model without running anything that it may contain.

    Args:
        path: A ``.npz`` of plain arrays in SMPL format.
        keys: Keys that the file must hold.

    Returns:
        All arrays of the file by key.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no ``.npz`` of plain arrays, lacks a key, or
            its arrays do not fit each other.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no body model file at {path}')
    if path.suffix != '.npz':
        raise ValueError(
            f'{path}: body models are read from .npz files; {path.suffix!r} '
            'is not supported yet. Convert it: np.savez_compressed with the '
            f'keys {", ".join(keys)} as plain arrays')
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for key in file.files:
                arrays[key] = file[key]
    except Exception as error:
        # numpy and zipfile raise half a dozen types for a file that is
        # truncated, no archive, or holds pickled objects.
        raise ValueError(f'{path}: not an .npz of plain arrays ({error}); '
                         'write it again with np.savez') from error
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise ValueError(f'{path}: not an SMPL-format model, it lacks '
                         f'{", ".join(missing)}; it has '
                         f'{", ".join(sorted(arrays)) or "nothing"}')
    if set(SMPL_KEYS) <= set(arrays):
        _check_smpl(arrays, path)
    return arrays


def _check_smpl(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Raise ``ValueError`` unless the arrays describe one body."""
    num_vertices = len(arrays['v_template'])
    num_joints = len(arrays['J_regressor'])
    num_betas = (arrays['shapedirs'].shape[-1]
                 if arrays['shapedirs'].ndim == 3 else -1)
    expected = dict(
        v_template=(num_vertices, 3),
        shapedirs=(num_vertices, 3, num_betas),
        posedirs=(num_vertices, 3, 9 * (num_joints - 1)),
        J_regressor=(num_joints, num_vertices),
        weights=(num_vertices, num_joints),
        kintree_table=(2, num_joints))
    for key, shape in expected.items():
        array = arrays[key]
        if array.shape != shape:
            raise ValueError(f'{path}: {key} has shape {array.shape}, '
                             f'expected {shape}')
        if not np.isfinite(array).all():
            raise ValueError(f'{path}: {key} holds NaN or infinite values')
    faces = arrays['f']
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise ValueError(f'{path}: f has shape {faces.shape}, expected '
                         '(F, 3)')
    if faces.min() < 0 or faces.max() >= num_vertices:
        raise ValueError(f'{path}: f names vertices up to {faces.max()}, '
                         f'but there are {num_vertices}')
