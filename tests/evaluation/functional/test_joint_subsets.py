"""Subsets of joints by size and by name."""
from __future__ import annotations

import pytest

from xas_mmpose.evaluation.functional import joints_text, subset_indices
from xas_mmpose.skeletons import HUMAN36M_18, joint_subsets_of

NAMES = HUMAN36M_18.keypoint_names
SUBSETS = joint_subsets_of(HUMAN36M_18.metainfo())


def test_sizes_are_what_they_say():
    assert list(SUBSETS) == ['14', '17', '18']
    for size in SUBSETS:
        assert len(subset_indices(size, NAMES, SUBSETS)) == int(size)
    assert subset_indices(18, NAMES, SUBSETS) == list(range(18))
    assert subset_indices(17, NAMES, SUBSETS) == list(range(17))
    # Both sides of each limb, neck and head.
    assert subset_indices(14, NAMES, SUBSETS) == [
        1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16]


def test_names_are_found_in_any_order():
    assert subset_indices(['head', 'root'], NAMES, {}) == [0, 10]
    assert subset_indices(['head', 'root'], NAMES[::-1], {}) == [7, 17]


def test_unknown_joints_are_named():
    with pytest.raises(ValueError, match=r'no subset 16 .*: 14, 17, 18'):
        subset_indices(16, NAMES, SUBSETS)
    # A word is a subset, not its letters and not a joint.
    with pytest.raises(ValueError, match=r"no subset 'head' .*: none\."):
        subset_indices('head', NAMES, {})
    with pytest.raises(ValueError, match=r"\['tail'\] are not among .*root"):
        subset_indices(['head', 'tail'], NAMES, SUBSETS)
    with pytest.raises(ValueError, match=r"\['thorax'\]"):
        subset_indices(18, NAMES[:17], SUBSETS)
    with pytest.raises(ValueError, match='names no joint'):
        subset_indices([], NAMES, SUBSETS)


def test_joints_are_told_as_they_were_chosen():
    assert [joints_text(joints, '+') for joints in (
        None, 14, 'legs', ['head', 'root'])] == [
            'all', '14', 'legs', 'head+root']
