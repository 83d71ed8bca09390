"""Texture coordinates from a template: an ``.obj``, or SMALST's pickle."""
from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from xas_mmpose.body_models import load_array_pickle


def read_uv_template(path: str | Path,
                     faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the texture coordinates of a mesh.

    SURREAL's textures, for one, go with the coordinates of a template of
    SMPL that comes with them, and SMALST's with those of
    ``my_smpl_00781_4_all_template_w_tex_uv_001.pkl``.

    Args:
        path: ``.obj`` file with the vertices in the body's order; faces may
            come in any order, those of more than three corners are cut into
            fans. Or a ``.pkl`` of ``vt`` (N, 2) and ``ft`` (F, 3), with the
            faces in the body's order.
        faces: Faces of the body (F, 3).

    Returns:
        Coordinates (N, 2), u to the right and v up, and those of the corners
        of each of ``faces`` (F, 3).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is malformed, has no texture coordinates, or
            lacks a face of the body.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no file with texture coordinates at {path}')
    if path.suffix == '.pkl':
        return _from_pickle(path, faces)
    coordinates, corners = [], []
    text = path.read_text(encoding='utf-8', errors='replace')
    for number, line in enumerate(text.splitlines(), 1):
        kind, *words = line.split() or ('', )
        try:
            if kind == 'vt':
                coordinates.append((float(words[0]), float(words[1])))
            elif kind == 'f':
                # vertex/texture or vertex/texture/normal
                polygon = [tuple(map(int, word.split('/')[:2]))
                           for word in words]
                corners += [(polygon[0], *pair)
                            for pair in pairwise(polygon[1:])]
        except (ValueError, IndexError):
            raise ValueError(f'{path}, line {number}: cannot be read: '
                             f'{line.strip()!r}') from None
    corners = _corners(path, corners)
    if min(corners.min() - 1, len(coordinates) - corners[..., 1].max()) < 0:
        raise ValueError(f'{path} has {len(coordinates)} texture coordinates '
                         '(vt), but its faces (f) name others')
    corners -= 1  # .obj files count from 1
    return (np.array(coordinates, np.float32),
            _matched(path, corners, faces))


def _from_pickle(path: Path,
                 faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return texture coordinates and faces' corners of a pickle."""
    content = load_array_pickle(path, body_model=True)
    try:
        coordinates = np.asarray(content['vt'], np.float32)[:, :2]
        corners = np.asarray(content['ft'])
        inside = 0 <= corners.min() <= corners.max() < len(coordinates)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f'{path} holds no texture coordinates vt (N, 2) and '
                         f'ft (F, 3): {error!r}') from error
    if corners.shape != faces.shape or not inside:
        raise ValueError(
            f'{path}: ft {corners.shape} does not fit vt '
            f'{coordinates.shape} and this body of {len(faces)} faces')
    return coordinates, corners.astype(np.int64)


def _corners(path: Path, corners: list) -> np.ndarray:
    """Return vertex and texture coordinate (F, 3, 2) of faces' corners."""
    if not corners or any(len(corner) != 2
                          for face in corners for corner in face):
        raise ValueError(f'{path} has no faces with texture coordinates: '
                         'export it with lines "f vertex/texture ..."')
    return np.array(corners, np.int64)


def _matched(path: Path, corners: np.ndarray,
             faces: np.ndarray) -> np.ndarray:
    """Return texture indices (F, 3) for faces (F, 3) of vertices."""
    found = {}
    for face in corners.tolist():
        for turn in range(3):
            (a, s), (b, t), (c, u) = face[turn:] + face[:turn]
            found[a, b, c] = s, t, u
    try:
        return np.array([found[tuple(face)] for face in faces.tolist()],
                        np.int64)
    except KeyError as error:
        raise ValueError(
            f'{path} has no face of vertices {error.args[0]}: it is not a '
            f'template of this body of {len(faces)} faces') from None
