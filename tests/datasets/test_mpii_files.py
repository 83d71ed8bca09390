"""MPII's own file, the lists made from it, and broken ones."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from xas_mmpose.datasets.mpii_files import read_head_sizes, read_mpii


def structs(*rows: dict) -> np.ndarray:
    """Return a MATLAB struct array; a field that a row lacks is empty."""
    names = sorted({name for row in rows for name in row})
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in names])
    for i, row in enumerate(rows):
        for name in names:
            array[name][0, i] = row.get(name, np.zeros((0, 0)))
    return array


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Write three pictures as MPII's own file does."""
    points = structs(*(dict(x=10.0 + i, y=20.0 + i, id=i, is_visible=i % 2)
                       for i in range(16) if i != 6))
    full = dict(x1=30, y1=40, x2=33, y2=44, scale=1.5,
                objpos=dict(x=100, y=200), annopoints=dict(point=points))
    one_point = dict(
        x1=0, y1=0, x2=6, y2=8, scale=2.0, objpos=dict(x=51, y=61),
        annopoints=dict(point=dict(x=5.5, y=6.5, id=9)))
    head_alone = dict(x1=1, y1=1, x2=2, y2=2)
    annolist = structs(
        dict(image=dict(name='a.jpg'), annorect=structs(
            full, head_alone, one_point)),
        dict(image=dict(name='test.jpg'), annorect=structs(
            dict(scale=1.0, objpos=dict(x=7, y=8)))),
        dict(image=dict(name='nobody.jpg')))
    path = tmp_path / 'mpii_human_pose_v1_u12_1.mat'
    savemat(path, dict(RELEASE=dict(
        annolist=annolist, img_train=np.array([[1, 0, 1]]))))
    return path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Write a list of two people of one picture."""
    path = tmp_path / 'mpii_val.json'
    joints = np.arange(32).reshape(16, 2) + 1.0
    joints[3] = -1
    people = [dict(image='a.jpg', center=[101.0, 51.0], scale=2.0,
                   joints=(joints + shift).tolist(), joints_vis=[1] * 16)
              for shift in (0, 50)]
    people[1]['joints_vis'] = [0] * 8 + [1] * 8
    people[1]['joints'][3] = [0, 0]
    path.write_text(json.dumps(people))
    return path


def test_mpiis_own_file(release: Path):
    first, second = read_mpii(str(release))
    assert (first.image, first.person, second.person) == ('a.jpg', 0, 1)
    np.testing.assert_allclose(first.center, [99, 199])
    assert first.height == 300
    assert first.visible.tolist() == [True] * 6 + [False] + [True] * 9
    np.testing.assert_allclose(first.keypoints[5], [14, 24])
    assert first.keypoints[6].tolist() == [0, 0]
    # 0.6 of the diagonals 5 and 10.
    assert first.head_size == pytest.approx(3)
    assert second.head_size == pytest.approx(6)
    assert np.flatnonzero(second.visible).tolist() == [9]
    np.testing.assert_allclose(second.keypoints[9], [4.5, 5.5])
    test, = read_mpii(str(release), 'test')
    assert test.image == 'test.jpg'
    assert test.keypoints is test.visible is test.head_size is None


def test_a_list(listed: Path, tmp_path: Path):
    first, second = read_mpii(str(listed))
    np.testing.assert_allclose(first.keypoints[0], [0, 1])
    np.testing.assert_allclose(first.center, [100, 50])
    assert not first.visible[3]
    assert first.head_size is None
    assert (second.person, second.visible.tolist()) == (
        1, [False] * 8 + [True] * 8)
    heads = tmp_path / 'mpii_gt_val.mat'
    boxes = np.zeros((2, 2, 2))
    boxes[1, :, 0] = 30, 40
    boxes[1, :, 1] = 5, 12
    savemat(heads, dict(headboxes_src=boxes))
    people = read_mpii(str(listed), headbox_file=str(heads))
    assert [p.head_size for p in people] == pytest.approx([30, 7.8])


def test_boxes_are_the_authors(goldens: Path, tmp_path: Path):
    golden = np.load(goldens / '14_loader_items.npz')
    path = tmp_path / 'mpii_val.json'
    path.write_text(json.dumps([
        dict(image='a.jpg', center=center.tolist(), scale=float(scale))
        for center, scale in zip(golden['mpii_center'],
                                 golden['mpii_scale'])]))
    boxes = np.stack([p.box for p in read_mpii(str(path))])
    want = golden['mpii_box_cx_cy_w_h']
    np.testing.assert_allclose((boxes[:, :2] + boxes[:, 2:]) / 2,
                               want[:, :2], atol=1e-4)
    np.testing.assert_allclose((boxes[:, 2:] - boxes[:, :2]) * 1.25,
                               want[:, 2:], rtol=1e-5)


@pytest.mark.parametrize('change, message', [
    (dict(joints=[[1, 2]] * 15), r'mpii_val\.json: person 1 \(a\.jpg\)'),
    (dict(joints='x'), 'person 1'),
    (dict(center=[1]), 'person 1'),
    (dict(center=[float('nan'), 1]), 'not finite'),
    (dict(scale=None), 'person 1'),
    (dict(scale=-1), 'not positive'),
    (dict(joints=[[float('inf'), 2]] * 16), 'not finite'),
    (dict(image=3), 'image is 3'),
    (dict(joints_vis=[1]), 'person 1'),
])
def test_a_broken_person_is_named(listed: Path, change: dict, message: str):
    people = json.loads(listed.read_text())
    people[1].update(change)
    listed.write_text(json.dumps(people))
    with pytest.raises(ValueError, match=message):
        read_mpii(str(listed))


@pytest.mark.parametrize('key', ['image', 'center', 'scale', 'joints_vis'])
def test_a_missing_key_is_named(listed: Path, key: str):
    people = json.loads(listed.read_text())
    del people[0][key]
    listed.write_text(json.dumps(people))
    with pytest.raises(ValueError, match=f"lacks or misshapes '{key}'"):
        read_mpii(str(listed))


def test_broken_files_are_named(release: Path, listed: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'none\.json.*u12_1\.mat'):
        read_mpii(str(tmp_path / 'none.json'))
    with pytest.raises(ValueError, match="'train' or 'test', got 'val'"):
        read_mpii(str(listed), 'val')
    heads = tmp_path / 'mpii_gt_val.mat'
    savemat(heads, dict(headboxes_src=np.zeros((2, 2, 3))))
    with pytest.raises(ValueError, match=r'3 head boxes, .* has 2 people'):
        read_mpii(str(listed), headbox_file=str(heads))
    savemat(heads, dict(headboxes_src=np.zeros((2, 2, 2))))
    with pytest.raises(ValueError, match=r'person 0 \(a\.jpg\) has a head'):
        read_mpii(str(listed), headbox_file=str(heads))
    savemat(heads, dict(headboxes_src=np.zeros((4, 3))))
    with pytest.raises(ValueError, match=r'shape \(4, 3\)'):
        read_head_sizes(str(heads))
    savemat(heads, dict(other=1))
    with pytest.raises(ValueError, match='has no headboxes_src'):
        read_head_sizes(str(heads))
    with pytest.raises(ValueError, match='has no RELEASE'):
        read_mpii(str(heads))
    savemat(release, dict(RELEASE=dict(img_train=1)))
    with pytest.raises(ValueError, match=r'not laid out as mpii_human.*anno'):
        read_mpii(str(release))
    for path in (release, listed):
        path.write_bytes(path.read_bytes()[:150])
        with pytest.raises(ValueError, match=f'{path.name} is no .* file'):
            read_mpii(str(path))
    for content in ('{}', '[]', '[1]'):
        listed.write_text(content)
        with pytest.raises(ValueError, match="no list of MPII's people"):
            read_mpii(str(listed))
