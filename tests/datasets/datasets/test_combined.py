from __future__ import annotations

import pytest
from mmpose.registry import DATASETS

from xas_mmpose.skeletons import HUMAN36M_18


def combined(fake_synthetic, metainfo: dict, subset: dict | None = None):
    return DATASETS.build(dict(
        type='XasCombinedDataset', metainfo=metainfo,
        datasets=[dict(type='SyntheticPairDataset',
                       data_root=str(fake_synthetic), metainfo=subset)]))


def as_text_sorts(metainfo: dict) -> dict:
    info = metainfo['keypoint_info']
    return {**metainfo,
            'keypoint_info': {i: info[i] for i in sorted(info, key=str)}}


def test_the_order_of_the_dictionary_does_not_matter(fake_synthetic):
    shuffled = as_text_sorts(HUMAN36M_18.metainfo())
    dataset = combined(fake_synthetic, shuffled, subset=shuffled)
    for meta in (dataset.metainfo, dataset.datasets[0].metainfo):
        assert meta['flip_indices'] == list(HUMAN36M_18.flip_indices)
    assert dataset[0]['flip_indices'] == list(HUMAN36M_18.flip_indices)


def test_other_key_points_are_refused(fake_synthetic):
    metainfo = HUMAN36M_18.metainfo()
    metainfo['keypoint_info'] = {
        i: info for i, info in metainfo['keypoint_info'].items() if i < 17}
    metainfo['skeleton_info'] = {
        i: info for i, info in metainfo['skeleton_info'].items()
        if 'thorax' not in info['link']}
    with pytest.raises(ValueError, match='other key points'):
        combined(fake_synthetic, metainfo)
