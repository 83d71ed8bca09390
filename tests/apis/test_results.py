from __future__ import annotations

import copy
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.apis import (
    PersonPose,
    PicturePoses,
    Pose3DInferencer,
    read_results,
    results_dict,
)

pytestmark = pytest.mark.filterwarnings('ignore:there is no mask')

CAMERA = dict(f=[900.12345678, 901.5], c=[30.0001234, 25.0],
              k=[-1.2, 0.25, -0.00307515], p=[-0.00091, 0.1])


@pytest.fixture
def data(model) -> tuple[list[PicturePoses], dict]:
    inferencer = Pose3DInferencer(model, device='cpu', depth_profiles=True)
    picture = np.random.default_rng(0).integers(
        0, 255, (50, 60, 3), dtype=np.uint8)
    poses = list(inferencer(
        [picture, picture, 'no.jpg'], boxes=[5, 5, 50, 45],
        cameras=[CAMERA, None, None], skip_broken=True, keep_pictures=True))
    return poses, json.loads(json.dumps(
        results_dict(poses, inferencer.meta), allow_nan=False))


def test_it_is_what_the_schema_says(data, check_results):
    _, data = data
    check_results(data)
    for path, value in ((('version',), 2), (('pictures', 0, 'size'), [1]),
                        (('pictures', 0, 'people', 0, 'box_source'), 'x'),
                        (('pictures', 0, 'people', 0, 'mask_used'), 1),
                        (('pictures', 0, 'people', 0, 'camera'), {}),
                        (('pictures', 1, 'people', 0, 'keypoints', 3),
                         [1, 2, 3]),
                        (('pictures', 0, 'mask'), None)):
        wrong = copy.deepcopy(data)
        part = wrong
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        with pytest.raises(AssertionError):
            check_results(wrong)


def test_what_is_written_is_read(data):
    poses, data = data
    back, meta = read_results(data)
    assert meta['keypoint_names'][0] == 'root'
    assert meta['units']['keypoints_3d'] == 'mm'
    assert [p.name for p in back] == [p.name for p in poses]
    assert 'no.jpg' in back[2].error
    for ours, theirs in zip(poses[:2], back):
        assert (theirs.size, theirs.image) == (ours.size, None)
        mine, read = ours.people[0], theirs.people[0]
        for field in fields(PersonPose):
            value = getattr(mine, field.name)
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(getattr(read, field.name), value,
                                           atol=6e-4, err_msg=field.name)
        assert read.mask is None
        np.testing.assert_allclose(read.depth_profiles.probabilities,
                                   mine.depth_profiles.probabilities,
                                   atol=1e-6)
        assert (read.ranking, read.mask_used, read.box_source) == (
            mine.ranking, mine.mask_used, mine.box_source)
    # The camera to the last digit: lens terms are multiplied by r^6.
    assert {key: value.tolist() for key, value in
            back[0].people[0].camera.items()} == CAMERA
    np.testing.assert_allclose(back[0].people[0].hypotheses_camera,
                               poses[0].people[0].hypotheses_camera,
                               atol=2e-3)
    assert back[1].people[0].camera is None


def test_unlikely_is_not_missing(data, check_results):
    (first, *_), data = data
    person = first.people[0]
    person.hypothesis_scores = np.array(
        [[1 + 1e-7] * 18, [3.1234567e-9] * 18, [0.0] * 18], np.float32)
    data['pictures'][0] = first.to_dict()
    check_results(data)
    scores = data['pictures'][0]['people'][0]['hypothesis_scores']
    assert [row[0] for row in scores] == [1, 3.12346e-9, 0]


@pytest.mark.parametrize('change', [dict(format='coco'), dict(version=2)])
def test_other_files_are_refused(data, change):
    with pytest.raises(ValueError, match='these are no xas_mmpose poses'):
        read_results(dict(data[1], **change))


def test_the_page_names_every_field(data):
    text = (Path(__file__).resolve().parents[2] / 'docs/inference.md'
            ).read_text()
    entry = data[1]['pictures'][0]
    for name in (*data[1], *entry, *entry['people'][0], 'complete',
                 'failed'):
        assert f'`{name}`' in text, name
