"""Damaged downloads: every reader says which file, or reads it.

MATLAB's files are compressed here, as they are downloaded: in others scipy
crashes at some damage.
"""
from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from xas_mmpose.datasets.camera_files import (
    read_h36m_meta,
    read_mpi_inf_3dhp_calibration,
)
from xas_mmpose.datasets.mpi_inf_3dhp_files import (
    FrameReader,
    read_annot,
    read_annot_data,
)
from xas_mmpose.datasets.mpii_files import read_head_sizes, read_mpii


def mpii_list(path: Path) -> None:
    path.write_text(json.dumps([dict(
        image='a.jpg', center=[10.0, 20.0], scale=1.5,
        joints=[[i + 1.0, 7.0] for i in range(16)], joints_vis=[1] * 16)]))


def mpii_release(path: Path) -> None:
    point = np.empty((1, 2), dtype=[(n, object) for n in ('x', 'y', 'id')])
    for i in range(2):
        point[0, i] = (5.0 + i, 6.0, i)
    person = dict(x1=1, y1=2, x2=3, y2=4, scale=1.5,
                  objpos=dict(x=10, y=20), annopoints=dict(point=point))
    savemat(path, dict(RELEASE=dict(
        annolist=dict(image=dict(name='a.jpg'), annorect=person),
        img_train=1)),
        do_compression=True)


def mpii_heads(path: Path) -> None:
    savemat(path, dict(headboxes_src=np.arange(12.0).reshape(2, 2, 3)),
            do_compression=True)


def h36m_meta(path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ['2', 'res 100 100']
    lines.append('rot ' + ' '.join(map(str, np.eye(3).ravel())))
    for label, num in (('trans', 3), ('f', 2), ('c', 2), ('k', 3),
                       ('p', 2)):
        lines.append(f'{label} ' + ' '.join(map(str, rng.random(num))))
    lines.append('jt ' + ' '.join(map(str, range(1, 18))))
    lines += [f'{i} ' + ' '.join(map(str, rng.normal(size=96)))
              for i in (1, 2)]
    path.write_text('\n'.join(lines) + '\n')


def mpi_calibration(path: Path) -> None:
    path.write_text('Skeletool\n' + '\n'.join(
        f'name {i}\n  sensor 1 1\n  size 64 64\n  animated 0\n'
        f'  intrinsic {" ".join(map(str, np.eye(4).ravel()))}\n'
        f'  extrinsic {" ".join(map(str, np.eye(4).ravel()))}\n  radial 0'
        for i in range(3)))


def mpi_annot(path: Path) -> None:
    cells = {}
    for key, columns in (('annot2', 56), ('annot3', 84)):
        cells[key] = np.empty((14, 1), object)
        for i in range(14):
            cells[key][i, 0] = np.full((2, columns), 1.5)
    savemat(path, cells, do_compression=True)


def mpi_annot_data(path: Path) -> None:
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        file['annot2'] = np.ones((3, 1, 17, 2))
        file['annot3'] = np.ones((3, 1, 17, 3))
        file['valid_frame'] = np.ones((3, 1))


def mpi_video(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25,
                             (32, 32))
    for i in range(3):
        writer.write(np.full((32, 32, 3), 50 * i, np.uint8))
    writer.release()


def read_video(path: Path) -> None:
    reader = FrameReader(path.parent, 0)
    for number in (1, 3):
        assert reader.read(number).shape[2] == 3


READERS = [
    ('mpii_val.json', mpii_list, lambda path: read_mpii(str(path))),
    ('release.mat', mpii_release, lambda path: read_mpii(str(path))),
    ('mpii_gt_val.mat', mpii_heads, lambda path: read_head_sizes(str(path))),
    ('matlab_meta.txt', h36m_meta, read_h36m_meta),
    ('camera.calibration', mpi_calibration, read_mpi_inf_3dhp_calibration),
    ('annot.mat', mpi_annot, lambda path: read_annot(path, (0, 2))),
    ('annot_data.mat', mpi_annot_data, read_annot_data),
    ('video_0.avi', mpi_video, read_video),
]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file cut off, or with other bytes in places."""
    if rng.random() < 0.3:
        return content[:rng.integers(len(content))]
    data = bytearray(content)
    for place in rng.integers(len(data), size=rng.integers(1, 6)):
        data[place] = rng.integers(256)
    return bytes(data)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name, write, read', READERS,
                         ids=[name for name, *_ in READERS])
def test_a_damaged_file_is_named_or_read(
        tmp_path: Path, name: str, write: Callable[[Path], None],
        read: Callable[[Path], object]):
    path = tmp_path / name
    write(path)
    read(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    messages = []
    for _ in range(150):
        path.write_bytes(damaged(content, rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                read(path)
        except ValueError as error:
            messages.append(str(error))
    assert [message for message in messages if name not in message] == []
    # Most damage to a number is a number again.
    assert len(messages) > 20
