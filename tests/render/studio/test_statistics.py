"""The numbers of the data card."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xas_mmpose.render.studio import (
    XasMiniSettings,
    statistics,
    write_studio_set,
)
from xas_mmpose.render.studio.statistics import (
    describe_studio_set,
    mean_pose,
    prior_poses,
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('mini') / 'set'
    write_studio_set(folder, XasMiniSettings(
        body='human', image_size=96, supersampling=1, frames=1,
        subjects=('S5', 'S9'), actions=('Greeting', )), progress=False)
    return folder


@pytest.fixture(autouse=True)
def _few_poses(monkeypatch) -> None:
    monkeypatch.setattr(statistics, '_PRIOR_POSES', 100)
    monkeypatch.setattr(statistics, '_SET_POSES', 20)


def test_numbers(folder):
    numbers = describe_studio_set(folder)
    assert numbers['version'] == '1.0'
    assert numbers['checksum'] == (
        folder / 'checksum.txt').read_text().strip()
    train, test = numbers['train'], numbers['test']
    assert train['pictures'] == test['pictures'] == 4
    assert train['sequences'] == 4
    assert train['keypoints_inside_mask'] > 0.9
    assert 3500 < train['root_depth_mm']['p50'] < 6500
    assert 20 < train['height_px']['p50'] < 90
    assert 0.6 < test['segmenter_iou']['p50'] < 1
    for split in (train, test):
        distance = split['p_mpjpe_to_prior_mm']
        assert 20 < distance['nearest'] < distance['mean'] < 400
        assert 20 < split['p_mpjpe_of_mean_mm'] < 400
    # Poses of the set, and the prior's own, against the same 100.
    assert numbers['prior_to_itself']['nearest'] > 20


def test_what_lies_outside_the_mask_counts(folder):
    path = next((folder / 'masks/S5').rglob('*.png'))
    before = describe_studio_set(folder)['train']['keypoints_inside_mask']
    mask = cv2.imread(str(path), 0)
    dot = np.zeros_like(mask)
    dot[:2, :2] = 255
    try:
        cv2.imwrite(str(path), dot)
        after = describe_studio_set(folder)['train']['keypoints_inside_mask']
    finally:
        cv2.imwrite(str(path), mask)
    assert after == pytest.approx(before - 0.25, abs=0.03)


def test_prior_poses_are_drawn_from_their_seed():
    a, again, b = (
        prior_poses(XasMiniSettings, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, again)
    assert a.shape == (3, 17, 3)
    assert np.abs(a - b).max() > 50
    assert 700 < np.linalg.norm(a[0, 10] - a[0, 3]) < 2200  # head to foot


def test_the_mean_pose_of_turned_copies_is_the_pose():
    rng = np.random.default_rng(0)
    pose = 100 * rng.normal(size=(17, 3))
    copies = np.stack([pose @ Rotation.random(random_state=i).as_matrix()
                       + rng.normal(size=3) for i in range(5)])
    np.testing.assert_allclose(mean_pose(copies), copies[0], atol=1e-9)


def test_an_unfinished_set_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='no finished studio set'):
        describe_studio_set(tmp_path)
