"""Time and memory of calls."""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import torch
from torch.profiler import ProfilerActivity, profile

#: A benchmark yields names and values as it measures them.
Figures = Iterator[tuple[str, float]]


def clock() -> float:
    """Return seconds: of the processor, or of the wall with more threads."""
    if torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call in ms, after one that warms up."""
    return medians_ms(dict(call=call), repeats)['call']


def medians_ms(calls: Mapping[str, Callable[[], object]],
               repeats: int) -> dict[str, float]:
    """Return the median time of each call in ms.

    They take turns, after one round that warms up, so that a machine that
    is busy for a while slows all of them.

    Args:
        calls: What to time, by name.
        repeats: Rounds.

    Returns:
        The times by the same names.
    """
    times = {name: [] for name in calls}
    for number in range(repeats + 1):
        for name, call in calls.items():
            start = clock()
            call()
            if number:
                times[name].append(clock() - start)
    return {name: statistics.median(t) * 1000 for name, t in times.items()}


def peak_bytes(call: Callable[[], object]) -> int:
    """Return how much memory a call holds at most beyond what was there.

    PyTorch's profiler notes each block that the CPU allocator hands out or
    takes back: tensors, also those inside of operators. The peak is that of
    their sum. Nothing depends on what the operating system does with freed
    memory, so equal calls give equal numbers. oneDNN's scratch memory and
    blocks of before the call, should it free some, are not seen.

    Args:
        call: What to run, once.

    Returns:
        Bytes at the peak.
    """
    # The result is dropped inside: it must not outlive the count.
    with profile(activities=[ProfilerActivity.CPU],
                 profile_memory=True) as profiler:
        call()
    events = [event for event in profiler.profiler.kineto_results.events()
              if event.name() == '[memory]']
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
