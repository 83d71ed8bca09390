"""Means over actions: closed forms, absent ones."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional import (
    ACTION_SETS,
    action_name,
    mean_over_actions,
    per_action,
)


def test_action_names():
    assert [action_name(a) for a in ('Walking_1', 'Walking 2', 'Walking',
                                     'Sitting_Down_12', '7', None)] == [
        'Walking', 'Walking', 'Walking', 'Sitting Down', '7', '']


def test_per_action_closed_form():
    means = per_action(np.array([10, 20, 60, 30]),
                       ['Walking', 'Walking', 'Eating', 'Walking'],
                       ['Walking', 'Posing'])
    assert means == {'Eating': 60, 'Walking': 20, 'Posing': None}
    assert mean_over_actions(means, ['Walking', 'Eating']) == 40


def test_absent_is_not_zero():
    means = per_action(np.array([10.0]), ['Waiting'],
                       ACTION_SETS['authors-6'])
    assert mean_over_actions(means, ['Waiting']) == 10
    assert mean_over_actions(means, ACTION_SETS['authors-6']) is None
    # An action all of whose figures are undefined is absent, too.
    means = per_action(np.array([10.0, np.nan, np.nan, 30]),
                       ['a', 'a', 'b', 'a'])
    assert means == {'a': 20, 'b': None}


def test_the_sets_are_those_of_human36m():
    fifteen, six = ACTION_SETS['h36m-15'], ACTION_SETS['authors-6']
    assert (len(set(fifteen)), len(set(six))) == (15, 6)
    assert set(six) < set(fifteen)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r'\(2,\) and \(1,\)'):
        per_action(np.ones(2), ['a'])
    with pytest.raises(ValueError, match='at least one'):
        mean_over_actions({}, [])
