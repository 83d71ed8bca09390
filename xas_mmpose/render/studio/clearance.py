"""Arms that would go through the body, moved a little out of its way."""
from __future__ import annotations

import itertools

import numpy as np
import torch

from xas_mmpose.body_models import ParametricBody
from xas_mmpose.body_models.self_intersection import PartCapsules

from .body_angles import CHANNELS, smpl_pose

#: How deep the capsules of two bones may be in each other, m: a hand on a
#: hip, or in another hand, is.
_TOUCH = 0.02

#: Degrees by which both arms are moved, all with all.
_SHIFTS = {'front': (0, 8, 16, -10), 'out': (0, 6, 12, 20, 30),
           'twist': (0, -15), 'elbow': (0, -14)}

#: Depth that is worth a degree of moving, m.
_WORTH = 0.0004


class ArmClearance:
    """Moves arms out of the body.

    Args:
        body: The body, at its mean shape.
    """

    def __init__(self, body: ParametricBody) -> None:
        self._capsules = PartCapsules(body)
        shifts = list(itertools.product(*_SHIFTS.values()))
        self._shifts = np.zeros((len(shifts), len(CHANNELS)))
        for side in ('left', 'right'):
            for i, name in enumerate(_SHIFTS):
                self._shifts[:, CHANNELS.index(f'{side}_arm.{name}')] = [
                    shift[i] for shift in shifts]
        self._costs = _WORTH * abs(self._shifts).sum(1)

    def clear(self, channels: np.ndarray) -> np.ndarray:
        """Return a posture without, or with less of, arms in the body.

        Args:
            channels: Posture (C,), degrees.

        Returns:
            The posture (C,): the same where nothing crosses.
        """
        if self._depth(channels[None])[0] <= _TOUCH:
            return channels
        tries = channels + self._shifts
        price = np.maximum(self._depth(tries) - _TOUCH, 0) + self._costs
        return tries[price.argmin()]

    def _depth(self, postures: np.ndarray) -> np.ndarray:
        """Return how deep the worst crossing of each posture (N, C) is."""
        poses = smpl_pose(postures).astype(np.float32)
        return self._capsules.crossing(
            torch.from_numpy(poses).flatten(1)).numpy()
