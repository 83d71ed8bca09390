"""Human3.6M's key points against the authors' tables and MMPose's."""
from __future__ import annotations

import json

import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18


def test_parents_and_links_of_the_authors(goldens):
    # Child 1..17 and its parent, as their configuration lists them.
    assert HUMAN36M_18.parent_indices == (0, 0, 1, 2, 0, 4, 5, 0, 17, 8, 9,
                                          17, 11, 12, 17, 14, 15, 7)
    arrays = np.load(goldens / '02_draw_lines.npz')
    wanted = list(zip(arrays['links_ext_parent'].tolist(),
                      arrays['links_ext_child'].tolist()))
    assert list(HUMAN36M_18.mask_links) == wanted
    assert list(HUMAN36M_18.skeleton_links) == wanted[:17]


def test_half_width_arms():
    # Links number 11, 12, 14, 15 are the upper arms and the forearms.
    widths = HUMAN36M_18.mask_link_widths
    assert len(widths) == 25
    assert [i for i, w in enumerate(widths) if w == 0.5] == [11, 12, 14, 15]
    assert set(widths) == {0.5, 1.0}


def test_flip_of_the_authors(goldens):
    # The x of their flipped pose moves too; y and z only change places.
    arrays = np.load(goldens / '07_crop.npz')
    np.testing.assert_array_equal(
        arrays['flip_in'][list(HUMAN36M_18.flip_indices), 1:],
        arrays['flip_out'][:, 1:])
    assert HUMAN36M_18.flip_indices[17] == 17


def test_order_is_mmposes_human36m(sample_data):
    names = json.loads(
        (sample_data / 'h36m_frames.json').read_text())['joint_names']
    ours = HUMAN36M_18.keypoint_names
    # Feet are ankles; 7..10 have other names here, see the table.
    same = [i for i in range(17) if i not in (3, 6, 7, 8, 9, 10)]
    assert [ours[i] for i in same] == [names[i] for i in same]
    from mmpose.datasets.datasets.body3d import Human36mDataset
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    theirs = parse_pose_metainfo(Human36mDataset.METAINFO)
    assert list(HUMAN36M_18.flip_indices[:17]) == theirs['flip_indices']
