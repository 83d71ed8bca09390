"""Texture coordinates from .obj files."""
from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.render.uv_template import read_uv_template

FACES = np.array([(0, 1, 2), (0, 2, 3)])
OBJ = '\n'.join([
    '# a square', 'mtllib none.mtl', 'v 0 0 0', 'v 1 0 0', 'v 1 1 0',
    'v 0 1 0', 'vt 0.1 0.2', 'vt 0.9 0.2', 'vt 0.9 0.8', 'vt 0.1 0.8', ''])


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tmp_path / 'template.obj'


@pytest.mark.parametrize('lines', [
    'f 1/1 2/2 3/3\nf 1/1 3/3 4/4',
    'f 3/3/1 4/4/1 1/1/1\ng other\nf 2/2/1 3/3/1 1/1/1',  # order and turn
    'f 1/1 2/2 3/3 4/4',  # a quad
])
def test_faces_are_found_however_they_are_written(
        template: Path, lines: str) -> None:
    template.write_text(OBJ + lines)
    coordinates, corners = read_uv_template(template, FACES)
    assert coordinates.dtype == np.float32
    np.testing.assert_allclose(coordinates[corners[0]],
                               [(0.1, 0.2), (0.9, 0.2), (0.9, 0.8)])
    np.testing.assert_array_equal(corners, FACES)


@pytest.mark.parametrize('text, complaint', [
    (OBJ + 'f 1/1 2/2 3/3', r'no face of vertices \(0, 2, 3\)'),
    (OBJ + 'f 2/2 1/1 3/3\nf 1/1 3/3 4/4', r'no face of vertices \(0, 1, 2'),
    (OBJ + 'f 1 2 3\nf 1 3 4', 'no faces with texture coordinates'),
    (OBJ, 'no faces with texture coordinates'),
    (OBJ + 'f 1/1 2/2 3/5', r'has 4 texture coordinates'),
    (OBJ + 'f 1/0 2/2 3/3', r'has 4 texture coordinates'),
    (OBJ + 'f 1/1 2/2 3//1', r'line 11: cannot be read'),
    ('vt 0.5', 'line 1: cannot be read'),
])
def test_unfit_files_are_refused(template: Path, text: str,
                                 complaint: str) -> None:
    template.write_text(text)
    with pytest.raises(ValueError, match=complaint) as error:
        read_uv_template(template, FACES)
    assert str(template) in str(error.value)


def test_a_pickle_has_the_faces_in_order(tmp_path: Path) -> None:
    path = tmp_path / 'my_smpl_00781_4_all_template_w_tex_uv_001.pkl'
    vt, ft = np.random.default_rng(0).random((5, 2)), FACES + 1
    path.write_bytes(pickle.dumps(dict(vt=vt, ft=ft.astype(np.uint32)), 2))
    coordinates, corners = read_uv_template(path, FACES)
    assert (coordinates.dtype, corners.dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(coordinates, vt, rtol=1e-6)
    np.testing.assert_array_equal(corners, ft)
    for content, said in ((dict(vt=vt), 'holds no texture coordinates'),
                          (dict(vt=vt, ft=ft[:1]), r'ft \(1, 3\) does not'),
                          (dict(vt=vt, ft=ft + 2), 'this body of 2 faces')):
        path.write_bytes(pickle.dumps(content, 2))
        with pytest.raises(ValueError, match=said):
            read_uv_template(path, FACES)


def test_a_missing_file_is_named(template: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'template\.obj'):
        read_uv_template(template, FACES)
