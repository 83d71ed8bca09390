"""Subsets of joints by size and by name."""
from __future__ import annotations

import pytest

from xas_mmpose.evaluation.functional import JOINT_SUBSETS, subset_indices
from xas_mmpose.skeletons import HUMAN36M_18

NAMES = HUMAN36M_18.keypoint_names


def test_sizes_are_what_they_say():
    for size in JOINT_SUBSETS:
        assert len(subset_indices(size, NAMES)) == size
    assert subset_indices(18, NAMES) == list(range(18))
    assert subset_indices(17, NAMES) == list(range(17))
    # Both sides of each limb, neck and head.
    assert subset_indices(14, NAMES) == [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13,
                                         14, 15, 16]


def test_names_are_found_in_any_order():
    assert subset_indices(['head', 'root'], NAMES) == [0, 10]
    assert subset_indices(['head', 'root'], NAMES[::-1]) == [7, 17]


def test_unknown_joints_are_named():
    with pytest.raises(ValueError, match=r'one of \(18, 17, 14\)'):
        subset_indices(16, NAMES)
    with pytest.raises(ValueError, match=r"\['tail'\] are not among .*root"):
        subset_indices(['head', 'tail'], NAMES)
    with pytest.raises(ValueError, match=r"\['thorax'\]"):
        subset_indices(18, NAMES[:17])
    with pytest.raises(ValueError, match='names no joint'):
        subset_indices([], NAMES)
