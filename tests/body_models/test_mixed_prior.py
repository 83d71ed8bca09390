"""Poses or shapes from several priors."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import FilePosePrior, MixedPrior


def test_every_prior_is_as_likely() -> None:
    priors = [FilePosePrior(np.full((n, 6), n, np.float32))
              for n in (1, 2, 3)]
    mixed = MixedPrior(priors)
    poses = mixed.sample(30000, torch.Generator().manual_seed(0))
    assert poses.shape == (30000, 6)
    assert (poses == poses[:, :1]).all()  # poses stay whole
    counts = torch.bincount(poses[:, 0].long(), minlength=4)
    # Five standard deviations of 30000 draws.
    assert (counts[1:] - 10000).abs().max() < 5 * (30000 * 2 / 9)**0.5
    again = mixed.sample(30000, torch.Generator().manual_seed(0))
    assert torch.equal(poses, again)


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one'):
        MixedPrior([])
