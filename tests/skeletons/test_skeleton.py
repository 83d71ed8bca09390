"""The table that everything else is derived from."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.skeletons import MaskLink, Skeleton, remap

CAT = Skeleton(
    name='cat',
    keypoint_names=('tail', 'left_paw', 'right_paw', 'nose'),
    parents=('nose', 'nose', 'nose', 'nose'),
    extra_mask_links=(MaskLink('left_paw', 'right_paw', 0.25), ),
    mask_widths=(('tail', 0.5), ),
    lower_body=('tail', ))


def test_derived_indices():
    assert CAT.num_keypoints == 4
    assert CAT.root_index == 3
    assert CAT.parent_indices == (3, 3, 3, 3)
    assert CAT.flip_indices == (0, 2, 1, 3)
    assert CAT.skeleton_links == ((3, 0), (3, 1), (3, 2))
    assert CAT.mask_links == ((3, 0), (3, 1), (3, 2), (1, 2))
    assert CAT.mask_link_widths == (0.5, 1.0, 1.0, 0.25)


def test_index_names_what_exists():
    assert CAT.index('right_paw') == 2
    with pytest.raises(ValueError, match=r"'ear'.*tail, left_paw"):
        CAT.index('ear')


@pytest.mark.parametrize('change, message', [
    (dict(keypoint_names=('tail', 'tail', 'right_paw', 'nose')), 'twice'),
    (dict(parents=('nose', 'nose')), '4 key points but 2 parents'),
    (dict(parents=('ear', 'nose', 'nose', 'nose')), r"unknown.*\['ear'\]"),
    (dict(keypoint_names=('tail', 'left_paw', 'paw', 'nose'),
          extra_mask_links=()), 'right_paw'),
    (dict(parents=('tail', 'nose', 'nose', 'nose')), 'needs one root'),
    (dict(parents=('left_paw', 'tail', 'nose', 'nose')), 'never reaches'),
    (dict(mask_widths=(('ear', 0.5), )), 'ear'),
    (dict(lower_body=('ear', )), 'ear'),
    (dict(joint_subsets=(('face', ('ear', 'nose')), )), 'ear'),
    (dict(joint_subsets=(('nothing', ()), )), r"subsets \['nothing'\]"),
    (dict(extra_mask_links=(MaskLink('tail', 'ear'), )), 'ear'),
])
def test_bad_tables_are_refused(change, message):
    table = dict(name='cat', keypoint_names=CAT.keypoint_names,
                 parents=CAT.parents, extra_mask_links=CAT.extra_mask_links,
                 mask_widths=CAT.mask_widths, lower_body=CAT.lower_body)
    with pytest.raises(ValueError, match=message):
        Skeleton(**{**table, **change})


def test_metainfo_is_understood_by_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    parsed = parse_pose_metainfo(CAT.metainfo())
    assert parsed['dataset_name'] == 'cat'
    assert parsed['num_keypoints'] == 4
    assert tuple(parsed['flip_indices']) == CAT.flip_indices
    assert [tuple(link) for link in parsed['skeleton_links']
            ] == list(CAT.skeleton_links)
    assert parsed['lower_body_ids'] == [0]
    assert parsed['upper_body_ids'] == [1, 2, 3]


def test_metainfo_colors_tell_the_sides_apart():
    colors = [info['color'] for info in CAT.metainfo()['keypoint_info']
              .values()]
    assert colors[0] == colors[3]
    assert len({tuple(color) for color in colors}) == 3
    assert CAT.metainfo()['skeleton_info'][1]['color'] == colors[1]


def test_remap_reorders_by_name():
    indices = remap(['nose', 'tail', 'right_paw'], CAT)
    np.testing.assert_array_equal(indices, [1, -1, 2, 0])
    np.testing.assert_array_equal(remap(CAT, CAT), [0, 1, 2, 3])
