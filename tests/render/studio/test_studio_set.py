"""XaS-Mini on disk: Human3.6M's layout, and the same bytes every time."""
from __future__ import annotations

import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.camera_files import read_h36m_cameras
from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.geometry.cameras import camera_to_image
from xas_mmpose.render.studio import studio_set
from xas_mmpose.render.studio.recording import (
    XasMiniGenerator,
    XasMiniSettings,
)
from xas_mmpose.render.studio.studio_set import write_studio_set
from xas_mmpose.skeletons import HUMAN36M_18


def settings(**changes) -> XasMiniSettings:
    return XasMiniSettings(**{**dict(
        body='human', image_size=48, supersampling=1, frames=2,
        subjects=('S1', 'S9'), actions=('Walking', 'Eating')), **changes})


def write(folder: Path, workers: int = 1, **changes) -> str:
    return write_studio_set(folder, settings(**changes), workers,
                          progress=False)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)):
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob('*') if path.is_file()}


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('mini') / 'set'
    write(folder)
    return folder


def test_the_layout_is_human36ms(unbroken):
    names = set(digests(unbroken))
    sequence = 'S9/S9_Eating_1.60457274/S9_Eating_1.60457274'
    for frame in ('000001', '000076'):
        assert f'images/{sequence}_{frame}.jpg' in names
        assert f'masks/{sequence}_{frame}.png' in names
    assert len(names) == 2 * 32 + 3 + 2
    assert {n for n in names if not n.startswith(('images/', 'masks/'))} == {
        'annotation_body3d/cameras.pkl', 'settings.json', 'checksum.txt',
        'annotation_body3d/fps10/h36m_train.npz',
        'annotation_body3d/fps10/h36m_test.npz'}
    described = json.loads((unbroken / 'settings.json').read_text())
    assert described['name'] == 'XaS-Mini'
    assert described['version'] == '1.0'


def test_annotations_are_in_the_converters_form(unbroken):
    for split, subject in (('train', 'S1'), ('test', 'S9')):
        path = unbroken / f'annotation_body3d/fps10/h36m_{split}.npz'
        with np.load(path) as file:
            arrays = dict(file)
        assert {k: v.shape for k, v in arrays.items()} == dict(
            imgname=(16, ), center=(16, 2), scale=(16, ), part=(16, 17, 3),
            S=(16, 17, 4))
        names = arrays['imgname'].tolist()
        assert {name.split('/')[0] for name in names} == {subject}
        assert len(set(names)) == 16
        assert names[1].endswith('Walking_1.54138969_000076.jpg')
        assert (arrays['part'][..., 2] == 1).all()
        assert (arrays['S'][..., 3] == 1).all()
        assert 2 < arrays['S'][:, 0, 2].mean() < 8  # metres
        side = np.ptp(arrays['part'][..., :2], axis=1).max(1)
        np.testing.assert_allclose(arrays['scale'], side * 1.2 / 200)


@pytest.mark.parametrize('split', ['train', 'test'])
def test_four_cameras_see_one_world(unbroken, split):
    cameras = read_h36m_cameras(unbroken / 'annotation_body3d/cameras.pkl')
    with np.load(unbroken / f'annotation_body3d/fps10/h36m_{split}.npz') as f:
        names, part, points = (f[k] for k in ('imgname', 'part', 'S'))
    moments: dict[tuple, list[np.ndarray]] = {}
    for name, pixels, xyz in zip(names.tolist(), part[..., :2],
                                 points[..., :3] * 1000):
        sequence, frame = Path(name).stem.split('.')
        camera_id, frame = frame.split('_')
        camera = cameras[sequence.split('_')[0], camera_id]
        # X_camera = R @ X_world + T, and a pinhole without a lens.
        world = (xyz - camera['T']) @ camera['R']
        np.testing.assert_allclose(
            xyz[:, :2] / xyz[:, 2:] * camera['f'] + camera['c'], pixels,
            atol=1e-6)
        np.testing.assert_allclose(np.linalg.det(camera['R']), 1, atol=1e-9)
        moments.setdefault((sequence, frame), []).append(world)
    assert len(moments) == 4
    for views in moments.values():
        assert len(views) == 4
        for view in views[1:]:
            np.testing.assert_allclose(view, views[0], atol=1e-6)
        # z is up, and 0 on the floor.
        height = dict(zip(HUMAN36M_18.keypoint_names, views[0][:, 2]))
        assert 20 < min(height['left_ankle'], height['right_ankle']) < 200
        assert 1200 < height['head'] < 2100
        assert height['head'] > height['neck'] > height['root']
    for camera in cameras.values():
        place = -camera['R'].T @ camera['T']
        assert 1300 < place[2] < 1700
        assert 4500 < np.hypot(*place[:2]) < 5500


@pytest.mark.parametrize('split, subject', [('train', 'S1'), ('test', 'S9')])
def test_the_human36m_class_reads_it(unbroken, split, subject):
    dataset = XasHuman36mDataset(
        data_root=str(unbroken),
        ann_file=f'annotation_body3d/fps10/h36m_{split}.npz',
        camera_param_file='annotation_body3d/cameras.pkl',
        data_prefix=dict(img='images', mask='masks'), carry_labels=True,
        check_files=True, metainfo=HUMAN36M_18.metainfo(), pipeline=[])
    assert len(dataset) == 16
    with np.load(unbroken / f'annotation_body3d/fps10/h36m_{split}.npz') as f:
        part = f['part'][..., :2]
    for i in range(16):
        info = dataset.get_data_info(i)
        assert info['subject'] == subject
        camera = info['camera_param']
        projected = camera_to_image(info['keypoints_3d'][0], camera['f'],
                                    camera['c'])[:17, :2]
        np.testing.assert_allclose(projected, part[i], atol=0.01)
        np.testing.assert_allclose(info['keypoints'][0, :17], part[i],
                                   atol=0.01)
        assert cv2.imread(info['img_path']).shape == (48, 48, 3)
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_UNCHANGED)
        assert mask.shape == (48, 48)
        assert set(np.unique(mask)) == {0, 255}


def test_workers_do_not_change_a_byte(unbroken, tmp_path):
    checksum = write(tmp_path, workers=2)
    assert digests(tmp_path) == digests(unbroken)
    assert checksum == (unbroken / 'checksum.txt').read_text().strip()
    assert len(checksum) == 64


def test_a_killed_run_goes_on(unbroken, tmp_path, monkeypatch):
    original, calls = studio_set.write_moment, []

    def stop_after_three(generator, index, folder):
        calls.append(index)
        if len(calls) == 4:
            (folder / 'images/S1').joinpath('half.partial').write_bytes(b'x')
            raise KeyboardInterrupt
        return original(generator, index, folder)

    monkeypatch.setattr(studio_set, 'write_moment', stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
    assert not (tmp_path / 'checksum.txt').exists()
    write(tmp_path)
    assert len(calls) == 4 + 5  # 8 in all, 3 were there
    assert digests(tmp_path) == digests(unbroken)


def test_a_finished_set_is_left_alone(unbroken, monkeypatch):
    before = digests(unbroken)
    monkeypatch.setattr(XasMiniGenerator, '__init__', None)
    assert write(unbroken) == (unbroken / 'checksum.txt').read_text().strip()
    assert digests(unbroken) == before
    # A kill between the last two steps costs the checksum only.
    (unbroken / 'checksum.txt').unlink()
    write(unbroken)
    assert digests(unbroken) == before


def test_other_settings_are_refused(unbroken, tmp_path):
    with pytest.raises(ValueError, match='holds a set with seed = 0, not 1'):
        write(unbroken, seed=1)
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(ValueError, match='is not empty'):
        write(tmp_path)


def test_a_body_that_changed_under_its_name_is_refused(tmp_path):
    shipped = resources.files('xas_mmpose.body_models') / 'data'
    source = next(Path(str(shipped)).rglob('anny_small.npz'))
    body = tmp_path / 'me.npz'
    shutil.copy(source, body)
    few = dict(subjects=('S11', ), actions=('Photo', ), frames=1)
    write(tmp_path / 'set', body=str(body), **few)
    with np.load(source) as file:
        arrays = dict(file)
    arrays['v_template'] = arrays['v_template'] * 1.01
    np.savez(body, **arrays)
    with pytest.raises(ValueError, match='holds a set with body_checksum'):
        write(tmp_path / 'set', body=str(body), **few)


def test_what_cannot_be_made_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match='body horse'):
        write(tmp_path / 'set', body='horse')
    with pytest.raises(ValueError, match='workers starts at 0, got -1'):
        write(tmp_path / 'set', workers=-1)
    assert not (tmp_path / 'set').exists()


def test_a_set_of_one_split(tmp_path):
    write(tmp_path, subjects=('S11', ), actions=('Photo', ), frames=1)
    assert not (tmp_path / 'annotation_body3d/fps10/h36m_train.npz').exists()
    with np.load(tmp_path / 'annotation_body3d/fps10/h36m_test.npz') as file:
        assert len(file['imgname']) == 4
