"""Stock transforms draw the same again, and disturb nothing."""
from __future__ import annotations

import random

import numpy as np
import torch

from xas_mmpose.datasets.transforms.randomness import (
    global_generators,
    pipeline_generator,
)


def draw() -> list[float]:
    """Return a number of each generator that transforms may use."""
    return [float(np.random.rand()),  # noqa: NPY002
            random.random(), float(torch.rand(())),
            pipeline_generator().random()]


def test_what_is_drawn_is_a_function_of_the_key():
    def under(*key: int) -> list[float]:
        with global_generators(*key):
            return draw()

    first = under(3, 1, 4)
    draw()
    assert under(3, 1, 4) == first
    for other in ((3, 1, 5), (3, 0, 4), (2, 1, 4)):
        assert not set(under(*other)) & set(first)
    # Neighbouring keys share nothing: 4 x 2000 uniform numbers.
    drawn = np.array([under(0, 0, i) for i in range(2000)])
    assert np.abs(drawn.mean(0) - 0.5).max() < 0.03
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.1
    assert abs(np.corrcoef(drawn[1:, 0], drawn[:-1, 0])[0, 1]) < 0.1


def test_the_generators_go_on_as_if_nothing_had_been():
    np.random.seed(7)  # noqa: NPY002
    random.seed(7)
    torch.manual_seed(7)
    np.random.randn()  # noqa: NPY002  (one of a pair is kept for later)
    states = (np.random.get_state(), random.getstate(),  # noqa: NPY002
              torch.get_rng_state())
    want = [float(np.random.randn()), *draw()]  # noqa: NPY002
    np.random.set_state(states[0])  # noqa: NPY002
    random.setstate(states[1])
    torch.set_rng_state(states[2])
    try:
        with global_generators(1):
            draw()
            raise KeyError
    except KeyError:
        pass
    assert [float(np.random.randn()), *draw()] == want  # noqa: NPY002
