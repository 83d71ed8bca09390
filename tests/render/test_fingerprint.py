from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from xas_mmpose.render.fingerprint import fingerprint, set_checksum


def test_files_count_by_name_and_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / 'a.npz', tmp_path / 'b.npz'
    one.write_bytes(b'abc')
    other.write_bytes(b'abc')
    inner = hashlib.sha256(b'abc').hexdigest()
    assert fingerprint(one) == hashlib.sha256(
        f'a.npz\t{inner}\n'.encode()).hexdigest()
    assert fingerprint(str(other)) != fingerprint(one)
    (tmp_path / 'deep').mkdir()
    before = fingerprint(one)
    moved = one.rename(tmp_path / 'deep' / 'a.npz')
    assert fingerprint(moved) == before
    moved.write_bytes(b'abd')
    assert fingerprint(moved) != before
    with pytest.raises(FileNotFoundError, match=r'gone\.npz'):
        fingerprint(tmp_path / 'gone.npz')


def test_folders_count_by_names_and_sizes(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / '1.jpg').write_bytes(b'abc')
    (tmp_path / '2.jpg').write_bytes(b'ab')
    assert fingerprint(tmp_path) == hashlib.sha256(
        b'2.jpg\t2\na/1.jpg\t3\n').hexdigest()


def test_a_set_counts_by_what_belongs_to_it(tmp_path: Path) -> None:
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / '0.jpg').write_bytes(b'abc')
    (tmp_path / 'settings.json').write_bytes(b'{}')
    (tmp_path / 'annotations.json').write_bytes(b'[]')
    lines = ''.join(
        f'{name}\t{hashlib.sha256(data).hexdigest()}\n'
        for name, data in (('annotations.json', b'[]'),
                           ('images/0.jpg', b'abc'),
                           ('settings.json', b'{}')))
    want = hashlib.sha256(lines.encode()).hexdigest()
    assert set_checksum(tmp_path) == want
    (tmp_path / 'sheet.jpg').write_bytes(b'a picture of it')
    assert set_checksum(tmp_path) == want
    with pytest.raises(FileNotFoundError, match='no such folder'):
        set_checksum(tmp_path / 'gone')
