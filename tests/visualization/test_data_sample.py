"""What is drawn of a data sample."""
from __future__ import annotations

import sys

import numpy as np
import pytest
from mmengine.structures import InstanceData

from tests.found_sample import SIDE, D, sample
from xas_mmpose.skeletons import HUMAN36M_18
from xas_mmpose.visualization import draw_sample

module = sys.modules[draw_sample.__module__]


def test_truth_is_drawn_and_measured_where_there_is_one(
        monkeypatch: pytest.MonkeyPatch):
    asked: dict = {}

    def draw(*args: object, **options: object) -> np.ndarray:
        asked.update(options, args=args)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(module, 'draw_hypotheses', draw)
    patch = np.zeros((SIDE, SIDE, 3), np.uint8)
    known = sample('no/such/file.jpg', True)
    draw_sample(patch, known, HUMAN36M_18.metainfo(), 'x')
    pose = known.pred_instances.keypoints_3d[0]
    # The truth is half as large again.
    np.testing.assert_allclose(asked['target_3d'], 1.5 * pose, atol=1e-9)
    assert asked['errors']['MPJPE/top1'] == pytest.approx(
        0.5 * np.linalg.norm(pose, axis=-1).mean())
    assert asked['errors']['P-MPJPE/top1'] == pytest.approx(0, abs=1e-6)
    image, mask, keypoints, *_ = asked['args']
    assert image is patch
    assert mask.shape == (SIDE, SIDE)
    np.testing.assert_allclose(
        keypoints, known.pred_instances.keypoints[0, :, :2] - [64, 0])
    draw_sample(patch, sample('no/such/file.jpg', False),
                HUMAN36M_18.metainfo(), 'x')
    assert asked['target_3d'] is None
    assert asked['errors'] == {}


def test_the_mean_of_poses_is_called_so(monkeypatch: pytest.MonkeyPatch):
    asked: list = []
    monkeypatch.setattr(module, 'draw_hypotheses',
                        lambda *_, **options: asked.append(options))
    found = sample('no/such/file.jpg', False)
    patch = np.zeros((SIDE, SIDE, 3), np.uint8)
    draw_sample(patch, found, HUMAN36M_18.metainfo(), 'x')
    found.pred_instances.set_metainfo(
        dict(pose_ranking=dict(first='mean')))
    draw_sample(patch, found, HUMAN36M_18.metainfo(), 'x')
    assert [options['ranking'] for options in asked] == [
        None, dict(first='mean')]


def test_true_key_points_of_the_picture(monkeypatch: pytest.MonkeyPatch):
    asked: dict = {}
    monkeypatch.setattr(module, 'draw_hypotheses',
                        lambda *_, **options: asked.update(options))
    found = sample('no/such/file.jpg', False)
    patch = np.zeros((SIDE, SIDE, 3), np.uint8)
    draw_sample(patch, found, HUMAN36M_18.metainfo(), 'x')
    assert asked['target_2d'] is None
    visible = np.ones((1, 18))
    visible[0, 3] = 0
    found.gt_instances = InstanceData(
        keypoints=np.full((1, 18, 2), [100.0, 30]),
        keypoints_visible=visible)
    draw_sample(patch, found, HUMAN36M_18.metainfo(), 'x')
    assert np.isnan(asked['target_2d'][3]).all()
    np.testing.assert_allclose(np.delete(asked['target_2d'], 3, 0),
                               [[36, 30]] * 17)


def test_the_mask_of_the_pose_and_depths_where_they_are_asked_for(
        monkeypatch: pytest.MonkeyPatch):
    asked: dict = {}
    monkeypatch.setattr(module, 'draw_hypotheses',
                        lambda *_, **options: asked.update(options))
    patch = np.zeros((SIDE, SIDE, 3), np.uint8)
    found = sample('no/such/file.jpg', False)
    info = HUMAN36M_18.metainfo()
    draw_sample(patch, found, info, 'x', bin_depths=np.zeros(D))
    assert asked['skeleton_mask'] is asked['depth_profiles'] is None
    rng = np.random.default_rng(0)
    found.pred_instances.depth_profiles = rng.random((1, 18, D))
    # The root lies 150 mm behind the middle of its cube of 2000 mm.
    found.pred_instances.keypoints[0, HUMAN36M_18.root_index, 2] = 150
    draw_sample(patch, found, info, 'x', skeleton_masks=True,
                bin_depths=np.linspace(-0.5, 0.5, D))
    depths, profiles = asked['depth_profiles']
    np.testing.assert_allclose(depths, np.linspace(-1150, 850, D))
    np.testing.assert_array_equal(
        profiles, found.pred_instances.depth_profiles[0])
    mask = asked['skeleton_mask']
    assert mask.shape == (SIDE, SIDE)
    # Every key point of the crop lies on a bone.
    x, y = (found.pred_instances.keypoints[0, :, :2] - [64, 0]).round(
        ).astype(int).T
    assert mask[y, x].min() > 0.5
    assert mask.min() < 0.01
