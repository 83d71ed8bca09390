"""Means over groups of poses: actions, species, people."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def per_group(errors: np.ndarray,
              groups: Sequence[str],
              names: Sequence[str] = ()) -> dict[str, float | None]:
    """Return the mean error of each group.

    Args:
        errors: Error of each pose (N,); NaN where it is undefined.
        groups: Group of each pose (N).
        names: Groups that are listed even where no pose has them.

    Returns:
        Means by group: those that occur, sorted, then the rest of
        ``names``. None, not 0, where no pose has an error.

    Raises:
        ValueError: If the numbers of errors and groups differ.
    """
    errors = np.asarray(errors, np.float64)
    groups = np.asarray(groups)
    if errors.ndim != 1 or groups.shape != errors.shape:
        raise ValueError('errors and groups must both be (N,), got '
                         f'{errors.shape} and {groups.shape}')
    present = np.unique(groups).tolist()
    listed = [*present, *(name for name in names if name not in present)]
    return {name: mean_or_none(errors[groups == name]) for name in listed}


def mean_over_groups(means: Mapping[str, float | None],
                     names: Sequence[str]) -> float | None:
    """Return the mean over groups, every one counting alike.

    Args:
        means: Mean error by group, see :func:`per_group`.
        names: The groups.

    Returns:
        The mean; None where one of the groups is absent, since a mean over
        fewer is another figure. The authors' released code counts an absent
        action as 0.

    Raises:
        ValueError: If no group is named.
    """
    if not names:
        raise ValueError('a mean over groups needs at least one of them')
    values = [means.get(name) for name in names]
    if any(value is None for value in values):
        return None
    return float(np.mean(values))


def mean_or_none(errors: np.ndarray) -> float | None:
    """Return the mean of what is not NaN; None where nothing is left.

    Args:
        errors: Errors (N,), NaN where undefined.

    Returns:
        Their mean.
    """
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if len(known) else None
