"""Bodies by name or by file."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from .array_pickle import load_array_pickle
from .body import ParametricBody
from .model_file import load_model_file
from .smal import SMAL_JOINTS, SMAL_VERTICES, SMALBody, mirrored_template
from .smpl import SMPL_VERTICES, SMPLBody, load_regressor

_DATA = Path(__file__).parent / 'data'

#: Names of the people whose files are called otherwise.
_PEOPLE = {'human': 'anny_small', 'human_full': 'anny_full'}

#: What SMPL's regressor of Human3.6M's key points is called everywhere.
REGRESSOR_NAME = 'J_regressor_h36m.npy'

#: What SMALST calls the mirror partners of SMAL's vertices.
SYMMETRY_NAME = 'symIdx.pkl'


def body_names() -> tuple[str, ...]:
    """Return the names of the bodies that come with the package.

    Returns:
        The people, then the animals in alphabetical order.
    """
    return tuple(_shipped())


def animal_names() -> tuple[str, ...]:
    """Return the names of the animals among :func:`body_names`."""
    return tuple(name for name in _shipped() if name not in _PEOPLE)


def load_body(spec: str | Path,
              num_betas: int | None = None) -> ParametricBody:
    """Load a body.

    Args:
        spec: One of :func:`body_names`: ``human`` (small and bare),
            ``human_full`` (with clothes, hair and eyes) or an animal; or the
            path of a ``.npz`` or ``.pkl`` in SMPL's (24 joints) or SMAL's
            format (33 or 35 joints). Where ``J_regressor_h36m.npy`` lies
            beside an official SMPL file, it gives the key points; where
            ``symIdx.pkl`` lies beside an official SMAL file, the template
            becomes symmetric, see
            :func:`~xas_mmpose.body_models.smal.mirrored_template`.
        num_betas: How many shape components are used. None takes all of an
            animal's, and 10 of a person's or all where there are fewer.

    Returns:
        The body.

    Raises:
        FileNotFoundError: If there is no file at that path.
        ValueError: If the name is unknown, the file no such body, or one
            of fewer shape components.
    """
    shipped = _shipped()
    path = shipped.get(str(spec), Path(spec))
    if path.suffix not in ('.npz', '.pkl') and not path.is_file():
        raise ValueError(f'unknown body {str(spec)!r}: it is none of '
                         f'{", ".join(shipped)}, and no path of an .npz or '
                         '.pkl file')
    arrays = load_model_file(path)
    num_joints = arrays['kintree_table'].shape[1]
    try:
        if num_joints in SMAL_JOINTS:
            symmetry = path.parent / SYMMETRY_NAME
            if len(arrays['v_template']) == SMAL_VERTICES and (
                    symmetry.is_file()):
                arrays['v_template'] = mirrored_template(
                    arrays['v_template'], load_array_pickle(symmetry))
            return SMALBody(arrays, num_betas)
        regressor = path.parent / REGRESSOR_NAME
        official = len(arrays['v_template']) == SMPL_VERTICES
        return SMPLBody(
            arrays, regressor=load_regressor(regressor)
            if official and regressor.is_file() else None,
            num_betas=num_betas)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def clip_poses_of(name: str, num_joints: int = 35) -> np.ndarray:
    """Return the poses that came with an animal of the package.

    SMAL's own files come without poses. Their joints are the same, in the
    same frame, so an animal of the package can lend them some.

    Args:
        name: The animal, one of :func:`body_names`.
        num_joints: Joints of the body that is to be posed: 35, or 33 for
            SMAL's first file, which has no joints for the ears.

    Returns:
        Axis angles (N, 3 * num_joints), radians, float32.

    Raises:
        ValueError: If no such animal comes with the package, or the body is
            none of SMAL's.
    """
    if name not in animal_names():
        raise ValueError(f'{name!r} has no poses to lend; those that have '
                         f'are {", ".join(animal_names())}')
    if num_joints not in SMAL_JOINTS:
        raise ValueError(f'the poses of {name!r} fit animals of 33 or 35 '
                         f'joints, not {num_joints}')
    # The ears are the last two.
    poses = load_model_file(_shipped()[name])['poses'][:, :3 * num_joints]
    return poses.astype(np.float32)


def _shipped() -> dict[str, Path]:
    """Return the files that come with the package by the body's name."""
    files = {path.stem: path for path in sorted(_DATA.rglob('*.npz'))}
    people = {name: files.pop(stem) for name, stem in _PEOPLE.items()}
    return {**people, **files}
