from __future__ import annotations

import functools
import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.datasets import XasAnimalKeypointDataset
from xas_mmpose.datasets.masks import (
    BackgroundMethod,
    GrabCutMethod,
    People,
    Person,
    list_items,
    mask_set,
    read_people,
    write_masks,
)
from xas_mmpose.datasets.masks.mask_set import MaskWriter
from xas_mmpose.render.resumable import ResumableFolder

GREEN, RED = (60, 160, 60), (40, 40, 200)
#: Pictures of two cameras in one folder, of another folder, and a photo.
CLIPS = {'a_cam0_': 12, 'a_cam1_': 12, 'deep/walk/': 12}


def picture(path: Path, left: int | None, offset: int) -> None:
    """Write a red box on green, at x = ``left``, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((48, 96, 3), GREEN, np.uint8)
    image[:, ::7] -= np.uint8(offset)
    if left is not None:
        image[8:40, left:left + 10] = RED
    cv2.imwrite(str(path), image)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / 'images'
    for offset, (clip, count) in enumerate(CLIPS.items()):
        for i in range(count):
            picture(root / f'{clip}{i:03d}.png', 4 + 7 * i, 20 * offset)
    return root


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)):
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


MEDIAN = BackgroundMethod()


def test_masks_lie_where_data_sets_look_and_are_right(images: Path,
                                                      tmp_path: Path):
    report = write_masks(images, tmp_path / 'masks', MEDIAN, progress=False)
    assert len(report['masks']) == sum(CLIPS.values())
    for clip, count in CLIPS.items():
        for i in range(count):
            mask = cv2.imread(str(tmp_path / f'masks/{clip}{i:03d}.png'), -1)
            expected = np.zeros((48, 96), np.uint8)
            expected[8:40, 4 + 7 * i:14 + 7 * i] = 255
            # The opening takes the four corners.
            assert (mask != expected).sum() <= 4
            facts = report['masks'][f'{clip}{i:03d}.png']
            assert facts['picture'] == f'{clip}{i:03d}.png'
            assert facts['bbox'] == [4 + 7 * i, 8, 10, 32]
            assert facts['share'] == pytest.approx(320 / 4608, abs=0.002)
    stored = json.loads((tmp_path / 'masks/masks.json').read_text())
    assert stored == report
    assert stored['settings']['method'] == 'BackgroundMethod'
    assert stored['settings']['name'] == 'median'
    assert stored['used']['package'] == f'opencv {cv2.__version__}'


def test_workers_change_no_byte(images: Path, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch):
    write_masks(images, tmp_path / '1', MEDIAN, progress=False)
    clips: list[list[str]] = []

    def run(job: ResumableFolder, write: MaskWriter, missing: list[int],
            workers: int) -> Iterator[int]:
        # As its processes do, without the time that they take to start.
        for i in range(workers):
            copy = pickle.loads(pickle.dumps(write))
            clips.append([copy.items[n].target[:7]
                          for n in missing[i::workers]])
            yield from job._write_part(copy, missing[i::workers])

    monkeypatch.setattr(ResumableFolder, '_run', run)
    write_masks(images, tmp_path / '3', MEDIAN, workers=3, progress=False)
    assert tree(tmp_path / '1') == tree(tmp_path / '3')
    # And each of them learns one background.
    assert [sorted(set(part)) for part in clips] == [
        ['a_cam0_'], ['a_cam1_'], ['deep/wa']]


def test_a_stopped_run_goes_on(images: Path, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch):
    write = mask_set.write_whole
    count = 0

    def stop(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == 8:
            raise KeyboardInterrupt
        write(path, data)

    run = functools.partial(write_masks, images, method=MEDIAN,
                            progress=False)
    monkeypatch.setattr(mask_set, 'write_whole', stop)
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path / 'a')
    monkeypatch.undo()
    made = sorted((tmp_path / 'a').rglob('*.png'))
    assert len(made) == 7
    # What is there is not made again, a mask without a record included.
    times = [path.stat().st_mtime_ns for path in made]
    (tmp_path / 'a/deep/walk/011.png').write_bytes(
        cv2.imencode('.png', np.full((4, 4), 255, np.uint8))[1].tobytes())
    report = run(out=tmp_path / 'a')
    assert [path.stat().st_mtime_ns for path in made] == times
    assert report['masks']['deep/walk/011.png']['bbox'] == [0, 0, 4, 4]
    (tmp_path / 'a/deep/walk/011.png').unlink()
    run(out=tmp_path / 'a')
    run(out=tmp_path / 'b')
    assert tree(tmp_path / 'a') == tree(tmp_path / 'b')


def test_pictures_may_be_added_and_settings_may_not_change(images: Path,
                                                           tmp_path: Path):
    out = tmp_path / 'masks'
    write_masks(images, out, MEDIAN, progress=False)
    old = tree(out)
    for i in range(4):
        picture(images / f'new/{i}.png', 10 + 20 * i, 0)
    report = write_masks(images, out, MEDIAN, progress=False)
    new = tree(out)
    assert set(new) - set(old) == {f'new/{i}.png' for i in range(4)}
    assert len(report['masks']) == 40
    assert all(new[name] == old[name] for name in old
               if name.endswith('.png'))
    with pytest.raises(ValueError, match='threshold = None, not 9'):
        write_masks(images, out, BackgroundMethod(threshold=9),
                    progress=False)


def test_masks_of_somebody_else_are_left_alone(images: Path,
                                               tmp_path: Path):
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks/mine.png').touch()
    with pytest.raises(ValueError, match='not empty and holds no settings'):
        write_masks(images, tmp_path / 'masks', MEDIAN, progress=False)
    with pytest.raises(ValueError, match='would lie in one folder'):
        write_masks(images, images, MEDIAN, progress=False)


def test_what_has_no_mask_has_a_reason(images: Path, tmp_path: Path):
    picture(images / 'photo.png', 30, 0)  # a clip of one frame
    picture(images / 'a_cam0_900.png', None, 0)  # nobody there
    (images / 'a_cam0_901.png').write_bytes(b'no picture')
    out = tmp_path / 'masks'
    report = write_masks(images, out, BackgroundMethod(num_frames=12),
                         progress=False)
    reasons = {name: facts['reason'] for name, facts
               in report['masks'].items() if 'reason' in facts}
    assert set(reasons) == {'photo.png', 'a_cam0_900.png', 'a_cam0_901.png'}
    assert 'the clip has 1 frame: ' in reasons['photo.png']
    assert 'nobody is there' in reasons['a_cam0_900.png']
    # Among those that the background is learned from; the others do.
    assert 'a_cam0_901.png cannot be read' in reasons['a_cam0_901.png']
    assert {name for name, facts in report['masks'].items()
            if 'broken' in facts} == {'a_cam0_901.png'}
    assert not (out / 'photo.png').exists()
    # It is looked at again when it is whole.
    picture(images / 'a_cam0_901.png', 30, 0)
    report = write_masks(images, out, BackgroundMethod(num_frames=12),
                         progress=False)
    assert abs(np.subtract(report['masks']['a_cam0_901.png']['bbox'],
                           [30, 8, 10, 32])).max() <= 1


def test_a_clip_of_broken_pictures_has_a_reason(tmp_path: Path):
    for i in range(4):
        picture(tmp_path / f'images/{i}.png', 10 * i, 0)
    for i in range(2):
        (tmp_path / f'images/{i}.png').write_bytes(b'')
    report = write_masks(tmp_path / 'images', tmp_path / 'masks', MEDIAN,
                         progress=False)
    assert ['broken' in facts for facts in report['masks'].values()] == [
        True, True, False, False]
    assert '2 of the frames that the' in report['masks']['3.png']['reason']


def test_a_moving_camera_is_named(tmp_path: Path):
    room = cv2.resize(np.random.default_rng(0).integers(
        40, 220, (20, 30, 3), dtype=np.uint8), (300, 200))
    (tmp_path / 'images').mkdir()
    for i in range(8):
        cv2.imwrite(str(tmp_path / f'images/walk_{i}.png'),
                    room[10:170, 3 * i:240 + 3 * i])
    with pytest.warns(UserWarning, match="camera of 'walk_' seems to move"):
        write_masks(tmp_path / 'images', tmp_path / 'masks', MEDIAN,
                    progress=False)


@pytest.fixture
def crowd(tmp_path: Path) -> tuple[Path, People]:
    """Return pictures of two red boxes, and where they are."""
    root = tmp_path / 'crowd'
    for i in range(3):
        picture(root / f'{i}.png', 10, 0)
        image = cv2.imread(str(root / f'{i}.png'))
        image[12:32, 60:68] = RED
        cv2.imwrite(str(root / f'{i}.jpg'), image)
        (root / f'{i}.png').unlink()
    path = tmp_path / 'people.json'
    path.write_text('{}')
    boxes = [Person(np.array([57., 8, 71, 36])),
             Person(np.array([6., 3, 24, 45]))]
    return root, People(path, {'0.jpg': boxes, '1.jpg': boxes[:1]})


def test_the_main_person_or_each(crowd: tuple[Path, People],
                                 tmp_path: Path):
    root, people = crowd
    method = GrabCutMethod()
    main = write_masks(root, tmp_path / 'main', method, people,
                       progress=False)['masks']
    assert list(main) == ['0.png', '1.png', '2.png']
    assert abs(np.subtract(main['0.png']['bbox'], [10, 8, 10, 32])
               ).max() <= 2
    assert abs(np.subtract(main['1.png']['bbox'], [60, 12, 8, 20])
               ).max() <= 2
    assert 'nobody says where' in main['2.png']['reason']
    each = write_masks(root, tmp_path / 'each', method, people, 'each',
                       progress=False)['masks']
    # MPII's layout: the number of the person in the annotation.
    assert {name: facts['picture'] for name, facts in each.items()} == {
        '0_0.png': '0.jpg', '0_1.png': '0.jpg', '1_0.png': '1.jpg'}
    assert each['0_1.png']['bbox'] == main['0.png']['bbox']


@pytest.mark.parametrize('prompt, told', [
    ('auto', ['box', 'keypoints', 'keypoints']),
    ('box', ['box', 'box', 'box around keypoints'])])
def test_what_showed_the_person_is_on_record(
        tmp_path: Path, prompt: str, told: list[str]):
    box, bone = [8, 6, 14, 36], [[12, 8, 2], [17, 39, 2]]
    entries = [dict(bbox=box), dict(bbox=box, keypoints=bone,
                                    links=[[0, 1]]),
               dict(keypoints=bone, links=[[0, 1]])]
    for i in range(3):
        picture(tmp_path / f'images/{i}.png', 10, 0)
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(
        {f'{i}.png': entry for i, entry in enumerate(entries)}))
    method = GrabCutMethod(prompt=prompt)
    report = write_masks(tmp_path / 'images', tmp_path / 'masks', method,
                         read_people(path), progress=False)
    masks = report['masks']
    assert [masks[f'{i}.png']['prompt'] for i in range(3)] == told
    # Of masks that were made before, too, and of none that was not.
    stored = tmp_path / 'masks/masks.json'
    for facts in masks.values():
        del facts['prompt']
    stored.write_text(json.dumps(report))
    picture(tmp_path / 'images/3.png', 10, 0)
    masks = write_masks(tmp_path / 'images', tmp_path / 'masks', method,
                        read_people(path), progress=False)['masks']
    assert [facts.get('prompt') for facts in masks.values()] == [*told, None]


def test_masks_of_one_category_are_not_those_of_another(tmp_path: Path):
    picture(tmp_path / 'images/a.png', 10, 0)
    path, out = tmp_path / 'a.json', tmp_path / 'masks'
    path.write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.png', width=96, height=48)],
        annotations=[dict(id=i, image_id=1, category_id=i,
                          bbox=[8, 6, 14, 36]) for i in (1, 2, 3)],
        categories=[dict(id=i + 1, name=name) for i, name in enumerate(
            ('dog', 'antelope', 'person'))])))

    def write(category: str, which: str, folder: Path = out) -> dict:
        return write_masks(
            tmp_path / 'images', folder, GrabCutMethod(),
            read_people(path, category), which, progress=False)

    assert write('dog', 'main')['settings']['people_category'] == 'dog'
    for other, name in (('antelope', "'antelope'"), ('person', 'None')):
        with pytest.raises(ValueError, match="people_category = 'dog', not "
                           f'{name}'):
            write(other, 'main')
    assert write('dog', 'main')['masks'].keys() == {'a.png'}
    # With masks of each, the categories may share a folder.
    for category, target in (('dog', 'a_0.png'), ('antelope', 'a_1.png')):
        masks = write(category, 'each', tmp_path / 'each')['masks']
        assert masks[target]['prompt'] == 'box'


def test_the_animals_of_one_category_keep_their_numbers(tmp_path: Path):
    picture(tmp_path / 'images/a.png', 10, 0)
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.png', width=80, height=60)],
        annotations=[dict(id=i, image_id=1, category_id=i, area=1,
                          bbox=[i, 3, 9, 9]) for i in (1, 2)],
        categories=[dict(id=1, name='dog'), dict(id=2, name='antelope')])))
    masks = tmp_path / 'masks'
    items = [item for kind in ('antelope', 'dog') for item in list_items(
        tmp_path / 'images', masks, read_people(path, kind), 'each')]
    assert [(item.target, item.person.box[0]) for item in items] == [
        ('a_1.png', 2), ('a_0.png', 1)]
    # Where the data set looks for each of them.
    dataset = XasAnimalKeypointDataset(
        ann_file=str(path), check_files=False, pipeline=[],
        data_prefix=dict(img=str(tmp_path / 'images'), mask=str(masks)))
    assert {dataset[i]['category']: dataset[i]['mask_path']
            for i in range(2)} == {'antelope': str(masks / 'a_1.png'),
                                   'dog': str(masks / 'a_0.png')}


def test_lists_that_make_no_sense_are_refused(crowd: tuple[Path, People],
                                              tmp_path: Path):
    root, people = crowd
    with pytest.raises(ValueError, match="one of main, each, got 'all'"):
        list_items(root, tmp_path / 'm', people, 'all')
    with pytest.raises(ValueError, match='need a file that says where'):
        list_items(root, tmp_path / 'm', None, 'each')
    with pytest.raises(ValueError, match=r'people.json knows none of the 3 '
                       r'pictures .*such as 0.jpg'):
        list_items(root, tmp_path / 'm', People(people.path, {'x.jpg': []}))
    with pytest.raises(FileNotFoundError, match='no folder of pictures'):
        list_items(tmp_path / 'gone', tmp_path / 'm')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='there is no picture below'):
        list_items(tmp_path / 'empty', tmp_path / 'm')
    picture(root / '0.png', 3, 0)
    with pytest.raises(ValueError, match=r'0.jpg and 0.png .*share .*0.png'):
        list_items(root, tmp_path / 'm')


def test_workers_get_neighbours():
    items = [mask_set.MaskItem(str(i), f'{i}.png', None) for i in range(7)]
    order = list(mask_set._in_shares(items, 3))
    assert sorted(item.name for item in order) == list('0123456')
    # Each takes every third.
    assert [[int(item.name) for item in order[k::3]] for k in range(3)] == [
        [0, 1, 2], [3, 4], [5, 6]]
    assert list(mask_set._in_shares([], 3)) == []
