"""Links and widths as losses read them from a metainfo."""
from __future__ import annotations

import pytest

from xas_mmpose.skeletons import HUMAN36M_18, in_id_order, mask_links_of


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
