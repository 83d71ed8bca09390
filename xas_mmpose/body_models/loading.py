"""Bodies by name or by file."""
from __future__ import annotations

from pathlib import Path

from .body import ParametricBody
from .model_file import load_model_file
from .smal import SMAL_JOINTS, SMALBody
from .smpl import SMPL_VERTICES, SMPLBody, load_regressor

_DATA = Path(__file__).parent / 'data'

#: Names of the people whose files are called otherwise.
_PEOPLE = {'human': 'anny_small', 'human_full': 'anny_full'}

#: What SMPL's regressor of Human3.6M's key points is called everywhere.
REGRESSOR_NAME = 'J_regressor_h36m.npy'


def body_names() -> tuple[str, ...]:
    """Return the names of the bodies that come with the package.

    Returns:
        The people, then the animals in alphabetical order.
    """
    return tuple(_shipped())


def load_body(spec: str | Path) -> ParametricBody:
    """Load a body.

    Args:
        spec: One of :func:`body_names`: ``human`` (small and bare),
            ``human_full`` (with clothes, hair and eyes) or an animal; or the
            path of a ``.npz`` or ``.pkl`` in SMPL's (24 joints) or SMAL's
            format (33 or 35 joints). Where ``J_regressor_h36m.npy`` lies
            beside an official SMPL file, it gives the key points.

    Returns:
        The body.

    Raises:
        FileNotFoundError: If there is no file at that path.
        ValueError: If the name is unknown, or the file no such body.
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
            return SMALBody(arrays)
        regressor = path.parent / REGRESSOR_NAME
        official = len(arrays['v_template']) == SMPL_VERTICES
        return SMPLBody(
            arrays, regressor=load_regressor(regressor)
            if official and regressor.is_file() else None)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def _shipped() -> dict[str, Path]:
    """Return the files that come with the package by the body's name."""
    files = {path.stem: path for path in sorted(_DATA.rglob('*.npz'))}
    people = {name: files.pop(stem) for name, stem in _PEOPLE.items()}
    return {**people, **files}
