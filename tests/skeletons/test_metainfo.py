"""Links and widths as losses read them from a metainfo."""
from __future__ import annotations

import pytest

from xas_mmpose.skeletons import (
    ANIMAL3D_26,
    HUMAN36M_18,
    flip_indices_of,
    in_id_order,
    joint_subsets_of,
    mask_links_of,
    parents_of,
)


def test_links_of_our_metainfo():
    links, widths = mask_links_of(HUMAN36M_18.metainfo())
    assert links == list(HUMAN36M_18.mask_links)
    assert widths == list(HUMAN36M_18.mask_link_widths)


def test_bones_stand_in_for_missing_mask_links():
    info = HUMAN36M_18.metainfo()
    del info['mask_links'], info['mask_link_widths']
    links, widths = mask_links_of(info)
    assert links == list(HUMAN36M_18.skeleton_links)
    assert widths == [1.0] * 17


@pytest.mark.parametrize('change, message', [
    (dict(mask_links=[]), 'neither mask_links nor skeleton_info'),
    (dict(mask_links=[[0, 18]]), 'outside its 18 key points'),
    (dict(mask_links=[[-1, 2]]), 'outside its 18 key points'),
    (dict(mask_links=[[0, 1]]), 'needs 1 positive factors'),
    (dict(mask_link_widths=[0.0] * 25), 'needs 25 positive factors'),
    (dict(mask_links=None, skeleton_info={0: dict(link=('root', 'wing'))}),
     'wing'),
])
def test_bad_metainfo_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        mask_links_of({**HUMAN36M_18.metainfo(), **change})


def test_key_points_come_back_into_their_order():
    metainfo = HUMAN36M_18.metainfo()
    shuffled = {
        **metainfo,
        'keypoint_info': {
            str(i): metainfo['keypoint_info'][i]
            for i in sorted(metainfo['keypoint_info'], key=str)
        },
    }
    assert list(shuffled['keypoint_info'])[:3] == ['0', '1', '10']
    ordered = in_id_order(shuffled)
    assert ordered == metainfo
    assert list(ordered['keypoint_info']) == list(range(18))
    assert in_id_order(dict(from_file='a.py')) == dict(from_file='a.py')


@pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26])
def test_parents_and_partners_of_our_metainfo(skeleton):
    metainfo = skeleton.metainfo()
    assert parents_of(metainfo) == list(skeleton.parent_indices)
    assert flip_indices_of(metainfo) == list(skeleton.flip_indices)
    # The same tree without our own keys: a plain MMPose table.
    del metainfo['parent_indices']
    assert parents_of(metainfo) == list(skeleton.parent_indices)


def test_parents_come_from_links_also_where_these_close_a_circle():
    names = 'abcd'
    metainfo = dict(
        keypoint_info={i: dict(name=n) for i, n in enumerate(names)},
        skeleton_info={i: dict(link=tuple(link)) for i, link in enumerate(
            ('ab', 'cb', 'dc', 'da'))})
    assert parents_of(metainfo) == [0, 0, 1, 0]
    assert parents_of({**metainfo, 'root_index': 2}) == [1, 2, 2, 2]
    assert flip_indices_of(metainfo) == [0, 1, 2, 3]


@pytest.mark.parametrize('change, message', [
    (dict(parent_indices=[0, 1]), 'one index below 18'),
    (dict(parent_indices=[18] * 18), 'one index below 18'),
    (dict(parent_indices=None, skeleton_info={}), 'reaches 1 of 18'),
])
def test_bad_parents_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        parents_of({**HUMAN36M_18.metainfo(), **change})


def test_unknown_partner_is_refused():
    with pytest.raises(ValueError, match='tail'):
        flip_indices_of(dict(keypoint_info={0: dict(name='a', swap='tail')}))


def test_subsets_go_by_the_name_of_the_table():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    subsets = dict(HUMAN36M_18.joint_subsets)
    assert joint_subsets_of(HUMAN36M_18.metainfo()) == subsets
    # MMPose keeps the name, and drops what it does not know.
    parsed = parse_pose_metainfo(HUMAN36M_18.metainfo())
    assert joint_subsets_of(parsed) == subsets
    assert joint_subsets_of({}) == {}
    assert joint_subsets_of({'dataset_name': 'coco'}) == {}
