"""What a found pose covers."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from xas_mmpose.models.losses import SkeletonMaskLoss
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18
from xas_mmpose.visualization import predicted_mask
from xas_mmpose.visualization.mask_picture import (
    covered_picture,
    mask_outlines,
)


@pytest.mark.parametrize('table', [HUMAN36M_18, ANIMAL3D_26],
                         ids=lambda table: table.name)
def test_it_is_what_the_loss_draws(table):
    rng = np.random.default_rng(0)
    pose = rng.uniform(5, 60, (table.num_keypoints, 2))
    loss = SkeletonMaskLoss(table.metainfo())
    # Of patches of S px, the first centre is at -1.
    expected = loss.draw(torch.from_numpy(pose).float()[None] / 32 - 1,
                         (64, 64), (64, 64))[0, 0]
    for skeleton in (table, table.metainfo(),
                     parse_pose_metainfo(table.metainfo())):
        np.testing.assert_allclose(
            predicted_mask(pose, (64, 64), 64, skeleton), expected,
            atol=1e-5)
    # The same crop in a larger picture, moved.
    moved = pose + np.array([20, 10])
    mask = predicted_mask(moved, (100, 90), (64, 64), table)
    assert mask.shape == (90, 100)
    np.testing.assert_allclose(mask[10:74, 20:84], expected, atol=1e-5)


def test_tables_of_others_draw_their_bones():
    info = parse_pose_metainfo(dict(HUMAN36M_18.metainfo(),
                                    dataset_name='mine'))
    pose = np.random.default_rng(0).uniform(5, 60, (18, 2))
    mask = predicted_mask(pose, (64, 64), 64, info)
    for a, b in HUMAN36M_18.skeleton_links:
        x, y = ((pose[a] + pose[b]) / 2).round().astype(int)
        assert mask[y, x] > 0.8


def test_missing_key_points_take_their_links_along():
    pose = np.random.default_rng(0).uniform(5, 60, (18, 2))
    whole = predicted_mask(pose, (64, 64), 64, HUMAN36M_18)
    pose[HUMAN36M_18.index('left_wrist')] = np.nan
    some = predicted_mask(pose, (64, 64), 64, HUMAN36M_18)
    assert np.isfinite(some).all()
    assert (some <= whole).all()
    assert some.sum() < whole.sum()
    np.testing.assert_array_equal(
        predicted_mask(pose * np.nan, (64, 32), 64, HUMAN36M_18),
        np.zeros((32, 64)))


def test_colours_of_the_covered():
    image = np.full((2, 2, 3), 100, np.uint8)
    mask = np.array([[0, 1], [0.5, 0]], np.float32)
    picture = covered_picture(image, mask)
    np.testing.assert_array_equal(picture[0, 0], 40)
    np.testing.assert_allclose(picture[0, 1],
                               15 + 0.85 * np.array([40, 190, 255]), atol=1)


@pytest.mark.parametrize('high', [True, 1, 1.0, 255])
def test_outlines_in_every_form_of_mask(high):
    mask = np.zeros((20, 30), np.uint8 if high in (1, 255) else float)
    mask = mask.astype(bool) if high is True else mask
    mask[5:10, 8:20] = high
    outline, = mask_outlines(mask)
    assert outline.min(0).tolist() == [8, 5]
    assert outline.max(0).tolist() == [19, 9]
    np.testing.assert_array_equal(outline[0], outline[-1])
