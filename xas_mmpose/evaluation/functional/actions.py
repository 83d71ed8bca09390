"""Actions of Human3.6M, whose means are reported."""
from __future__ import annotations

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
