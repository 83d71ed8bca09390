"""Human3.6M from the authors' layout: a small one, there and back."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets import Human36mDataset
from mmpose.registry import METRICS

from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.human36m_meta import (
    SPLITS,
    Sequence,
    Split,
    convert_human36m,
    find_sequences,
)

#: 1-based numbers of the 17 among the 32, as the files have them.
JOINTS = (1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28)
SEQUENCES = (Sequence(1, 2, 1), Sequence(1, 4, 2), Sequence(9, 13, 1))
NUM = 7


def rig(subject: int) -> list[dict]:
    """Return the four cameras of a subject: R, centre mm, f, c, k, p."""
    rng = np.random.default_rng(subject)
    cameras = []
    for number in range(4):
        away = np.array([[np.cos(1.5 * number), np.sin(1.5 * number), 0]])
        forward = -away[0]
        down = np.array([0.0, 0, -1])
        cameras.append(dict(
            R=np.stack([np.cross(down, forward), down, forward]),
            C=away[0] * 4000 + [0, 0, 900], f=rng.uniform(150, 160, 2),
            c=rng.uniform(62, 66, 2), k=np.array([-0.2, 0.24, -0.002]),
            p=np.array([-0.0009, -0.0016])))
    return cameras


def world_of(sequence: Sequence) -> np.ndarray:
    """Return 32 joints (NUM, 32, 3), world mm."""
    rng = np.random.default_rng(sequence)
    return rng.uniform([-400, -400, 100], [400, 400, 1700], (NUM, 32, 3))


def write_meta(path: Path, camera: dict, world: np.ndarray) -> None:
    lines = [str(len(world)), 'res 128 128']
    rows = dict(rot=camera['R'].T.ravel(), trans=camera['C'], f=camera['f'],
                c=camera['c'], k=camera['k'], p=camera['p'], jt=JOINTS)
    # MATLAB writes columns first: that is the transposed matrix' rows.
    rows['rot'] = camera['R'].ravel(order='F')
    rows.update((str(i), pose.ravel()) for i, pose in enumerate(world, 1))
    lines += [f'{label} ' + ' '.join(f'{v:.9f}' if isinstance(v, float)
                                     else str(v) for v in values) + ' '
              for label, values in rows.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


@pytest.fixture
def authors(tmp_path: Path) -> Path:
    root = tmp_path / 'hm36'
    picture = np.zeros((128, 128), np.uint8)
    picture[30:100, 40:90] = 255
    data = cv2.imencode('.png', picture)[1].tobytes()
    for sequence in SEQUENCES:
        for number, camera in enumerate(rig(sequence.subject), 1):
            folder = sequence.folder(number)
            write_meta(root / 'annot' / folder / 'matlab_meta.txt', camera,
                       world_of(sequence))
            for kind, ending in (('images', '.jpg'), ('masks', '.png')):
                (root / kind / folder).mkdir(parents=True)
                for frame in range(1, NUM + 1):
                    (root / kind / folder / f'{folder}_{frame:06d}{ending}'
                     ).write_bytes(data)
    return root


def convert(authors: Path, out: Path, *splits: str, **options) -> dict:
    return convert_human36m(authors, out, splits, authors / 'masks',
                            progress=False, **options)


def load(out: Path, split: str, **options) -> XasHuman36mDataset:
    return XasHuman36mDataset(
        data_root=str(out), ann_file=f'annotation_body3d/h36m_{split}.npz',
        camera_param_file='annotation_body3d/cameras.pkl',
        data_prefix=dict(img='images', mask='masks'), **options)


def test_the_authors_splits():
    first = Sequence(1, 4, 1)
    assert SPLITS['train_selected'].frames(first, 900, 0) == []
    drawn = SPLITS['train'].frames(first, 900, 0)
    assert len(set(drawn)) == 200
    assert drawn == sorted(drawn)
    assert 1 <= drawn[0]
    assert 850 < drawn[-1] <= 900
    assert drawn == SPLITS['train'].frames(first, 900, 0)
    assert drawn != SPLITS['train'].frames(first, 900, 1)
    assert drawn != SPLITS['train'].frames(Sequence(1, 4, 2), 900, 0)
    # 5 people, 11 actions twice; 2 people, 15 actions twice.
    counts = {name: sum(len(SPLITS[name].frames(Sequence(s, a, b), 1000, 0))
                        for s in (1, 5, 6, 7, 8, 9, 11) for a in range(2, 17)
                        for b in (1, 2)) for name in SPLITS}
    assert counts['train_selected'] == 22000
    assert counts['train'] == 30000
    assert counts['valid'] == 2400
    assert counts['validlarge'] == 9000
    assert counts['trainselect'] == 15000
    assert SPLITS['test_every64'].frames(Sequence(9, 2, 1), 130, 0) == [
        1, 65, 129]
    assert len(Split((1, ), draw=200).frames(Sequence(1, 2, 1), 3, 0)) == 3


def test_what_is_loaded_is_what_was_written(authors: Path, tmp_path: Path):
    counts = convert(authors, tmp_path / 'out', 'train_every5', 'validfull')
    assert counts == dict(train_every5=2 * 4 * 2, validfull=NUM * 4)
    dataset = load(tmp_path / 'out', 'train_every5', carry_labels=True,
                   lens=True)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['camera_id'] for info in infos[:4]] == [
        '54138969', '54138969', '55011271', '55011271']
    assert {info['action'] for info in infos} == {'Directions', 'Eating'}
    assert infos[1]['img_path'].endswith(
        'S1_Directions_1.54138969/S1_Directions_1.54138969_000006.jpg')
    for info, (sequence, number, frame) in zip(infos, [
            (s, n, f) for s in SEQUENCES[:2] for n in range(4)
            for f in (0, 5)]):
        camera = rig(1)[number]
        world = world_of(sequence)[frame, np.array(JOINTS) - 1]
        points = (world - camera['C']) @ camera['R'].T
        np.testing.assert_allclose(info['keypoints_3d'][0, :17], points,
                                   atol=1e-4)
        np.testing.assert_allclose(
            info['keypoints_3d'][0, 17], (points[11] + points[14]) / 2,
            atol=1e-4)
        np.testing.assert_allclose(
            -info['camera_param']['R'].T @ info['camera_param']['T'],
            camera['C'], atol=1e-4)
    old = SEQUENCES[0].folder(1)
    new = Path(infos[1]['img_path'])
    assert new.is_symlink()
    assert new.resolve() == authors / f'images/{old}/{old}_000006.jpg'
    assert Path(infos[1]['mask_path']).resolve() == (
        authors / f'masks/{old}/{old}_000006.png')


def test_mmposes_own_reader_reads_the_same(authors: Path, tmp_path: Path):
    out = tmp_path / 'out'
    convert(authors, out, 'validfull')
    theirs = Human36mDataset(
        ann_file='annotation_body3d/h36m_validfull.npz',
        camera_param_file='annotation_body3d/cameras.pkl',
        data_root=str(out), data_prefix=dict(img='images/'))
    ours = load(out, 'validfull', carry_labels=True, lens=True)
    by_name = {Path(info['img_path']).name: info for info in map(
        ours.get_data_info, range(len(ours)))}
    assert len(theirs) == len(ours) == NUM * 4
    for i in range(len(theirs)):
        other = theirs.get_data_info(i)
        mine = by_name[Path(other['img_paths'][0]).name]
        np.testing.assert_allclose(mine['keypoints_3d'][0, :17] / 1000,
                                   other['keypoints_3d'][0], atol=1e-6)
        # The file's own pixels: float32 there.
        np.testing.assert_allclose(mine['keypoints'][0, :17],
                                   other['keypoints'][0], atol=1e-4)


def test_a_known_error_is_scored(authors: Path, tmp_path: Path):
    convert(authors, tmp_path / 'out', 'validfull')
    dataset = load(
        tmp_path / 'out', 'validfull', carry_labels=True, test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='LoadMask'),
                  dict(type='GetCubeBox', rule='root'),
                  dict(type='CubeAffine', input_size=(64, 64)),
                  dict(type='NormaliseKeypoints3D'),
                  dict(type='PackXasInputs')])
    for shift in (0.0, 10.0):
        metric = METRICS.build(dict(type='MultiHypothesisMPJPE',
                                    hypothesis_rules=('top1', )))
        for i in range(4):
            sample = dataset[i]['data_samples']
            pose = sample.gt_instances.keypoints_3d.copy()
            pose[:, 1:] += [0.6 * shift, 0, -0.8 * shift]
            sample.pred_instances = InstanceData(
                hypotheses_3d=pose[:, None],
                hypothesis_scores=np.ones((1, 1, 18)))
            metric.process(None, [sample.to_dict()])
        # The root, which both are centred on, is the one of 18 without.
        assert metric.evaluate(4)['MPJPE/top1'] == pytest.approx(
            shift * 17 / 18, abs=1e-6)


def test_the_same_seed_gives_the_same_bytes(authors: Path, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch):
    # So short recordings have nothing to draw from.
    monkeypatch.setitem(SPLITS, 'train', Split((1, ), draw=3))
    folders = [tmp_path / name for name in ('a', 'b', 'c')]
    for folder, seed in zip(folders, (5, 5, 6)):
        convert(authors, folder, 'train', seed=seed)
    files = [{name: (folder / 'annotation_body3d' / name).read_bytes()
              for name in ('h36m_train.npz', 'cameras.pkl',
                           'split_train.json')} for folder in folders]
    assert files[0] == files[1]
    assert files[0]['h36m_train.npz'] != files[2]['h36m_train.npz']
    split = json.loads(files[0]['split_train.json'])
    assert split['seed'] == 5
    frames = split['frames']['s_01_act_02_subact_01']
    assert frames == SPLITS['train'].frames(SEQUENCES[0], NUM, 5)
    assert len(list((folders[0] / 'images').rglob('*.jpg'))) == 2 * 4 * 3
    # Views are of the same moments.
    names = [str(Path(load(folders[0], 'train').get_data_info(i)[
        'img_path']).stem)[-6:] for i in range(12)]
    assert names[:3] == names[3:6] == names[6:9] == [
        f'{frame:06d}' for frame in frames]


def test_pictures_are_copied_where_asked_for(authors: Path, tmp_path: Path):
    convert(authors, tmp_path / 'out', 'test_every64', link=False)
    paths = list((tmp_path / 'out/images').rglob('*.jpg'))
    assert len(paths) == 4
    assert not any(path.is_symlink() for path in paths)


def test_missing_files_are_named(authors: Path, tmp_path: Path):
    out = tmp_path / 'out'
    picture = next((authors / 'images').glob('s_09*_03/*_000005.jpg'))
    picture.unlink()
    with pytest.raises(FileNotFoundError,
                       match=rf'image file: .*{picture.name}\. .*move all '):
        convert(authors, out, 'validfull')
    assert convert(authors, out, 'test_every64') == dict(test_every64=4)
    mask = next((authors / 'masks').glob('s_01*/*_000001.png'))
    mask.unlink()
    with pytest.raises(FileNotFoundError, match=rf'mask file: .*{mask.name}'):
        convert(authors, out, 'trainfull')
    folder = next((authors / 'annot').glob('s_01_act_02*_03'))
    folder.rename(authors / 'elsewhere')
    with pytest.raises(ValueError, match=r'cameras \[1, 2, 4\]'):
        find_sequences(authors)
    with pytest.raises(FileNotFoundError, match='holds annot and images'):
        find_sequences(authors / 'images')
    (authors / 'elsewhere').rename(folder)
    (folder / 'matlab_meta.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'ca_03/matlab_meta\.txt'):
        convert(authors, out, 'trainfull')


def test_broken_files_are_named(authors: Path, tmp_path: Path):
    path = authors / 'annot' / SEQUENCES[2].folder(2) / 'matlab_meta.txt'
    camera, world = rig(9)[1], world_of(SEQUENCES[2])

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=message):
            convert(authors, tmp_path / 'out', 'validfull')

    spoilt = world.copy()
    spoilt[3, 0, 1] = np.nan
    write_meta(path, camera, spoilt)
    refused(r'ca_02/matlab_meta\.txt: the key points of frame 4 are not')
    write_meta(path, camera, world + 50000)
    refused('frame 1 are not finite, or behind')
    write_meta(path, dict(camera, f=np.array([np.inf, 1])), world)
    refused(r'ca_02/matlab_meta\.txt .*: f: .* is not finite')
    write_meta(path, dict(camera, c=camera['c'] + 1), world)
    assert convert(authors, tmp_path / 'one', 'validfull') == dict(
        validfull=28)
    for content in (path.read_text()[:-3000], 'x', ''):
        path.write_text(content)
        refused(r'ca_02/matlab_meta\.txt is no matlab_meta')
    path.write_bytes(b'\xff\xfe')
    refused(r'ca_02/matlab_meta\.txt is no text file')


def test_a_camera_that_moved_is_named(authors: Path, tmp_path: Path):
    path = authors / 'annot' / SEQUENCES[1].folder(4) / 'matlab_meta.txt'
    camera = rig(1)[3]
    write_meta(path, dict(camera, C=camera['C'] + 1), world_of(SEQUENCES[1]))
    with pytest.raises(ValueError, match='another camera 4 of subject 1'):
        convert(authors, tmp_path / 'out', 'trainfull')


def test_impossible_splits_are_named(authors: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"unknown splits \['test'\]; there"):
        convert(authors, tmp_path / 'out', 'test')
    for path in (authors / 'annot').glob('s_09*'):
        path.rename(authors / path.name)
    with pytest.raises(ValueError, match='no recording of split valid, which'):
        convert(authors, tmp_path / 'out', 'valid')
