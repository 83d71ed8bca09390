"""What readers of files are tried with."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def damaged() -> Callable[[bytes, np.random.Generator], bytes]:
    """Return a function that damages a file's content."""

    def damaged(content: bytes, rng: np.random.Generator) -> bytes:
        """Return a file cut off, or with other bytes in places."""
        if rng.random() < 0.3:
            return content[:rng.integers(len(content))]
        data = bytearray(content)
        for place in rng.integers(len(data), size=rng.integers(1, 6)):
            data[place] = rng.integers(256)
        return bytes(data)

    return damaged
