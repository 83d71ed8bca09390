"""Reading pickles that hold arrays, without running what they may contain.

A pickle is a program: loading one calls whatever it names. Here every name
that a file of arrays may ask for leads to a stand-in of this module, which
checks what it is given and keeps it; all other names are refused. The files
of SMPL and SMAL were written by Python 2 with ``chumpy`` arrays and
``scipy.sparse`` matrices: these are read without ``chumpy``, which no longer
imports, and without the modules that scipy has since moved.
"""
from __future__ import annotations

import math
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Types that are given back as they are.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray,
          np.generic)

#: Numbers and strings of a fixed size. No objects and no records: numpy
#: trusts the description of their memory that a pickle brings.
_PLAIN_DTYPE = re.compile(r'[biufcSU]\d{1,9}')


@dataclass(frozen=True)
class ChumpyExpression:
    """A chumpy object in a file that is more than an array.

    Args:
        name: Full name of its class.
    """

    name: str


def load_array_pickle(path: str | os.PathLike,
                      body_model: bool = False) -> Any:
    """Load a pickle that holds arrays and builtin containers only.

    Pickles of Python 2 and 3, of every protocol, are read. Arrays hold
    numbers or strings; arrays of objects are refused.

    Args:
        path: The pickle file.
        body_model: Whether ``scipy.sparse`` matrices (csc, csr, coo) and
            ``chumpy`` arrays are read too, as dense arrays. A chumpy
            expression (all classes but ``Ch`` and ``Select``) then comes
            back as a :class:`ChumpyExpression`, not evaluated.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no pickle, or asks for anything else. Its code
            does not run.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file {path}')
    with open(path, 'rb') as file:
        try:
            return _settled(_ArrayUnpickler(file, body_model).load(), {})
        except Exception as error:
            # Bytes that are no pickle end in almost any type of error.
            said = str(error) or type(error).__name__
            raise ValueError(f'{path} was not loaded: {said}') from error


class _StandIn:
    """What a pickle gets for a name; alone it takes no arguments, no state.

    Only classes stand in: what a pickle writes into the attributes of a
    function would stay there, while a class hands it to ``__setstate__``.
    """

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError('it sets the state of an object that '
                                     'has none')

    def value(self, settle: Callable[[Any], Any]) -> Any:
        """Return what this stands for; ``settle`` does so for its parts."""
        raise pickle.UnpicklingError('it holds a bare object')


class _DType(_StandIn):
    """numpy.dtype, without those that hold objects or fields."""

    __slots__ = ('dtype', )

    def __init__(self, name: str, align: Any = 0, copy: Any = 0) -> None:
        if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
            raise pickle.UnpicklingError(f'it holds an array of dtype {name}')
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        _, order, *parts = state[:5]
        if parts != [None] * 3 or order not in ('<', '>', '=', '|'):
            raise pickle.UnpicklingError('it holds an array with fields')
        self.dtype = self.dtype.newbyteorder(order)

    def value(self, settle: Callable[[Any], Any]) -> np.dtype:
        return self.dtype


class _Array(_StandIn):
    """numpy.ndarray, and the function that makes an empty one."""

    __slots__ = ('array', )

    def __init__(self, kind: type, shape: tuple, code: Any) -> None:
        if kind is not _Array:
            raise pickle.UnpicklingError(f'it makes an array of {kind}')

    def __setstate__(self, state: tuple) -> None:
        shape, dtype, fortran, data = state[-4:]
        self.array = _unpacked(dtype, shape, 'F' if fortran else 'C', data)

    def value(self, settle: Callable[[Any], Any]) -> np.ndarray:
        return self.array


class _BufferArray(_Array):
    """The function that makes an array in pickles of protocol 5."""

    __slots__ = ()

    def __init__(self, data: bytes, dtype: _DType, shape: tuple,
                 order: str) -> None:
        self.array = _unpacked(dtype, shape, order, data)


class _Scalar(_StandIn):
    """The function that makes a number of numpy's."""

    __slots__ = ()

    def __new__(cls, dtype: _DType, data: bytes | str) -> np.generic:
        return _unpacked(dtype, (), 'C', data)[()]


class _Encode(_StandIn):
    """_codecs.encode, which carries bytes as text in old protocols.

    Empty bytes are carried by a call of ``bytes`` instead.
    """

    __slots__ = ()

    def __new__(cls, text: str = '', encoding: str = 'latin1') -> bytes:
        if encoding != 'latin1':
            raise pickle.UnpicklingError(f'it encodes text as {encoding}')
        return text.encode('latin1')


class _Stateful(_StandIn):
    """An object that is pickled as its ``__dict__``."""

    __slots__ = ('state', )

    def __setstate__(self, state: dict) -> None:
        self.state = state


class _Reconstruct(_StandIn):
    """copyreg._reconstructor, for objects that are their ``__dict__``."""

    __slots__ = ()

    def __new__(cls, kind: type, base: type, state: Any) -> _Stateful:
        if not issubclass(kind, _Stateful) or base is not object or state:
            raise pickle.UnpicklingError(f'it reconstructs {kind} as {base}')
        return kind()


class _Coo(_Stateful):
    """A scipy.sparse matrix of coordinates.

    It becomes dense here: scipy's own compiled code trusts the shape that a
    file states, and writes outside of it.
    """

    __slots__ = ()

    def value(self, settle: Callable[[Any], Any]) -> np.ndarray:
        state = settle(self.state)
        data, (rows, columns) = state['data'], self.places(state)
        if not data.shape == rows.shape == columns.shape:
            raise pickle.UnpicklingError(
                f'it holds a sparse matrix of {data.shape} values at '
                f'{rows.shape} places')
        dense = np.zeros(state['_shape'], data.dtype)
        # This refuses what lies outside, negative numbers too.
        places = np.ravel_multi_index((rows, columns), dense.shape)
        np.add.at(dense.reshape(-1), places, data)
        return dense

    def places(self, state: dict) -> tuple[np.ndarray, ...]:
        """Return the row and the column of each value."""
        # Newer scipy keeps them in one tuple.
        return state.get('coords') or (state['row'], state['col'])


class _Csr(_Coo):
    """A scipy.sparse matrix in rows."""

    __slots__ = ()

    def places(self, state: dict) -> tuple[np.ndarray, ...]:
        starts = state['indptr']
        major = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return major, state['indices']


class _Csc(_Csr):
    """A scipy.sparse matrix in columns."""

    __slots__ = ()

    def places(self, state: dict) -> tuple[np.ndarray, ...]:
        return super().places(state)[::-1]


class _Expression(_Stateful):
    """A chumpy object."""

    __slots__ = ()
    name = ''

    def value(self, settle: Callable[[Any], Any]
              ) -> np.ndarray | ChumpyExpression:
        return ChumpyExpression(self.name)


class _Ch(_Expression):
    """chumpy.ch.Ch: the array is its ``x``."""

    __slots__ = ()

    def value(self, settle: Callable[[Any], Any]
              ) -> np.ndarray | ChumpyExpression:
        return settle(self.state['x'])


class _Select(_Expression):
    """chumpy.reordering.Select: elements ``idxs`` of another object."""

    __slots__ = ()

    def value(self, settle: Callable[[Any], Any]
              ) -> np.ndarray | ChumpyExpression:
        source = settle(self.state['a'])
        if isinstance(source, ChumpyExpression):
            return source
        chosen = source.ravel()[settle(self.state['idxs'])]
        shape = self.state.get('preferred_shape')
        return chosen if shape is None else chosen.reshape(settle(shape))


_ARRAYS: dict[tuple[str, str], type] = {
    ('numpy', 'ndarray'): _Array,
    ('numpy', 'dtype'): _DType,
    ('_codecs', 'encode'): _Encode,
    **{(f'numpy.{core}.{module}', name): stand_in
       for core in ('core', '_core')
       for module, name, stand_in in (
           ('multiarray', '_reconstruct', _Array),
           ('multiarray', 'scalar', _Scalar),
           ('numeric', '_frombuffer', _BufferArray))},
    **{(builtins, kind.__name__): kind
       for builtins in ('builtins', '__builtin__')
       for kind in (set, frozenset)},
    ('builtins', 'bytes'): _Encode,
    ('__builtin__', 'bytes'): _Encode,
}
_BODY_MODEL: dict[tuple[str, str], type] = {
    **{(f'scipy.sparse{module}', f'{kind}_{ending}'): stand_in
       for kind, stand_in in (('csc', _Csc), ('csr', _Csr), ('coo', _Coo))
       for module in ('', f'.{kind}', f'._{kind}')
       for ending in ('matrix', 'array')},
    ('copyreg', '_reconstructor'): _Reconstruct,
    ('copy_reg', '_reconstructor'): _Reconstruct,
    ('builtins', 'object'): object,
    ('__builtin__', 'object'): object,
    ('chumpy.ch', 'Ch'): _Ch,
    ('chumpy.reordering', 'Select'): _Select,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickle arrays and builtin containers, nothing else."""

    def __init__(self, file: Any, body_model: bool) -> None:
        # Python-2 pickles of arrays decode with latin1 only.
        super().__init__(file, encoding='latin1')
        self.body_model = body_model
        self.known = {**_ARRAYS, **(_BODY_MODEL if body_model else {})}

    def find_class(self, module: str, name: str) -> type:
        if (module, name) in self.known:
            return self.known[module, name]
        if self.body_model and re.fullmatch(
                r'chumpy(\.\w+)* \w+', f'{module} {name}'):
            return type('_Expression', (_Expression, ), dict(
                __slots__=(), name=f'{module}.{name}'))
        kinds = ('an array, a sparse matrix' if self.body_model
                 else 'an array')
        raise pickle.UnpicklingError(
            f'it asks for {module}.{name}, which is neither {kinds} nor a '
            'plain container')


def _unpacked(dtype: _DType, shape: tuple[int, ...], order: str,
              data: bytes | str) -> np.ndarray:
    """Return the array of some bytes."""
    if isinstance(data, str):  # bytes of Python 2, decoded by latin1
        data = data.encode('latin1')
    if not isinstance(dtype, _DType) or not isinstance(
            data, (bytes, bytearray)):
        raise pickle.UnpicklingError('it holds an array of objects')
    size = math.prod(shape) * dtype.dtype.itemsize
    if size != len(data) or min(shape, default=0) < 0:
        raise pickle.UnpicklingError(
            f'it has {len(data)} bytes for an array of {size}')
    return np.ndarray(shape, dtype.dtype, bytes(data),
                      order=order).copy(order='K')


def _settled(value: Any, done: dict[int, Any]) -> Any:
    """Return a copy of some content with arrays in place of stand-ins.

    Args:
        value: The content.
        done: What has been settled, by its ``id``: an object that is named
            twice is made once.
    """
    if isinstance(value, _PLAIN):
        return value
    if id(value) not in done:
        if isinstance(value, _StandIn):
            done[id(value)] = value.value(lambda part: _settled(part, done))
        elif isinstance(value, dict):
            done[id(value)] = {_settled(key, done): _settled(item, done)
                               for key, item in value.items()}
        elif isinstance(value, (list, tuple, set, frozenset)):
            done[id(value)] = type(value)(
                _settled(item, done) for item in value)
        else:
            raise pickle.UnpicklingError(f'it holds a bare {value!r}')
    return done[id(value)]
