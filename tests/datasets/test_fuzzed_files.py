"""Damaged files: every reader and data set says which, or reads it.

MATLAB's files are compressed here, as they are downloaded: in others scipy
crashes at some damage.
"""
from __future__ import annotations

import io
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS
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
from xas_mmpose.datasets.surreal import read_surreal_clip
from xas_mmpose.datasets.surreal_set import _read_mask, _read_video
from xas_mmpose.render.authors_layout import (
    write_authors_index,
    write_authors_sample,
)
from xas_mmpose.skeletons import HUMAN36M_18

#: Numbers of frames of a recording, in the names of MMPose's layouts.
FRAMES = (1, 6, 11)


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


def surreal_info(path: Path) -> None:
    rng = np.random.default_rng(0)
    savemat(path, dict(
        pose=rng.normal(size=(72, 2)), shape=rng.normal(size=(10, 2)),
        zrot=np.zeros((2, 1)), joints3D=rng.normal(size=(3, 24, 2)),
        camLoc=np.ones((3, 1)), gender=np.zeros((2, 1), np.uint8)),
        do_compression=True)


def surreal_masks(path: Path) -> None:
    savemat(path, dict(segm_1=np.eye(24, 32, dtype=np.uint8)),
            do_compression=True)


def picture(size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Return noise (H, W), whose code has no redundancy to hide damage."""
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


def poses(num: int) -> np.ndarray:
    """Return 18 key points (num, 18, 3), camera mm."""
    points = np.random.default_rng(0).uniform(
        [-400, -400, 3800], [400, 400, 4200], (num, 18, 3))
    points[:, 0] = 0, 0, 4000
    return points


def converted(path: Path, names: list[str], cameras: dict) -> None:
    """Write the annotation and the cameras of a set in MMPose's layout."""
    camera = dict(R=np.eye(3), T=np.zeros((3, 1)), f=np.full((2, 1), 30.0),
                  c=np.full((2, 1), 16.0), k=np.zeros((3, 1)),
                  p=np.zeros((2, 1)), w=32, h=32)
    points = poses(len(names))[:, :17] / 1000
    np.savez(path.with_name('annotations.npz'), imgname=np.array(names),
             S=np.concatenate([points, np.ones((len(names), 17, 1))], 2))
    path.with_name('cameras.pkl').write_bytes(pickle.dumps(
        {key: camera for key in cameras}, protocol=2))


def human36m(path: Path) -> None:
    converted(path, [f'S9/S9_Posing_1.54138969/S9_Posing_1.54138969_{i:06d}'
                     '.jpg' for i in FRAMES], {('S9', '54138969')})


def mpi_inf_3dhp(path: Path) -> None:
    converted(path, [f'S8_Seq1_Cam2_{i:06d}.jpg' for i in FRAMES],
              {'S8_Seq1_Cam2'})


def authors_pairs(path: Path) -> None:
    root = path.parents[len(path.parts) - path.parts.index('pairs') - 2]
    for index, pose in enumerate(poses(2)):
        pixels = pose[:, :2] / pose[:, 2:] * 2 * 64 + 32
        write_authors_sample(root, index,
                             np.dstack([picture((64, 64))] * 3),
                             np.full((64, 64), 255, np.uint8), pixels, pose)
    write_authors_index(root, range(2))


def pairs(path: Path) -> None:
    images, annotations = [], []
    for index, pose in enumerate(poses(2)):
        pixels = pose[:, :2] / pose[:, 2:] * 30 + 16
        images.append(dict(id=index, file_name='a.jpg', mask_file='a.png'))
        annotations.append(dict(
            id=index, image_id=index, subject=index,
            keypoints=np.column_stack([pixels, np.full(18, 2)]).tolist(),
            keypoints_3d=pose.tolist(),
            camera_param=dict(f=[30, 30], c=[16, 16], w=32, h=32,
                              R=np.eye(3).tolist(), T=[0, 0, 0])))
    path.write_text(json.dumps(dict(
        images=images, annotations=annotations,
        categories=[dict(keypoints=list(HUMAN36M_18.keypoint_names))])))


def folders(path: Path) -> None:
    """Write a picture and its mask, whose files are called alike."""
    for name in ('images', 'masks'):
        place = path.parent.with_name(name)
        place.mkdir(exist_ok=True)
        (place / path.name).write_bytes(
            cv2.imencode('.png', np.maximum(picture(), 128))[1].tobytes())


def dataset(kind: str, root: Callable[[Path], Path] = lambda path: path.parent,
            **options: Any) -> Callable[[Path], None]:
    """Return what loads all samples of a data set."""
    def read(path: Path) -> None:
        built = DATASETS.build(dict(
            type=kind, data_root=str(root(path)), serialize_data=False,
            **{'check_files': False, **options}))
        for i in range(len(built)):
            built[i]

    return read


def of_folder(kind: str, **options: Any) -> Callable[[Path], None]:
    """Return what reads pictures and masks as a training does."""
    return dataset(kind, lambda path: path.parents[1 + (kind != FOLDER)],
                   pipeline=[dict(type='LoadImage'), dict(type='LoadMask')],
                   **options)


FOLDER = 'MaskedFolderDataset'
CONVERTED = dict(ann_file='annotations.npz', camera_param_file='cameras.pkl',
                 data_prefix=dict(img=''), carry_labels=True)
TIKTOK = of_folder('TikTokDataset', videos=[34], trim=0)
MPII = dataset('XasMpiiDataset', ann_file='mpii_val.json', carry_labels=True)
READERS = [
    ('mpii_val.json', mpii_list, lambda path: read_mpii(str(path))),
    ('release.mat', mpii_release, lambda path: read_mpii(str(path))),
    ('mpii_gt_val.mat', mpii_heads, lambda path: read_head_sizes(str(path))),
    ('matlab_meta.txt', h36m_meta, read_h36m_meta),
    ('camera.calibration', mpi_calibration, read_mpi_inf_3dhp_calibration),
    ('annot.mat', mpi_annot, lambda path: read_annot(path, (0, 2))),
    ('annot_data.mat', mpi_annot_data, read_annot_data),
    ('video_0.avi', mpi_video, read_video),
    ('c0001_info.mat', surreal_info, read_surreal_clip),
    ('c0001_segm.mat', surreal_masks,
     lambda path: _read_mask(path, 0, (32, 24))),
    ('c0001.avi', mpi_video, lambda path: _read_video(path, 3)),
    ('annotations.npz', human36m, dataset('XasHuman36mDataset', **CONVERTED)),
    ('cameras.pkl', human36m, dataset('XasHuman36mDataset', **CONVERTED)),
    ('annotations.npz', mpi_inf_3dhp,
     dataset('XasMpiInf3dhpDataset', **CONVERTED)),
    ('cameras.pkl', mpi_inf_3dhp,
     dataset('XasMpiInf3dhpDataset', **CONVERTED)),
    ('annotations.json', pairs, dataset('SyntheticPairDataset')),
    ('pairs/info.npy', authors_pairs,
     dataset('SurrealPoseDataset', check_files=True)),
    ('pairs/joints/joint_000001.npy', authors_pairs,
     dataset('SurrealPoseDataset', lambda path: path.parents[1])),
    ('images/a.png', folders, of_folder(FOLDER)),
    ('masks/a.png', folders, of_folder(FOLDER)),
    ('00034/images/0001.png', folders, TIKTOK),
    ('00034/masks/0001.png', folders, TIKTOK),
]


def refusals(path: Path, read: Callable[[Path], object],
             copies: list[bytes]) -> list[str]:
    """Return what is said of damaged copies of a file, all with its name."""
    expected: tuple[type[Exception], ...] = ValueError, FileNotFoundError
    if 'images' in path.parts:
        # So does MMPose's LoadImage.
        expected += AssertionError, cv2.error
    messages = []
    for content in copies:
        path.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                read(path)
        except expected as error:
            messages.append(str(error))
    assert [text for text in messages if path.name not in text] == []
    return messages


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name, write, read', READERS, ids=[
    f'{name}-{write.__name__}' for name, write, _ in READERS])
def test_a_damaged_file_is_named_or_read(
        tmp_path: Path, name: str, write: Callable[[Path], None],
        read: Callable[[Path], object],
        damaged: Callable[..., bytes]):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    read(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    copies = [damaged(content, rng) for _ in range(100)]
    # Most damage to a number is a number again.
    assert len(refusals(path, read, copies)) > 10


#: What somebody's own script may leave in a place of a JSON file.
ODD = (None, 'x', [], {}, -1, 3, [1, 2], float('nan'), [[1, 2, 3]] * 18)


def changed(content: Any, rng: np.random.Generator) -> bytes:
    """Return JSON that lacks a value, or has an odd one somewhere."""
    content = node = json.loads(json.dumps(content))
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = keys[rng.integers(len(keys))]
        if not (isinstance(node[key], list | dict) and node[key]) or (
                rng.random() < 0.2):
            break
        node = node[key]
    odd = rng.integers(len(ODD) + 1)
    if odd < len(ODD):
        node[key] = ODD[odd]
    else:
        node.pop(key)
    return json.dumps(content).encode()


@pytest.mark.parametrize('name, write, read', [
    ('annotations.json', pairs, dataset('SyntheticPairDataset')),
    ('mpii_val.json', mpii_list, MPII)])
def test_a_list_with_odd_values_is_named_or_read(
        tmp_path: Path, name: str, write: Callable[[Path], None],
        read: Callable[[Path], object]):
    path = tmp_path / name
    write(path)
    content, rng = json.loads(path.read_text()), np.random.default_rng(0)
    copies = [changed(content, rng) for _ in range(300)]
    assert len(refusals(path, read, copies)) > 100


@pytest.mark.parametrize('write, kind', [
    (human36m, 'XasHuman36mDataset'), (mpi_inf_3dhp, 'XasMpiInf3dhpDataset')])
def test_arrays_that_do_not_belong_are_named(
        tmp_path: Path, write: Callable[[Path], None], kind: str):
    path = tmp_path / 'annotations.npz'
    write(path)
    with np.load(path) as file:
        arrays = dict(file)
    names, points = arrays['imgname'], arrays['S']
    copies = []
    for change in (
            dict(imgname=None), dict(S=None), dict(S=points[:2]),
            dict(S=points[:, :16]), dict(S=points[..., :2]),
            dict(S=points.reshape(3, -1)), dict(S=np.float64(1)),
            dict(S=points.astype(object)), dict(S=points.astype(str)),
            dict(S=points.astype(complex)), dict(imgname=names[:, None]),
            dict(imgname=names.astype(object)), dict(imgname=np.arange(3)),
            dict(imgname=names.astype('S')), dict(imgname=np.array('a')),
            dict(imgname=np.array(['a.jpg'] * 3)),
            dict(imgname=names[:0], S=points[:0])):
        buffer = io.BytesIO()
        np.savez(buffer, **{key: value for key, value in
                            {**arrays, **change}.items()
                            if value is not None})
        copies.append(buffer.getvalue())
    buffer = io.BytesIO()
    np.save(buffer, points)
    copies += [buffer.getvalue(), pickle.dumps(arrays), b'', b'words']
    read = dataset(kind, **CONVERTED)
    assert len(refusals(path, read, copies)) == len(copies)
