from __future__ import annotations

import json
import warnings

import cv2
import numpy as np
import pytest

from xas_mmpose.apis.pictures import Picture
from xas_mmpose.apis.subjects import Hints, camera_param_of
from xas_mmpose.datasets.masks import (
    GrabCutMethod,
    NoMaskError,
    read_people,
)
from xas_mmpose.geometry.cameras import mask_box

IMAGE = np.zeros((40, 60, 3), np.uint8)
A = Picture('walk/a.jpg', '/data/walk/a.jpg', image=IMAGE)
B = Picture('walk/b.jpg', '/data/walk/b.jpg', image=IMAGE)


def boxes_of(hints, picture):
    boxes, masks, _ = hints.take(picture)
    return [subject.box.tolist() for subject in hints.subjects(
        picture, IMAGE, boxes, masks)]


def disc():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:20, 11:17] = 255
    return mask


@pytest.mark.parametrize('boxes', [
    [1, 2, 30, 20], [[1, 2, 30, 20]], np.array([1, 2, 30, 20]),
    {'walk/a.jpg': [[1, 2, 30, 20]], '/data/walk/b.jpg': [1, 2, 30, 20]},
    [[[1, 2, 30, 20]], [1, 2, 30, 20]],
    ([box] for box in ([1, 2, 30, 20], [1, 2, 30, 20])),
])
def test_forms_of_boxes(boxes):
    hints = Hints(boxes=boxes)
    assert boxes_of(hints, A) == boxes_of(hints, B) == [[1, 2, 30, 20]]


def test_boxes_of_a_file(tmp_path):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps([
        dict(file_name='a.jpg', bbox=[1, 2, 29, 18], score=0.9),
        dict(file_name='a.jpg', bbox=[5, 5, 5, 5], score=0.2)]))
    hints = Hints(boxes=read_people(path))
    assert boxes_of(hints, A) == [[1, 2, 30, 20]]
    assert boxes_of(hints, B) == [[-0.5, -0.5, 59.5, 39.5]]


def test_a_method_is_told_the_key_points_of_a_file(tmp_path):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps({'walk/a.jpg': dict(
        bbox=[1, 2, 29, 18], keypoints=[[5, 6, 1], [9, 9, 1]],
        links=[[0, 1]])}))
    seen = []

    class Method:
        def make(self, image, person):
            seen.append(person)
            return disc()

    for boxes in (read_people(path), [1, 2, 30, 20]):
        hints = Hints(boxes=boxes, masks=Method())
        subject, = hints.subjects(A, IMAGE, *hints.take(A)[:2])
        assert subject.box.tolist() == [1, 2, 30, 20]
        np.testing.assert_array_equal(subject.mask, disc())
    assert seen[0].keypoints.tolist() == [[5, 6], [9, 9]]
    assert seen[0].links == ((0, 1),)
    assert seen[1].keypoints is None


def test_a_method_may_find_nobody():
    class Method:
        def make(self, image, person):
            raise NoMaskError('nobody')

    hints = Hints(masks=Method())
    with pytest.warns(UserWarning, match='without people: nobody'):
        assert boxes_of(hints, A) == []
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # each reason once
        assert boxes_of(hints, A) == []


def test_grabcut_says_what_it_needs():
    with pytest.warns(UserWarning, match='GrabCut needs a box or key points'):
        assert boxes_of(Hints(masks=GrabCutMethod()), A) == []


def test_a_mask_places_the_box_as_the_crop_rule_does():
    mask = disc()
    (x1, y1, x2, y2), = boxes_of(Hints(masks=mask), A)
    center, scale = mask_box(mask > 0, 1.25)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == tuple(center)
    assert max(x2 - x1, y2 - y1) * 1.25 == scale[0]


@pytest.mark.parametrize('mask', [
    disc(), disc() // 255, disc() > 0, disc().astype(float), disc() / 255,
    disc().astype(np.int64)])
def test_values_of_masks(mask):
    subject, = Hints().subjects(A, IMAGE, None, mask)
    assert subject.mask.dtype == np.uint8
    np.testing.assert_array_equal(subject.mask, disc())


@pytest.mark.parametrize('soft', [
    np.maximum(disc() * 0.902 / 255, 0.01), np.where(disc(), 230, 3),
    np.where(disc(), np.float32(229.6), np.float32(2.6))])
def test_soft_masks_stay_soft(soft):
    subject, = Hints().subjects(A, IMAGE, None, soft)
    np.testing.assert_array_equal(subject.mask, np.where(disc(), 230, 3))
    assert subject.box.tolist() == [10.5, 4.5, 16.5, 19.5]


def test_masks_of_a_folder(tmp_path):
    (tmp_path / 'walk').mkdir()
    cv2.imwrite(str(tmp_path / 'walk/a.png'), disc())
    hints = Hints(masks=tmp_path)
    assert boxes_of(hints, A) == [[10.5, 4.5, 16.5, 19.5]]
    with pytest.raises(FileNotFoundError, match=r'should be walk/b\.png'):
        boxes_of(hints, B)
    # One for each person, as make_masks.py names them.
    cv2.imwrite(str(tmp_path / 'walk/b_0.png'), disc())
    cv2.imwrite(str(tmp_path / 'walk/b_1.png'), disc()[:, ::-1])
    assert boxes_of(hints, B) == [[10.5, 4.5, 16.5, 19.5],
                                  [42.5, 4.5, 48.5, 19.5]]
    single = Hints(masks=tmp_path / 'walk/a.png')
    assert boxes_of(single, A) == boxes_of(single, B)


def test_no_picture_takes_the_mask_of_another(tmp_path):
    for name in ('a', 'b_0'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), disc())
    # Not that of a picture above the folder.
    with pytest.raises(FileNotFoundError, match=r'should be walk/a\.png'):
        boxes_of(Hints(masks=tmp_path), A)
    for first, second in ((('x/a.jpg', 'a.jpg'), ('y/a.jpg', 'a.jpg')),
                          (('b_0.jpg', 'b_0.jpg'), ('b.jpg', 'b.jpg'))):
        hints = Hints(masks=tmp_path)
        for _ in range(2):  # The same picture may come again.
            boxes_of(hints, Picture(first[1], first[0], image=IMAGE))
        with pytest.raises(ValueError, match=(
                rf'{second[0]} and {first[0]} would both take the mask ')):
            boxes_of(hints, Picture(second[1], second[0], image=IMAGE))


def test_the_whole_picture_is_what_a_full_mask_shows():
    whole, = Hints().subjects(A, IMAGE, None, None)
    full, = Hints().subjects(A, IMAGE, None, np.ones((40, 60), bool))
    assert (whole.source, full.source) == ('picture', 'mask')
    # Edges: half a pixel to each side of the outermost centres, 0 and 59.
    assert whole.box.tolist() == full.box.tolist() == [-0.5, -0.5, 59.5, 39.5]
    center, scale = mask_box(np.ones((40, 60), bool), padding=1)
    assert ((whole.box[:2] + whole.box[2:]) / 2).tolist() == center.tolist()
    assert max(whole.box[2:] - whole.box[:2]) == scale[0] == 60


def test_masks_in_a_list_are_those_of_pictures():
    hints = Hints(masks=[disc(), None])
    assert boxes_of(hints, A) == [[10.5, 4.5, 16.5, 19.5]]
    assert boxes_of(hints, B) == [[-0.5, -0.5, 59.5, 39.5]]


@pytest.mark.parametrize('hints, message', [
    (dict(boxes=[1, 2, 3]), r'boxes of walk/a\.jpg are x1'),
    (dict(boxes=[5, 5, 5, 9]), 'x1 < x2'),
    (dict(boxes=[0, 0, np.nan, 9]), 'x1 < x2'),
    (dict(boxes=[70, 0, 80, 9]), 'lie in the picture of 60x40 px'),
    (dict(masks=np.zeros((40, 60))), r'mask of walk/a\.jpg is empty'),
    (dict(masks=np.ones((60, 40))), r'is \(40, 60\) px'),
    (dict(masks=np.full((40, 60), np.nan)), r'walk/a\.jpg has values'),
    (dict(masks=np.full((40, 60), -1)), r'values outside of 0\.\.255'),
    (dict(masks=np.full((40, 60), 65535)), r'values outside of 0\.\.255'),
    (dict(boxes=[0, 0, 9, 9], masks=np.stack([disc()] * 2)),
     '2 masks and 1 boxes'),
])
def test_what_does_not_fit(hints, message):
    with pytest.raises(ValueError, match=message):
        boxes_of(Hints(**hints), A)


def test_values_of_no_form():
    with pytest.raises(ValueError, match='boxes: 7 is none of their forms'):
        Hints(boxes=7)
    hints = Hints(cameras=[None])
    assert hints.take(A) == (None, None, None)
    with pytest.raises(ValueError, match='cameras has no entry for walk/b'):
        hints.take(B)


K = [[1000.0, 0, 320], [0, 1010, 240], [0, 0, 1]]


@pytest.mark.parametrize('camera', [
    K, np.array(K), dict(K=K), dict(f=[1000, 1010], c=[320, 240]),
    dict(f=[[1000], [1010]], c=[[320], [240]], R=np.eye(3)),
])
def test_forms_of_cameras(camera):
    hints = Hints(cameras=camera)
    found = camera_param_of(hints.take(A)[2])
    assert sorted(found) == ['c', 'f']
    assert found['f'].tolist() == [1000, 1010]
    assert found['c'].tolist() == [320, 240]
    by_name = Hints(cameras={A.name: camera})
    assert camera_param_of(by_name.take(A)[2])['f'].tolist() == [1000, 1010]
    assert camera_param_of(by_name.take(B)[2]) is None


def test_names_that_no_picture_has_are_told():
    hints = Hints(boxes={'a.jpg': [1, 2, 30, 20], 'b.jpg': None},
                  cameras={A.name: K, 'other': K})
    hints.take(A)
    with pytest.warns(UserWarning, match=(
            r"boxes: none of its names, such as 'a\.jpg', is one of")) as told:
        hints.warn_unused()
    assert len(told) == 1
    hints = Hints(boxes={})
    hints.take(A)
    hints.warn_unused()


def test_lenses_and_square_pixels():
    camera = camera_param_of(dict(f=900, c=(1, 2), k=[[.1], [.2], [.3]],
                                  p=(.4, .5)))
    assert camera['f'].tolist() == [900, 900]
    assert camera['k'].tolist() == [.1, .2, .3]
    assert camera['p'].tolist() == [.4, .5]


@pytest.mark.parametrize('camera', [
    dict(f=[1, 2]), dict(f=[-1, 1], c=[0, 0]), dict(f=[1, np.nan], c=[0, 0]),
    np.eye(4), dict(K=[[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]),
    dict(f=[1, 1], c=[0, 0], k=[1, 2, 3, 4]), 'camera',
])
def test_no_cameras(camera):
    with pytest.raises(ValueError, match='a camera is a matrix K'):
        camera_param_of(camera)


@pytest.mark.parametrize('cameras', [
    dict(fx=1000, fy=1000, cx=320, cy=240),
    dict(focal=[1000, 1000], center=[320, 240]),
])
def test_no_mappings_of_pictures_to_cameras(cameras):
    key = next(iter(cameras))
    with pytest.raises(ValueError, match=f"cameras: of '{key}': a camera is"):
        Hints(cameras=cameras)
