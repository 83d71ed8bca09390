"""The visualizer, as MMPose's own hooks and tools use it."""
from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.registry import VISBACKENDS
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample, merge_data_samples

from tests.found_sample import SIDE, sample
from xas_mmpose.skeletons import HUMAN36M_18
from xas_mmpose.visualization import HypothesisVisualizer

META = parse_pose_metainfo(HUMAN36M_18.metainfo())
module = sys.modules[HypothesisVisualizer.__module__]


@pytest.fixture
def visualizer(tmp_path: Path, request: pytest.FixtureRequest):
    """Return one with MMEngine's backend for files."""
    made = VISUALIZERS.build(dict(
        type='HypothesisVisualizer', name=request.node.name,
        save_dir=str(tmp_path), vis_backends=[dict(type='LocalVisBackend')],
        panel_size=100))
    made.set_dataset_meta(META)
    return made


def found(truth: bool = False, seed: int = 0) -> PoseDataSample:
    """Return somebody in the right half of a picture of 128x64 px."""
    result = sample('walk/1.jpg', truth, seed)
    result.pred_instances.bboxes = np.array([[70., 5, 120, 60]])
    return result


@pytest.fixture
def image() -> np.ndarray:
    return np.full((SIDE, 2 * SIDE, 3), [200, 100, 0], np.uint8)


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {path.name: cv2.imread(str(path))
            for path in folder.rglob('*.png')}


def test_drawings_go_to_the_backends(visualizer, image, tmp_path):
    rgb = visualizer.add_datasample('me', image, found(), step=3)
    # The whole part around the box is 64 px high: 1 to 1.28.
    (name, picture), = pictures(tmp_path).items()
    assert name == 'me_3.png'
    np.testing.assert_array_equal(picture[..., ::-1], rgb)
    np.testing.assert_array_equal(rgb, visualizer.get_image())
    np.testing.assert_array_equal(rgb[53, 13], [200, 100, 0])
    assert len(rgb) == 52 + 100 + 58


def test_people_of_one_picture_stand_below_each_other(visualizer, image):
    both = merge_data_samples([found(), found(seed=1)])
    rgb = visualizer.add_datasample('me', image, both, draw_gt=False)
    one = visualizer.add_datasample('me', image, found())
    assert len(rgb) == 2 * len(one)
    # Merged samples lose their masks.
    one_mask_less = visualizer.add_datasample(
        'me', image, merge_data_samples([found()]))
    np.testing.assert_array_equal(rgb[:len(one)], one_mask_less)
    assert (one != one_mask_less).any()


def test_truth_only_where_it_is_asked_for(visualizer, image, monkeypatch):
    asked = []
    monkeypatch.setattr(module, 'draw_people', lambda image, people, *_: (
        asked.append(people[0].target_3d), image)[1])
    known = found(truth=True)
    known.gt_instances.keypoints_3d_visible[0, 4] = 0
    for options in (dict(), dict(draw_gt=False)):
        visualizer.add_datasample('me', image, known, **options)
    visualizer.add_datasample('me', image, found())
    shown, *others = asked
    assert others == [None, None]
    # Relative to the root, without the offset of 4000 mm.
    expected = 1.5 * known.pred_instances.keypoints_3d[0]
    expected[4] = np.nan
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_rankings_of_merged_samples(visualizer, image, monkeypatch):
    asked = []
    monkeypatch.setattr(module, 'draw_people', lambda image, people, *_: (
        asked.extend(person.ranking for person in people), image)[1])
    ranked = [found(), found(seed=1)]
    for one in ranked:
        one.pred_instances.set_metainfo(
            dict(pose_ranking=dict(first='mean')))
    visualizer.add_datasample('me', image, merge_data_samples(ranked))
    visualizer.add_datasample('me', image, found())
    assert asked == [dict(first='mean'), dict(first='mean'), None]


def test_masks_are_put_back_where_the_crop_was(visualizer, image,
                                               monkeypatch):
    asked = []
    monkeypatch.setattr(module, 'draw_people', lambda image, people, *_: (
        asked.append(people[0].mask), image)[1])
    visualizer.add_datasample('me', image, found())
    expected = np.zeros((SIDE, 2 * SIDE), np.uint8)
    expected[:, SIDE:] = 255
    np.testing.assert_array_equal(asked[0], expected)


def test_without_a_box_all_of_the_picture_is_shown(visualizer, image):
    nowhere = sample('walk/1.jpg', False)
    rgb = visualizer.add_datasample('me', image, nowhere)
    boxed = visualizer.add_datasample('me', image, found())
    # Twice as wide as it is high.
    assert rgb.shape[1] == 32 + 200 + 2 * (64 + 100)
    assert boxed.shape[1] < rgb.shape[1]


def test_files_instead_of_backends(visualizer, image, tmp_path):
    rgb = visualizer.add_datasample('me', image, found(),
                                    out_file=str(tmp_path / 'new/me.png'))
    (name, picture), = pictures(tmp_path).items()
    assert name == 'me.png'
    np.testing.assert_array_equal(picture[..., ::-1], rgb)


def test_a_file_that_cannot_be_written(visualizer, image, tmp_path,
                                       monkeypatch):
    monkeypatch.setattr(module.cv2, 'imwrite', lambda *_: False)
    with pytest.raises(OSError, match=r'cannot write .*me\.png'):
        visualizer.add_datasample('me', image, found(),
                                  out_file=str(tmp_path / 'me.png'))


def test_samples_without_3d_poses_are_drawn_as_mmpose_does(visualizer, image):
    flat = PoseDataSample(pred_instances=InstanceData(
        keypoints=np.full((1, 18, 2), 30.0),
        keypoint_scores=np.ones((1, 18))))
    flat.gt_instances = InstanceData()
    rgb = visualizer.add_datasample('me', image, flat, draw_gt=False)
    assert rgb.shape == image.shape
    assert (rgb[28:33, 28:33] != image[28:33, 28:33]).any()


def test_unknown_key_points(visualizer, image):
    visualizer.dataset_meta = {}
    with pytest.raises(ValueError, match='call set_dataset_meta'):
        visualizer.add_datasample('me', image, found())


def test_mmposes_own_hook(visualizer, image, tmp_path):
    path = tmp_path / 'walk.jpg'
    cv2.imwrite(str(path), image[..., ::-1])
    seen = found(truth=True)
    seen.set_metainfo(dict(img_path=str(path)))
    hook = PoseVisualizationHook(enable=True, interval=1)
    hook._visualizer = visualizer
    evaluator = SimpleNamespace(dataset_meta=META)
    runner = SimpleNamespace(test_evaluator=evaluator,
                             val_evaluator=evaluator, iter=4)
    hook.after_test_iter(runner, 0, {}, [seen])
    hook.after_val_iter(runner, 0, dict(data_samples=[seen]), [seen])
    drawn = pictures(tmp_path)
    assert sorted(drawn) == ['test_img_1.png', 'val_img_4.png']
    assert {len(picture) for picture in drawn.values()} == {210}


def test_other_processes_draw_nothing(visualizer, image, tmp_path,
                                      monkeypatch):
    monkeypatch.setattr('mmengine.dist.utils.get_rank', lambda group=None: 1)
    assert visualizer.add_datasample('me', image, found()) is None
    assert pictures(tmp_path) == {}


def test_backends_are_mmengines():
    for name in ('TensorboardVisBackend', 'WandbVisBackend'):
        assert name in VISBACKENDS
