"""Files that list the pictures of a split."""
from __future__ import annotations

from pathlib import Path

import pytest

from xas_mmpose.datasets.split_files import read_split_file, write_split_file

KNOWN = ['S1/a b.jpg', 'S1/c.jpg', 'S9/ä.jpg']


def test_there_and_back(tmp_path: Path):
    path = tmp_path / 'new' / 'split.txt'
    write_split_file(path, KNOWN[::2], 'two of three')
    assert path.read_bytes() == (
        '# two of three\nS1/a b.jpg\nS9/ä.jpg\n'.encode())
    assert read_split_file(path, KNOWN, 'x.npz') == set(KNOWN[::2])
    # By hand, with other line ends.
    path.write_bytes(b'S1/c.jpg\r\n\r\n# S1/d.jpg\r\n')
    assert read_split_file(path, KNOWN, 'x.npz') == {'S1/c.jpg'}


@pytest.mark.parametrize('content, message', [
    (b'S1/c.jpg\nS1/d.jpg\n', r"names 1 of 2 pictures that x\.npz does not "
     r"list, the first of them 'S1/d\.jpg'"),
    (b'S1/c.jpg\nS1/c.jpg\n', 'names 2 pictures, 1 different ones'),
    (b'# nothing\n', 'names 0 pictures'),
    (b'\xff\xfe\x00', 'is no text'),
])
def test_other_files_are_named(content: bytes, message: str, tmp_path: Path):
    path = tmp_path / 'split_x.txt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'split_x\.txt {message}'):
        read_split_file(path, KNOWN, 'x.npz')


def test_a_missing_file_says_what_makes_it(tmp_path: Path):
    with pytest.raises(FileNotFoundError,
                       match=r'split_x\.txt; make one with: .* x\.npz SPLIT'):
        read_split_file(tmp_path / 'split_x.txt', KNOWN, 'x.npz')
