"""A look through a model that leaves no trace in it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def glance(model: nn.Module) -> Iterator[None]:
    """Let a model test, without gradients, and go on as it was.

    ``train()`` afterwards would not do: a backbone may keep parts of itself
    in evaluation.

    Args:
        model: The model. Each module gets its own mode back, also after an
            error.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
