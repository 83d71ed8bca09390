"""The tables of actions, and their words."""
from __future__ import annotations

from xas_mmpose.evaluation.functional import ACTION_SETS, action_name


def test_action_names():
    assert [action_name(a) for a in ('Walking_1', 'Walking 2', 'Walking',
                                     'Sitting_Down_12', '7', None)] == [
        'Walking', 'Walking', 'Walking', 'Sitting Down', '7', '']


def test_the_sets_are_those_of_human36m():
    fifteen, six = ACTION_SETS['h36m-15'], ACTION_SETS['authors-6']
    assert (len(set(fifteen)), len(set(six))) == (15, 6)
    assert set(six) < set(fifteen)
