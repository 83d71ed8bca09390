from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xas_mmpose.datasets.masks import People, Person, read_people

BOX = [10, 20, 30, 40]
CORNERS = [10, 20, 40, 60]


def save(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def coco(**annotation: object) -> dict:
    return dict(
        images=[dict(id=7, file_name='clip/0001.jpg')],
        annotations=[dict(image_id=7, category_id=1, bbox=BOX, **annotation)],
        categories=[dict(id=1, name='person', skeleton=[[1, 2], [2, 3]])])


def test_coco_annotations(tmp_path: Path):
    points = [1, 2, 2, 0, 0, 0, 5, 6, 1]
    people = read_people(save(tmp_path / 'a.json', coco(keypoints=points)))
    assert len(people) == 1
    (person,) = people.of('clip/0001.png')
    assert person.box.tolist() == CORNERS
    # The second is unknown, and both links end there.
    assert person.keypoints.tolist() == [[1, 2], [5, 6]]
    assert person.links == ()
    assert people.of('clip/0002.png') == []
    assert people.main('clip/0002.png') is None


@pytest.mark.parametrize('links, expected', [
    ([[1, 2], [2, 3]], ((0, 1), (1, 2))),
    ([[0, 1], [1, 2]], ((0, 1), (1, 2)))])
def test_links_are_counted_from_0_or_1(tmp_path: Path, links: list,
                                       expected: tuple):
    data = coco(keypoints=[1, 2, 2, 3, 4, 2, 5, 6, 1])
    data['categories'][0]['skeleton'] = links
    people = read_people(save(tmp_path / 'a.json', data))
    assert people.of('clip/0001.jpg')[0].links == expected


def test_other_categories_and_crowds_are_left_out(tmp_path: Path):
    data = coco()
    data['categories'].append(dict(id=2, name='bicycle'))
    data['annotations'] += [
        dict(image_id=7, category_id=2, bbox=[0, 0, 500, 500]),
        dict(image_id=7, category_id=1, bbox=[0, 0, 9, 9], iscrowd=1)]
    path = save(tmp_path / 'a.json', data)
    assert [p.box.tolist() for p in read_people(path).of('0001.jpg')] == [
        CORNERS]
    found = read_people(path, 'bicycle').of('0001.jpg')
    assert [p.box.tolist() for p in found] == [[0, 0, 500, 500]]
    # Whoever is meant keeps the number among all: another mask's otherwise.
    assert [p.number for p in found] == [1]
    # Of a set of animals, all are meant.
    assert len(read_people(path, 'person x').of('0001.jpg')) == 2


def test_detections_know_pictures_by_number_or_name(tmp_path: Path):
    people = read_people(save(tmp_path / 'a.json', [
        dict(image_id=785, bbox=BOX, score=0.9, category_id=1),
        dict(image_id=785, bbox=[0, 0, 99, 99], score=0.3, category_id=1),
        dict(image_id=785, bbox=[0, 0, 5, 5], score=0.99, category_id=1),
        dict(file_name='a/b.jpg', bbox=BOX, score=0.2),
        dict(file_name='a/b.jpg', bbox=[0, 0, 99, 99], score=0.1)]))
    assert len(people.of('val/000000000785.jpg')) == 3
    # The largest of whom the detector is half sure; else the surest.
    assert people.main('val/000000000785.jpg').box.tolist() == CORNERS
    assert people.main('a/b.png').box.tolist() == CORNERS


def test_names_in_other_folders_if_there_is_one_of_the_kind():
    one, two = Person(np.array([0, 0, 1, 1.0])), Person(np.zeros(4))
    people = People('f', {'S1/x/1.jpg': [one], 'a/2.jpg': [two],
                          'b/2.jpg': [one]})
    assert people.of('1.png') == people.of('q/1.png') == [one]
    assert people.of('a/2.png') == [two]
    assert people.of('c/2.png') == []


def test_a_file_of_ones_own(tmp_path: Path):
    people = read_people(save(tmp_path / 'a.json', {
        'a/b.jpg': dict(keypoints=[[0, 0, 1], [10, 0, 1], [10, 50, 1]],
                        links=[[0, 1], [1, 2]]),
        'c.jpg': [dict(bbox=BOX), dict(bbox=[0, 0, 1, 1])]}))
    person = people.main('a/b.jpg')
    assert person.box is None
    assert person.links == ((0, 1), (1, 2))
    # A tenth of the longer side around the key points.
    assert person.around.tolist() == [-5, -5, 15, 55]
    assert people.main('c.jpg').around.tolist() == CORNERS


def test_mpii(tmp_path: Path):
    joints = np.arange(32, dtype=float).reshape(16, 2) + 1
    visible = [1] * 16
    visible[0] = 0
    people = read_people(save(tmp_path / 'a.json', [dict(
        image='1.jpg', center=[101, 101], scale=1.0, joints=joints.tolist(),
        joints_vis=visible)]))
    person = people.main('1.jpg')
    assert person.keypoints.tolist() == (joints[1:] - 1).tolist()
    assert person.box.tolist() == [0, 15, 200, 215]
    # 15 bones, but for the one to the first ankle.
    assert len(person.links) == 14


@pytest.mark.parametrize('name', ['S1/S1_Eating.54138969_000001.jpg',
                                  'S1_Seq1_Cam0_000001.jpg',
                                  'TS1_000001.jpg'])
def test_converted_sets_have_bones(tmp_path: Path, name: str):
    part = np.ones((1, 17, 3))
    part[0, :, :2] = np.arange(34).reshape(17, 2)
    np.savez(tmp_path / 'a.npz', imgname=np.array([name]), part=part)
    person = read_people(tmp_path / 'a.npz').main(name)
    assert person.keypoints.tolist() == part[0, :, :2].tolist()
    # A tree: all 17 hang together, in 16 bones.
    assert len(person.links) == len({frozenset(k) for k in person.links})
    assert len(person.links) == 16
    reached = {person.links[0][0]}
    for _ in range(17):
        reached |= {i for link in person.links if reached & set(link)
                    for i in link}
    assert reached == set(range(17))


@pytest.mark.parametrize('content, said', [
    ([dict(image_id=1)], 'KeyError'),
    ([], 'nobody'),
    ({}, 'nobody'),
    ([dict(image_id=1, bbox=[0, 0, float('nan'), 1])], 'not finite'),
    ([dict(image_id=1, bbox=[0, 0, 0, 1])], 'without area'),
    ([dict(image_id=1, bbox=[0, 0, 1])], 'ValueError'),
    (dict(images=[], annotations=[dict(image_id=3, bbox=BOX)]), 'KeyError'),
    (dict(a=3), 'AttributeError'),
    ('text', 'should be a COCO file'),
])
def test_other_files_are_refused_with_what_is_read(tmp_path: Path,
                                                   content: object,
                                                   said: str):
    path = save(tmp_path / 'a.json', content)
    with pytest.raises(ValueError, match=said) as caught:
        read_people(path)
    assert str(path) in str(caught.value)


def test_missing_and_broken_files_are_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'gone\.json: give a COCO'):
        read_people(tmp_path / 'gone.json')
    (tmp_path / 'a.json').write_text('{"a":')
    with pytest.raises(ValueError, match=r'a\.json tells no boxes'):
        read_people(tmp_path / 'a.json')
    np.savez(tmp_path / 'a.npz', imgname=np.array(['a']),
             part=np.ones((2, 17, 3)))
    with pytest.raises(ValueError, match=r'\(1, 17, 3\) is expected'):
        read_people(tmp_path / 'a.npz')
    (tmp_path / 'b.npz').write_bytes(b'PK\x03\x04 cut off')
    with pytest.raises(ValueError, match=r'b\.npz tells no boxes'):
        read_people(tmp_path / 'b.npz')
