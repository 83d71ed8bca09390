"""The one place where pipelines take their randomness from."""
from __future__ import annotations

import numpy as np


def pipeline_generator() -> np.random.Generator:
    """Return a generator that continues the process's own random stream.

    MMEngine seeds numpy's global stream in the main process and, differently,
    in every data loader worker, and MMPose's own transforms draw from it. A
    generator of ours that was made with the pipeline would be copied into
    all workers and give each of them the same numbers.
    """
    seed = np.random.randint(2**31, size=4)  # noqa: NPY002
    return np.random.default_rng(seed)
