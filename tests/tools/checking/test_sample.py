from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.datasets.human36m import XasHuman36mDataset


def pipeline(rule='root'):
    return [dict(type='LoadImage'), dict(type='LoadMask'),
            dict(type='GetCubeBox', rule=rule),
            dict(type='CubeAffine', input_size=(64, 64)),
            dict(type='RemoveBackground'), dict(type='NormaliseKeypoints3D'),
            dict(type='PackXasInputs')]


@pytest.fixture
def checked(tool, fake_h36m):
    """Return what looks at all samples of the made-up Human3.6M."""
    def check(**options):
        source = tool('checking.sources').Source('val', dict(
            type='XasHuman36mDataset', carry_labels=True, test_mode=True,
            **{'pipeline': pipeline(), **fake_h36m.options, **options}))
        checker = tool('checking.sample').SampleChecker(source)
        num = checker.facts()['num']
        return [checker.check(i) for i in range(num)]
    return check


def change(fake_h36m, **changes):
    """Change arrays of the annotation file."""
    path = fake_h36m.root / 'annotations/h36m_train.npz'
    arrays = dict(np.load(path))
    for key, value in changes.items():
        arrays[key] = value(arrays[key])
    np.savez(path, **arrays)


def paths(fake_h36m):
    dataset = XasHuman36mDataset(**fake_h36m.options)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_a_sound_set(checked, fake_h36m):
    records = checked()
    assert [r['broken'] for r in records] == [[]] * 6
    for row, record in enumerate(records):
        measures = record['measures']
        assert json.loads(json.dumps(record)) == record
        assert record['name'] == paths(fake_h36m)[row]['img_path']
        assert (measures['joints'], measures['off_mask'],
                measures['out_of_picture']) == (18, 0, 0)
        # The files' own pixels are those of a pinhole.
        assert max(measures['reprojection']) < 1e-4
        assert 0.01 < measures['reprojection_with_lens'][1] < 5
        assert measures['truth_mm'] < 1e-2


def test_key_points_and_cameras_that_do_not_fit(checked, fake_h36m):
    def shifted(part):
        part[0, :, :2] += [0.3, 0.4]
        part[2, 5, :2] += [3, 4]
        return part

    change(fake_h36m, part=shifted)
    records = checked()
    assert records[0]['measures']['reprojection'] == pytest.approx(
        [0.5, 0.5], abs=1e-4)
    assert records[0]['broken'] == []
    assert records[2]['measures']['reprojection'] == pytest.approx(
        [5 / 17, 5], abs=1e-4)
    assert '5.0 px from the 2D' in records[2]['broken'][0]
    assert [r['broken'] for r in records[3:]] == [[]] * 3


def test_broken_numbers(checked, fake_h36m):
    def spoilt(points):
        points[0, 3] = [np.nan, 0, 1, 1]
        points[1, :, :3] /= 1000  # metres twice
        points[2, 5, 2] = -1
        points[3, 0, 2] = -1
        points[4, :, :3] *= 1000  # mm already
        points[5, :, 3] = 0
        return points

    change(fake_h36m, S=spoilt)
    records = checked()
    words = ['; '.join(record['broken']) for record in records]
    # A joint that is not finite counts as unknown.
    assert words[0] == ''
    assert 'are they in metres' in words[1]
    assert 'behind the camera' in words[2]
    assert 'root is not in front of the camera' in words[3]
    assert 'are they in mm where metres belong' in words[4]
    assert words[5] == ''
    assert records[5]['suspicious'] == ['none of its joints is known']


def test_broken_files_are_named(checked, fake_h36m):
    infos = paths(fake_h36m)
    image = infos[0]['img_path']
    with open(image, 'rb+') as file:
        file.truncate(2000)
    (fake_h36m.root / infos[1]['img_path']).unlink()
    cv2.imwrite(infos[2]['mask_path'], np.zeros((190, 210), np.uint8))
    cv2.imwrite(infos[3]['mask_path'], np.zeros((19, 21), np.uint8))
    (fake_h36m.root / infos[4]['mask_path']).unlink()
    records = checked()
    for record, info, key, word in zip(
            records, infos, ['img_path'] * 2 + ['mask_path'] * 3,
            ['broken off', 'there is no picture', 'empty', '21x19',
             'there is no mask']):
        assert len(record['broken']) == 1
        assert info[key] in record['broken'][0]
        assert word in record['broken'][0]
    assert records[5]['broken'] == []


def test_pictures_that_were_resized(checked, fake_h36m):
    infos = paths(fake_h36m)
    for info, scale in zip(infos, (0.5, 0.993)):
        for key in ('img_path', 'mask_path'):
            picture = cv2.imread(info[key])
            data = cv2.imencode('.png', cv2.resize(
                picture, None, fx=scale, fy=scale))[1]
            with open(info[key], 'wb') as file:
                file.write(data.tobytes())
    broken = [record['broken'] for record in checked()]
    assert 'it is 105x95 px, but its camera 210x190 px' in broken[0][0]
    assert broken[1:] == [[]] * 5


def test_a_pipeline_that_fails_is_a_broken_sample(checked):
    steps = pipeline()
    del steps[2]
    records = checked(pipeline=steps)
    assert all('its pipeline fails: ValueError' in record['broken'][0]
               for record in records)


def test_a_mask_of_another_place(checked, fake_h36m):
    info = paths(fake_h36m)[0]
    mask = np.zeros((190, 210), np.uint8)
    mask[:9, :9] = 255
    cv2.imwrite(info['mask_path'], mask)
    record = checked()[0]
    assert record['measures']['off_mask'] == 18
    assert '18 of 18 joints are off the mask' in record['suspicious']
    mask[:] = 0
    mask[70:74, 90:97] = 255
    cv2.imwrite(info['mask_path'], mask)
    assert 'its mask is 7 px large' in checked()[0]['suspicious']
    mask[:] = 255
    cv2.imwrite(info['mask_path'], mask)
    assert 'its mask covers 100% of the picture' in checked()[0]['suspicious']


@pytest.mark.parametrize('box, share', [
    ([0, 0, 10, 10], 0), ([-10, 0, 10, 10], 0.475), ([40, 0, 60, 10], 1),
    ([5, 5, 5, 9], 1), ([30, 20, 50, 40], 0.75)])
def test_the_share_of_a_box_out_of_the_picture(tool, box, share):
    outside = tool('checking.sample').outside_share
    assert outside(np.array(box, float), (30, 40)) == pytest.approx(share)


def test_the_real_frames(tool, sample_data):
    sources, sample = tool('checking.sources'), tool('checking.sample')

    def worst(key, **options):
        checker = sample.SampleChecker(sources.Source('val', dict(
            data_root=str(sample_data), carry_labels=True, test_mode=True,
            pipeline=pipeline(), **options)))
        records = [checker.check(i) for i in range(checker.facts()['num'])]
        assert not any(record['broken'] for record in records)
        assert max(r['measures']['truth_mm'] for r in records) < 5e-3
        assert sum(r['measures']['knees'][1] for r in records) == 0
        return [r['measures'][key][1] for r in records]

    human36m = dict(
        type='XasHuman36mDataset', ann_file='h36m/test_h36m_body3d.npz',
        camera_param_file='h36m/cameras.pkl',
        data_prefix=dict(img='h36m', mask='masks/h36m_smpl'))
    assert worst('reprojection', **human36m) == pytest.approx(
        [1.50, 1.24, 2.59, 3.38], abs=0.01)
    assert max(worst('reprojection', lens=True, **human36m)) < 5e-5
    assert max(worst('reprojection_with_lens', **human36m)) < 5e-5
    for split, errors in (('train', [2.14, 2.11]), ('test', [1.20, 2.07])):
        assert worst(
            'reprojection', type='XasMpiInf3dhpDataset',
            ann_file=f'mpi_inf_3dhp/test_3dhp_{split}.npz',
            camera_param_file=f'mpi_inf_3dhp/cameras_{split}.pkl',
            data_prefix=dict(img='mpi_inf_3dhp', mask='masks/mpi_inf_3dhp')
        ) == pytest.approx(errors, abs=0.01)


def test_poses_without_a_camera_are_behind_none(tool, fake_animal3d):
    path = fake_animal3d.root / 'test.json'
    content = json.loads(path.read_text())
    for entry in content['data']:
        root = entry['keypoint_3d'][7]
        entry['keypoint_3d'] = (np.array(entry['keypoint_3d'])
                                - root).tolist()
    path.write_text(json.dumps(content))
    source = tool('checking.sources').Source('test', dict(
        type='XasAnimal3dDataset', data_root=str(fake_animal3d.root),
        ann_file='test.json', carry_labels=True, test_mode=True,
        pipeline=[step for step in pipeline('mask')
                  if step['type'] != 'NormaliseKeypoints3D']))
    checker = tool('checking.sample').SampleChecker(source)
    records = [checker.check(i) for i in range(len(checker.dataset))]
    assert [record['broken'] for record in records] == [[]] * 4
