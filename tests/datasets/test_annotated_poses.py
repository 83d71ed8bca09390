"""All poses of a data set."""
from __future__ import annotations

import json

import numpy as np

from xas_mmpose.datasets.annotated_poses import annotated_poses


def test_poses_of_labelled_pairs_without_their_pictures(fake_synthetic):
    for picture in (fake_synthetic / 'images').iterdir():
        picture.write_bytes(b'')
    poses, visible = annotated_poses(dict(
        type='SyntheticPairDataset', data_root=str(fake_synthetic),
        pipeline=[dict(type='LoadImage')]))
    annotations = json.loads(
        (fake_synthetic / 'annotations.json').read_text())['annotations']
    np.testing.assert_allclose(
        poses, [a['keypoints_3d'] for a in annotations], rtol=1e-6)
    assert visible.shape == (6, 18)
    assert (visible == 1).all()


def test_poses_of_human36m(fake_h36m):
    poses, visible = annotated_poses(
        dict(type='XasHuman36mDataset', carry_labels=True,
             **fake_h36m.options))
    np.testing.assert_allclose(poses[:, :17], fake_h36m.keypoints_3d,
                               rtol=1e-5)
    assert poses.shape == (6, 18, 3)
    assert visible.shape == (6, 18)
