"""Means over groups of poses: actions, species, people."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def add_groups(summary: dict[str, Any], key: str, kind: str,
               means: Mapping[str, float | None]) -> None:
    """Add the mean of each group, and the one over groups, to figures.

    Args:
        summary: Figures by name; gets ``KEY/GROUP`` and ``KEY/per-KIND``.
        key: Name of the figure.
        kind: What makes the groups, as ``'category'``.
        means: Mean by group; those that are None are left out of the mean.

    Raises:
        ValueError: If another kind of groups has one of the same name.
    """
    present = [name for name, mean in means.items() if mean is not None]
    found = {f'{key}/{name}': mean for name, mean in means.items()}
    found[f'{key}/per-{kind}'] = (mean_over_groups(means, present)
                                  if present else None)
    twice = sorted(summary.keys() & found.keys())
    if twice:
        raise ValueError(
            f'{twice[0]} would be two numbers: two keys of group_by have a '
            'group of this name. Use a metric for each, with a prefix')
    summary.update(found)


def mean_or_none(errors: np.ndarray) -> float | None:
    """Return the mean of what is not NaN; None where nothing is left.

    Args:
        errors: Errors (N,), NaN where undefined.

    Returns:
        Their mean.
    """
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if len(known) else None
