"""The shapes of SMAL's five families of animals."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .array_pickle import load_array_pickle
from .model_file import DOWNLOADS

#: Families in the order of the file's clusters: cats, dogs, horses, cows,
#: hippos.
SMAL_FAMILIES = ('felidae', 'canidae', 'equidae', 'bovidae',
                 'hippopotamidae')


class FamilyShapePrior:
    """A normal distribution over the shapes of one family of animals.

    Source: the toy scans of SMAL, as its own data file summarises them. Zero
    shape coefficients are the mean over all families, no animal that lives.

    Args:
        data_file: ``smal_CVPR2017_data.pkl`` or
            ``my_smpl_data_00781_4_all.pkl``, which come with SMAL's files.
        family: One of ``SMAL_FAMILIES``.

    Attributes:
        mean: The family's mean shape (E,), float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the family is unknown, or the file holds no clusters.
    """

    def __init__(self, data_file: str | Path, family: str) -> None:
        if family not in SMAL_FAMILIES:
            raise ValueError(f'unknown family {family!r}; SMAL has '
                             f'{", ".join(SMAL_FAMILIES)}')
        if not Path(data_file).is_file():
            raise FileNotFoundError(
                f'no shape data at {data_file}. {DOWNLOADS}')
        data = load_array_pickle(data_file, body_model=True)
        row = SMAL_FAMILIES.index(family)
        try:
            means = np.asarray(data['cluster_means'], np.float64)
            mean = means[row]
            covariance = np.asarray(data['cluster_cov'][row], np.float64)
            if covariance.shape != (len(mean), len(mean)):
                raise ValueError(f'cluster_cov is {covariance.shape}')
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f'{data_file} holds no shapes of SMAL families (cluster_means '
                f'(5, E) and cluster_cov (5, E, E)): {error!r}') from error
        self.mean = torch.from_numpy(mean.astype(np.float32))
        # A family of three toys spans two directions: the covariance has no
        # Cholesky factor.
        values, vectors = np.linalg.eigh(covariance)
        self._spread = torch.from_numpy(
            vectors * np.sqrt(values.clip(min=0)))

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw shapes (B, E), float32, see :class:`.ShapePrior`."""
        drawn = torch.randn(num, len(self.mean), generator=generator,
                            dtype=torch.float64)
        return (self.mean + drawn @ self._spread.T).float()


def family_betas(data_file: str | Path, family: str) -> Tensor:
    """Return the mean shape of a family of animals.

    Args:
        data_file: See :class:`FamilyShapePrior`.
        family: One of ``SMAL_FAMILIES``.

    Returns:
        Shape coefficients (E,), float32.
    """
    return FamilyShapePrior(data_file, family).mean
