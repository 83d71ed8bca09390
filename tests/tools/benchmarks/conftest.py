"""The benchmark's modules, which lie outside of the package."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[3] / 'tools'


@pytest.fixture(scope='module')
def load() -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports one of tools/benchmarks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield lambda name: importlib.import_module(f'benchmarks.{name}')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] == 'benchmarks']:
            del sys.modules[name]
