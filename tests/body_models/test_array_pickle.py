"""Pickles of arrays: what comes back, and what never runs."""
from __future__ import annotations

import copyreg
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from xas_mmpose.body_models.array_pickle import (
    ChumpyExpression,
    load_array_pickle,
)

ARRAYS = {
    'float': np.arange(6.0).reshape(2, 3),
    'columns': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    'single': np.arange(3, dtype=np.float32),
    'big_endian': np.array([1, -2], dtype='>i4'),
    'unsigned': np.array([[4294967295, 0]], dtype=np.uint32),
    'flags': np.array([True, False]),
    'words': np.array(['a', 'bcd']),
    'bytes': np.array([b'a\xff', b'']),
    'complex': np.array([1 + 2j]),
    'empty': np.zeros((0, 3)),
    'scalar_array': np.array(2.5),
}


def assert_same(loaded: np.ndarray, expected: np.ndarray) -> None:
    assert type(loaded) is np.ndarray
    assert loaded.dtype == expected.dtype
    np.testing.assert_array_equal(loaded, expected)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_containers_load_from_every_protocol(
        tmp_path: Path, protocol: int) -> None:
    path = tmp_path / 'arrays.pkl'
    content = {('a', 1): ARRAYS, 'z': [np.float64(2.5), (None, True, 'w')],
               'names': {'x', 'y'}, 'dtype': np.dtype('f4')}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    loaded = load_array_pickle(path)
    assert list(loaded) == list(content)
    assert {key: loaded[key] for key in ('z', 'names', 'dtype')} == {
        key: content[key] for key in ('z', 'names', 'dtype')}
    assert type(loaded['z'][0]) is np.float64
    for name, array in ARRAYS.items():
        assert_same(loaded['a', 1][name], array)
        assert loaded['a', 1][name].flags.writeable
    assert loaded['a', 1]['columns'].flags.f_contiguous


@pytest.mark.parametrize('protocol', range(3))
def test_arrays_of_python_2(tmp_path: Path, python2, protocol: int) -> None:
    path = python2.write(tmp_path / 'old.pkl',
                         dict(ARRAYS, note='caf\xe9', few={1, 2}), protocol)
    names = {opcode.name for opcode, _, _ in
             pickletools.genops(path.read_bytes())} if protocol else {'STRING'}
    assert {'BINUNICODE', 'UNICODE', 'STACK_GLOBAL'}.isdisjoint(names)
    loaded = load_array_pickle(path)
    assert (loaded.pop('note'), loaded.pop('few')) == ('caf\xe9', {1, 2})
    for name, array in loaded.items():
        assert_same(array, ARRAYS[name])


@pytest.mark.parametrize('protocol', range(3))
def test_chumpy_and_scipy_load_without_chumpy(
        tmp_path: Path, python2, protocol: int) -> None:
    whole = np.random.default_rng(0).normal(size=(5, 3, 4))
    table = np.diag([1.0, 2.0, 0.0])[:, :2]
    product = python2.object('chumpy.ch_ops.dot', a=python2.ch(table), b=1)
    chosen = np.arange(whole.size).reshape(whole.shape)[:, :, :2]
    content = dict(
        whole=python2.ch(whole),
        part=python2.select(python2.ch(whole), chosen),
        product=product, part_of_product=python2.select(product, chosen),
        **{kind: sparse.csc_matrix(table).asformat(kind)
           for kind in ('csc', 'csr', 'coo')})
    path = python2.write(tmp_path / 'body.pkl', content, protocol)
    assert b'chumpy.reordering\nSelect' in path.read_bytes()
    assert b'scipy.sparse.csc\ncsc_matrix' in path.read_bytes()
    loaded = load_array_pickle(path, body_model=True)
    assert_same(loaded['whole'], whole)
    assert_same(loaded['part'], whole[:, :, :2])
    for kind in ('csc', 'csr', 'coo'):
        assert_same(loaded[kind], table)
    expression = ChumpyExpression('chumpy.ch_ops.dot')
    assert loaded['product'] == loaded['part_of_product'] == expression
    with pytest.raises(ValueError, match=r'body\.pkl was not loaded: it asks '
                       r'for (chumpy\.ch\.Ch|copy_reg\._reconstructor), '):
        load_array_pickle(path)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('kind', ['csc_matrix', 'csr_matrix', 'coo_matrix',
                                  'csc_array', 'csr_array', 'coo_array'])
def test_sparse_matrices_of_the_installed_scipy(
        tmp_path: Path, protocol: int, kind: str) -> None:
    table = np.array([[0, 1.5, 0], [2, 0, 0]])
    path = tmp_path / 'table.pkl'
    path.write_bytes(pickle.dumps([getattr(sparse, kind)(table)], protocol))
    assert_same(load_array_pickle(path, body_model=True)[0], table)


def test_coordinates_of_older_scipy(tmp_path: Path, python2) -> None:
    matrix = python2.object(
        'scipy.sparse.coo.coo_matrix', _shape=(2, 3), data=np.ones(2),
        row=np.array([0, 1]), col=np.array([2, 0]), maxprint=50)
    path = python2.write(tmp_path / 'table.pkl', matrix)
    assert_same(load_array_pickle(path, body_model=True),
                np.array([[0.0, 0, 1], [1, 0, 0]]))


def text(word: str) -> bytes:
    """Return the opcodes of a string."""
    return b'X' + len(word).to_bytes(4, 'little') + word.encode()


def call(name: str, *arguments: bytes) -> bytes:
    """Return the opcodes that call something, given by its full name."""
    module, _, name = name.rpartition('.')
    return (f'c{module}\n{name}\n('.encode() + b''.join(arguments) + b'tR')


def stack_global(module: str, name: str) -> bytes:
    return text(module) + text(name) + b'\x93'


SYSTEM = 'os.system'
NUMPY = 'numpy.core.multiarray.'
FLOAT = call('numpy.dtype', text('f8'), b'K\x00', b'K\x01')

#: Opcodes by what they try, with the name that must be refused. ``RUN`` is
#: replaced by a command that leaves a trace.
ATTACKS = {
    'a command': (call(SYSTEM, b'RUN'), SYSTEM),
    'posix': (call('posix.system', b'RUN'), 'posix.system'),
    'eval': (call('builtins.eval', b'RUN'), 'builtins.eval'),
    'eval of Python 2': (call('__builtin__.eval', b'RUN'),
                         '__builtin__.eval'),
    'a file': (call('io.open', b'RUN', text('w')), 'io.open'),
    'getattr': (call('builtins.getattr', b'cos\nsystem\n', text('x')),
                'builtins.getattr'),
    'instance': (b'(RUNios\nsystem\n', SYSTEM),
    'object': (b'(cos\nsystem\nRUNo', SYSTEM),
    'new object': (b'csubprocess\nPopen\n(RUNt\x81', 'subprocess.Popen'),
    'new object, by name': (b'csubprocess\nPopen\n(RUNt}\x92',
                            'subprocess.Popen'),
    'in a list': (b'(' + call(SYSTEM, b'RUN') + b'l', SYSTEM),
    'as a key': (b'(' + call(SYSTEM, b'RUN') + b'K\x01d', SYSTEM),
    'in the state of a dtype': (FLOAT + call(SYSTEM, b'RUN') + b'b', SYSTEM),
    'in the state of a Ch': (
        b'cchumpy.ch\nCh\n)\x81}' + text('x') + call(SYSTEM, b'RUN')
        + b'sb', SYSTEM),
    'as the class of an array': (
        call(NUMPY + '_reconstruct', b'cpathlib\nPath\n', b'(K\x00t',
             text('b')), 'pathlib.Path'),
    'as a class to reconstruct': (
        call('copyreg._reconstructor', b'csubprocess\nPopen\n',
             b'cbuiltins\nobject\n', b'N'), 'subprocess.Popen'),
    'as a base to reconstruct': (
        call('copy_reg._reconstructor', b'cchumpy.ch\nCh\n',
             b'cos\n_Environ\n', b'N'), 'os._Environ'),
    'a method of an array': (
        stack_global('numpy', 'ndarray.tofile') + b'(RUNtR',
        'numpy.ndarray.tofile'),
    'through a function': (
        stack_global('numpy.core.multiarray', '_reconstruct.__globals__'),
        'numpy.core.multiarray._reconstruct.__globals__'),
    'through a module of numpy': (call('numpy.os.system', b'RUN'),
                                  'numpy.os.system'),
    'load of numpy': (call('numpy.load', b'RUN', b'N', b'\x88'),
                      'numpy.load'),
    'memory map': (call('numpy.memmap', b'RUN'), 'numpy.memmap'),
    'through chumpy, dotted': (
        stack_global('chumpy.ch', 'os.system') + b'(RUNtR',
        'chumpy.ch.os.system'),
    'by the look of chumpy': (call('chumpy_evil.ch.Ch', b'RUN'),
                              'chumpy_evil.ch.Ch'),
    'through scipy': (call('scipy.sparse.load_npz', b'RUN'),
                      'scipy.sparse.load_npz'),
    'extension code': (b'\x82\xf0(RUNtR', SYSTEM),
}


def attack(opcodes: bytes, witness: Path) -> bytes:
    """Return a pickle that would touch a file."""
    return b'\x80\x04' + opcodes.replace(
        b'RUN', text(f'touch {witness}')) + b'.'


@pytest.mark.parametrize('body_model', [False, True])
@pytest.mark.parametrize('kind', ATTACKS)
def test_names_that_run_something_are_refused(
        tmp_path: Path, kind: str, body_model: bool) -> None:
    opcodes, name = ATTACKS[kind]
    path, witness = tmp_path / 'evil.pkl', tmp_path / 'ran'
    path.write_bytes(attack(opcodes, witness))
    copyreg.add_extension('os', 'system', 0xf0)
    try:
        # Where bodies are not read, the names around it come first.
        outer = '' if body_model else r'|chumpy\.ch\.Ch|copy_?reg\._reco\w+'
        with pytest.raises(ValueError, match=r'evil\.pkl was not loaded: it '
                           f'asks for ({re.escape(name)}{outer}), '):
            load_array_pickle(path, body_model)
    finally:
        copyreg.remove_extension('os', 'system', 0xf0)
    assert not witness.exists()


def test_the_attacks_are_real(tmp_path: Path) -> None:
    """Pickle itself runs them: the opcodes above are well formed."""
    for kind in ('a command', 'instance', 'object', 'in a list'):
        witness = tmp_path / kind.replace(' ', '_')
        pickle.loads(attack(ATTACKS[kind][0], witness))
        assert witness.exists()


@pytest.mark.parametrize('opcodes, said', [
    (b'Pos.system\n', 'persistent'),
    (call('_codecs.encode', text('x'), text('rot13')), 'encodes text as'),
    (b'cnumpy\nndarray\n', 'bare'),
    (b'cbuiltins\nobject\n)R', 'bare'),
    (b'cchumpy.ch\nCh\n(' + text('x') + b'tR', 'takes no arguments'),
    (call('chumpy.anything.call', text('x')), 'takes no arguments'),
    (call('numpy.dtype', text('O')), 'an array of dtype O'),
    (call('numpy.dtype', text('f8,O')), 'an array of dtype f8,O'),
    (call('numpy.dtype', text('V8')), 'an array of dtype V8'),
    (FLOAT + b'(K\x03' + text('<') + b'K\x01NNtb', 'fields'),
    (FLOAT + b'(K\x03' + text('<') + b'N(' + text('a') + b't}tb', 'fields'),
    (call('numpy.ndarray', b'(K\x02t'), 'argument'),
    (call(NUMPY + '_reconstruct', b'cnumpy\ndtype\n', b'(K\x00t',
          text('b')), 'makes an array of'),
    (call(NUMPY + 'scalar', FLOAT, b'C\x04\0\0\0\0'), '4 bytes'),
    (call(NUMPY + 'scalar', FLOAT, b'C\x0a' + bytes(10)), '10 bytes'),
    (call('numpy.core.numeric._frombuffer', b'C\x08' + bytes(8), FLOAT,
          b'(J\xfe\xff\xff\xfft', text('C')), '8 bytes for an array of -16'),
    (call('copyreg._reconstructor', b'cnumpy\nndarray\n',
          b'cbuiltins\nobject\n', b'N'), 'reconstructs'),
    (b'cscipy.sparse\ncsc_matrix\n)R', 'state'),
    (b'cnumpy\nndarray\n}' + text('x') + b'K\x01sb', '__setstate__'),
    (b'c_codecs\nencode\nN}' + text('x') + b'K\x01s\x86b', '__setstate__'),
    (b'cbuiltins\nset\n}' + text('x') + b'K\x01sb', 'mappingproxy'),
])
def test_allowed_names_are_not_misused(tmp_path: Path, opcodes: bytes,
                                       said: str) -> None:
    path = tmp_path / 'evil.pkl'
    path.write_bytes(b'\x80\x04' + opcodes + b'.')
    with pytest.raises(ValueError, match=f'evil.pkl was not loaded: .*{said}'):
        load_array_pickle(path, body_model=True)


def test_numpy_itself_is_left_alone(tmp_path: Path) -> None:
    """A state set on numpy's own float64 would turn every array's bytes."""
    state = (b'(K\x03' + text('>') + b'NNN' + 2 * b'J\xff\xff\xff\xff'
             + b'K\0t')
    path = tmp_path / 'dtype.pkl'
    path.write_bytes(b'\x80\x04' + call('numpy.dtype', text('f8')) + state
                     + b'b.')
    assert load_array_pickle(path) == np.dtype('>f8')
    assert np.dtype('f8').isnative
    assert np.array([1.0]).tobytes() == b'\0\0\0\0\0\0\xf0?'


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('content', [
    np.array([None, 1], dtype=object),
    np.array([(1, 2.0)], dtype=[('a', 'i4'), ('b', 'f8')]),
    np.array(['2020-01-01'], dtype='M8[D]'),
], ids=['objects', 'fields', 'dates'])
def test_other_arrays_are_refused(tmp_path: Path, content: Any,
                                  protocol: int) -> None:
    path = tmp_path / 'arrays.pkl'
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(ValueError, match='holds an array of dtype'):
        load_array_pickle(path)


@pytest.mark.parametrize('changes', [
    dict(indices=np.array([3])), dict(indices=np.array([-1])),
    dict(indices=np.array([0.0])), dict(indptr=np.array([0, 0, 1])),
    dict(indptr=np.array([0, -1])), dict(indptr=np.array([0, 2])),
    dict(_shape=(-3, -1)), dict(_shape=(3, 0)), dict(_shape=3),
    dict(data='x'), dict(data=np.ones(2)), dict(_shape=(2 ** 40, 2 ** 40)),
], ids=str)
@pytest.mark.parametrize('kind', ['csc', 'csr'])
def test_matrices_that_point_outside_are_refused(
        tmp_path: Path, python2, kind: str, changes: dict) -> None:
    """The compiled code of scipy would write outside of the table."""
    state = dict(_shape=(3, 1), data=np.ones(1), indices=np.array([2]),
                 indptr=np.array([0, 1]))
    if kind == 'csr':
        state['_shape'] = (1, 3)
        changes = {key: value[::-1] if isinstance(value, tuple) else value
                   for key, value in changes.items()}
    path, name = tmp_path / 'table.pkl', f'scipy.sparse.{kind}.{kind}_matrix'
    python2.write(path, python2.object(name, **state))
    assert load_array_pickle(path, body_model=True).ravel().tolist() == [
        0, 0, 1]
    python2.write(path, python2.object(name, **{**state, **changes}))
    with pytest.raises(ValueError, match=r'table\.pkl was not loaded'):
        load_array_pickle(path, body_model=True)


def test_endless_and_broken_pickles_are_named(tmp_path: Path) -> None:
    endless: list = []
    endless.append(endless)
    path = tmp_path / 'list.pkl'
    for content in (pickle.dumps(endless), b'', b'no pickle at all',
                    b'\x80\x02X\x02\0\0\0\xff\xff', b'\x80\x02}.'[:3]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'list\.pkl was not loaded'):
            load_array_pickle(path)
    with pytest.raises(FileNotFoundError, match=r'nothing\.pkl'):
        load_array_pickle(tmp_path / 'nothing.pkl')
    shared = np.ones(2)
    for _ in range(40):  # 2 ** 40 arrays, were each made anew
        shared = [shared, shared]
    path.write_bytes(pickle.dumps(shared))
    loaded = load_array_pickle(path)
    assert loaded[0] is loaded[1]
