"""Loading body model files: what is refused, and what is said."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from xas_mmpose.body_models import load_model_file
from xas_mmpose.body_models.model_file import SMPL_KEYS


def tiny_arrays() -> dict[str, np.ndarray]:
    """Return a body of 3 vertices, 2 joints and 1 shape component."""
    return dict(
        v_template=np.arange(9.0).reshape(3, 3),
        shapedirs=np.ones((3, 3, 1)),
        posedirs=np.zeros((3, 3, 9)),
        J_regressor=np.eye(2, 3),
        weights=np.full((3, 2), 0.5),
        kintree_table=np.array([[-1, 0], [0, 1]]),
        f=np.array([[0, 1, 2]]),
    )


def write(path: Path, **changes: np.ndarray | None) -> Path:
    """Write the tiny body, with keys replaced or (None) left out."""
    arrays = {**tiny_arrays(), **changes}
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_arrays_come_back(tmp_path: Path) -> None:
    path = write(tmp_path / 'body.npz', extra=np.array([7]))
    loaded = load_model_file(path)
    assert set(loaded) == {*SMPL_KEYS, 'extra'}
    for key, value in tiny_arrays().items():
        np.testing.assert_array_equal(loaded[key], value)


@pytest.mark.parametrize('key', SMPL_KEYS)
def test_a_missing_key_is_named_with_its_file(tmp_path: Path,
                                              key: str) -> None:
    path = write(tmp_path / 'incomplete.npz', **{key: None})
    with pytest.raises(ValueError, match=rf'incomplete.npz.*lacks {key};'):
        load_model_file(path)


@pytest.mark.parametrize('changes, said', [
    (dict(weights=np.zeros((3, 4))), r'weights has shape \(3, 4\)'),
    (dict(J_regressor=np.eye(2, 5)), r'J_regressor has shape \(2, 5\)'),
    (dict(shapedirs=np.ones((3, 3))),
     r'shapedirs has shape \(3, 3\), expected \(3, 3, E\)'),
    (dict(v_template=np.array(1.0)), r'v_template has shape \(\), expected'),
    (dict(posedirs=np.full((3, 3, 9), 'a')), 'posedirs holds <U1, not num'),
    (dict(v_template=np.array([[0, 0, 0], [0, 0, np.nan], [0, 0, 0]])),
     'v_template holds NaN or infinite values, first in vertex 1'),
    (dict(J_regressor=np.array([[1, 0, 0], [0, np.inf, 0]])),
     'J_regressor holds NaN or infinite values, first in row 1'),
    (dict(f=np.array([[0, 1, 2], [0, 1, 3]])),
     r'f names vertices up to 3, but there are 3 \(face 1 has 3\)'),
    (dict(f=np.array([[0, 1, -1]])), r'f names .*face 0 has -1'),
    (dict(f=np.array([0, 1, 2])), r'f has shape \(3,\)'),
    (dict(f=np.ones((1, 3))), 'f holds float64, not indices'),
    (dict(kintree_table=np.array([[-1, 1], [0, 1]])),
     'kintree_table is no tree: the parent of joint 1 is 1'),
    (dict(kintree_table=np.array([[4294967295, 4294967295], [0, 1]])),
     'kintree_table is no tree: the parent of joint 1 is 4294967295'),
    (dict(weights=np.array([[0.5, 0.5], [0.5, 0.4], [0, 1]])),
     'weights of vertex 1 sum to 0.9, expected 1'),
    (dict(weights=np.array([[0.5, 0.5], [3, -2], [0, 1]])),
     'weights of vertex 1 go down to -2, expected none below 0'),
    (dict(J_regressor=np.zeros((2, 3))),
     'J_regressor of joint 0 sums to 0, expected 1'),
    (dict(J_regressor=np.array([[1, 0, 0], [0, 0.5, 0.52]])),
     'J_regressor of joint 1 sums to 1.02, expected 1'),
    (dict(layer_hair=np.array([[0, 1, 7]])), 'layer_hair names vertices up'),
    (dict(eye_faces=np.array([1])), 'eye_faces names faces up to 1'),
    (dict(landmark_vertices=np.array([-4])), 'landmark_vertices names'),
    (dict(vt=np.zeros((3, 2))), 'vt is of no use without ft'),
    (dict(vt=np.zeros((3, 2)), ft=np.array([[0, 1, 3]])),
     'ft names points of vt up to 3'),
    (dict(vt=np.zeros((3, 2)), ft=np.array([[0, 1, 2]] * 2)),
     'ft has 2 faces, but f has 1'),
    (dict(poses=np.zeros((5, 7))), r'poses has shape \(5, 7\), expected '
     r'\(5, 6\)'),
    (dict(materials=np.zeros(2)), r'materials has shape \(2,\), expected '
     r'\(1,\)'),
    (dict(materials=np.array([2]), material_colors=np.zeros((2, 3))),
     'materials names rows of material_colors up to 2, but there are 2'),
    (dict(materials=np.array([-1])), 'materials names .* down to -1'),
    (dict(materials=np.array([0.7])), 'materials holds float64, not indi'),
    (dict(eye_faces=np.array(['0'])), 'eye_faces holds <U1, not indices'),
    (dict(eye_faces=np.array([0.7])), 'eye_faces holds float64, not indi'),
    (dict(eye_faces=np.array(0)), r'eye_faces has shape \(\), expected'),
    (dict(landmark_vertices=np.array([1.5])),
     'landmark_vertices holds float64, not indices'),
    (dict(keypoint_regressor=np.ones((1, 3))),
     'keypoint_regressor is of no use without keypoint_names'),
    (dict(keypoint_joint_regressor=np.ones((1, 2))),
     'keypoint_joint_regressor is of no use without keypoint_names'),
    (dict(keypoint_names=np.array(['a']),
          keypoint_regressor=np.ones((2, 3))),
     r'keypoint_regressor has shape \(2, 3\), expected \(1, 3\)'),
])
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, changes: dict,
                                          said: str) -> None:
    path = write(tmp_path / 'body.npz', **changes)
    with pytest.raises(ValueError, match=rf'body\.npz: {said}'):
        load_model_file(path)


def test_what_is_merely_rounded_is_taken(tmp_path: Path) -> None:
    changes = dict(weights=np.array([[0.5, 0.5], [1 + 5e-7, -5e-7], [0, 1]]),
                   J_regressor=np.array([[1, 0, 0], [0, 0.5, 0.495]]),
                   eye_faces=np.array([]))
    loaded = load_model_file(write(tmp_path / 'body.npz', **changes))
    for key, value in changes.items():
        np.testing.assert_array_equal(loaded[key], value)


def test_parents_of_the_root_are_not_looked_at(tmp_path: Path) -> None:
    for root in (-1, 0, 4294967295):
        path = write(tmp_path / 'body.npz',
                     kintree_table=np.array([[root, 0], [0, 1]]))
        assert load_model_file(path)['kintree_table'][0, 0] == root


def published(python2) -> dict:
    """Return the tiny body as SMPL's Python-2 files hold theirs."""
    arrays = tiny_arrays()
    table = np.array([[4294967295, 0], [0, 1]], np.uint32)
    return dict(
        arrays, v_template=python2.ch(arrays['v_template']),
        shapedirs=python2.select(python2.ch(np.ones(20)),
                                 np.arange(9).reshape(3, 3, 1)),
        weights=python2.ch(arrays['weights']), kintree_table=table,
        J_regressor=sparse.csc_matrix(arrays['J_regressor']),
        f=arrays['f'].astype(np.uint32), bs_type='lrotmin',
        J=python2.object('chumpy.ch_ops.dot', a=1),
        pose_training_info={'note': 'x'})


@pytest.mark.parametrize('protocol', range(3))
def test_pickles_of_python_2_give_plain_arrays(tmp_path: Path, python2,
                                               protocol: int) -> None:
    path = python2.write(tmp_path / 'SMPL_NEUTRAL.pkl', published(python2),
                         protocol)
    loaded = load_model_file(path)
    assert set(loaded) == set(SMPL_KEYS)
    for key, expected in tiny_arrays().items():
        assert type(loaded[key]) is np.ndarray
        if key != 'kintree_table':
            np.testing.assert_array_equal(loaded[key], expected)
    assert loaded['kintree_table'].dtype == np.uint32
    assert loaded['kintree_table'].tolist() == [[4294967295, 0], [0, 1]]


def test_expressions_are_refused_where_an_array_is_needed(
        tmp_path: Path, python2) -> None:
    product = python2.object('chumpy.ch_ops.dot', a=1)
    path = tmp_path / 'model.pkl'
    python2.write(path, dict(published(python2), posedirs=product))
    with pytest.raises(ValueError, match=r'model\.pkl: posedirs is a chumpy '
                       r'expression \(chumpy\.ch_ops\.dot\)'):
        load_model_file(path)
    python2.write(path, dict(published(python2), f='faces'))
    with pytest.raises(ValueError, match=r'model\.pkl: f is a str'):
        load_model_file(path)
    python2.write(path, [1])
    with pytest.raises(ValueError, match='holds a list and no dictionary'):
        load_model_file(path)
    content = published(python2)
    del content['weights']
    python2.write(path, content)
    with pytest.raises(ValueError, match=r'model\.pkl.*lacks weights'):
        load_model_file(path)


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / 'ran'

    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (witness, )

    path = write(tmp_path / 'body.npz',
                 v_template=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match=r'not an \.npz of plain arrays'):
        load_model_file(path)
    assert not witness.exists()


def test_objects_that_no_body_needs_are_left_out(tmp_path: Path) -> None:
    note = np.array([dict(author='x')], dtype=object)
    path = write(tmp_path / 'body.npz', note=note)
    assert set(load_model_file(path)) == set(SMPL_KEYS)
    for key in ('poses', 'layer_hair', 'f'):
        path = write(tmp_path / 'body.npz', **{key: note})
        with pytest.raises(ValueError, match=r'body\.npz: not an \.npz of'):
            load_model_file(path)


def test_pickles_that_run_something_are_refused(tmp_path: Path) -> None:
    path, witness = tmp_path / 'SMPL_MALE.pkl', tmp_path / 'ran'
    path.write_bytes(f"(S'f'\ncos\nsystem\n(S'touch {witness}'\ntRd."
                     .encode())
    with pytest.raises(ValueError, match=r'SMPL_MALE\.pkl was not loaded: it '
                       r'asks for os\.system, which is neither an array'):
        load_model_file(path)
    assert not witness.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.npz.*'
                       r'https://smpl\.is\.tue\.mpg\.de.*'
                       r'https://smal\.is\.tue\.mpg\.de.*need no file'):
        load_model_file(tmp_path / 'nowhere.npz')
    other = tmp_path / 'SMPL_NEUTRAL.mat'
    other.write_bytes(b'')
    with pytest.raises(ValueError, match=r"\.npz and \.pkl.*'\.mat'"):
        load_model_file(other)
    broken = tmp_path / 'broken.npz'
    broken.write_bytes(write(tmp_path / 'whole.npz').read_bytes()[:200])
    with pytest.raises(ValueError, match=r'broken\.npz: not an'):
        load_model_file(broken)
