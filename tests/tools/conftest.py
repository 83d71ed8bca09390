"""The tool's modules, which lie beside the package."""
from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def tool() -> Iterator[Callable[[str], ModuleType]]:
    """Return what imports a module of the tools by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield importlib.import_module
        # Nothing of the tools stays importable.
        for name, module in list(sys.modules.items()):
            if (getattr(module, '__file__', None) or '').startswith(
                    f'{TOOLS}{os.sep}'):
                del sys.modules[name]
