"""Medians of calls that take turns, and peaks of known programs."""
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

MIB = 2**20


def floats(mib: int) -> torch.Tensor:
    return torch.ones(mib * MIB // 4)


def chain() -> None:
    a = floats(1)
    b = floats(4) * 2   # the ones are gone after it: 1 + 4 + 4
    del b
    c = floats(2)
    assert len(a) < len(c)  # 1 + 2


def test_the_peak_of_a_known_program(load: Callable):
    peak_bytes = load('measuring').peak_bytes
    assert peak_bytes(chain) == pytest.approx(9 * MIB, rel=1e-3)
    there = floats(8)
    assert peak_bytes(lambda: there.sum()) < 1000
    assert peak_bytes(lambda: there + 1) == pytest.approx(8 * MIB, rel=1e-3)


def test_the_peak_of_a_backward_pass_counts_what_it_keeps(load: Callable):
    peak_bytes = load('measuring').peak_bytes
    leaf = floats(3).requires_grad_()

    def train() -> None:
        # exp keeps its result; in the backward pass come the expanded
        # ones of the sum, times that: the leaf's gradient.
        leaf.exp().sum().backward()
        leaf.grad = None

    assert peak_bytes(train) == pytest.approx(6 * MIB, rel=1e-3)
    assert peak_bytes(train) == peak_bytes(train)


def test_medians_of_calls_that_take_turns(
        load: Callable, monkeypatch: pytest.MonkeyPatch):
    measuring = load('measuring')
    turns = []
    durations = {'a': iter([90, 1, 2, 9]), 'b': iter([90, 5, 4, 6])}
    time = dict(value=0.0)

    def call(name: str) -> None:
        turns.append(name)
        time['value'] += next(durations[name])

    monkeypatch.setattr(measuring, 'clock', lambda: time['value'])
    got = measuring.medians_ms(
        {name: lambda name=name: call(name) for name in 'ab'}, 3)
    assert turns == ['a', 'b'] * 4
    assert got == {'a': 2000, 'b': 5000}
