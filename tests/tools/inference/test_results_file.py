from __future__ import annotations

import json

import pytest

from xas_mmpose.apis import PicturePoses, read_results

META = dict(model=dict(config='a.py', checkpoint='a.pth', xas_mmpose='1'),
            keypoint_names=['root'], root_index=0, skeleton_links=[],
            keypoint_colors=[[1, 2, 3]], flip_indices=[0])
SETTINGS = dict(batch_size='8')


@pytest.fixture
def results_file(tool):
    return tool('inference.results_file').ResultsFile


def poses(number, error=None):
    return PicturePoses(f'{number}.jpg', f'/photos/{number}.jpg',
                        size=None if error else (4, 3), error=error)


def names(path):
    return [p.name for p in read_results(json.loads(path.read_text()))[0]]


def test_it_is_whole_when_a_run_ends(results_file, check_results, tmp_path):
    path = tmp_path / 'results.json'
    results = results_file(path, META, SETTINGS)
    results.close(complete=False)
    check_results(json.loads(path.read_text()))
    assert names(path) == []

    results = results_file(path, META, SETTINGS)
    results.add(poses(0))
    results.add(poses(1, 'broken'))
    results.close(complete=False)
    data = json.loads(path.read_text())
    check_results(data)
    assert names(path) == ['0.jpg', '1.jpg']
    assert data['complete'] is False
    assert data['failed'] == [dict(name='1.jpg', error='broken')]

    # The next run goes on.
    results = results_file(path, META, SETTINGS)
    assert results.done == {('/photos/0.jpg', None), ('/photos/1.jpg', None)}
    assert results.failed == [('1.jpg', 'broken')]
    results.add(poses(2))
    results.close(complete=True)
    assert names(path) == ['0.jpg', '1.jpg', '2.jpg']
    assert json.loads(path.read_text())['complete'] is True
    assert sorted(p.name for p in tmp_path.iterdir()) == ['results.json']
    # And what is complete is begun anew.
    assert results_file(path, META, SETTINGS).done == set()


def test_a_kill_leaves_all_whole_lines(results_file, tmp_path):
    path = tmp_path / 'results.json'
    results = results_file(path, META, SETTINGS)
    for number in range(3):
        results.add(poses(number))
    begun = tmp_path / 'results.json.begun'
    begun.write_bytes(begun.read_bytes()[:-7])
    results = results_file(path, META, SETTINGS)
    assert len(results.done) == 2
    results.add(poses(2))
    results.add(poses(3))
    results.close(complete=True)
    assert names(path) == [f'{i}.jpg' for i in range(4)]


@pytest.mark.parametrize('meta, settings, resume', [
    (dict(META, root_index=1), SETTINGS, True),
    (META, dict(batch_size='9'), True),
    (META, SETTINGS, False),
])
def test_other_runs_are_not_gone_on_with(results_file, tmp_path, meta,
                                         settings, resume):
    path = tmp_path / 'results.json'
    results_file(path, META, SETTINGS).add(poses(0))
    results = results_file(path, meta, settings, resume)
    assert results.done == set()
    results.close(complete=True)
    assert names(path) == []
