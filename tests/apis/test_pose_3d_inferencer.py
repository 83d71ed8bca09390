"""The inferencer: against the test pipeline and MMPose's own functions."""
from __future__ import annotations

import itertools
import warnings
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.apis import inference_topdown

from xas_mmpose.apis import Pose3DInferencer
from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.datasets.masks import GrabCutMethod, NoMaskError
from xas_mmpose.geometry.cameras import camera_to_image

BOXES = np.array([[20.0, 30, 120, 170], [60.0, 10, 190, 150]])
pytestmark = pytest.mark.filterwarnings('ignore:there is no mask',
                                        'ignore:nobody says where')


@pytest.fixture
def inferencer(model) -> Pose3DInferencer:
    return Pose3DInferencer(model, device='cpu')


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (12, 14, 3), dtype=np.uint8)
    return cv2.resize(coarse, (210, 190), interpolation=cv2.INTER_CUBIC)


def same(one, other, **tolerance):
    for key in ('keypoints', 'keypoint_scores', 'keypoints_3d',
                'hypotheses_3d', 'hypothesis_scores', 'box'):
        np.testing.assert_allclose(
            getattr(one, key), getattr(other, key), err_msg=key,
            **(tolerance or dict(atol=2e-2, rtol=1e-4)))


def test_masks_and_cameras_give_what_a_test_gives(inferencer, model,
                                                  fake_h36m):
    # tools/test.py's way: data set, pipeline, model.
    steps = [dict(step, rule='mask') if step.type == 'GetCubeBox' else step
             for step in model.cfg.test_dataloader.dataset.pipeline]
    dataset = XasHuman36mDataset(test_mode=True, carry_labels=True,
                                 pipeline=steps, **fake_h36m.options)
    samples = model.test_step(pseudo_collate([dataset[i] for i in range(6)]))
    images = fake_h36m.root / 'images'
    names = [Path(s.img_path).relative_to(images).as_posix()
             for s in samples]
    found = {poses.name: poses for poses in inferencer(
        images, masks=fake_h36m.root / 'masks', batch_size=4,
        cameras={name: sample.camera_param
                 for name, sample in zip(names, samples)})}
    assert set(found) == set(names)
    for name, sample in zip(names, samples):
        person, = found[name].people
        expected = sample.pred_instances
        for key, value in dict(
                keypoints=expected.keypoints[0, :, :2],
                keypoints_3d=expected.keypoints_3d[0],
                hypotheses_3d=expected.hypotheses_3d[0],
                hypothesis_scores=expected.hypothesis_scores[0],
                root_3d=expected.roots_3d[0]).items():
            np.testing.assert_allclose(getattr(person, key), value, rtol=1e-4,
                                       atol=2e-2, err_msg=key)
        assert person.keypoints.std(0).min() > 1  # px: no two alike
        assert (person.box_source, person.mask_used) == ('mask', True)
        assert person.cube_size == 2000


def test_a_box_gives_what_mmposes_function_gives(inferencer, model, picture):
    poses, = inferencer(picture, boxes=BOXES)
    samples = inference_topdown(model, picture, BOXES)
    assert len(poses.people) == len(samples) == 2
    for person, sample in zip(poses.people, samples):
        np.testing.assert_allclose(
            person.keypoints, sample.pred_instances.keypoints[0, :, :2],
            atol=2e-2)
        np.testing.assert_allclose(
            person.keypoints_3d, sample.pred_instances.keypoints_3d[0],
            atol=2e-1)
        assert (person.box_source, person.mask_used, person.camera,
                person.root_3d) == ('given', False, None, None)
    np.testing.assert_array_equal([p.box for p in poses.people], BOXES)
    assert poses.size == (210, 190)
    assert poses.image is None


@pytest.mark.parametrize('name', ['xas_mini.py', 'xas_custom.py',
                                  'xas_mpi_inf_3dhp.py'])
def test_mmposes_functions_take_our_configs_without_masks(name, model,
                                                          picture):
    configs = Path(__file__).resolve().parents[2] / 'configs'
    pipeline = Config.fromfile(configs / name).test_dataloader.dataset
    model.cfg.test_dataloader.dataset.pipeline, ours = (
        pipeline.pipeline, model.cfg.test_dataloader.dataset.pipeline)
    try:
        if name == 'xas_mini.py':
            sample, = inference_topdown(model, picture, BOXES[:1])
            assert np.isfinite(sample.pred_instances.keypoints_3d).all()
        else:  # Another patch than this model's.
            from mmengine.dataset import Compose
            packed = Compose(pipeline.pipeline)(dict(
                img=picture, bbox=BOXES[:1], bbox_score=np.ones(1)))
            assert packed['inputs'].any()
    finally:
        model.cfg.test_dataloader.dataset.pipeline = ours


def test_the_camera_sees_the_poses_where_they_are_drawn(inferencer, picture):
    camera = dict(f=(900.0, 910.0), c=(100.0, 95.0), k=(-0.2, 0.24, -0.003),
                  p=(-0.0014, -0.001))
    poses, = inferencer(picture, boxes=BOXES, cameras=camera)
    for person in poses.people:
        seen = camera_to_image(person.hypotheses_camera, **person.camera)
        np.testing.assert_allclose(
            seen[..., :2], np.broadcast_to(person.keypoints, (3, 18, 2)),
            atol=1e-3)
        # 2000 mm over the square of 1.25 times the longer side.
        side = 1.25 * np.ptp(person.box.reshape(2, 2), axis=0).max()
        assert abs(person.root_3d[2] - 905 / side * 2000) < 1000
        np.testing.assert_allclose(person.keypoints_camera,
                                   person.hypotheses_camera[0])
        np.testing.assert_array_equal(person.keypoints_3d[0], 0)
    matrix = [[900, 0, 100], [0, 910, 95], [0, 0, 1]]
    pinhole, = inferencer(picture, boxes=BOXES, cameras=matrix)
    named, = inferencer(picture, boxes=BOXES, cameras=dict(
        f=camera['f'], c=camera['c']))
    same(pinhole.people[0], named.people[0], atol=0)
    np.testing.assert_array_equal(pinhole.people[0].root_3d,
                                  named.people[0].root_3d)
    bare, = inferencer(picture, boxes=BOXES)
    with pytest.raises(ValueError, match='without a camera'):
        bare.people[0].keypoints_camera  # noqa: B018


def test_the_size_of_a_person_sets_scale_and_distance(inferencer, picture):
    camera = dict(f=900, c=(100, 95))
    plain, = inferencer(picture, boxes=BOXES, cameras=camera)
    # 2000 mm over 1.25 times the longer side.
    same_size, = inferencer(picture, boxes=BOXES, cameras=camera,
                            person_size=1600)
    large, = inferencer(picture, boxes=BOXES, cameras=camera,
                        person_size=2000)
    for a, b, c in zip(plain.people, same_size.people, large.people):
        assert (a.cube_size, b.cube_size, c.cube_size) == (2000, 2000, 2500)
        np.testing.assert_allclose(b.root_3d, a.root_3d)
        np.testing.assert_allclose(c.root_3d, 1.25 * a.root_3d)
        np.testing.assert_allclose(c.keypoints_3d, 1.25 * a.keypoints_3d,
                                   atol=1e-2)
        np.testing.assert_allclose(c.keypoints, a.keypoints)
    with pytest.raises(ValueError, match='person_size is a length'):
        next(inferencer(picture, person_size=0))


@pytest.mark.parametrize('batch_size', [2, 3, 16])
def test_batches_change_neither_order_nor_poses(inferencer, picture,
                                                batch_size):
    pictures = [np.roll(picture, 9 * i, 1) for i in range(5)]
    boxes = [BOXES, [], BOXES[:1], BOXES[[1, 0]], None]
    one = list(inferencer(pictures, boxes=boxes))
    many = list(inferencer(iter(pictures), boxes=iter(boxes),
                           batch_size=batch_size))
    assert [p.name for p in many] == [f'{i:06d}' for i in range(5)]
    assert [len(p.people) for p in many] == [2, 0, 1, 2, 1]
    for ours, theirs in zip(one, many):
        for a, b in zip(ours.people, theirs.people):
            same(a, b)
    assert many[4].people[0].box_source == 'picture'
    assert many[4].people[0].box.tolist() == [
        -0.5, -0.5, 209.5, 189.5]


def test_a_stream_is_neither_read_ahead_nor_kept(inferencer, picture):
    alive = weakref.WeakSet()
    most = 0

    class Frame(np.ndarray):
        """An array that a set can hold."""

        __hash__ = object.__hash__

    def frames():
        nonlocal most
        for i in itertools.count():
            frame = np.roll(picture, i, 0).view(Frame)
            alive.add(frame)
            most = max(most, len(alive))
            yield frame
            del frame

    found = inferencer(frames(), boxes=BOXES, batch_size=4)
    for number, poses in enumerate(itertools.islice(found, 40)):
        assert poses.name == f'{number:06d}'
    assert most <= 4


def test_what_is_not_known_is_told_once(inferencer, picture):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        list(inferencer([picture] * 2, boxes=BOXES))
        assert [str(w.message)[:16] for w in caught] == ['there is no mask']
        list(inferencer([picture] * 2))
        assert len(caught) == 2
        assert 'the whole picture' in str(caught[1].message)
        assert caught[1].filename == __file__


def test_a_model_that_sees_background_needs_no_mask(model, picture):
    model.cfg, ours = model.cfg.copy(), model.cfg
    dataset = model.cfg.test_dataloader.dataset
    steps = dataset.pipeline
    try:
        dataset.pipeline = [s for s in steps if s.type != 'RemoveBackground']
        inferencer = Pose3DInferencer(model, device='cpu')
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            poses, = inferencer(picture, boxes=BOXES[:1])
            assert not poses.people[0].mask_used
    finally:
        model.cfg = ours
        dataset.pipeline = steps


def test_masks_of_several_people(inferencer, picture):
    masks = np.zeros((2, 190, 210), bool)
    masks[0, 40:160, 30:80] = masks[1, 20:120, 100:180] = True
    poses, = inferencer(picture, masks=masks)
    assert [p.box.tolist() for p in poses.people] == [
        [29.5, 39.5, 79.5, 159.5], [99.5, 19.5, 179.5, 119.5]]
    alone, = inferencer(picture, masks=masks[1])
    same(alone.people[0], poses.people[1])
    # A box comes before the mask's own, and the mask cuts out all the same.
    boxed, = inferencer(picture, masks=masks[1], boxes=BOXES,
                        keep_pictures=True)
    assert [p.box_source for p in boxed.people] == ['given'] * 2
    assert all(p.mask_used for p in boxed.people)
    np.testing.assert_array_equal(boxed.people[0].mask, masks[1] * 255)
    np.testing.assert_array_equal(boxed.image, picture)
    painted = picture.copy()
    painted[~masks[1]] = 0
    black, = inferencer(painted, boxes=BOXES)
    same(black.people[0], boxed.people[0], atol=30)  # edges are soft


def test_masks_made_on_the_way(inferencer, picture):
    class Method:
        def make(self, image, person):
            if person is not None and person.box[0] > 50:
                raise NoMaskError('nobody')
            mask = np.zeros(image.shape[:2], np.uint8)
            mask[50:100, 30:90] = 255
            return mask

    poses, = inferencer(picture, boxes=BOXES, masks=Method())
    assert [p.mask_used for p in poses.people] == [True, False]
    alone, = inferencer(picture, masks=Method())
    assert alone.people[0].box.tolist() == [29.5, 49.5, 89.5, 99.5]
    scene = np.full((120, 120, 3), 30, np.uint8)
    scene[30:90, 40:80] = (40, 200, 90)
    poses, = inferencer(scene, boxes=[34, 24, 86, 96],
                        masks=GrabCutMethod(), keep_pictures=True)
    assert (poses.people[0].mask[30:90, 40:80] > 0).mean() > 0.9


def test_a_detector_finds_them(model, picture):
    def detector(image):
        assert image.shape == picture.shape
        return BOXES, np.array([0.9, 0.4])

    inferencer = Pose3DInferencer(model, device='cpu', detector=detector)
    poses, = inferencer(picture)
    assert [p.box_score for p in poses.people] == [0.9, 0.4]
    assert {p.box_source for p in poses.people} == {'detector'}
    nobody = Pose3DInferencer(model, device='cpu', detector=lambda image: (
        np.zeros((0, 4)), np.zeros(0)))
    assert next(nobody(picture)).people == []


def test_depth_profiles(model, picture):
    inferencer = Pose3DInferencer(model, device='cpu', depth_profiles=True)
    poses, = inferencer(picture, boxes=BOXES[:1])
    person, = poses.people
    profiles = person.depth_profiles
    assert profiles.probabilities.shape == (18, 16)
    np.testing.assert_allclose(profiles.probabilities.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(np.diff(profiles.depths), 2000 / 16)
    # A mode is averaged over two bins to each side of the highest one.
    highest = profiles.depths[profiles.probabilities.argmax(1)]
    assert (abs(person.keypoints_3d[:, 2] - highest) < 2.5 * 125).all()
    assert 'output_depth_profiles' not in model.cfg.model.test_cfg
    plain = Pose3DInferencer(model, device='cpu')
    # Two on one model, in turns.
    for _ in range(2):
        assert next(plain(picture)).people[0].depth_profiles is None
        assert next(inferencer(picture)).people[0].depth_profiles is not None


def test_broken_pictures_are_skipped_where_asked_for(inferencer, picture,
                                                     tmp_path):
    good = tmp_path / 'b.png'
    cv2.imwrite(str(good), picture)
    (tmp_path / 'a.png').write_text('no picture')
    inputs = [tmp_path / 'a.png', good, tmp_path / 'c.png', good]
    boxes = [None, BOXES, None, [[500, 0, 600, 9]]]
    found = list(inferencer(inputs, boxes=boxes, skip_broken=True))
    assert [len(p.people) for p in found] == [0, 2, 0, 0]
    assert 'a.png cannot be read' in found[0].error
    assert found[1].error is None
    assert 'there is no picture' in found[2].error
    assert 'lie in the picture of 210x190 px' in found[3].error
    with pytest.raises(ValueError, match=r'a\.png cannot be read'):
        list(inferencer(inputs, boxes=boxes))
    # What was good is found before the error, in a batch or not.
    found = inferencer(inputs[1:], boxes=boxes[1:], batch_size=8)
    assert len(next(found).people) == 2
    with pytest.raises(FileNotFoundError, match='there is no picture'):
        next(found)
    with pytest.raises(ValueError, match=r'boxes has no entry for c\.png'):
        list(inferencer(inputs, boxes=boxes[:2], skip_broken=True))
    with pytest.raises(ValueError, match='batch_size starts at 1'):
        next(inferencer(picture, batch_size=0))


def test_a_model_is_found_by_its_name():
    with pytest.raises(ValueError, match="'nothing' is neither a config"):
        Pose3DInferencer('nothing')
    with pytest.raises(FileNotFoundError, match=r'no config file nothing\.py'):
        Pose3DInferencer('nothing.py', 'weights.pth')
    config = Path(__file__).resolve().parents[2] / 'configs/xas_mini.py'
    with pytest.raises(ValueError, match=r'xas_mini\.py: give checkpoint='):
        Pose3DInferencer(config)
    with pytest.raises(FileNotFoundError, match=r'no checkpoint file no\.pth'):
        Pose3DInferencer('xas_mini', 'no.pth')


def test_shipped_weights_by_name():
    try:
        inferencer = Pose3DInferencer('xas_mini', device='cpu')
    except ValueError as error:
        pytest.skip(str(error))
    meta = inferencer.meta
    assert meta['keypoint_names'][:2] == ['root', 'right_hip']
    assert (meta['root_index'], len(meta['keypoint_colors'])) == (0, 18)
    assert meta['flip_indices'][1] == 4
    assert meta['model']['checkpoint'].endswith('.pth')


def test_a_head_without_hypotheses_is_refused(model):
    head, model.head = model.head, None
    try:
        with pytest.raises(ValueError, match='needs a MultiHypothesisHead'):
            Pose3DInferencer(model, device='cpu')
    finally:
        model.head = head
