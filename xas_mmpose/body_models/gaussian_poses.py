"""Poses from a normal distribution, as SMALST's users have it."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .array_pickle import load_array_pickle
from .smal import SMAL_JOINTS

_KEYS = ('mean_pose', 'cov')


class GaussianPosePrior:
    """A normal distribution over whole poses.

    Unlike ranges per joint it knows which joints move together. The root's
    three angles stay at 0: the file's are of the toys' scans.

    Args:
        mean: Mean pose (3 J,), axis angles, radians.
        covariance: Its covariance (3 J, 3 J).

    Raises:
        ValueError: If they do not fit each other, or are not finite.
    """

    def __init__(self, mean: np.ndarray, covariance: np.ndarray) -> None:
        mean = np.array(mean, np.float64).ravel()  # the root is set below
        covariance = np.asarray(covariance, np.float64)
        if not mean.size or mean.size % 3 or covariance.shape != (
                mean.size, mean.size):
            raise ValueError('a normal distribution of poses has a mean '
                             '(3 J,) and a covariance (3 J, 3 J), got '
                             f'{mean.shape} and {covariance.shape}')
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError('the mean or the covariance holds NaN or '
                             'infinite values')
        self.mean = torch.from_numpy(mean)
        self.mean[:3] = 0
        # Poses of few scans span few directions: no Cholesky factor.
        values, vectors = np.linalg.eigh(covariance)
        spread = vectors * np.sqrt(values.clip(min=0))
        spread[:3] = 0
        self._spread = torch.from_numpy(spread)

    @classmethod
    def from_file(cls, path: str | Path,
                  num_joints: int | None = None) -> GaussianPosePrior:
        """Read ``walking_toy_symmetric_pose_prior_with_cov_35parts.pkl``.

        It comes with SMALST (https://github.com/silviazuffi/smalst) and is
        for SMAL's bodies of 35 joints.

        Args:
            path: A pickle of ``mean_pose`` (3 J,) and ``cov`` (3 J, 3 J).
            num_joints: Joints of the body that is to be posed: for 33,
                SMAL's first file, poses of 35 joints lose their last two,
                the ears. None takes poses as they are.

        Returns:
            The prior.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it holds no such distribution.
        """
        content = load_array_pickle(path, body_model=True)
        missing = [key for key in _KEYS
                   if not isinstance(content, dict) or key not in content]
        if missing:
            raise ValueError(f'{path} holds no distribution of poses: it '
                             f'lacks {", ".join(missing)}')
        try:
            mean, covariance = (np.asarray(content[key], np.float64)
                                for key in _KEYS)
            if num_joints in SMAL_JOINTS:
                kept = slice(3 * num_joints)
                mean, covariance = mean.ravel()[kept], covariance[kept, kept]
            return cls(mean, covariance)
        except (ValueError, TypeError, IndexError) as error:
            raise ValueError(f'{path}: {error}') from error

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses (B, 3 J), see :class:`.PosePrior`."""
        drawn = torch.randn(num, len(self.mean), generator=generator,
                            dtype=torch.float64)
        return (self.mean + drawn @ self._spread.T).float()
