"""Means over the actions of Human3.6M and of other sets."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

#: Named sets of actions, under the words of MMPose's Human3.6M.
ACTION_SETS = {
    'h36m-15': ('Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning',
                'Photo', 'Posing', 'Purchases', 'Sitting', 'SittingDown',
                'Smoking', 'Waiting', 'WalkDog', 'WalkTogether', 'Walking'),
    # Whose mean the authors of arXiv 2411.13026 report as well.
    'authors-6': ('Waiting', 'Posing', 'Greeting', 'Directions',
                  'Discussion', 'Walking'),
}


def action_name(action: str | None) -> str:
    """Return an action without its trial.

    Args:
        action: As ``Walking``, ``Walking_1`` or ``Walking 2``; None for
            unknown.

    Returns:
        ``Walking``; empty for unknown.
    """
    words = (action or '').replace('_', ' ').split()
    if len(words) > 1 and words[-1].isdigit():
        words.pop()
    return ' '.join(words)


def per_action(errors: np.ndarray,
               actions: Sequence[str],
               names: Sequence[str] = ()) -> dict[str, float | None]:
    """Return the mean error of each action.

    Args:
        errors: Error of each pose (N,); NaN where it is undefined.
        actions: Action of each pose (N).
        names: Actions that are listed even where no pose has them.

    Returns:
        Means by action: those that occur, sorted, then the rest of
        ``names``. None, not 0, where no pose has an error.

    Raises:
        ValueError: If the numbers of errors and actions differ.
    """
    errors = np.asarray(errors, np.float64)
    actions = np.asarray(actions)
    if errors.ndim != 1 or actions.shape != errors.shape:
        raise ValueError('errors and actions must both be (N,), got '
                         f'{errors.shape} and {actions.shape}')
    present = np.unique(actions).tolist()
    listed = [*present, *(name for name in names if name not in present)]
    return {name: mean_or_none(errors[actions == name]) for name in listed}


def mean_over_actions(means: Mapping[str, float | None],
                      names: Sequence[str]) -> float | None:
    """Return the mean over actions, every one counting alike.

    Args:
        means: Mean error by action, see :func:`per_action`.
        names: The actions.

    Returns:
        The mean; None where one of the actions is absent, since a mean over
        fewer is another figure. The authors' released code counts an absent
        action as 0.

    Raises:
        ValueError: If no action is named.
    """
    if not names:
        raise ValueError('a mean over actions needs at least one of them')
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
