"""Made-up bodies, and pickles as Python 2 wrote them without its chumpy."""
from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

#: What Python 2 and the scipy of its time call the modules of today.
OLD_MODULES = {
    'builtins': '__builtin__',
    'copyreg': 'copy_reg',
    'scipy.sparse._csc': 'scipy.sparse.csc',
    'scipy.sparse._csr': 'scipy.sparse.csr',
    'scipy.sparse._coo': 'scipy.sparse.coo',
}


class _Python2Pickler(pickle._Pickler):
    """Write strings as bytes, and names without looking them up."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, text: str | bytes) -> None:
        data = text.encode('latin1') if isinstance(text, str) else text
        if self.proto == 0:
            self.write(b'S' + repr(data)[1:].encode() + b'\n')
        elif len(data) < 256:
            self.write(b'U' + bytes([len(data)]) + data)
        else:
            self.write(b'T' + struct.pack('<i', len(data)) + data)
        self.memoize(text)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = OLD_MODULES.get(obj.__module__, obj.__module__)
        self.write(f'c{module}\n{name or obj.__name__}\n'.encode())
        self.memoize(obj)

    dispatch[str] = dispatch[bytes] = save_text
    dispatch[FunctionType] = save_global


class Python2:
    """Writes pickles of another time, chumpy's objects among them."""

    def write(self, path: Path, content: Any, protocol: int = 2) -> Path:
        """Write a pickle, and return its path."""
        with open(path, 'wb') as file:
            _Python2Pickler(file, protocol).dump(content)
        return path

    def object(self, name: str, **state: Any) -> Any:
        """Return an object of a class, given by its full name."""
        module, _, name = name.rpartition('.')
        made = type(name, (), dict(__module__=module))()
        made.__dict__.update(state)
        return made

    def ch(self, array: np.ndarray) -> Any:
        """Return a ``chumpy.ch.Ch``, with what chumpy 0.70 pickles."""
        return self.object(
            'chumpy.ch.Ch', _dirty_vars=set(), _itr=None,
            _depends_on_deps={}, _make_dense=False, _make_sparse=False,
            x=array)

    def select(self, source: Any, array: np.ndarray) -> Any:
        """Return the slice of a ``Ch`` that has these elements' indices."""
        return self.object(
            'chumpy.reordering.Select', a=source, idxs=array.ravel(),
            preferred_shape=array.shape)


@pytest.fixture(scope='session')
def python2() -> Python2:
    return Python2()


def make_body(num_vertices: int, parents: list[int], num_betas: int,
              seed: int = 0) -> dict[str, np.ndarray]:
    """Return a body in SMPL's format whose arrays are all random."""
    rng = np.random.default_rng(seed)
    num_joints = len(parents)

    def shares(rows: int, columns: int) -> np.ndarray:
        table = rng.random((rows, columns)) ** 8
        return table / table.sum(1, keepdims=True)

    return dict(
        v_template=rng.normal(size=(num_vertices, 3)),
        shapedirs=rng.normal(size=(num_vertices, 3, num_betas)) / 10,
        posedirs=rng.normal(
            size=(num_vertices, 3, 9 * (num_joints - 1))) / 100,
        J_regressor=shares(num_joints, num_vertices),
        weights=shares(num_vertices, num_joints),
        kintree_table=np.array([[4294967295, *parents[1:]],
                                range(num_joints)], np.uint32),
        f=rng.integers(0, num_vertices, (30, 3)).astype(np.uint32))


@pytest.fixture(scope='session')
def fake_body() -> Callable[..., dict[str, np.ndarray]]:
    """Return a function that makes bodies, see :func:`make_body`."""
    return make_body
