"""Loading body model files: what is refused, and what is said."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
    (dict(shapedirs=np.ones((3, 3))), r'shapedirs has shape \(3, 3\)'),
    (dict(v_template=np.full((3, 3), np.nan)), 'v_template holds NaN'),
    (dict(f=np.array([[0, 1, 3]])), 'f names vertices up to 3'),
    (dict(f=np.array([0, 1, 2])), r'f has shape \(3,\)'),
])
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, changes: dict,
                                          said: str) -> None:
    path = write(tmp_path / 'body.npz', **changes)
    with pytest.raises(ValueError, match=said):
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


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.npz'):
        load_model_file(tmp_path / 'nowhere.npz')
    pickle = tmp_path / 'SMPL_NEUTRAL.pkl'
    pickle.write_bytes(b'\x80\x02.')
    with pytest.raises(ValueError, match=r"'\.pkl' is not supported yet"):
        load_model_file(pickle)
    broken = tmp_path / 'broken.npz'
    broken.write_bytes(write(tmp_path / 'whole.npz').read_bytes()[:200])
    with pytest.raises(ValueError, match=r'broken\.npz: not an'):
        load_model_file(broken)
