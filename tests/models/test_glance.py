"""A look at a model: it tests meanwhile, and is as it was afterwards."""
from __future__ import annotations

import pytest
import torch
from torch import nn

from xas_mmpose.models.glance import glance


@pytest.fixture
def model() -> nn.Module:
    """Return a model of which a part is frozen in evaluation."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    model[1].eval()
    return model


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def test_it_tests_meanwhile_and_each_part_gets_its_mode_back(model):
    before = modes(model)
    assert before == [True, True, False, True]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    with glance(model):
        assert modes(model) == [False] * 4
        assert not model(torch.ones(3, 2)).requires_grad
    assert modes(model) == before
    assert torch.is_grad_enabled()
    assert all(torch.equal(v, state[k])
               for k, v in model.state_dict().items())


def test_an_error_leaves_no_trace_either(model):
    before = modes(model)
    with pytest.raises(RuntimeError), glance(model):
        model(torch.ones(3, 5))
    assert modes(model) == before
    assert torch.is_grad_enabled()
