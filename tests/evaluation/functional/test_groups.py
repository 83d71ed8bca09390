"""Means over groups: closed forms, absent ones."""
from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.evaluation.functional import (
    ACTION_SETS,
    mean_over_groups,
    per_group,
)


def test_per_group_closed_form():
    means = per_group(np.array([10, 20, 60, 30]),
                       ['Walking', 'Walking', 'Eating', 'Walking'],
                       ['Walking', 'Posing'])
    assert means == {'Eating': 60, 'Walking': 20, 'Posing': None}
    assert mean_over_groups(means, ['Walking', 'Eating']) == 40


def test_absent_is_not_zero():
    means = per_group(np.array([10.0]), ['Waiting'],
                       ACTION_SETS['authors-6'])
    assert mean_over_groups(means, ['Waiting']) == 10
    assert mean_over_groups(means, ACTION_SETS['authors-6']) is None
    # An action all of whose figures are undefined is absent, too.
    means = per_group(np.array([10.0, np.nan, np.nan, 30]),
                       ['a', 'a', 'b', 'a'])
    assert means == {'a': 20, 'b': None}


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r'\(2,\) and \(1,\)'):
        per_group(np.ones(2), ['a'])
    with pytest.raises(ValueError, match='at least one'):
        mean_over_groups({}, [])
