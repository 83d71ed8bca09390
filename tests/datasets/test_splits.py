"""Splits that are drawn from files of MMPose's layout."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.datasets import human36m_meta, splits
from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.human36m_meta import CAMERA_IDS, Sequence, Split
from xas_mmpose.datasets.mmpose_layout import write_annotations
from xas_mmpose.datasets.split_files import write_split_file
from xas_mmpose.datasets.splits import draw_split


def write(path: Path, names: list[str], outside: tuple[str, ...] = ()
          ) -> Path:
    """Write an annotation file; some pictures lack a joint."""
    visible = np.ones((len(names), 17))
    visible[[name in outside for name in names], 3] = 0
    write_annotations(path, names, np.zeros((len(names), 17, 2)),
                      np.zeros((len(names), 17, 3)), visible)
    return path


def h36m_names(recordings: tuple[str, ...], frames: range) -> list[str]:
    """Return names of all cameras, as MMPose's converter orders them."""
    return [f'{name[:name.index("_")]}/{name}.{camera}/'
            f'{name}.{camera}_{frame:06d}.jpg'
            for name in recordings for camera in CAMERA_IDS
            for frame in frames]


@pytest.fixture
def h36m(tmp_path: Path) -> Path:
    return write(tmp_path / 'h36m.npz', h36m_names(
        ('S1_Directions_1', 'S1_WalkingDog', 'S1_Eating_2', 'S9_Waiting_2'),
        range(1, 131)))


def instants(names: list[str]) -> set[str]:
    """Return what is left of names without the cameras, each of four."""
    found = [''.join(part for part in name.rpartition('/')[2].split('.')[::2])
             + name.split('.')[-2][8:] for name in names]
    assert len(found) == 4 * len(set(found))
    return set(found)


def test_drawn_instants_are_those_of_the_authors_layout(
        h36m: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ('train', 'train_selected'):
        rule = human36m_meta.SPLITS[name]
        monkeypatch.setitem(human36m_meta.SPLITS, name, Split(
            rule.subjects, draw=7, without=rule.without))
    drawn = draw_split(h36m, 'train', seed=3)
    rule = human36m_meta.SPLITS['train']
    want = {f'{name}jpg_{frame:06d}'
            for name, sequence in (('S1_Directions_1', Sequence(1, 2, 1)),
                                   ('S1_WalkingDog', Sequence(1, 15, 0)),
                                   ('S1_Eating_2', Sequence(1, 4, 2)))
            for frame in rule.frames(sequence, 130, 3)}
    assert instants(drawn.imgnames) == want
    assert (len(want), drawn.instants, drawn.recordings) == (21, 21, 3)
    assert drawn == draw_split(h36m, 'train', seed=3)
    assert drawn != draw_split(h36m, 'train', seed=4)
    selected = draw_split(h36m, 'train_selected', seed=3).imgnames
    assert set(selected) == {name for name in drawn.imgnames
                             if 'Eating' not in name}
    # In the order of the file.
    order = np.load(h36m)['imgname'].tolist()
    assert drawn.imgnames == sorted(drawn.imgnames, key=order.index)


def test_nothing_more_in_the_file_changes_what_is_drawn(
        h36m: Path, tmp_path: Path):
    more = write(tmp_path / 'more.npz', h36m_names(
        ('S11_Waiting_2', 'S9_Waiting_2'), range(1, 131))[::-1])
    ours = [name for name in draw_split(more, 'valid').imgnames
            if name.startswith('S9')]
    assert set(ours) == set(draw_split(h36m, 'valid').imgnames)
    assert len(ours) == 4 * 40


def test_every_nth_frame_is_that_of_the_recording(h36m: Path,
                                                  tmp_path: Path):
    frames = {64: (1, 65, 129), 5: tuple(range(1, 131, 5))}
    for interval, want in frames.items():
        names = draw_split(h36m, f'test_every{interval}').imgnames
        assert instants(names) == {
            f'S9_Waiting_2jpg_{frame:06d}' for frame in want}
    # A file of every 5th frame: its 64th ones are not the recording's.
    fifth = write(tmp_path / 'fps10.npz', h36m_names(
        ('S9_Waiting_2', ), range(1, 131, 5)))
    assert len(draw_split(fifth, 'test_every5').imgnames) == 4 * 26
    with pytest.raises(ValueError, match='every 5th frame, of which nobody'):
        draw_split(fifth, 'test_every64')


def test_all_cameras_have_to_be_there(tmp_path: Path):
    names = h36m_names(('S9_Waiting_2', ), range(1, 4))
    del names[4]  # a camera's second frame
    path = write(tmp_path / 'h36m.npz', names)
    drawn = draw_split(path, 'valid')
    assert instants(drawn.imgnames) == {'S9_Waiting_2jpg_000001',
                                        'S9_Waiting_2jpg_000003'}
    assert (drawn.instants, drawn.incomplete) == (2, 1)
    path = write(tmp_path / 'three.npz', names[:8])
    with pytest.raises(ValueError, match='no instant for split valid'):
        draw_split(path, 'valid')


def test_mpi_inf_3dhp_takes_the_authors_people_and_cameras(tmp_path: Path):
    names = [f'S{subject}_Seq{sequence}_Cam{camera}_{frame:06d}.jpg'
             for subject in (1, 6, 7, 8) for sequence in (1, 2)
             for camera in (0, 1, 2, 4, 7, 8) for frame in range(1, 22)]
    # Somebody reaches out of the picture of a camera that counts, and of one
    # that does not.
    path = write(tmp_path / 'mpi_inf_3dhp_train.npz',
                 [*names, 'TS1_000001.jpg'],
                 ('S7_Seq1_Cam4_000011.jpg', 'S7_Seq1_Cam1_000001.jpg'))
    drawn = draw_split(path, 'valid_s10')
    assert drawn.incomplete == 1
    assert set(drawn.imgnames) == {
        name for name in names if name[:2] in ('S7', 'S8')
        and 'Cam1' not in name and name[-6:-4] in ('01', '11', '21')
        and not ('S7_Seq1' in name and '000011' in name)}
    people = {name[:2] for name in draw_split(path, 'train').imgnames}
    assert people == {'S1', 'S6'}
    assert draw_split(path, 'train').instants == 4 * 21
    with pytest.raises(ValueError, match="no split 'test_every64'; it has "
                       'train, train_s5'):
        draw_split(path, 'test_every64')
    assert list(splits.MPI_INF_3DHP_SPLITS) == [
        f'{name}{step}' for name in ('train', 'valid')
        for step in ('', '_s5', '_s10')]


def test_files_that_cannot_be_split_are_named(h36m: Path, tmp_path: Path):
    with pytest.raises(ValueError, match='needs subjects 9, 11'):
        draw_split(write(tmp_path / 'one.npz', h36m_names(
            ('S1_Eating_1', ), range(1, 3))), 'valid')
    with pytest.raises(ValueError, match="'Jumping' is none of the actions"):
        draw_split(write(tmp_path / 'jump.npz', h36m_names(
            ('S1_Jumping_1', ), range(1, 3))), 'train')
    with pytest.raises(FileNotFoundError, match=r'annotation file .*none'):
        draw_split(tmp_path / 'none.npz', 'train')
    (tmp_path / 'broken.npz').write_bytes(h36m.read_bytes()[:2000])
    np.savez(tmp_path / 'empty.npz', imgname=[], part=np.ones((0, 17, 3)))
    for name in ('broken', 'empty'):
        with pytest.raises(ValueError, match=name):
            draw_split(tmp_path / f'{name}.npz', 'train')


def test_data_sets_read_the_split(h36m: Path):
    drawn = draw_split(h36m, 'test_every64')
    write_split_file(h36m.with_name('split.txt'), drawn.imgnames, 'a split')
    options = dict(data_root=str(h36m.parent), ann_file=h36m.name,
                   split_file='split.txt', check_files=False)
    dataset = XasHuman36mDataset(**options)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['img_path'].removeprefix(f'{h36m.parent}/')
            for info in infos] == drawn.imgnames
    # An interval counts what the split leaves.
    dataset = XasHuman36mDataset(**options, sample_interval=2)
    assert {dataset.get_data_info(i)['frame_id'] for i in range(len(dataset))
            } == {'S9_Waiting_2_000001', 'S9_Waiting_2_000129'}
    with pytest.raises(ValueError, match=r'is left with .*, split_file=/'):
        XasHuman36mDataset(**options, subjects=['S1'])
