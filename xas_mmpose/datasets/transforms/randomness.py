"""The one place where pipelines take their randomness from."""
from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def pipeline_generator() -> np.random.Generator:
    """Return a generator that continues the process's own random stream.

    MMPose's own transforms draw from numpy's global stream, which
    :func:`global_generators` seeds for every sample, and MMEngine for every
    data loader worker. A generator of ours that was made with the pipeline
    would be copied into all workers and give each of them the same numbers.
    """
    seed = np.random.randint(2**31, size=4)  # noqa: NPY002
    return np.random.default_rng(seed)


def seed_global_generators(*key: int) -> None:
    """Seed the global generators of numpy, Python and torch.

    Generators of accelerators, which no transform draws from, stay as they
    are.

    Args:
        key: Whole numbers from 0 up.
    """
    words = np.random.SeedSequence(key).generate_state(4)
    np.random.seed(words)  # noqa: NPY002
    random.seed(words.tobytes())
    torch.default_generator.manual_seed(int(words[0]) << 32 | int(words[1]))


@contextmanager
def global_generators(*key: int) -> Iterator[None]:
    """Seed the global generators for a while.

    Stock transforms draw from any of them; what they draw is then a function
    of the key. Afterwards the generators are as before, so that nothing
    else depends on how many samples this process has made.

    Args:
        key: Whole numbers from 0 up.
    """
    states = (np.random.get_state(), random.getstate(),  # noqa: NPY002
              torch.get_rng_state())
    seed_global_generators(*key)
    try:
        yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])
        torch.set_rng_state(states[2])
