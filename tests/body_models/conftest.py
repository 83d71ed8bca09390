"""Pickles as Python 2 wrote them, with classes that are not installed."""
from __future__ import annotations

import pickle
import struct
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
