"""Fixtures that every test may use."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

#: Optional material beside the checkout (or where XAS_SHARED points): golden
#: vectors of the authors' released code, and a few real frames. Neither may
#: be shipped; tests that need them skip where they are absent.
SHARED = Path(
    os.environ.get('XAS_SHARED',
                   Path(__file__).resolve().parents[2] / 'shared'))


@pytest.fixture(scope='session')
def goldens() -> Path:
    """Return the folder of golden vectors, or skip the test."""
    folder = SHARED / 'goldens'
    if not folder.is_dir():
        pytest.skip(f'no golden vectors at {folder} (set XAS_SHARED)')
    return folder


@pytest.fixture(scope='session')
def sample_data() -> Path:
    """Return the folder of real sample frames, or skip the test."""
    folder = SHARED / 'data'
    if not folder.is_dir():
        pytest.skip(f'no real sample frames at {folder} (set XAS_SHARED)')
    return folder
